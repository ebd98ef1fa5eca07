package browser

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a test's program becomes may open any socket but the one that tells of interfaces.
func TestDeaf(t *testing.T) {
	const inside = "SEATRIAL_TEST_DEAF"
	self, err := os.Executable()
	require.NoError(t, err)
	if os.Getenv(inside) == "" {
		become := exec.CommandContext(t.Context(), self, "-test.run", "^TestDeaf$")
		become.Env = append(os.Environ(), inside+"=1", deafEnv+"="+self)
		output, err := become.CombinedOutput()
		require.NoError(t, err, string(output))
		return
	}
	_, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	require.ErrorIs(t, err, syscall.EACCES)
	for _, family := range []int{syscall.AF_INET, syscall.AF_UNIX} {
		socket, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
		require.NoError(t, err)
		require.NoError(t, syscall.Close(socket))
	}
	require.Empty(t, os.Getenv(deafEnv))
}
