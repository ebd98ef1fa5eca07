package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness/internal/tap/hostkey"
	"github.com/seatrial/seatrial/harness/internal/tap/reader"
)

// Gateway takes SSH connections in the server's place, because nobody between
// two ends can read SSH. It logs in to the server as the client did:
//
//	client ──SSH, gateway's host key──▶ gateway ──SSH, server's host key──▶ server
//
// A password is tried on the server and kept nowhere. A public key is taken if
// it is one of Accept; towards the server the gateway then uses Key.
//
// A server that shows another host key than at first is seen as such: the
// gateway then shows another one, too, until the first is back. Beside its host
// key it shows the one of ECDSA that follows from it, as [hostkey.ECDSA] says.
type Gateway struct {
	HostKey ssh.Signer
	Accept  []ssh.PublicKey
	Key     ssh.Signer // nil: no public keys are accepted
	// Dial opens a connection to the server.
	Dial func(ctx context.Context) (net.Conn, error)

	mu      sync.Mutex
	first   ssh.PublicKey // what the server showed first
	changed bool          // and showed another one last
}

// handshakeWithin bounds both handshakes together.
const handshakeWithin = 30 * time.Second

func (g *Gateway) serve(ctx context.Context, t *Tap, client net.Conn, name string, route Route) {
	defer client.Close()
	server, err := g.Dial(ctx)
	if err != nil {
		return // as for a dead service
	}
	defer server.Close()
	deadline := time.Now().Add(handshakeWithin)
	if errors.Join(client.SetDeadline(deadline), server.SetDeadline(deadline)) != nil {
		return
	}
	hostKey, err := g.shows(ctx)
	if err != nil {
		return
	}
	if route.Reset != nil && route.Reset() {
		abruptly(client)
	}
	login := &login{gateway: g, ctx: ctx, client: client, fresh: server, shown: hostKey}
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-seatrial", MaxAuthTries: 6, PasswordCallback: login.password}
	if g.Key != nil {
		config.PublicKeyCallback, config.VerifiedPublicKeyCallback = g.listed, login.publicKey
	}
	second, err := hostkey.ECDSA(hostKey)
	if err != nil {
		return
	}
	config.AddHostKey(hostKey)
	config.AddHostKey(second)
	conn, channels, requests, err := ssh.NewServerConn(client, config)
	if login.conn != nil {
		defer login.conn.Close()
	}
	if err != nil {
		return
	}
	defer conn.Close()
	behind, behindChannels, behindRequests, server := login.conn, login.channels, login.requests, login.socket
	if errors.Join(client.SetDeadline(time.Time{}), server.SetDeadline(time.Time{})) != nil {
		return
	}
	go func() { // each end of the connection ends the other
		behind.Wait()
		conn.Close()
	}()
	go globalRequests(requests, behind)
	go globalRequests(behindRequests, conn)
	go func() {
		for channel := range behindChannels {
			channel.Reject(ssh.Prohibited, "the gateway takes channels from clients only")
		}
	}()
	var open sync.WaitGroup
	for channel := range channels {
		open.Go(func() { g.channel(t, client, name, route, channel, behind) })
	}
	behind.Close()
	open.Wait()
}

// hostKeysRequest is how a server tells more of its host keys. They are not
// the gateway's.
const hostKeysRequest = "hostkeys-00@openssh.com"

// globalRequests answers for the other side, so that keep-alives tell whether
// it lives.
func globalRequests(from <-chan *ssh.Request, to ssh.Conn) {
	for request := range from {
		if request.Type == hostKeysRequest {
			request.Reply(false, nil)
			continue
		}
		ok, payload, err := to.SendRequest(request.Type, request.WantReply, request.Payload)
		if request.WantReply {
			request.Reply(ok && err == nil, payload) // an error is the connection's end
		}
	}
}

// channel joins a client's channel to one like it on the server. Only the
// sftp subsystem is read.
func (g *Gateway) channel(t *Tap, client net.Conn, name string, route Route, wanted ssh.NewChannel, server ssh.Conn) {
	far, farRequests, err := server.OpenChannel(wanted.ChannelType(), wanted.ExtraData())
	if err != nil {
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) {
			wanted.Reject(refused.Reason, refused.Message)
		} else {
			wanted.Reject(ssh.ConnectionFailed, err.Error())
		}
		return
	}
	near, nearRequests, err := wanted.Accept()
	if err != nil {
		far.Close()
		return
	}
	sftp := make(chan bool, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		channelRequests(farRequests, near)
	}()
	go func() {
		decided := false
		for request := range nearRequests {
			ok, err := far.SendRequest(request.Type, request.WantReply, request.Payload)
			if begins := request.Type == "subsystem" || request.Type == "exec" || request.Type == "shell"; begins && !decided {
				decided = true
				sftp <- request.Type == "subsystem" && ok && bytes.HasSuffix(request.Payload, []byte("\x00\x00\x00\x04sftp"))
			}
			if request.WantReply {
				request.Reply(ok && err == nil, nil)
			}
		}
		if !decided {
			sftp <- false
		}
	}()
	var r reader.Reader = blind{}
	if <-sftp {
		r, _ = reader.New("sftp", &t.keys)
	}
	c := newConn(t, route.Service, client.RemoteAddr(), r, [2]io.ReadWriteCloser{near, far})
	c.name = name
	t.remember(c)
	go io.Copy(near.Stderr(), far.Stderr())
	// Towards the client an end waits for the exit status, which comes after it.
	through(nil, "", &flow{c: c, d: reader.Up}, &outlet{c, reader.Up})
	(&flow{c: c, d: reader.Down}).WriteTo(&outlet{c, reader.Down})
	select {
	case <-done:
	case <-c.over:
	case <-time.After(time.Second):
	}
	c.close()
	if c.dropped.Load() {
		client.Close()
	}
}

func channelRequests(from <-chan *ssh.Request, to ssh.Channel) {
	for request := range from {
		ok, err := to.SendRequest(request.Type, request.WantReply, request.Payload)
		if request.WantReply {
			request.Reply(ok && err == nil, nil)
		}
	}
}

// shows returns the host key for the server as it is now. While the server is
// as it was at first nobody has to ask it: a change is found at the log-in.
func (g *Gateway) shows(ctx context.Context) (ssh.Signer, error) {
	g.mu.Lock()
	known := g.first != nil && !g.changed
	g.mu.Unlock()
	if known {
		return g.HostKey, nil
	}
	probe, err := g.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer probe.Close()
	if err := probe.SetDeadline(time.Now().Add(handshakeWithin)); err != nil {
		return nil, err
	}
	var key ssh.PublicKey
	_, _, _, err = ssh.NewClientConn(probe, "server", &ssh.ClientConfig{HostKeyAlgorithms: g.algorithms(), HostKeyCallback: func(_ string, _ net.Addr, shown ssh.PublicKey) error {
		key = shown
		return errSeen
	}})
	if key == nil {
		return nil, err
	}
	return g.forKey(key)
}

// algorithms are those of host keys, in order: of a server that has several, the
// one like the gateway's own counts. The others may be made anew whenever its
// container is.
func (g *Gateway) algorithms() []string {
	own := g.HostKey.PublicKey().Type()
	rest := slices.DeleteFunc(ssh.SupportedAlgorithms().HostKeys, func(name string) bool { return name == own })
	return append([]string{own}, rest...)
}

var (
	errSeen    = errors.New("the host key is all that was asked for")
	errChanged = errors.New("the server shows another host key than the one that the client was shown")
	errAgain   = errors.New("already logged in")
)

// forKey returns the host key for a server that shows key.
func (g *Gateway) forKey(key ssh.PublicKey) (ssh.Signer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.first == nil {
		g.first = key
	}
	g.changed = !bytes.Equal(g.first.Marshal(), key.Marshal())
	if !g.changed {
		return g.HostKey, nil
	}
	// The same for the same key of the server, and known to nobody before.
	mac := hmac.New(sha256.New, g.HostKey.PublicKey().Marshal())
	mac.Write(key.Marshal())
	return ssh.NewSignerFromSigner(ed25519.NewKeyFromSeed(mac.Sum(nil)))
}

// listed lets a client prove that it has a key.
func (g *Gateway) listed(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	for _, accepted := range g.Accept {
		if bytes.Equal(accepted.Marshal(), key.Marshal()) {
			return nil, nil
		}
	}
	return nil, errors.New("the gateway does not list this key")
}

// login logs in to the server with what the client shows.
type login struct {
	gateway *Gateway
	ctx     context.Context
	client  net.Conn
	fresh   net.Conn   // to the server, not used yet
	shown   ssh.Signer // the client was shown this host key

	socket   net.Conn
	conn     ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
}

func (l *login) password(client ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	return nil, l.try(client.User(), ssh.Password(string(password)))
}

func (l *login) publicKey(client ssh.ConnMetadata, _ ssh.PublicKey, permissions *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	return permissions, l.try(client.User(), ssh.PublicKeys(l.gateway.Key))
}

// try: each attempt has a connection of its own.
func (l *login) try(user string, method ssh.AuthMethod) error {
	if l.conn != nil {
		return errAgain
	}
	socket := l.fresh
	l.fresh = nil
	if socket == nil {
		var err error
		if socket, err = l.gateway.Dial(l.ctx); err != nil {
			return err
		}
		if err := socket.SetDeadline(time.Now().Add(handshakeWithin)); err != nil {
			return err
		}
	}
	conn, channels, requests, err := ssh.NewClientConn(socket, "server", &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{method}, HostKeyAlgorithms: l.gateway.algorithms(),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			now, err := l.gateway.forKey(key)
			if err == nil && !bytes.Equal(now.PublicKey().Marshal(), l.shown.PublicKey().Marshal()) {
				err = errChanged
			}
			return err
		},
	})
	if err != nil {
		socket.Close()
		// Only the server itself refuses a log-in. One that is gone is no wrong
		// password: the connection ends, as without the gateway.
		if !strings.Contains(err.Error(), "unable to authenticate") {
			l.client.Close()
		}
		return fmt.Errorf("log in to the server as %s: %w", user, err)
	}
	l.socket, l.conn, l.channels, l.requests = socket, conn, channels, requests
	return nil
}
