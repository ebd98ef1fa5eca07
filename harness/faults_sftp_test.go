package harness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
)

// TestSFTPFaultsLive takes every fault of the SFTP server's own through its life.
func TestSFTPFaultsLive(t *testing.T) {
	d := newDrill(t)

	const healed = `^a canary's write into inbox went well$`
	faults := []struct {
		fault          fault.Fault
		bitten, healed string
	}{
		{fault.DirectoryMoved(), `refused: .*file does not exist`, healed},
		{fault.PermissionDenied(), `refused: .*permission denied`, healed},
		{fault.SFTPDiskFull(), `refused: .*Failure`, healed},
		{fault.HostKeyChanged(), `refused: .*host key mismatch; it offers SHA256:`, healed},
		{fault.Cut(fault.SFTP), `^the proxy closed every connection to sftp`, `are taken again`},
		{fault.Cut(fault.Postgres), `^the proxy closed every connection to postgres`, `are taken again`},
	}
	for _, c := range faults {
		t.Run(c.fault.Name+"/"+c.fault.Target, func(t *testing.T) { d.whole(t, c.fault, c.bitten, c.healed) })
	}
	t.Run("put back by the next run", func(t *testing.T) {
		for _, c := range faults[:4] {
			injection, err := c.fault.Prepare(t.Context(), d.r.world)
			require.NoError(t, err)
			require.NoError(t, injection.Inject(t.Context()))
			_, err = injection.Bites(t.Context())
			require.NoError(t, err)
			require.NoError(t, d.r.journal.close())
			d.begin(t)
			d.passes(t)
		}
	})
}
