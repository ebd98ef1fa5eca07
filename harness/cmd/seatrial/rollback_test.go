package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

func TestRollback(t *testing.T) {
	put := []harness.RolledStep{{Do: "start", Target: "loader"}}
	works := []harness.Health{{Part: "postgres", OK: true, Evidence: "SELECT 1"}}
	for name, test := range map[string]struct {
		result harness.RolledBack
		err    error
		code   int
		says   []string
	}{
		"put back":     {result: harness.RolledBack{Stack: "abc", Standing: true, Steps: put, Healthy: works}, says: []string{"put back  start     loader", "works     postgres"}},
		"nothing owed": {result: harness.RolledBack{Stack: "abc", Standing: true, Healthy: works}, says: []string{"nothing was owed"}},
		"gone":         {result: harness.RolledBack{Stack: "abc"}, says: []string{"stack abc does not stand any more"}},
		"undo failed":  {result: harness.RolledBack{Stack: "abc", Standing: true, Steps: []harness.RolledStep{{Do: "create", Target: "loader", Error: "no such\ncontainer"}}}, code: reports.ExitUndo, says: []string{"failed", `no such\ncontainer`}},
		"not healthy":  {result: harness.RolledBack{Stack: "abc", Standing: true, Steps: put, Healthy: []harness.Health{{Part: "sftp", Evidence: "refused"}}}, code: reports.ExitUndo, says: []string{"does not work  sftp"}},
		"under way":    {err: fmt.Errorf("%w: it is under way", harness.ErrUsage), code: reports.ExitUsage, says: []string{"it is under way"}},
		"out of reach": {err: fmt.Errorf("%w: no engine", harness.ErrInfra), code: reports.ExitInfra, says: []string{"no engine"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, &fake{rolledBack: test.result, rollBackErr: test.err}, "rollback", "run")
			require.Equal(t, test.code, got.code, got.stderr)
			for _, text := range test.says {
				require.Contains(t, got.stdout+got.stderr, text)
			}
		})
	}
	got := call(t, &fake{rolledBack: harness.RolledBack{Stack: "abc", Standing: true, Steps: put, Healthy: works}}, "rollback", "run", "--json")
	var result harness.RolledBack
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
	require.Equal(t, harness.RolledBack{Folder: "run", Stack: "abc", Standing: true, Steps: put, Healthy: works}, result)
	require.Equal(t, reports.ExitUsage, call(t, &fake{}, "rollback").code)
}
