package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// sftpDialTimeout limits one try to connect: TCP, key exchange, log-in and the
// start of the subsystem together.
const sftpDialTimeout = 5 * time.Second

// SFTPSession is one SFTP connection to a server whose host key was checked. It
// is used by one goroutine at a time.
type SFTPSession struct {
	*sftp.Client
	conn net.Conn
	ssh  *ssh.Client
}

// DialSFTP connects once, within sftpDialTimeout or until ctx ends.
func DialSFTP(ctx context.Context, e Endpoints) (*SFTPSession, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(e.SFTPHostKey))
	if err != nil {
		return nil, fmt.Errorf("connect to SFTP %s: the host key to expect cannot be read: %w", e.SFTPAddr, err)
	}
	ctx, cancel := context.WithTimeout(ctx, sftpDialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.SFTPAddr)
	if err != nil {
		return nil, fmt.Errorf("connect to SFTP %s: %w", e.SFTPAddr, err)
	}
	// The handshakes below know no context: the end of ctx closes what they read from.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	session, err := handshake(conn, e, key)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return nil, fmt.Errorf("log in to SFTP %s as %s: %w", e.SFTPAddr, e.SFTPUser, err)
	}
	return session, nil
}

func handshake(conn net.Conn, e Endpoints, key ssh.PublicKey) (*SFTPSession, error) {
	config := &ssh.ClientConfig{
		User:              e.SFTPUser,
		Auth:              []ssh.AuthMethod{ssh.Password(e.SFTPPassword)},
		HostKeyCallback:   ssh.FixedHostKey(key),
		HostKeyAlgorithms: []string{key.Type()},
	}
	sshConn, channels, requests, err := ssh.NewClientConn(conn, e.SFTPAddr, config)
	if err != nil {
		return nil, err
	}
	client := ssh.NewClient(sshConn, channels, requests)
	files, err := sftp.NewClient(client)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &SFTPSession{Client: files, conn: conn, ssh: client}, nil
}

// Limit gives the requests that follow until the returned function is called
// a deadline: when it passes, or ctx ends, the connection is closed and they
// return an error. Whether the server carried the last of them out is then
// not known.
func (s *SFTPSession) Limit(ctx context.Context, d time.Duration) (release func()) {
	s.conn.SetDeadline(time.Now().Add(d))
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	return func() {
		stop()
		s.conn.SetDeadline(time.Time{})
	}
}

// Close ends the connection without waiting for the server.
func (s *SFTPSession) Close() { s.conn.Close() }
