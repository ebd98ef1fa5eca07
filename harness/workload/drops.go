package workload

import "slices"

// How is how a file is dropped.
type How string

// The ways of dropping a file.
const (
	Whole  How = "whole"  // as the workload's files are: renamed to its name, or in place
	Cut    How = "cut"    // in place, up to Begin; then the connection dies
	Repeat How = "repeat" // in place, from the beginning, after it was cut
	Start  How = "start"  // in place, up to Begin; the file stays open
	Finish How = "finish" // the rest of it
	Again  How = "again"  // as Whole, a second time
)

// Drop is one act of the sender on one file of the trial.
type Drop struct {
	File int // index in Files
	How  How
	// After names a file of the trial that must have been taken from where it
	// was dropped before this begins; 0: none.
	After int
}

// Drops are the acts of the sender that make up the trial, in order. Every
// file is dropped whole once, by the last of its acts but Again.
func (w *Workload) Drops() []Drop {
	trial := w.Files[1 : len(w.Files)-1]
	order := make([]int, 0, len(trial))
	for i := range trial {
		order = append(order, i+1)
	}
	for i := 1; i < len(trial); i++ {
		if w.late(i) {
			order[i-1], order[i] = i+1, i
		}
	}
	var drops, later []Drop
	for _, i := range order {
		switch {
		case w.cut(i):
			drops = append(drops, Drop{File: i, How: Cut})
			later = append(later, Drop{File: i, How: Repeat})
		case w.slow(i):
			drops = append(drops, Drop{File: i, How: Start})
			later = append(later, Drop{File: i, How: Finish})
		default:
			drop := Drop{File: i, How: Whole}
			if w.sameName(i) {
				drop.After = i - 1
			} else if w.late(i) {
				drop.After = i + 1
			}
			drops = append(drops, drop)
			if w.blank(i) {
				continue // nobody need take it
			}
			for _, waiting := range later {
				if waiting.How != Again {
					waiting.After = i
				}
				drops = append(drops, waiting)
			}
			later = later[:0]
			if hits(w.Config.Uploads.AgainEvery, i, againFrom) {
				later = append(later, Drop{File: i, How: Again, After: i})
			}
		}
	}
	return append(drops, later...)
}

// last is the number of the trial's last file.
func (w *Workload) last() int { return w.Config.Files }

// A file of which something is to be seen in the middle of its upload must have
// one after it.
func (w *Workload) cut(i int) bool {
	return i < w.last() && hits(w.Config.Uploads.CutEvery, i, cutFrom) && !w.blank(i)
}

func (w *Workload) slow(i int) bool {
	return i < w.last() && hits(w.Config.Uploads.SlowEvery, i, slowFrom) && !w.cut(i) && !w.blank(i)
}

// ordinary reports whether file i comes in one go, and is to be taken.
func (w *Workload) ordinary(i int) bool { return !w.cut(i) && !w.slow(i) && !w.blank(i) }

// blank reports whether file i has no byte.
func (w *Workload) blank(i int) bool {
	h := w.Config.Hostile
	return hits(h.BlankEvery, i, blankFrom) && !hits(h.EmptyEvery, i, emptyFrom) && !w.full(i)
}

func (w *Workload) full(i int) bool { return w.Config.FullEvery > 0 && i%w.Config.FullEvery == 0 }

// sameName reports whether file i has the name of the one before it, which
// must be of the same kind.
func (w *Workload) sameName(i int) bool {
	every := w.Config.Uploads.SameNameEvery
	return i > 1 && hits(every, i, sameNameFrom) && (every > 1 || i%2 == 0) && w.ordinary(i) && w.ordinary(i-1) && w.full(i) == w.full(i-1)
}

// late reports whether file i comes after the one that was written after it.
func (w *Workload) late(i int) bool {
	late := func(i int) bool {
		return i < w.last() && hits(w.Config.Uploads.LateEvery, i, lateFrom) && w.ordinary(i) && w.ordinary(i+1) && !w.sameName(i) && !w.sameName(i+1)
	}
	// With every file late they would only change places all along.
	return late(i) && !(i > 1 && w.Config.Uploads.LateEvery == 1 && i%2 == 0)
}

// Trait is something unusual that a drop carries: what a fault in the data or
// in the uploads is proved by.
type Trait string

// The traits of drops. The files of the first group carry them in every drop
// of theirs; the others belong to one way of dropping.
const (
	Poison       Trait = "poison rows"
	BadEncoding  Trait = "rows that are not UTF-8"
	ZeroBytes    Trait = "rows with a zero byte"
	HugeFields   Trait = "rows with a huge field"
	Markups      Trait = "rows with formulas, HTML and control characters"
	MixedTypes   Trait = "rows with values of mixed types"
	Marked       Trait = "a byte order mark"
	CRLFs        Trait = "CRLF at the ends of lines"
	Empty        Trait = "no rows"
	Blank        Trait = "no byte"
	Copied       Trait = "rows that stand there twice"
	HugeFiles    Trait = "a huge number of rows"
	Returning    Trait = "records that were deleted before"
	SameNamed    Trait = "the name of another file"
	Late         Trait = "a number below that of a file sent before"
	BrokenOff    Trait = "an upload that was broken off"
	Slow         Trait = "a slow upload"
	DroppedAgain Trait = "a second drop"
)

// Carries reports whether a drop carries a trait.
func (w *Workload) Carries(d Drop, trait Trait) bool {
	file := w.Files[d.File]
	row := func(is func(Op) bool) bool { return slices.ContainsFunc(file.Ops, is) }
	twist := func(t Twist) bool { return row(func(op Op) bool { return op.Twist == t }) }
	switch trait {
	case Poison:
		return row(func(op Op) bool { return op.Accept == Rejectable && op.Twist == Plain })
	case BadEncoding:
		return twist(Encoding)
	case ZeroBytes:
		return twist(NUL)
	case HugeFields:
		return twist(HugeField)
	case Markups:
		return twist(Markup)
	case MixedTypes:
		return twist(Mixed)
	case Marked:
		return file.BOM
	case CRLFs:
		return file.CRLF
	case Empty:
		return len(file.Ops) == 0 && !file.Blank
	case Blank:
		return file.Blank
	case Copied:
		return len(file.Copies) > 0
	case HugeFiles:
		return w.Config.HugeFile > 0 && d.File == 1
	case Returning:
		return w.returns(file)
	case SameNamed:
		return w.sameName(d.File)
	case Late:
		return w.late(d.File)
	case BrokenOff:
		return d.How == Cut || d.How == Repeat
	case Slow:
		return d.How == Start || d.How == Finish
	case DroppedAgain:
		return d.How == Again
	}
	return false
}

// returns reports whether a file brings back a record that one before it deleted.
func (w *Workload) returns(file File) bool {
	if w.Config.RecreatePercent == 0 {
		return false
	}
	deleted := map[int32]bool{}
	for _, before := range w.Files[:file.Index] {
		for _, op := range before.Ops {
			deleted[op.Number] = op.Delete
		}
	}
	return slices.ContainsFunc(file.Ops, func(op Op) bool { return !op.Delete && deleted[op.Number] })
}
