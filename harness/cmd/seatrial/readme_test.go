package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the README's generated tables anew")

const (
	readme = "../../../README.md"
	// lastMatrix is the last whole matrix that somebody found worth keeping.
	lastMatrix = "reports/matrix.json"
)

// TestReadmeExample: the README shows the example's test as it stands and runs
// there, and that fits on one screen.
func TestReadmeExample(t *testing.T) {
	const name = "fixtures/pipelines/example/import_test.go"
	begin, end := "<!-- "+name+" -->\n```go\n", "```\n"
	code, err := os.ReadFile(filepath.Join(filepath.Dir(readme), name))
	require.NoError(t, err)
	raw, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	require.True(t, found, "README.md has no lines %q", begin)
	shown, after, found := strings.Cut(rest, end)
	require.True(t, found, "README.md has no end of the example's code")
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+begin+string(code)+end+after), 0o644))
		return
	}
	require.Equal(t, string(code), shown, "write it anew: go test ./harness/cmd/seatrial -run ReadmeExample -update")
	require.LessOrEqual(t, strings.Count(shown, "\n"), 50)
}

// TestReadmeTables: the README's tables of scenarios and of defects are what
// the command prints. `go test ./harness/cmd/seatrial -run ReadmeTables -update`
// writes them anew.
func TestReadmeTables(t *testing.T) {
	matrix := filepath.Join(filepath.Dir(readme), lastMatrix)
	for _, table := range []struct {
		begin, end string
		args       []string
	}{
		{"<!-- scenarios: bin/seatrial list --markdown -->\n", "<!-- end of scenarios -->", []string{"--markdown"}},
		{"<!-- defects: bin/seatrial list --defects --markdown --matrix " + lastMatrix + " -->\n", "<!-- end of defects -->",
			[]string{"--defects", "--markdown", "--matrix", matrix}},
	} {
		var printed bytes.Buffer
		a := &app{stdout: &printed, world: realWorld()}
		command := a.listCommand()
		command.SetArgs(table.args)
		require.NoError(t, command.Execute())

		raw, err := os.ReadFile(readme)
		require.NoError(t, err)
		before, rest, found := strings.Cut(string(raw), table.begin)
		require.True(t, found, "README.md has no line %q", table.begin)
		written, after, found := strings.Cut(rest, table.end)
		require.True(t, found, "README.md has no line %q", table.end)
		if *update {
			require.NoError(t, os.WriteFile(readme, []byte(before+table.begin+printed.String()+table.end+after), 0o644))
			continue
		}
		require.Equal(t, printed.String(), written, "write it anew: go test ./harness/cmd/seatrial -run ReadmeTables -update")
	}
}
