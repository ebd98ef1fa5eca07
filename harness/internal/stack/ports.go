package stack

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

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

func bindings(published map[string]int) network.PortMap {
	bound := network.PortMap{}
	for inside, outside := range published {
		bound[network.MustParsePort(inside)] = []network.PortBinding{{HostIP: loopback, HostPort: strconv.Itoa(outside)}}
	}
	return bound
}
