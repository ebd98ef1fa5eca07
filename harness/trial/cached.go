package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// neverCached keeps the go command from answering the next `go test` with this
// result: it does not see what the result rests on (images, services, the
// pipeline's sources) and would say "ok (cached)" of a pipeline that has changed.
// It caches no test that opened a file which is younger than two seconds, in the
// module of the test (cmd/go: computeTestInputsID); one from tomorrow is.
// A folder outside the module cannot do that: there it takes -count=1.
func neverCached(out string) error {
	const note = "Kept young by package trial, so that go test does not take these runs from its cache.\n"
	path, tomorrow := filepath.Join(out, ".uncached"), time.Now().Add(24*time.Hour)
	err := os.WriteFile(path, []byte(note), 0o600)
	if err == nil {
		err = os.Chtimes(path, tomorrow, tomorrow)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no folder: nothing was run
		return fmt.Errorf("keep go test from caching the result: %w", err)
	}
	return nil
}
