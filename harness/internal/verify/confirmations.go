package verify

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// Confirmations returns the place of the files in a folder in which the pipeline
// confirms records downstream.
func Confirmations(spec pipeline.Confirmations, folder fs.ReadDirFS) *Place {
	c := &confirmations{spec: spec, folder: folder}
	place := &Place{Name: history.Confirmations, Changed: c.changed}
	place.Read = func(ctx context.Context, add func(*spill.Record) error) error {
		err := c.read(ctx, add)
		place.Wordless = !c.worded
		return err
	}
	return place
}

type confirmations struct {
	spec   pipeline.Confirmations
	folder fs.ReadDirFS
	before []string
	worded bool // some file has the column of operations
}

// list returns the names of the files, and name, size and time of each.
func (c *confirmations) list() (names, marks []string, err error) {
	entries, err := c.folder.ReadDir(".")
	if err != nil {
		return nil, nil, fmt.Errorf("list the confirmations: %w", plain(err))
	}
	for _, entry := range entries {
		fits, err := path.Match(c.spec.Pattern, entry.Name())
		if err != nil || !fits || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, nil, fmt.Errorf("list the confirmations: %w", plain(err))
		}
		names = append(names, entry.Name())
		marks = append(marks, fmt.Sprint(entry.Name(), info.Size(), info.ModTime().UnixNano()))
	}
	return names, marks, nil
}

func (c *confirmations) changed(context.Context) (string, error) {
	_, after, err := c.list()
	if err != nil || slices.Equal(after, c.before) {
		return "", err
	}
	return "its files are not the same any more", nil
}

func (c *confirmations) read(ctx context.Context, add func(*spill.Record) error) (err error) {
	var names []string
	if names, c.before, err = c.list(); err != nil {
		return err
	}
	for _, name := range names {
		if err := c.file(ctx, name, add); err != nil {
			return err
		}
	}
	return nil
}

func (c *confirmations) file(ctx context.Context, name string, add func(*spill.Record) error) error {
	file, err := c.folder.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, plain(err))
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord, reader.ReuseRecord = -1, true
	header, err := reader.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return c.failed(name, err)
	}
	keyAt, versionAt, wordAt := slices.Index(header, c.spec.Key), slices.Index(header, c.spec.Version), slices.Index(header, cmp.Or(c.spec.Operation, "op"))
	if keyAt < 0 {
		return usage("confirmation %s has no column %s, which expect.confirmations.key names: mend it", name, c.spec.Key)
	}
	c.worded = c.worded || wordAt >= 0
	at := func(record []string, column int) string {
		if column < 0 || column >= len(record) {
			return ""
		}
		return record[column]
	}
	for ctx.Err() == nil {
		record, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return c.failed(name, err)
		}
		line, _ := reader.FieldPos(0)
		err = add(&spill.Record{
			Key: []byte(at(record, keyAt)), Version: number([]byte(at(record, versionAt))), Line: line,
			Deleted: at(record, wordAt) == cmp.Or(c.spec.Deletion, workload.Deletion), Where: fmt.Appendf(nil, "%s line %d", name, line),
		})
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (c *confirmations) failed(name string, err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return fmt.Errorf("confirmation %s line %d is no CSV", name, bad.Line)
	}
	return fmt.Errorf("read confirmation %s: %w", name, plain(err))
}
