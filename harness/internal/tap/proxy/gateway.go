package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness/internal/tap/hostkey"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// gatewayTo returns a gateway to the SFTP server behind address, where
// Toxiproxy listens.
func gatewayTo(address, hostKey, key, accept string) (*relay.Gateway, error) {
	gateway := &relay.Gateway{Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
	}}
	var err error
	if gateway.HostKey, err = ssh.ParsePrivateKey([]byte(hostKey)); err != nil {
		return nil, fmt.Errorf("SEATRIAL_SFTP_HOST_KEY: %w", err)
	}
	if _, err := hostkey.ECDSA(gateway.HostKey); err != nil {
		return nil, fmt.Errorf("SEATRIAL_SFTP_HOST_KEY: %w", err)
	}
	if key == "" {
		return gateway, nil
	}
	if gateway.Key, err = ssh.ParsePrivateKey([]byte(key)); err != nil {
		return nil, fmt.Errorf("SEATRIAL_SFTP_KEY: %w", err)
	}
	for rest := []byte(strings.TrimSpace(accept)); len(rest) > 0; {
		var public ssh.PublicKey
		if public, _, _, rest, err = ssh.ParseAuthorizedKey(rest); err != nil {
			return nil, fmt.Errorf("SEATRIAL_SFTP_ACCEPT: %w", err)
		}
		gateway.Accept = append(gateway.Accept, public)
	}
	return gateway, nil
}
