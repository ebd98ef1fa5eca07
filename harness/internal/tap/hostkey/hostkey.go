// Package hostkey is about what SSH clients are shown in the SFTP server's
// place. Servers have several host keys, since clients differ in which they
// know: Apache MINA SSHD, which Spring and other Java programs use, knows Ed25519
// only with another library beside it.
package hostkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// ECDSA returns a key on P-256 that follows from an Ed25519 key, and that nobody
// finds who does not have that one. The same key always has the same.
func ECDSA(first ssh.Signer) (ssh.Signer, error) {
	if kind := first.PublicKey().Type(); kind != ssh.KeyAlgoED25519 { // others may sign with chance
		return nil, fmt.Errorf("derive a host key: want one of %s, not of %s", ssh.KeyAlgoED25519, kind)
	}
	signature, err := first.Sign(rand.Reader, []byte("seatrial: a host key of ECDSA"))
	if err != nil {
		return nil, fmt.Errorf("derive a host key: %w", err)
	}
	scalar := sha256.Sum256(signature.Blob)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil { // one of four thousand million scalars is none
		return nil, fmt.Errorf("derive a host key: %w", err)
	}
	return ssh.NewSignerFromSigner(private)
}
