// Proxy is the process that all traffic between pipeline and services passes:
// Toxiproxy, with its control interface kept away from the pipeline.
//
// Environment:
//
//	SEATRIAL_TOKEN    path prefix without which the control interface says 404
//	SEATRIAL_CONTROL  network (CIDR) whose address the control interface takes
//	SEATRIAL_ROUTES   name=listen=upstream, comma separated:
//	                  rabbitmq=:5672=rabbitmq.back:5672
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/seatrial/seatrial/harness/internal/tap"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	token := os.Getenv("SEATRIAL_TOKEN")
	if token == "" {
		return errors.New("SEATRIAL_TOKEN is empty: the control interface must not be open to the pipeline")
	}
	address, err := addressIn(os.Getenv("SEATRIAL_CONTROL"))
	if err != nil {
		return err
	}
	logger := zerolog.New(os.Stderr).Level(zerolog.WarnLevel).With().Timestamp().Logger()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), logger)
	for route := range strings.SplitSeq(os.Getenv("SEATRIAL_ROUTES"), ",") {
		parts := strings.Split(route, "=")
		if len(parts) != 3 {
			return fmt.Errorf("SEATRIAL_ROUTES: %q is not name=listen=upstream", route)
		}
		if err := server.Collection.Add(toxiproxy.NewProxy(server, parts[0], parts[1], parts[2]), true); err != nil {
			return fmt.Errorf("listen for %s on %s: %w", parts[0], parts[1], err)
		}
	}
	routes := server.Routes()
	routes.HandleFunc("/canary/{service}", func(w http.ResponseWriter, r *http.Request) {
		proxy, err := server.Collection.Get(mux.Vars(r)["service"])
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(tap.Fly(r.Context(), proxy.Name, proxy.Listen))
	})
	control := &http.Server{
		Addr:              net.JoinHostPort(address.String(), tap.ControlPort),
		Handler:           http.StripPrefix("/"+token, routes),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() {
		<-ctx.Done()
		control.Close()
	}()
	fmt.Fprintln(os.Stderr, "proxy: ready")
	if err := control.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// addressIn returns this machine's address in the given network.
func addressIn(cidr string) (netip.Addr, error) {
	network, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("SEATRIAL_CONTROL: %w", err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list network interfaces: %w", err)
	}
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && network.Contains(prefix.Addr()) {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no interface of this container is in %s", network)
}
