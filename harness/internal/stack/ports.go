package stack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	networks "github.com/testcontainers/testcontainers-go/network"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// Ports are drawn from here: below those that the kernel gives to outgoing
// connections and Docker to containers without a port of their own, which could
// take the port of a service while it is stopped.
const firstPort, lastPort = 20000, 29999

// freePorts returns n ports of 127.0.0.1 that are free and not reserved. They
// are chosen by us and not by Docker because one that Docker chooses changes
// whenever the container is stopped and started.
func freePorts(n int, reserved map[int]bool) ([]int, error) {
	ports := make([]int, 0, n)
	for _, i := range rand.Perm(lastPort - firstPort + 1) {
		port := firstPort + i
		if reserved[port] {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		listener.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports on 127.0.0.1 between %d and %d: see with `ss -ltnp` who takes them, and with `seatrial clean` what is left of former runs", n, firstPort, lastPort)
}

// reserved returns the ports of all stacks on the engine, also those of services
// that are stopped, removed, or not started yet.
func (s *Stack) reserved(ctx context.Context) (map[int]bool, error) {
	found, err := s.docker.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", LabelPorts)})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	ports := map[int]bool{}
	for _, item := range found.Items {
		for _, text := range strings.Split(item.Labels[LabelPorts], ",") {
			if port, err := strconv.Atoi(text); err == nil {
				ports[port] = true
			}
		}
	}
	return ports, nil
}

// reserve draws the stack's ports and writes them on its network, before
// another process may draw.
func (s *Stack) reserve(ctx context.Context) ([]int, error) {
	lock, err := waitForLock(ctx, "ports")
	if err != nil {
		return nil, err
	}
	defer lock.file.Close() // the file stays: who waits for it has it open
	reserved, err := s.reserved(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := s.options.ports(s.portsNeeded(), reserved)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(ports))
	for i, port := range ports {
		texts[i] = strconv.Itoa(port)
	}
	s.back, err = s.network(ctx, "back", networks.WithLabels(map[string]string{LabelPorts: strings.Join(texts, ",")}))
	return ports, err
}

// drawsOfPorts is how often ports are drawn for a stack before it is given up.
const drawsOfPorts = 3

// startOnFreePorts makes the networks and starts the services. A port that
// somebody took between the draw and the start is no reason to give up: others
// are drawn, and everything is made anew.
func (s *Stack) startOnFreePorts(ctx context.Context) (err error) {
	for draw := 1; ; draw++ {
		var kind []networks.NetworkCustomizer
		if !s.options.Open {
			kind = append(kind, networks.WithInternal())
		}
		if s.front, err = s.network(ctx, "front", kind...); err != nil {
			return err
		}
		ports, err := s.reserve(ctx)
		if err != nil {
			return err
		}
		if err := s.credentials(ports); err != nil {
			return err
		}
		err = s.startServices(ctx)
		if !portTaken(err) {
			return err
		}
		if draw == drawsOfPorts {
			return fmt.Errorf("%w (ports on 127.0.0.1 between %d and %d were drawn %d times and each time one was taken: see with `ss -ltnp` who takes them)", err, firstPort, lastPort, draw)
		}
		s.options.Progress("a port was taken meanwhile: starting again on others")
		if err := removeStack(ctx, s.docker, s.ID); err != nil {
			return fmt.Errorf("make room for another start: %w", err)
		}
	}
}

// portTaken says whether the engine refused to start a container because of a
// port. It has no error of its own for that.
func portTaken(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "port is already allocated") || strings.Contains(err.Error(), "address already in use"))
}

func bindings(published map[string]int) network.PortMap {
	bound := network.PortMap{}
	for inside, outside := range published {
		bound[network.MustParsePort(inside)] = []network.PortBinding{{HostIP: loopback, HostPort: strconv.Itoa(outside)}}
	}
	return bound
}
