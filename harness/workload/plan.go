package workload

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kind says what a file is for.
type Kind string

// The kinds of files.
const (
	Control  Kind = "control"  // passes before anything is broken
	Trial    Kind = "trial"    // what the run is about
	Sentinel Kind = "sentinel" // passes after everything was healed
)

// Acceptability is what a careful import does with a row.
type Acceptability uint8

// The acceptabilities of rows.
const (
	Acceptable Acceptability = iota // it must be applied
	Rejectable                      // it must be rejected, with a trace
	Either                          // both are right
)

func (a Acceptability) String() string {
	return [...]string{"acceptable", "rejectable", "either"}[a]
}

// File is one file of the workload.
type File struct {
	Index int    // position in Files: 0 the control, then the trial, then the sentinel
	Seq   int    // number in the name: the order in which files were written
	Name  string // name on the server, without folder
	Kind  Kind
	Full  bool // a snapshot: keys that it leaves out are deleted
	// Ops are the rows in the order of the file, then the implied deletions.
	Ops []Op
	// Copies are rows (positions in Ops) that stand a second time at the end of
	// the file: one operation, two rows.
	Copies []int32 `json:",omitempty"`
	BOM    bool    `json:",omitempty"` // begins with a byte order mark
	CRLF   bool    `json:",omitempty"` // CRLF at the ends of lines
	Blank  bool    `json:",omitempty"` // has no byte at all
}

// Rows is the number of rows of the file, copies included, without header and
// trailer.
func (f File) Rows() int { return f.own() + len(f.Copies) }

// own is the number of rows without copies.
func (f File) own() int {
	rows := len(f.Ops)
	for rows > 0 && f.Ops[rows-1].Implied {
		rows--
	}
	return rows
}

// Weight is how many rows of the file are about the operation at position i
// of Ops: 0 for a deletion by absence, 2 for a row that stands there twice.
func (f File) Weight(i int) int {
	if f.Ops[i].Implied {
		return 0
	}
	if slices.Contains(f.Copies, int32(i)) {
		return 2
	}
	return 1
}

// Op is an operation: what is judged. 16 bytes, so that plans of ten million
// fit into memory.
type Op struct {
	Number  int32 // of the record: 0, 1, 2, … without gaps over the workload
	Version int32 // 1, 2, … per record; an implied deletion counts as a version that no file shows
	Line    int32 // physical line in the file where the row begins, the header being 1; 0 for implied deletions
	Delete  bool
	Implied bool // a deletion by absence from a full file
	Accept  Acceptability
	Twist   Twist `json:",omitempty"` // what is hostile in its row
}

// Workload is a planned workload. It is not changed after New: safe for
// concurrent use.
type Workload struct {
	Config  Config
	Files   []File
	records int
}

// Records is the number of records: numbers are 0 to Records-1.
func (w *Workload) Records() int { return w.records }

// Operations is the number of operations of all files, implied ones included.
func (w *Workload) Operations() int {
	sum := 0
	for _, file := range w.Files {
		sum += len(file.Ops)
	}
	return sum
}

// Read plans the files of a configuration in JSON, as a run's header has it.
func Read(config []byte) (*Workload, error) {
	var c Config
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	return New(c)
}

// New plans all files. Equal configurations give equal workloads.
func New(config Config) (*Workload, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.filled()
	w := &Workload{Config: config}
	p := &planner{w: w, random: random(mix(config.Seed ^ 0x706c616e)), corrected: map[int32]bool{}}
	w.Files = make([]File, 0, config.Files+2)
	p.add(Control, false, p.inserts(nil, config.Control))
	for i := 1; i <= config.Files; i++ {
		switch {
		case w.full(i):
			p.add(Trial, true, p.snapshot())
		case hits(config.Hostile.EmptyEvery, i, emptyFrom) || w.blank(i):
			p.add(Trial, false, nil)
		case i == 1 && config.HugeFile > 0:
			p.add(Trial, false, p.delta(true, config.HugeFile))
		case w.sameName(i) && config.RecordsPerFile > 1:
			// Another number of rows tells it from the file whose name it has.
			p.add(Trial, false, p.delta(false, config.RecordsPerFile-1))
		default:
			p.add(Trial, false, p.delta(i == 1, config.RecordsPerFile))
		}
		p.spoil(i)
		if p.operations > MaxRecords {
			return nil, fmt.Errorf("workload: full files make more than %d operations: take fewer or smaller files", MaxRecords)
		}
	}
	p.add(Sentinel, false, p.inserts(nil, config.Sentinel))
	w.records = len(p.version)
	return w, nil
}

// planner keeps what is true after the files planned so far.
type planner struct {
	w          *Workload
	random     random
	version    []int32        // last version by record number
	exists     []bool         // false after a rejectable insert
	live       []int32        // numbers that are not deleted, in no order
	deleted    []int32        // numbers that are, in no order; kept only where some come back
	corrected  map[int32]bool // in the file being planned: came to exist by an update
	operations int
	// Percentages of small files are fractions of rows: what was left over is
	// carried to the next file.
	updates, deletes, rejects, recreates int
	twists                               [twistCount]int
	hugeFields                           int // so far
}

func (p *planner) inserts(ops []Op, count int) []Op {
	for range count {
		number := int32(len(p.version))
		p.version = append(p.version, 1)
		p.exists = append(p.exists, true)
		p.live = append(p.live, number)
		ops = append(ops, Op{Number: number, Version: 1})
	}
	return ops
}

// share returns percent of rows, carrying hundredths.
func share(carry *int, rows, percent int) int {
	*carry += rows * percent
	whole := *carry / 100
	*carry %= 100
	return whole
}

func (p *planner) delta(first bool, rows int) []Op {
	c := p.w.Config
	ops := make([]Op, 0, rows)
	before := len(p.live)
	gone := len(p.deleted) // before this file: none comes back in the file that deletes it
	if !first {
		deletes := min(share(&p.deletes, rows, c.DeletePercent), before)
		for range deletes {
			number, ok := p.pick(before)
			before--
			if !ok { // never came to exist: nothing to delete, so it is corrected instead
				ops = append(ops, p.update(number))
				continue
			}
			p.drop(before)
			p.version[number]++
			ops = append(ops, Op{Number: number, Version: p.version[number], Delete: true})
		}
		updates := min(share(&p.updates, rows, c.UpdatePercent), before)
		for range updates {
			number, _ := p.pick(before)
			before--
			ops = append(ops, p.update(number))
		}
		for range min(share(&p.recreates, rows, c.RecreatePercent), gone) {
			gone--
			ops = append(ops, p.recreate(gone))
		}
	}
	ops = p.inserts(ops, rows-len(ops))
	p.shuffle(ops)
	p.reject(ops)
	p.twist(ops)
	return ops
}

// recreate brings one of the first n+1 deleted numbers back.
func (p *planner) recreate(n int) Op {
	i := p.random.below(n + 1)
	number, last := p.deleted[i], len(p.deleted)-1
	p.deleted[i] = p.deleted[n]
	p.deleted[n] = p.deleted[last]
	p.deleted = p.deleted[:last]
	p.live = append(p.live, number)
	p.exists[number] = false // update makes it exist again
	return p.update(number)
}

// pick chooses one of the first n live numbers and moves it behind them. It
// says whether the record exists.
func (p *planner) pick(n int) (int32, bool) {
	i := p.random.below(n)
	p.live[i], p.live[n-1] = p.live[n-1], p.live[i]
	return p.live[n-1], p.exists[p.live[n-1]]
}

// drop removes the live number at position i.
func (p *planner) drop(i int) {
	last := len(p.live) - 1
	if p.w.Config.RecreatePercent > 0 {
		p.deleted = append(p.deleted, p.live[i])
	}
	p.live[i] = p.live[last]
	p.live = p.live[:last]
}

func (p *planner) update(number int32) Op {
	p.version[number]++
	if !p.exists[number] {
		p.exists[number] = true
		p.corrected[number] = true
	}
	return Op{Number: number, Version: p.version[number]}
}

func (p *planner) reject(ops []Op) {
	upserts := 0
	for _, op := range ops {
		if !op.Delete {
			upserts++
		}
	}
	wanted := share(&p.rejects, upserts, p.w.Config.RejectPercent)
	for i := range ops {
		if ops[i].Delete {
			continue
		}
		if p.random.below(upserts) < wanted {
			ops[i].Accept = Rejectable
			wanted--
			if ops[i].Version == 1 || p.corrected[ops[i].Number] {
				p.exists[ops[i].Number] = false
			}
		}
		upserts--
	}
}

// snapshot holds every live record again, less some that are thereby deleted,
// and new ones where that makes less than an ordinary file.
func (p *planner) snapshot() []Op {
	c := p.w.Config
	leave := share(&p.deletes, len(p.live), c.DeletePercent)
	ops := make([]Op, 0, max(len(p.live), c.RecordsPerFile))
	var implied []Op
	before := len(p.live)
	for range leave {
		number, existed := p.pick(before)
		before--
		p.drop(before)
		p.version[number]++
		if existed { // what never came to exist is left out without a deletion
			implied = append(implied, Op{Number: number, Version: p.version[number], Delete: true, Implied: true})
		}
	}
	for _, number := range p.live {
		ops = append(ops, p.update(number))
	}
	ops = p.inserts(ops, c.RecordsPerFile-len(ops))
	p.shuffle(ops)
	return append(ops, implied...)
}

func (p *planner) shuffle(ops []Op) {
	for i := len(ops) - 1; i > 0; i-- {
		j := p.random.below(i + 1)
		ops[i], ops[j] = ops[j], ops[i]
	}
}

func (p *planner) add(kind Kind, full bool, ops []Op) {
	index := len(p.w.Files)
	number := p.w.Config.FirstNumber + index
	word, ending := "delta", ""
	if full {
		word = "full"
	}
	if kind != Trial {
		ending = "-" + string(kind)
	}
	line := p.w.Config.Format.firstLine()
	for i := range ops {
		if ops[i].Implied {
			break
		}
		ops[i].Line = line
		line += 1 + p.breaks(ops[i])
	}
	p.operations += len(ops)
	clear(p.corrected)
	p.w.Files = append(p.w.Files, File{
		Index: index, Seq: number, Kind: kind, Full: full, Ops: ops,
		Name: p.name(number, full, fmt.Sprintf("%06d-%s-%s%s.csv", number, word, p.w.Config.Tag, ending)),
	})
}

// name is what a file is called; plain is its name in the reference layout.
func (p *planner) name(number int, full bool, plain string) string {
	f := p.w.Config.Format
	if f == nil {
		return plain
	}
	pattern := f.Names
	if full {
		pattern = f.SnapshotNames
	}
	return strings.NewReplacer("{number}", fmt.Sprintf("%06d", number), "{tag}", p.w.Config.Tag).Replace(pattern)
}

// breaks counts the line feeds inside the fields of a row without generating
// it. Only these two fields have any; a test holds Encode against it.
func (p *planner) breaks(op Op) int32 {
	if f := p.w.Config.Format; f != nil {
		return p.w.breaksAs(f, op)
	}
	if op.Delete {
		return 0
	}
	g := content{seed: p.w.Config.Seed, number: uint64(op.Number), version: uint64(op.Version)}
	inEmployer := int32(employers.breaks[g.step(employer, employers.len())])
	if op.Twist.replacesNote() {
		return inEmployer
	}
	return int32(notes.breaks[g.step(note, notes.len())]) + inEmployer
}
