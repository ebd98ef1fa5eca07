package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Server is an SFTP session that only reads.
type Server struct {
	client *sftp.Client
	conn   net.Conn
	stop   func() bool
}

// OpenSFTP connects with SFTP_HOST, SFTP_PORT, SFTP_USER and SFTP_PASSWORD or
// SFTP_KEY_FILE, to a server whose key SFTP_HOST_KEY or SFTP_KNOWN_HOSTS has. The
// end of ctx ends what is read from it.
func OpenSFTP(ctx context.Context, s Settings) (*Server, error) {
	host, port := s.Get("SFTP_HOST"), s.Get("SFTP_PORT")
	if host == "" || s.Get("SFTP_USER") == "" {
		return nil, usage("SFTP_HOST and SFTP_USER are not both set: they say where the files on SFTP are")
	}
	if port == "" {
		port = "22"
	}
	config := &ssh.ClientConfig{User: s.Get("SFTP_USER"), Timeout: connectWithin}
	if err := proofs(s, config); err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, port)
	if err := hostKeys(s, config, address); err != nil {
		return nil, err
	}
	dialing, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dialing, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("SFTP at %s cannot be reached: %w: are SFTP_HOST and SFTP_PORT right, and does the network let you there?", address, err)
	}
	// The handshake knows no context: its end closes what is read from.
	shaking := context.AfterFunc(dialing, func() { conn.Close() })
	over, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		conn.Close()
		var unknown *knownhosts.KeyError
		if errors.As(err, &unknown) {
			return nil, fmt.Errorf("SFTP at %s shows a host key that SFTP_KNOWN_HOSTS does not have: \"ssh-keyscan -p %s %s\" shows it; compare it before you trust it", address, port, host)
		}
		return nil, fmt.Errorf("log in to SFTP at %s as %s: %w: are the credentials and SFTP_HOST_KEY right?", address, config.User, err)
	}
	client, err := sftp.NewClient(ssh.NewClient(over, channels, requests))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("begin SFTP at %s: %w", address, err)
	}
	shaking()
	return &Server{client: client, conn: conn, stop: context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

// proofs are how the user is known.
func proofs(s Settings, config *ssh.ClientConfig) error {
	if name := s.Get("SFTP_KEY_FILE"); name != "" {
		raw, err := os.ReadFile(name)
		if err != nil {
			return usage("read SFTP_KEY_FILE: %w", err)
		}
		signer, err := ssh.ParsePrivateKey(raw)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			signer, err = ssh.ParsePrivateKeyWithPassphrase(raw, []byte(s.Get("SFTP_KEY_PASSPHRASE")))
		}
		if err != nil {
			return usage("SFTP_KEY_FILE %s is no private key that SFTP_KEY_PASSPHRASE opens", name)
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(signer))
	}
	if password := s.Get("SFTP_PASSWORD"); password != "" {
		config.Auth = append(config.Auth, ssh.Password(password))
	}
	if len(config.Auth) == 0 {
		return usage("neither SFTP_PASSWORD nor SFTP_KEY_FILE is set: one of them is needed to log in")
	}
	return nil
}

// hostKeys are how the server is known.
func hostKeys(s Settings, config *ssh.ClientConfig, address string) error {
	if text := s.Get("SFTP_HOST_KEY"); text != "" {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return usage("SFTP_HOST_KEY cannot be read: write it as in ssh-ed25519 AAAA…")
		}
		config.HostKeyCallback, config.HostKeyAlgorithms = ssh.FixedHostKey(key), []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA {
			config.HostKeyAlgorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		return nil
	}
	name := s.Get("SFTP_KNOWN_HOSTS")
	if name == "" {
		return usage("neither SFTP_HOST_KEY nor SFTP_KNOWN_HOSTS is set: one of them tells the server from another in its place")
	}
	callback, err := knownhosts.New(name)
	if err != nil {
		return usage("read SFTP_KNOWN_HOSTS: %w", err)
	}
	config.HostKeyCallback = callback
	return nil
}

// Close ends the session without waiting for the server.
func (s *Server) Close() {
	s.stop()
	s.conn.Close()
}

// Folder returns a folder of the server, from the user's home unless it begins
// with /.
func (s *Server) Folder(name string) fs.ReadDirFS { return sftpFolder{s.client, name} }

type sftpFolder struct {
	client *sftp.Client
	root   string
}

func (f sftpFolder) Open(name string) (fs.File, error) {
	file, err := f.client.Open(path.Join(f.root, name))
	if err != nil {
		return nil, err // and not a file that is nil inside
	}
	return file, nil
}

func (f sftpFolder) ReadDir(name string) ([]fs.DirEntry, error) {
	infos, err := f.client.ReadDir(path.Join(f.root, name))
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(infos))
	for i, info := range infos {
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, nil
}
