package stack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// freePorts returns n ports of 127.0.0.1 that were free a moment ago. They are
// chosen by us and not by Docker because one that Docker chooses changes
// whenever the container is stopped and started.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
		}
		defer listener.Close() // all stay taken until all are chosen
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// drawsOfPorts is how often ports are drawn for a stack before it is given up.
const drawsOfPorts = 3

// startOnFreePorts starts the services. A port that somebody took between the
// draw and the start is no reason to give up: others are drawn, and the
// containers are made anew.
func (s *Stack) startOnFreePorts(ctx context.Context) error {
	for draw := 1; ; draw++ {
		if err := s.credentials(); err != nil {
			return err
		}
		err := s.startServices(ctx)
		if !portTaken(err) {
			return err
		}
		if draw == drawsOfPorts {
			return fmt.Errorf("%w (ports on 127.0.0.1 were drawn %d times and each time one was taken: see with `ss -ltnp` who takes them, or widen net.ipv4.ip_local_port_range)", err, draw)
		}
		s.options.Progress("a port was taken meanwhile: starting again on others")
		if err := removeContainers(ctx, s.docker, s.ID); err != nil {
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
