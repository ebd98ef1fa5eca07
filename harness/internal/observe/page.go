package observe

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// page is what one answer of _search says beside its hits.
type page struct {
	pit        string // id of the point in time from now on
	timedOut   bool
	shards     int
	successful int
	total      int // documents that match; 0 where it was not asked for
	hits       int
	sort       []byte // of the last hit; part of the answer
}

// whole returns an error for an answer that does not come from all shards.
func (p page) whole() error {
	if p.timedOut || p.successful != p.shards {
		return fmt.Errorf("search was answered by %d of %d shards (timed out: %t): not all documents", p.successful, p.shards, p.timedOut)
	}
	return nil
}

// The parts of an answer that are asked for, as filter_path.
const (
	pageParts   = "error.type,error.reason,pit_id,timed_out,_shards.total,_shards.successful,hits.total.value,hits.hits.sort"
	sourceParts = pageParts + ",hits.hits._index,hits.hits._id,hits.hits._source"
	columnParts = pageParts
)

// hit is a document with its content.
type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Sort   json.RawMessage `json:"sort"`
	Source json.RawMessage `json:"_source"`
}

// readSources reads an answer whose hits have their content.
func readSources(answer []byte, visit func(hit)) (page, error) {
	var read struct {
		PIT      string                          `json:"pit_id"`
		TimedOut bool                            `json:"timed_out"`
		Shards   struct{ Total, Successful int } `json:"_shards"`
		Hits     struct {
			Total struct{ Value int }
			Hits  []hit
		}
	}
	if err := json.Unmarshal(answer, &read); err != nil {
		return page{}, fmt.Errorf("read the answer of a search: %w", err)
	}
	p := page{pit: read.PIT, timedOut: read.TimedOut, shards: read.Shards.Total, successful: read.Shards.Successful,
		total: read.Hits.Total.Value, hits: len(read.Hits.Hits)}
	for _, h := range read.Hits.Hits {
		visit(h)
		p.sort = h.Sort
	}
	return p, nil
}

// readColumns reads an answer whose hits have no content: each was sorted by
// its place in the index, key and version, and says so. Key and version are
// valid during the call, key is nil where there is none.
func readColumns(answer []byte, visit func(key, version []byte)) (page, error) {
	s := &scanner{text: answer}
	var p page
	number := func() (value int) {
		value, _ = strconv.Atoi(string(s.scalar()))
		return value
	}
	var key, version []byte
	column := 0
	value := func() {
		switch column++; {
		case column == 2 && s.next() == '"':
			key = s.string()
		case column == 3:
			version = s.scalar()
		default:
			s.skip()
		}
	}
	member := func(name []byte) {
		if string(name) != "sort" {
			s.skip()
			return
		}
		s.next()
		start := s.at
		s.array(value)
		p.sort = s.text[start:s.at]
	}
	hit := func() {
		p.hits++
		key, version, column = nil, nil, 0
		s.object(member)
		if s.err == nil {
			visit(key, version)
		}
	}
	s.object(func(name []byte) {
		switch string(name) {
		case "pit_id":
			p.pit = string(s.string())
		case "timed_out":
			p.timedOut = string(s.scalar()) != "false"
		case "_shards":
			s.object(func(name []byte) {
				switch string(name) {
				case "total":
					p.shards = number()
				case "successful":
					p.successful = number()
				default:
					s.skip()
				}
			})
		case "hits":
			s.object(func(name []byte) {
				switch string(name) {
				case "total":
					s.object(func(name []byte) {
						if string(name) == "value" {
							p.total = number()
						} else {
							s.skip()
						}
					})
				case "hits":
					s.array(hit)
				default:
					s.skip()
				}
			})
		default:
			s.skip()
		}
	})
	if s.err != nil {
		return page{}, fmt.Errorf("read the answer of a search: %w", s.err)
	}
	return p, nil
}
