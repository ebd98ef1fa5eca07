package verify

import (
	"context"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// Inputs are what is compared. Of Rows and Documents one must be there; what is nil
// is not judged.
type Inputs struct {
	Sent          Sent
	Rows          *Place
	Documents     *Place
	Confirmations *Place
	Rejects       *Place
	Status        Status
	// EndSnapshot is called once rows, rejects and status, which belong to one
	// moment, were read; nil: nothing has to be ended.
	EndSnapshot func(context.Context) error
}

// Options say how.
type Options struct {
	// Spill is the folder for temporary files; empty: the system's.
	Spill string
	// Complete says that the files are everything that was ever sent: what stands
	// under any other key is then unexpected.
	Complete bool
	// ShowValues puts contents into the evidence, instead of digests.
	ShowValues bool
	// Progress is told how far it is, every few seconds; nil: nobody is.
	Progress func(string)
}

// Result is what was found. Findings in it are some of every class; all of them
// come from WriteFindings.
type Result struct {
	check.Result
	SentFiles, SentRecords         int
	Rows, Documents, Confirmations int // that were read
	Found                          int // findings
	SpilledBytes                   int64

	found *findings
}

// WriteFindings writes all findings as findings.jsonl has them.
func (r Result) WriteFindings(w io.Writer) error {
	if r.found == nil { // nothing was compared
		return nil
	}
	return r.found.writeTo(w)
}

// Close gives the room on disk back that the findings have.
func (r Result) Close() {
	if r.found != nil {
		r.found.close()
	}
}

// comparison is the work of one Compare.
type comparison struct {
	in      Inputs
	options Options

	files     []*sentFile
	snapshots []int // in files
	others    []string
	sent      *spill.Sorter
	places    map[string]*reading // by name

	// What keeps anything from being proved:
	unreadable  int               // parts of files
	unreadables []string          // the first of them
	partial     map[string]string // places that were not read completely, and why
	moving      []string          // what changed meanwhile

	said    []bool // by position in workload.Fields: some record says something of it
	judging *judging
	told    time.Time
}

// reading is a place and what was read of it.
type reading struct {
	*Place
	sorter  *spill.Sorter
	keyless int
	shown   []bool // fields of which some record shows something
}

// Compare reads everything and judges it. An error says why nothing can be said at
// all; what could not be read completely makes the verdict unknown.
func Compare(ctx context.Context, in Inputs, o Options) (result Result, err error) {
	c := &comparison{in: in, options: o, places: map[string]*reading{}, partial: map[string]string{}, said: make([]bool, len(workload.Fields))}
	if c.files, c.others, err = in.Sent.list(); err != nil {
		return Result{}, err
	}
	c.sent = spill.New(o.Spill)
	defer c.close()
	if err := c.readSent(ctx); err != nil {
		return Result{}, err
	}
	if err := c.readPlaces(ctx); err != nil {
		return Result{}, err
	}
	if err := c.shown(); err != nil {
		return Result{}, err
	}
	if err := c.changed(ctx); err != nil {
		return Result{}, err
	}
	c.judging = newJudging(c)
	if err := c.judging.join(ctx); err != nil {
		c.judging.found.close()
		return Result{}, err
	}
	return c.judging.result()
}

func (c *comparison) close() {
	c.sent.Close()
	for _, r := range c.places {
		r.sorter.Close()
	}
}

// progress tells how far it is, at most every two seconds.
func (c *comparison) progress(what string, n int) {
	if c.options.Progress == nil || n%1024 != 0 || time.Since(c.told) < 2*time.Second {
		return
	}
	c.told = time.Now()
	c.options.Progress(what + ": " + grouped(n) + " records")
}

// readPlaces reads all places in the order of the data's way.
func (c *comparison) readPlaces(ctx context.Context) error {
	for _, place := range []*Place{c.in.Rejects, c.in.Rows} {
		if err := c.read(ctx, place); err != nil {
			return err
		}
	}
	if err := c.status(ctx); err != nil {
		return err
	}
	if end := c.in.EndSnapshot; end != nil {
		if err := end(ctx); err != nil && len(c.partial) == 0 {
			return err
		}
	}
	for _, place := range []*Place{c.in.Documents, c.in.Confirmations} {
		if err := c.read(ctx, place); err != nil {
			return err
		}
	}
	return nil
}

// read reads one place, if it is there. That it could not be read completely is noted.
func (c *comparison) read(ctx context.Context, place *Place) error {
	if place == nil {
		return nil
	}
	r := &reading{Place: place, sorter: spill.New(c.options.Spill), shown: make([]bool, len(workload.Fields))}
	c.places[place.Name] = r
	order, untold := uint64(0), 0
	var spilling error
	err := place.Read(ctx, func(record *spill.Record) error {
		for at, value := range record.Content {
			r.shown[at] = r.shown[at] || value.There
		}
		if len(record.Key) == 0 {
			r.keyless++
			return nil
		}
		if order++; record.Version < 0 && len(place.Fields) == 0 && !record.Deleted {
			untold++
		}
		record.Order = order
		c.progress(place.Name, r.sorter.Len()+1)
		spilling = r.sorter.Add(record)
		return spilling
	})
	switch {
	case spilling != nil:
		return spilling
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && isUsage(err):
		return err
	case err != nil:
		c.partial[place.Name] = "could not be read completely (" + err.Error() + ")"
	case untold > 0 && (place.Name == history.Rows || place.Name == history.Documents):
		c.partial[place.Name] = fmt.Sprintf("has %s without a version, and shows no content that would tell it", count(untold, "record", "records"))
	}
	return nil
}

// shown refuses a place of which no record shows what the description names:
// everything in it would seem to be wrong.
func (c *comparison) shown() error {
	for _, place := range []struct{ name, key string }{{history.Rows, "expect.rows"}, {history.Documents, "expect.documents"}} {
		r := c.places[place.name]
		if r == nil || r.sorter.Len()+r.keyless == 0 || c.partial[place.name] != "" {
			continue
		}
		if r.sorter.Len() == 0 {
			return usage("none of %s %s has the key that %s.key names: mend it", grouped(r.keyless), place.name, place.key)
		}
		for _, at := range r.Fields {
			if c.said[at] && !r.shown[at] {
				name := c.in.Sent.Format.Shown(workload.Fields[at].Name)
				return usage("none of %s %s shows anything of the field %s: mend %s.fields, or leave it out there if the pipeline does not keep it", grouped(r.sorter.Len()), place.name, name, place.key)
			}
		}
	}
	return nil
}

// changed looks whether anything moved while it was read: then what is not where
// it belongs may just not have come there yet.
func (c *comparison) changed(ctx context.Context) error {
	if moved := c.moved(); moved != "" {
		c.moving = append(c.moving, moved)
	}
	for _, name := range []string{history.Rows, history.Documents, history.Confirmations} {
		r := c.places[name]
		if r == nil || r.Changed == nil || c.partial[name] != "" {
			continue
		}
		what, err := r.Changed(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			c.partial[name] = "could not be looked at again (" + err.Error() + ")"
		case what != "":
			c.moving = append(c.moving, "the place "+name+" changed while everything was read ("+what+")")
		}
	}
	return nil
}

// status reads what the import says of the files here; of others nothing is kept.
func (c *comparison) status(ctx context.Context) error {
	if c.in.Status == nil {
		return nil
	}
	byName := map[string]*sentFile{}
	for _, file := range c.files {
		byName[file.name] = file
	}
	err := c.in.Status(ctx, func(s Statement) {
		if file := byName[path.Base(s.File)]; file != nil {
			file.statedAs = append(file.statedAs, s)
		}
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		c.partial[history.Status] = "could not be read completely (" + err.Error() + ")"
	}
	return nil
}
