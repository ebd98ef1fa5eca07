package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap/hostkey"
	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromSigner(private)
	require.NoError(t, err)
	return signer
}

// server is an SFTP server on 127.0.0.1 whose host key can change.
type server struct {
	hostKey atomic.Value // ssh.Signer
	accepts ssh.PublicKey
	logins  atomic.Int64
	gone    atomic.Bool
	dead    atomic.Bool // takes connections, and ends them
	root    string
}

func (s *server) serve(socket net.Conn) {
	if s.dead.Load() {
		return
	}
	config := &ssh.ServerConfig{
		PasswordCallback: func(client ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if client.User() == "importer" && string(password) == "secret" {
				return nil, nil
			}
			return nil, errors.New("no")
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if s.accepts != nil && string(key.Marshal()) == string(s.accepts.Marshal()) {
				return nil, nil
			}
			return nil, errors.New("no")
		},
	}
	config.AddHostKey(s.hostKey.Load().(ssh.Signer))
	// And one of another type, made anew, as where a container is created again.
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return
	}
	signer, err := ssh.NewSignerFromKey(other)
	if err != nil {
		return
	}
	config.AddHostKey(signer)
	_, channels, requests, err := ssh.NewServerConn(socket, config)
	if err != nil {
		return
	}
	s.logins.Add(1)
	go ssh.DiscardRequests(requests)
	for wanted := range channels {
		channel, asked, err := wanted.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range asked {
				request.Reply(request.Type == "subsystem", nil)
			}
		}()
		go func() {
			serving, err := sftp.NewServer(channel, sftp.WithServerWorkingDirectory(s.root))
			if err == nil {
				serving.Serve()
			}
			channel.Close()
		}()
	}
}

// gate puts a gateway in front of a server.
func gate(t *testing.T, s *server, accept ...ssh.PublicKey) (wire *Tap, gateway *Gateway, address string) {
	t.Helper()
	upstream := taptest.Serve(t, s.serve)
	gateway = &Gateway{HostKey: newKey(t), Accept: accept, Key: newKey(t), Dial: func(ctx context.Context) (net.Conn, error) {
		if s.gone.Load() {
			return nil, errors.New("nobody there")
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", upstream)
	}}
	s.accepts = gateway.Key.PublicKey()
	wire = New("")
	wire.roles.set(map[string]string{"127.0.0.1": "collector"})
	address = taptest.Listen(t, func(ctx context.Context, listener net.Listener) error {
		return wire.Serve(ctx, listener, Route{Service: "sftp", Gateway: gateway})
	})
	return wire, gateway, address
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{root: t.TempDir()}
	s.hostKey.Store(newKey(t))
	for _, dir := range []string{"inbox", "archive", "confirmations"} {
		require.NoError(t, os.Mkdir(filepath.Join(s.root, dir), 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.root, "inbox", "a.csv"), make([]byte, 200_000), 0o600))
	return s
}

func logIn(address string, hostKey ssh.PublicKey, methods ...ssh.AuthMethod) (*sftp.Client, error) {
	conn, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: "importer", Auth: methods, Timeout: 10 * time.Second,
		HostKeyCallback: ssh.FixedHostKey(hostKey), HostKeyAlgorithms: []string{hostKey.Type()}})
	if err != nil {
		return nil, err
	}
	return sftp.NewClient(conn)
}

func kinds(wire *Tap) (list []boundary.Kind) {
	events, _ := wire.hub.since(0, 1000, nil)
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

func TestGatewayReadsSFTP(t *testing.T) {
	s := newServer(t)
	wire, gateway, address := gate(t, s)
	tried := 0
	client, err := logIn(address, gateway.HostKey.PublicKey(), ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
		tried++
		return []string{"wrong", "secret"}[min(tried, 2)-1], nil
	}), 3))
	require.NoError(t, err, "a second try is allowed, as on the server")
	defer client.Close()
	file, err := client.Open("inbox/a.csv")
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Len(t, content, 200_000)
	require.NoError(t, file.Close())
	require.NoError(t, client.PosixRename("inbox/a.csv", "archive/a.csv"))
	out, err := client.Create("confirmations/.c.part")
	require.NoError(t, err)
	_, err = out.Write(content)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.NoError(t, client.Rename("confirmations/.c.part", "confirmations/c.csv"))
	require.Error(t, client.Remove("inbox/none"))
	require.Equal(t, []boundary.Kind{boundary.FileFetched, boundary.MarkRequested, boundary.FileMarked,
		boundary.WriteRequested, boundary.FileWritten, boundary.WriteRequested, boundary.ConfirmationWritten,
		boundary.MarkRequested, boundary.FileFailed}, kinds(wire))
	events, _ := wire.hub.since(0, 1, nil)
	require.Equal(t, "collector", events[0].Role)
	require.Equal(t, "inbox", events[0].Target)
	require.EqualValues(t, 1, s.logins.Load())
}

// A rename is done and its reply lost.
func TestGatewayHoldsAndDrops(t *testing.T) {
	s := newServer(t)
	wire, gateway, address := gate(t, s)
	client, err := logIn(address, gateway.HostKey.PublicKey(), ssh.Password("secret"))
	require.NoError(t, err)
	defer client.Close()
	armed := wire.hub.arm(boundary.Breakpoint{Role: "collector", Kind: boundary.FileMarked, Nth: 1, Max: time.Minute})
	done := make(chan error, 1)
	go func() { done <- client.Rename("inbox/a.csv", "archive/a.csv") }()
	<-armed.held
	require.FileExists(t, filepath.Join(s.root, "archive", "a.csv"))
	require.Empty(t, done)
	wire.hub.end(armed, boundary.Drop, "asked")
	require.Error(t, <-done)
	_, err = client.Getwd()
	require.Error(t, err, "the connection is gone, not the channel alone")
	require.Eventually(t, func() bool {
		wire.mu.Lock()
		defer wire.mu.Unlock()
		return len(wire.open) == 0
	}, 5*time.Second, 10*time.Millisecond)
}

func TestGatewayMapsListedKeys(t *testing.T) {
	mine, other := newKey(t), newKey(t)
	_, gateway, address := gate(t, newServer(t), mine.PublicKey())
	client, err := logIn(address, gateway.HostKey.PublicKey(), ssh.PublicKeys(mine))
	require.NoError(t, err)
	entries, err := client.ReadDir("inbox")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, client.Close())
	_, err = logIn(address, gateway.HostKey.PublicKey(), ssh.PublicKeys(other))
	require.ErrorContains(t, err, "unable to authenticate")
}

// As Apache MINA SSHD, which Spring uses: it knows no Ed25519.
func TestGatewayShowsAnECDSAHostKey(t *testing.T) {
	s := newServer(t)
	_, gateway, address := gate(t, s)
	second, err := hostkey.ECDSA(gateway.HostKey)
	require.NoError(t, err)
	client, err := logIn(address, second.PublicKey(), ssh.Password("secret"))
	require.NoError(t, err)
	require.NoError(t, client.Close())

	s.hostKey.Store(newKey(t))
	_, err = logIn(address, second.PublicKey(), ssh.Password("secret"))
	require.Error(t, err, "it is closed, as the change is seen now")
	_, err = logIn(address, second.PublicKey(), ssh.Password("secret"))
	require.ErrorContains(t, err, "host key mismatch")
}

// A client sees that the server's host key has changed, and that it is back.
func TestGatewayShowsAChangedHostKey(t *testing.T) {
	s := newServer(t)
	first := s.hostKey.Load()
	_, gateway, address := gate(t, s)
	try := func() error {
		client, err := logIn(address, gateway.HostKey.PublicKey(), ssh.Password("secret"))
		if err == nil {
			client.Close()
		}
		return err
	}
	require.NoError(t, try())
	s.hostKey.Store(newKey(t))
	require.Error(t, try(), "found at the log-in")
	require.ErrorContains(t, try(), "host key mismatch")
	require.ErrorContains(t, try(), "host key mismatch")
	s.hostKey.Store(first)
	require.NoError(t, try())
}

func TestGatewayToNobody(t *testing.T) {
	s := newServer(t)
	s.gone.Store(true)
	_, _, address := gate(t, s)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.ReadAll(conn)
	require.NoError(t, err)
}

// A server that dies after a log-in has not refused the next one.
func TestGatewayToTheDead(t *testing.T) {
	s := newServer(t)
	_, gateway, address := gate(t, s)
	client, err := logIn(address, gateway.HostKey.PublicKey(), ssh.Password("secret"))
	require.NoError(t, err)
	client.Close()
	s.dead.Store(true)
	_, err = logIn(address, gateway.HostKey.PublicKey(), ssh.Password("secret"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "unable to authenticate")
	s.dead.Store(false)
	_, err = logIn(address, gateway.HostKey.PublicKey(), ssh.Password("wrong"))
	require.ErrorContains(t, err, "unable to authenticate")
	client, err = logIn(address, gateway.HostKey.PublicKey(), ssh.Password("secret"))
	require.NoError(t, err)
	client.Close()
}
