package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

// echo is a server that says back what it hears, as work does it.
func echo(t *testing.T, rate func(ctx context.Context, url string) (float64, error)) Work {
	t.Helper()
	address := taptest.Serve(t, taptest.Echo)
	return Work{Name: "echoes", Service: "echo", URL: "tcp://user:secret@" + address + "/place", Rate: rate}
}

// say asks an echo once.
func say(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 5))
	return err
}

func TestCompare(t *testing.T) {
	var hosts []string
	work := echo(t, func(_ context.Context, text string) (float64, error) {
		at, err := url.Parse(text)
		if err != nil {
			return 0, err
		}
		if at.User.String() != "user:secret" || at.Path != "/place" {
			return 0, fmt.Errorf("not as it was: %s", at)
		}
		hosts = append(hosts, at.Host)
		return float64(len(hosts)), say(at.Host)
	})
	var said []string
	comparison, err := Compare(t.Context(), work, 2, func(text string) { said = append(said, text) })
	require.NoError(t, err)
	require.Equal(t, []string{"echoes, round 1 of 2", "echoes, round 2 of 2"}, said)
	require.Len(t, hosts, 8)
	require.Equal(t, append(slices.Clone(hosts[1:4]), hosts[0]), hosts[4:], "each way is the first in turn")
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(hosts))), 4)
	require.Len(t, comparison, len(Ways))
	require.Equal(t, Figures{Ratio: 1, Lower: 1, Upper: 1, PerSecond: 3.5}, comparison[Toxiproxy], "second, then fifth")
	require.InDelta(t, (1./2+8./5)/2, comparison[Direct].Ratio, 1e-9)
}

func TestCompareSaysWhatFailed(t *testing.T) {
	refused := errors.New("no more connections")
	_, err := Compare(t.Context(), echo(t, func(context.Context, string) (float64, error) { return 0, refused }), 1, func(string) {})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "measure echoes (direct)")

	_, err = Compare(t.Context(), echo(t, func(context.Context, string) (float64, error) { return 0, nil }), 1, func(string) {})
	require.ErrorContains(t, err, "nothing was done")

	ctx, cancel := context.WithCancel(t.Context())
	_, err = Compare(ctx, echo(t, func(ctx context.Context, _ string) (float64, error) {
		cancel()
		<-ctx.Done()
		return 0, ctx.Err()
	}), 1, func(string) {})
	require.ErrorIs(t, err, context.Canceled)

	_, err = Compare(t.Context(), Work{URL: "tcp://user:sec%ret@127.0.0.1:1"}, 1, func(string) {})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "ret@")
}

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.25, 7},
		{[]float64{3, 1}, 0.5, 2},
		{[]float64{5, 1, 3}, 0.5, 3},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 0.75, 4},
		{[]float64{1, 2, 3, 4}, 0.25, 1.75},
		{[]float64{1, 2}, 1, 2},
	} {
		require.InDelta(t, test.want, quantile(test.values, test.q), 1e-9, "%v", test)
	}
}
