package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// TestThroughput compares ways to a service: direct, plain Toxiproxy, the tap
// with Toxiproxy's links, the tap without. SEATRIAL_THROUGHPUT says where the
// services are, for a user and password "capture", and how many rounds to do:
//
//	{"postgres":"127.0.0.1:5432","rabbitmq":"127.0.0.1:5672","rounds":15}
//
// A round visits all ways, each first in turn; what counts is the median of the
// rounds' ratios to plain Toxiproxy.
func TestThroughput(t *testing.T) {
	var at struct {
		Postgres, RabbitMQ string
		Rounds             int
	}
	where := os.Getenv("SEATRIAL_THROUGHPUT")
	if where == "" {
		t.Skip("SEATRIAL_THROUGHPUT says nothing of services to measure")
	}
	require.NoError(t, json.Unmarshal([]byte(where), &at))
	t.Run("inserts", func(t *testing.T) { compare(t, "postgres", at.Postgres, at.Rounds, inserts) })
	t.Run("publishes", func(t *testing.T) { compare(t, "rabbitmq", at.RabbitMQ, at.Rounds, publishes) })
}

const each = 700 * time.Millisecond

func compare(t *testing.T, service, upstream string, rounds int, work func(t *testing.T, address string) float64) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	plain := toxiproxy.NewProxy(server, "plain", "127.0.0.1:0", upstream)
	require.NoError(t, server.Collection.Add(plain, true))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tapped := func() (string, *tap.Control) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := free.Addr().String()
		require.NoError(t, free.Close())
		wire := relay.New("")
		server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
		_, err = open(ctx, wire, server, service+"="+address+"="+upstream, make(chan error, 1))
		require.NoError(t, err)
		control := httptest.NewServer(http.StripPrefix("/x"+tap.WirePath, wire.Control()))
		t.Cleanup(func() { control.CloseClientConnections(); control.Close() })
		return address, tap.NewControl(strings.TrimPrefix(control.URL, "http://"), "x")
	}
	both, streamed := tapped()
	alone, control := tapped()
	require.NoError(t, control.Direct(ctx, "*"))
	go func() { // as the harness does
		for range streamed.Events(ctx, 0) {
		}
	}()
	ways := []struct{ name, address string }{{"direct", upstream}, {"toxiproxy", plain.Listen}, {"tap and toxiproxy", both}, {"tap", alone}}
	ratios := map[string][]float64{}
	for round := range rounds {
		took := map[string]float64{}
		for i := range ways {
			way := ways[(i+round)%len(ways)]
			took[way.name] = work(t, way.address)
		}
		for name, rate := range took {
			ratios[name] = append(ratios[name], rate/took["toxiproxy"])
		}
		if round == 0 {
			t.Logf("first round, per second: %v", took)
		}
	}
	for _, way := range ways {
		slices.Sort(ratios[way.name])
		list := ratios[way.name]
		t.Logf("%-18s %.2f of plain toxiproxy (%.2f to %.2f in half of %d rounds)", way.name, list[len(list)/2], list[len(list)/4], list[len(list)*3/4], len(list))
	}
}

// inserts are rows per second, one a statement, on 4 connections.
func inserts(t *testing.T, address string) float64 {
	ctx := context.Background()
	var done atomic.Int64
	var workers sync.WaitGroup
	var conns []*pgx.Conn
	for range 4 {
		conn, err := pgx.Connect(ctx, "postgres://capture:capture@"+address+"/imports?sslmode=disable")
		require.NoError(t, err)
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "create unlogged table if not exists throughput (key text, version bigint)")
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	begun := time.Now()
	for _, conn := range conns {
		workers.Go(func() {
			for time.Since(begun) < each {
				if _, err := conn.Exec(ctx, "insert into throughput values ($1, $2)", "K0000001", 1); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	return float64(done.Load()) / time.Since(begun).Seconds()
}

// publishes are confirmed messages of 300 bytes per second, 100 outstanding.
func publishes(t *testing.T, address string) float64 {
	conn, err := amqp.Dial("amqp://capture:capture@" + address + "/")
	require.NoError(t, err)
	defer conn.Close()
	channel, err := conn.Channel()
	require.NoError(t, err)
	queue, err := channel.QueueDeclare("", false, false, true, false, nil)
	require.NoError(t, err)
	require.NoError(t, channel.Confirm(false))
	outstanding := make(chan *amqp.DeferredConfirmation, 100)
	body := make([]byte, 300)
	done := 0
	begun := time.Now()
	for time.Since(begun) < each {
		confirm, err := channel.PublishWithDeferredConfirm("", queue.Name, false, false, amqp.Publishing{MessageId: "m", Body: body})
		require.NoError(t, err)
		if len(outstanding) == cap(outstanding) {
			(<-outstanding).Wait()
			done++
		}
		outstanding <- confirm
	}
	return float64(done) / time.Since(begun).Seconds()
}
