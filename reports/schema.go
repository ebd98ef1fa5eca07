package reports

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// The schemas of what machines read (JSON Schema, draft 2020-12). They forbid no
// names that they do not know: more may be added to the files.
//
//go:embed schema/*.json
var schemas embed.FS

// SchemaNames returns the names of the schemas: run, finding, repair, …
func SchemaNames() []string {
	files, _ := fs.Glob(schemas, "schema/*.json") // the pattern is right
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(path.Base(file), ".json")
	}
	return names
}

// Schema returns the schema of that name; false: there is none.
func Schema(name string) ([]byte, bool) {
	raw, err := schemas.ReadFile("schema/" + name + ".json")
	return raw, err == nil
}
