package hostkey

import (
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

func TestECDSA(t *testing.T) {
	derived := func(seed byte) string {
		signer, err := ssh.NewSignerFromSigner(ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), seed)))
		require.NoError(t, err)
		second, err := ECDSA(signer)
		require.NoError(t, err)
		require.Equal(t, ssh.KeyAlgoECDSA256, second.PublicKey().Type())
		_, err = ECDSA(second)
		require.ErrorContains(t, err, "want one of ssh-ed25519")
		return ssh.FingerprintSHA256(second.PublicKey())
	}
	require.Equal(t, derived(1), derived(1), "the same in every process")
	require.NotEqual(t, derived(1), derived(2))
}
