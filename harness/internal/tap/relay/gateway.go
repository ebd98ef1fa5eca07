package relay

import (
	"context"
	"net"
)

// Gateway is to come.
type Gateway struct{}

func (*Gateway) serve(context.Context, *Tap, net.Conn, string, Route) {}
