package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the README's generated table anew")

const (
	readme     = "../../../README.md"
	tableBegin = "<!-- scenarios: bin/seatrial list --markdown -->\n"
	tableEnd   = "<!-- end of scenarios -->"
)

// TestReadmeTable: the README's table of scenarios is what the command prints.
// `go test ./harness/cmd/seatrial -run ReadmeTable -update` writes it anew.
func TestReadmeTable(t *testing.T) {
	var table bytes.Buffer
	a := &app{stdout: &table, world: realWorld()}
	command := a.listCommand()
	command.SetArgs([]string{"--markdown"})
	require.NoError(t, command.Execute())

	raw, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), tableBegin)
	require.True(t, found, "README.md has no line %q", tableBegin)
	written, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found, "README.md has no line %q", tableEnd)
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+tableBegin+table.String()+tableEnd+after), 0o644))
		return
	}
	require.Equal(t, table.String(), written, "write it anew: go test ./harness/cmd/seatrial -run ReadmeTable -update")
}
