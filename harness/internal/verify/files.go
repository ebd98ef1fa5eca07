package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// Sent is a folder of files.
type Sent struct {
	Name   string // as people gave it
	Folder fs.ReadDirFS
	Format *workload.Format // nil: the reference layout
	// Deltas and Snapshots are patterns (path.Match) of file names instead of those
	// of the format; both empty: those.
	Deltas, Snapshots string
}

// sentFile is one file, and in the end what became of its rows.
type sentFile struct {
	name     string
	full     bool // keys that it leaves out are deleted
	number   int  // in its name; -1: it has none
	size     int64
	modified time.Time

	rows     int  // with copies of the same
	unread   bool // not all of it could be read
	hurt     int  // operations with a finding
	account  account
	statedAs []Statement
}

// list returns the files in the order in which they were sent, and what in the
// folder is none of them.
func (s Sent) list() (files []*sentFile, others []string, err error) {
	entries, err := s.Folder.ReadDir(".")
	if err != nil {
		return nil, nil, usage("read the folder %s: %w", s.Name, plain(err))
	}
	kind, err := s.naming()
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue // under way, or nobody's
		}
		info, err := entry.Info()
		if err != nil {
			return nil, nil, fmt.Errorf("read the folder %s: %w", s.Name, plain(err))
		}
		full, number, fits, err := kind(name)
		if err != nil {
			return nil, nil, err
		}
		if !fits || info.IsDir() {
			others = append(others, name)
			continue
		}
		files = append(files, &sentFile{name: name, full: full, number: number, size: info.Size(), modified: info.ModTime()})
	}
	if len(files) == 0 {
		return nil, nil, s.none(others)
	}
	slices.SortFunc(files, func(a, b *sentFile) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
	})
	return files, others, nil
}

// none says why there is nothing to compare with.
func (s Sent) none(others []string) error {
	if len(others) == 0 {
		return usage("the folder %s is empty: name the one that the files are archived in", s.Name)
	}
	want := fmt.Sprintf("%q", s.Deltas)
	if s.Deltas == "" {
		want = fmt.Sprintf("%q (records.files)", s.format().Names)
	}
	return usage("no file in %s is called as %s; there is %s: --files PATTERN says how they are called, as in --files '*.csv'", s.Name, want, some(others))
}

func (s Sent) format() *workload.Format {
	if s.Format == nil {
		return &workload.Format{Names: "{number}-delta-{tag}.csv", SnapshotNames: "{number}-full-{tag}.csv"}
	}
	return s.Format
}

// naming returns what tells from a name what a file is.
func (s Sent) naming() (func(name string) (full bool, number int, fits bool, err error), error) {
	if s.Deltas+s.Snapshots == "" {
		delta, snapshot := named(s.format().Names), named(s.format().SnapshotNames)
		return func(name string) (bool, int, bool, error) {
			isDelta, number := delta(name)
			full, other := snapshot(name)
			if isDelta && full {
				return false, 0, false, usage("%s may be a full file or not, by records.files and records.snapshots: --files and --snapshots tell them apart", name)
			}
			return full, max(number, other), isDelta || full, nil
		}, nil
	}
	for _, pattern := range []string{s.Deltas, s.Snapshots} {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, usage("%q is no pattern for names: %w", pattern, err)
		}
	}
	return func(name string) (bool, int, bool, error) {
		delta, _ := path.Match(s.Deltas, name)
		full, _ := path.Match(s.Snapshots, name)
		if delta && full {
			return false, 0, false, usage("%s fits both --files and --snapshots: is it a full file or not?", name)
		}
		return full, -1, delta || full, nil
	}, nil
}

// named returns what recognises names that were made from a pattern of a format.
func named(pattern string) func(name string) (fits bool, number int) {
	if pattern == "" {
		return func(string) (bool, int) { return false, -1 }
	}
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.Replace(quoted, regexp.QuoteMeta("{number}"), `(\d+)`, 1)
	quoted = strings.ReplaceAll(quoted, regexp.QuoteMeta("{number}"), `\d+`)
	quoted = strings.ReplaceAll(quoted, regexp.QuoteMeta("{tag}"), `[0-9A-Za-z]+`)
	expression := regexp.MustCompile("^" + quoted + "$")
	return func(name string) (bool, int) {
		found := expression.FindStringSubmatch(name)
		if found == nil {
			return false, -1
		}
		number, err := strconv.Atoi(found[1])
		if err != nil {
			return true, -1
		}
		return true, number
	}
}

// plain takes the path out of a file system's error: people know the folder by the
// name that they gave.
func plain(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// some names a few of many.
func some(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// readSent reads all files. What of them cannot be read is noted: it makes the
// comparison unknown, and never ends it.
func (c *comparison) readSent(ctx context.Context) error {
	order := uint64(0)
	for i, file := range c.files {
		if file.full {
			c.snapshots = append(c.snapshots, i)
		}
		if file.size == 0 {
			continue // without a byte it says nothing
		}
		if err := c.readFile(ctx, i, &order); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) readFile(ctx context.Context, index int, order *uint64) error {
	file := c.files[index]
	content, err := c.in.Sent.Folder.Open(file.name)
	if err != nil {
		c.unread(file, fmt.Sprintf("file %s could not be opened (%v)", file.name, plain(err)))
		return nil
	}
	defer content.Close()
	decoder, err := c.in.Sent.Format.NewDecoder(content)
	if err != nil {
		return usage("%w", err)
	}
	record, doing := spill.Record{File: index}, fmt.Sprintf("file %d of %d", index+1, len(c.files))
	for {
		row, err := decoder.Next()
		var bad *workload.Unreadable
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			file.rows++
			c.unread(file, fmt.Sprintf("file %s, %v", file.name, bad))
			continue
		case err != nil:
			c.unread(file, fmt.Sprintf("file %s could not be read to its end (%v)", file.name, plain(err)))
			return context.Cause(ctx)
		}
		file.rows++
		*order++
		record.Key, record.Version, record.Order = append(record.Key[:0], row.Key...), row.Version, *order
		record.Deleted, record.Line, record.Content = row.Delete, row.Line, row.Content
		for at, value := range row.Content {
			c.said[at] = c.said[at] || value.Text != ""
		}
		if err := c.sent.Add(&record); err != nil {
			return err
		}
		c.progress(doing, c.sent.Len())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// unread notes that something of a file is not known.
func (c *comparison) unread(file *sentFile, why string) {
	file.unread = true
	if c.unreadable++; len(c.unreadables) < 3 {
		c.unreadables = append(c.unreadables, why)
	}
}

// moved reports what of the folder has changed since it was listed.
func (c *comparison) moved() string {
	files, _, err := c.in.Sent.list()
	if err != nil {
		return "the folder " + c.in.Sent.Name + " cannot be listed any more"
	}
	same := func(a, b *sentFile) bool {
		return a.name == b.name && a.size == b.size && a.modified.Equal(b.modified)
	}
	for i, file := range c.files {
		if i >= len(files) || !same(file, files[i]) {
			return "the folder " + c.in.Sent.Name + " changed while it was read (" + file.name + ")"
		}
	}
	if len(files) > len(c.files) {
		return "the folder " + c.in.Sent.Name + " changed while it was read (" + files[len(c.files)].name + ")"
	}
	return ""
}
