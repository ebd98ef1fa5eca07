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
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/gorilla/mux"
	"github.com/rs/zerolog"

	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
	"github.com/seatrial/seatrial/harness/internal/tap/toxic"
)

// memoryBytes is where garbage is collected more often after all: the container
// has 256 MiB.
const memoryBytes = 180 << 20

func main() {
	debug.SetGCPercent(relay.GarbagePercent)
	debug.SetMemoryLimit(memoryBytes)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The same image keeps a role's place on the network: a container that does nothing.
	if len(os.Args) > 1 && os.Args[1] == "place" {
		<-ctx.Done()
		return
	}
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
	server := toxic.NewServer(logger)
	wire := relay.New(os.Getenv("SEATRIAL_PREFIX"))
	failed := make(chan error, 1)
	fronts := map[string]string{} // where the tap listens, by service
	for route := range strings.SplitSeq(os.Getenv("SEATRIAL_ROUTES"), ",") {
		name, _, _ := strings.Cut(route, "=")
		front, err := open(ctx, wire, server, route, failed)
		if err != nil {
			return err
		}
		fronts[name] = front
	}
	routes := server.Routes()
	routes.HandleFunc("/canary/{service}", func(w http.ResponseWriter, r *http.Request) {
		proxy, err := server.Collection.Get(mux.Vars(r)["service"])
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// Where the tap refuses connections, a canary has to meet that.
		through := proxy.Listen
		if wire.Closed(proxy.Name) {
			through = fronts[proxy.Name]
		}
		json.NewEncoder(w).Encode(tap.Fly(r.Context(), proxy.Name, through))
	})
	prefix := "/" + token
	answers := http.NewServeMux()
	// Past Toxiproxy's router, which ends every request after 25 s.
	answers.Handle(prefix+tap.WirePath+"/", http.StripPrefix(prefix+tap.WirePath, wire.Control()))
	answers.Handle(prefix+"/", http.StripPrefix(prefix, routes))
	control := &http.Server{
		Addr:              net.JoinHostPort(address.String(), tap.ControlPort),
		Handler:           answers,
		ReadHeaderTimeout: 5 * time.Second,
	}
	ended := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			ended <- nil
		case err := <-failed:
			ended <- err
		}
		control.Close()
	}()
	fmt.Fprintln(os.Stderr, "proxy: ready")
	if err := control.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// open begins to listen for a route: the tap as the pipeline sees it, and
// Toxiproxy on the loopback interface. It returns the tap's address. A listener
// that breaks later is told by failed.
func open(ctx context.Context, wire *relay.Tap, server *toxiproxy.ApiServer, text string, failed chan<- error) (front string, err error) {
	parts := strings.Split(text, "=")
	if len(parts) != 3 && len(parts) != 4 {
		return "", fmt.Errorf("SEATRIAL_ROUTES: %q is not name=listen=upstream or name=listen=upstream=attached", text)
	}
	name := parts[0]
	route, toxics, err := toxic.Route(server, name, parts[2])
	if err != nil {
		return "", err
	}
	if hostKey := os.Getenv("SEATRIAL_SFTP_HOST_KEY"); name == "sftp" && hostKey != "" {
		gateway, err := gatewayTo(toxics.Listen, hostKey, os.Getenv("SEATRIAL_SFTP_KEY"), os.Getenv("SEATRIAL_SFTP_ACCEPT"))
		if err != nil {
			return "", err
		}
		route.Gateway = gateway
	}
	if front, err = listen(ctx, wire, route, parts[1], failed); err != nil || len(parts) == 3 {
		return front, err
	}
	// All of them come from the same address: that of this machine's bridge.
	route.Client = tap.Attached
	_, err = listen(ctx, wire, route, parts[3], failed)
	return front, err
}

// listen takes connections for a route at an address, which it returns.
func listen(ctx context.Context, wire *relay.Tap, route relay.Route, address string, failed chan<- error) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for %s on %s: %w", route.Service, address, err)
	}
	go func() {
		if err := wire.Serve(ctx, listener, route); err != nil {
			failed <- err
		}
	}()
	return listener.Addr().String(), nil
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
