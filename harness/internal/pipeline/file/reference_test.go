package file

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
)

// What a file says of the reference pipeline is what is built in.
func TestReferencePipelineAsAFile(t *testing.T) {
	described, err := Read("../../../../fixtures/pipelines/reference")
	require.NoError(t, err)
	builtin := pipeline.Reference(nil, nil)
	require.Len(t, described.Roles, len(builtin.Roles))
	for _, want := range builtin.Roles {
		name, err := described.Named(want.Name)
		require.NoError(t, err)
		for _, got := range described.Roles {
			if got.Name == name {
				require.Equal(t, want.Does, got.Does)
				require.Equal(t, want.Consumes, got.Consumes)
				require.Equal(t, want.Command, got.Command)
				for mount, path := range want.Mounts {
					require.Equal(t, path, got.Mounts[mount])
				}
				for variable := range want.Env {
					if variable != "DEFECTS" {
						require.Contains(t, got.Env, variable)
					}
				}
			}
		}
	}
	require.Equal(t, builtin.Inbox, described.Inbox)
	require.Equal(t, builtin.Queues, described.Queues)
	require.Equal(t, builtin.DeadLetters, described.DeadLetters)
	require.Equal(t, builtin.Staging, described.Staging)
	require.Equal(t, builtin.Operations, described.Operations)
	require.Equal(t, builtin.Probes, described.Probes)
	require.Equal(t, builtin.Volumes, described.Volumes)
	require.Equal(t, builtin.LongestInterval, described.LongestInterval)
	require.Equal(t, builtin.Patience, described.Patience)
	require.Equal(t, builtin.Rows.Table, described.Rows.Table)
	require.Equal(t, builtin.Documents.Alias, described.Documents.Alias)
	require.Equal(t, builtin.Confirmations.Pattern, described.Confirmations.Pattern)
	require.Contains(t, described.Rows.Light, `SELECT q."key"::text, q."version"::text, coalesce((deleted_at IS NOT NULL)::boolean, false), 'people ' || q.ctid::text FROM "people" q`)
	require.Contains(t, described.Rows.Query, `, q."birth_date"::text AS birth_date`)
}
