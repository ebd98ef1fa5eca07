package observe

import (
	"hash/maphash"
	"slices"

	"github.com/seatrial/seatrial/harness/workload"
)

// identity tells versions from content, for places that do not say them:
// every version of a record differs from its neighbours in every field.
// It is used by one goroutine.
type identity struct {
	wl      *workload.Workload
	highest []int32 // version that any file shows, by record number
	twisted map[version]workload.Op
	known   map[int]verdict  // of the content seen last: most of it does not change
	types   map[string]typed // by field name
}

// version is one version of a record.
type version struct{ number, version int32 }

type verdict struct {
	content uint64
	version int
}

type typed struct {
	workload.Comparison
	index int
}

func newIdentity(wl *workload.Workload) *identity {
	id := &identity{wl: wl, highest: make([]int32, wl.Records()), twisted: map[version]workload.Op{}, known: map[int]verdict{}, types: map[string]typed{}}
	for _, file := range wl.Files {
		for _, op := range file.Ops {
			if !op.Delete && op.Version > id.highest[op.Number] {
				id.highest[op.Number] = op.Version
			}
			if op.Twist != workload.Plain {
				id.twisted[version{op.Number, op.Version}] = op
			}
		}
	}
	for i, field := range workload.Fields {
		id.types[field.Name] = typed{wl.Comparison(field), i}
	}
	return id
}

// version returns the version of a record whose content is fields, after
// dates, instants and numbers were brought to one form; -1 if none has it.
// Where two versions fit (the place shows few fields) it is the highest.
func (id *identity) version(number int, fields map[string]string) int {
	content := digest(fields)
	if seen, ok := id.known[number]; ok && seen.content == content {
		return seen.version
	}
	found := -1
	for v := int(id.highest[number]); v > 0; v-- {
		if id.matches(id.content(number, v), fields) {
			found = v
			break
		}
	}
	id.known[number] = verdict{content, found}
	return found
}

// content is what a version was sent with.
func (id *identity) content(number, v int) workload.Record {
	if op, ok := id.twisted[version{int32(number), int32(v)}]; ok {
		return id.wl.Row(op)
	}
	return id.wl.Record(number, v)
}

func (id *identity) matches(want workload.Record, fields map[string]string) bool {
	compared := 0
	for name, text := range fields {
		field, ok := id.types[name]
		if !ok {
			continue
		}
		compared++
		if !field.Same(want[field.index], text) {
			return false
		}
	}
	return compared > 0
}

func digest(fields map[string]string) uint64 {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var h maphash.Hash
	h.SetSeed(seed)
	for _, name := range names {
		h.WriteString(name)
		h.WriteByte(0)
		h.WriteString(fields[name])
		h.WriteByte(0)
	}
	return h.Sum64()
}
