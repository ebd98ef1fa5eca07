package reader

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"sync"

	"github.com/seatrial/seatrial/harness/boundary"
)

// asked is what a request to Elasticsearch (or OpenSearch) is for.
type asked struct {
	kind   boundary.Kind // "": nothing that matters here
	target string        // index or alias
	id     string        // of the one document
	bulk   bool
}

// elastic judges a request by its method and path.
func elastic(method, target string) asked {
	path, _, _ := strings.Cut(target, "?")
	if i := strings.Index(path, "://"); i > 0 {
		if _, rest, ok := strings.Cut(path[i+3:], "/"); ok {
			path = "/" + rest
		}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if method == "GET" || method == "HEAD" || method == "OPTIONS" || parts[0] == "" {
		return asked{}
	}
	index := "*"
	if !strings.HasPrefix(parts[0], "_") {
		index = name(parts[0])
		if len(parts) == 1 && (method == "PUT" || method == "DELETE") {
			return asked{kind: boundary.IndexChanged, target: index}
		}
	}
	for i, part := range parts {
		switch part {
		case "_bulk":
			return asked{kind: boundary.IndexRequested, target: index, bulk: true}
		case "_doc", "_create", "_update":
			wanted := asked{kind: boundary.IndexRequested, target: index}
			if i+1 < len(parts) {
				wanted.id = name(parts[i+1])
			}
			return wanted
		case "_delete_by_query", "_update_by_query", "_reindex":
			return asked{kind: boundary.IndexRequested, target: index}
		case "_refresh":
			return asked{kind: boundary.Refreshed, target: index}
		case "_alias", "_aliases":
			return asked{kind: boundary.AliasChanged, target: index}
		}
	}
	return asked{}
}

func name(escaped string) string {
	if plain, err := url.PathUnescape(escaped); err == nil {
		return plain
	}
	return escaped
}

// items are the documents of a request, and what became of them. Bodies are
// read beside the connection, so that both directions may be at it.
type items struct {
	mu     sync.Mutex
	count  int      // all, not only those named
	names  []string // document ids, at most boundary.MostNames
	keys   *finder
	failed []string
	reason string // of the first that failed
}

func (i *items) add(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if id != "" && len(i.names) < boundary.MostNames {
		i.names = append(i.names, id)
	}
}

func (i *items) look(p []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys.write(p)
}

func (i *items) named() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.names) > 0
}

// event says what is known of the documents. Without patterns of the run's
// their ids stand for the records.
func (i *items) event(kind boundary.Kind, target string) boundary.Event {
	i.mu.Lock()
	defer i.mu.Unlock()
	e := boundary.Event{Kind: kind, Target: target, Count: max(i.count, 1), Records: i.names, Messages: i.names}
	if len(i.keys.patterns) > 0 {
		e.Records = i.keys.found
	}
	if kind == boundary.ItemsAnswered {
		e.Failed, e.Note = i.failed, i.reason
	}
	return e
}

// requestBody reads what is asked for.
func requestBody(bulk bool, ids *items) sink {
	for _, id := range ids.names {
		ids.look([]byte(id + "\n"))
	}
	if bulk {
		return &bulkBody{items: ids}
	}
	ids.count = 1
	return &document{ids}
}

// document is the body of a request for one document.
type document struct{ *items }

func (d *document) write(p []byte) { d.look(p) }
func (d *document) end() error     { return nil }

// longestAction of a bulk; longer ones are counted and have no name.
const longestAction = 4 << 10

// bulkBody reads the lines of a bulk: an action, then, unless it deletes, the
// document.
type bulkBody struct {
	*items
	line   []byte // of the action, as far as it came
	source bool   // the line that goes by is a document
}

func (b *bulkBody) write(p []byte) {
	b.look(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		if !b.source && len(b.line) <= longestAction {
			b.line = append(b.line, piece...)
		}
		if end < 0 {
			return
		}
		p = p[end+1:]
		b.complete()
	}
}

func (b *bulkBody) end() error {
	if !b.source && len(b.line) > 0 {
		b.complete()
	}
	return nil
}

// complete: a line has ended.
func (b *bulkBody) complete() {
	if b.source {
		b.source = false
		return
	}
	line := bytes.TrimSpace(b.line)
	if len(line) > 0 {
		b.mu.Lock()
		b.count++
		b.mu.Unlock()
		b.source = true
		if len(line) <= longestAction {
			b.action(line)
		}
	}
	b.line = b.line[:0]
}

func (b *bulkBody) action(line []byte) {
	var action map[string]struct {
		ID string `json:"_id"`
	}
	if json.Unmarshal(line, &action) != nil {
		return // Elasticsearch will say what is wrong with it
	}
	for verb, of := range action {
		b.source = verb != "delete"
		b.add(of.ID)
	}
}
