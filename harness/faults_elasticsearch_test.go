package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
)

// TestEveryElasticsearchFaultLives takes the faults of the index through their
// lives, with work that meets them and passes afterwards.
func TestEveryElasticsearchFaultLives(t *testing.T) {
	d := newDrill(t)

	for _, c := range []struct {
		fault          fault.Fault
		bitten, healed string
		sync           bool // it takes a sync to heal it
	}{
		{fault.ReadOnlyIndex(), `^index people-1 refuses a write that would change nothing: .*read-only`, `^index people-1 takes a write`, false},
		{fault.ReadOnlyCluster(), `^index people-1 refuses a write that would change nothing: .*read-only`, `^index people-1 takes a write`, false},
		{fault.RefreshOff(), `^no refresh of people for \S+, while \d+ documents were written and \d+ requests wait for one$`, `^index people-1 is refreshed again$`, false},
		{fault.IndexDeleted(), `^index people-1 \(\S+\) is gone, and \d+ documents with it$`, `^search on people counts \d+ documents$`, false},
		{fault.MappingConflict(), `^readers search people-conflict, which refuses a canary: mapper_parsing_exception for version$`, `^readers search people-2 in place of people-conflict$`, true},
	} {
		t.Run(c.fault.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			injection, err := c.fault.Prepare(ctx, d.r.world)
			require.NoError(t, err)
			d.undo(ctx, t, injection)
			if c.fault.Destroys == "" {
				soon, stop := context.WithTimeout(ctx, 300*time.Millisecond)
				defer stop()
				_, err = injection.Bites(soon)
				require.Error(t, err, "it is not claimed to bite before it was injected")
			}
			ids, err := d.r.journal.add(injection.Undo)
			require.NoError(t, err)
			require.NoError(t, injection.Inject(ctx))
			file := d.send(ctx, t)
			bites, err := injection.Bites(ctx)
			require.NoError(t, err)
			require.Regexp(t, c.bitten, bites)
			if c.fault.Destroys == "" {
				require.Error(t, d.arrived(ctx, file), "a file passed")
				_, err = c.fault.Prepare(ctx, d.r.world)
				require.ErrorContains(t, err, "nothing to break")
			}
			require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
			d.undo(ctx, t, injection)
			if c.sync {
				_, _, err := d.r.pipeline.Operate(ctx, "sync", nil)
				require.NoError(t, err)
			}
			healed, err := injection.Healed(ctx)
			require.NoError(t, err)
			require.Regexp(t, c.healed, healed)
			until(ctx, t, func() error { return d.arrived(ctx, file) })
			t.Logf("%s: %s; %s", c.fault.Name, bites, healed)
		})
	}
	t.Run("reset puts back what nobody took back", func(t *testing.T) {
		for _, f := range []fault.Fault{fault.RefreshOff(), fault.ReadOnlyIndex(), fault.ReadOnlyCluster()} {
			injection, err := f.Prepare(t.Context(), d.r.world)
			if f.Name == "read-only-cluster" {
				require.ErrorContains(t, err, "nothing to break")
				continue
			}
			require.NoError(t, err)
			require.NoError(t, injection.Inject(t.Context()))
		}
		cluster := map[string]any{"persistent": map[string]any{fault.ReadOnlySetting: true}}
		require.NoError(t, d.r.stack.Elastic(t.Context(), "PUT", "/_cluster/settings", cluster, nil))
		require.NoError(t, d.r.journal.close())
		d.begin(t)
		d.passes(t)
	})
}
