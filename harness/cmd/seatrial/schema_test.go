package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/reports"
)

func TestSchema(t *testing.T) {
	got := call(t, &fake{}, "schema")
	require.Zero(t, got.code)
	for _, name := range strings.Fields(got.stdout) {
		got := call(t, &fake{}, "schema", name)
		require.Zero(t, got.code, got.stderr)
		var schema map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &schema))
		require.Contains(t, schema["$id"], name)
	}
	got = call(t, &fake{}, "schema", "runs")
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, `did you mean "run"?`)
	require.Equal(t, reports.ExitUsage, call(t, &fake{}, "schema", "run", "finding").code)
	require.Equal(t, reports.ExitUsage, call(t, &fake{}, "schema", "../run").code)
}
