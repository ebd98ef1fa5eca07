package observe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// confirmations reads the files in which the pipeline confirms records
// downstream. A file does not change after it got its name, so each is read
// once; what was read stays known even when the file is gone: a reader
// downstream has seen it too.
type confirmations struct {
	spec  pipeline.Confirmations
	wl    *workload.Workload
	sftp  server
	files map[string]*confirmed
}

// confirmed is what one file confirms.
type confirmed struct {
	size    int64
	changed int64 // modification time, seconds
	entries []confirmation
	gone    bool
}

type confirmation struct {
	number  int32
	version int32
	line    int32
	deleted bool
	key     string // where number is -1
}

func newConfirmations(spec pipeline.Confirmations, wl *workload.Workload, e stack.Endpoints) *confirmations {
	return &confirmations{spec: spec, wl: wl, sftp: server{endpoints: e}, files: map[string]*confirmed{}}
}

// look fills into with everything confirmed so far, reading new files only.
func (c *confirmations) look(ctx context.Context, into *sight) error {
	into.reset()
	err := c.refresh(ctx, false)
	for _, name := range c.names() {
		for _, e := range c.files[name].entries {
			into.add(int(e.number), int(e.version), e.deleted, []byte(e.key), nil)
		}
	}
	return err
}

// all reads every file there again and returns everything confirmed.
func (c *confirmations) all(ctx context.Context) ([]history.Entry, error) {
	err := c.refresh(ctx, true)
	var entries []history.Entry
	for _, name := range c.names() {
		file, remark := c.files[name], ""
		if file.gone {
			remark = " (seen earlier, gone at the end)"
		}
		for _, e := range file.entries {
			entry := history.Entry{Number: int(e.number), Version: int(e.version), Key: e.key, Op: workload.Upsert,
				Where: fmt.Sprintf("%s/%s line %d%s", c.spec.Dir, name, e.line, remark)}
			if e.deleted {
				entry.Op = workload.Deletion
			}
			entries = append(entries, entry)
		}
	}
	return entries, err
}

func (c *confirmations) names() []string {
	names := make([]string, 0, len(c.files))
	for name := range c.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// refresh lists the folder and reads what is new; everything if again.
func (c *confirmations) refresh(ctx context.Context, again bool) error {
	return c.sftp.with(ctx, func(s *stack.SFTPSession) error {
		infos, err := s.ReadDirContext(ctx, c.spec.Dir)
		if err != nil {
			return fmt.Errorf("list %s on SFTP: %w", c.spec.Dir, err)
		}
		present := map[string]bool{}
		for _, info := range infos {
			name := info.Name()
			if fits, err := path.Match(c.spec.Pattern, name); err != nil {
				return fmt.Errorf("confirmations: pattern %s: %w", c.spec.Pattern, err)
			} else if !fits || strings.HasPrefix(name, ".") || info.IsDir() {
				continue
			}
			present[name] = true
			known := c.files[name]
			if known != nil && !again && known.size == info.Size() && known.changed == info.ModTime().Unix() {
				known.gone = false
				continue
			}
			if err := c.read(s, name, info); errors.Is(err, fs.ErrNotExist) {
				continue // taken away between the list and the read
			} else if err != nil {
				return err
			}
		}
		for name, file := range c.files {
			file.gone = !present[name]
		}
		return nil
	})
}

func (c *confirmations) read(s *stack.SFTPSession, name string, info os.FileInfo) error {
	file, err := s.Open(path.Join(c.spec.Dir, name))
	if err != nil {
		return fmt.Errorf("open confirmation %s: %w", name, err)
	}
	defer file.Close()
	var content bytes.Buffer
	if _, err := file.WriteTo(&content); err != nil {
		return fmt.Errorf("read confirmation %s: %w", name, err)
	}
	entries, err := c.parse(content.Bytes())
	if err != nil {
		return fmt.Errorf("confirmation %s: %w", name, err)
	}
	c.files[name] = &confirmed{size: info.Size(), changed: info.ModTime().Unix(), entries: entries}
	return nil
}

// parse reads one file. A line that cannot be read is an entry that is none of
// this run's: it stands there.
func (c *confirmations) parse(content []byte) ([]confirmation, error) {
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord = -1
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	keyAt, versionAt, opAt := slices.Index(header, c.spec.Key), slices.Index(header, c.spec.Version), slices.Index(header, cmp.Or(c.spec.Operation, "op"))
	if keyAt < 0 {
		return nil, fmt.Errorf("its header %q has no column %s", strings.Join(header, ","), c.spec.Key)
	}
	at := func(record []string, column int) string {
		if column < 0 || column >= len(record) {
			return ""
		}
		return record[column]
	}
	var entries []confirmation
	for {
		record, err := reader.Read()
		if err == io.EOF {
			return entries, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			entries = append(entries, confirmation{number: -1, version: -1, line: int32(bad.Line), key: "a line that is no CSV"})
			continue
		} else if err != nil {
			return entries, err
		}
		line, _ := reader.FieldPos(0)
		e := confirmation{number: -1, version: int32(parseVersion([]byte(at(record, versionAt)))), line: int32(line), deleted: at(record, opAt) == cmp.Or(c.spec.Deletion, workload.Deletion)}
		if number, ok := c.wl.Number(at(record, keyAt)); ok {
			e.number = int32(number)
		} else {
			e.key = strings.Clone(at(record, keyAt))
		}
		entries = append(entries, e)
	}
}

func (c *confirmations) close() { c.sftp.close() }
