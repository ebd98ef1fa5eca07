package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/workload"
)

const (
	// lightPage is what one search returns at most (index.max_result_window).
	lightPage = 10_000
	// fullPage bounds a page with content: some megabytes on a small heap.
	fullPage = 2_000
)

// documents reads what search on the readers' alias returns.
//
// What fits into one search is read with one. Beyond that, and with content, a
// point in time is opened and paged through: it holds, on every shard, the
// searcher that an ordinary search would have used at that moment, so it
// shows exactly the documents that were visible to readers, without a refresh,
// all of them, and each once.
type documents struct {
	spec     pipeline.Documents
	wl       *workload.Workload
	es       elastic
	versions *identity // where documents have no version
	// columns: keys and versions can be read from the columns of the index
	// (doc values), without decompressing any document. Unknown until the
	// mapping was asked.
	columns  knowledge
	existed  bool // the alias was there at some time
	expected int  // documents at the last read
}

type knowledge int

const (
	unknown knowledge = iota
	yes
	no
)

// errAnomaly says that the columns do not show what they should: the
// documents themselves are to be read.
var errAnomaly = errors.New("key or version is missing in the columns of the index")

// look fills into with key and version of every visible document.
func (d *documents) look(ctx context.Context, into *sight) error {
	err := d.lookOnce(ctx, into)
	if errors.Is(err, errAnomaly) {
		d.columns = no
		err = d.lookOnce(ctx, into)
	}
	if err != nil && missing(err) {
		d.columns = unknown
		if d.existed {
			into.reset() // readers are told the same: nothing there
			return nil
		}
	}
	return err
}

func (d *documents) lookOnce(ctx context.Context, into *sight) error {
	into.reset()
	if d.spec.Version == "" {
		if d.versions == nil {
			d.versions = newIdentity(d.wl)
		}
		return d.scroll(ctx, fullPage, `"_source":true`, func(h hit) error { return d.addSource(h, into) })
	}
	if d.columns == unknown {
		if err := d.askColumns(ctx); err != nil {
			return err
		}
	}
	fields, add := fmt.Sprintf(`"_source":[%s,%s]`, quote(d.spec.Key), quote(d.spec.Version)), d.addSource
	if d.columns == yes {
		fields = fmt.Sprintf(`"_source":false,"stored_fields":"_none_","docvalue_fields":[%s,%s]`, quote(d.spec.Key), quote(d.spec.Version))
		add = d.addColumns
	}
	visit := func(h hit) error { return add(h, into) }
	if d.expected < lightPage*9/10 {
		complete, err := d.single(ctx, fields, visit)
		if complete || err != nil {
			return err
		}
		into.reset()
	}
	return d.scroll(ctx, lightPage, fields, visit)
}

// single reads everything with one search, if it fits; if not, complete is
// false.
func (d *documents) single(ctx context.Context, fields string, visit func(hit) error) (complete bool, err error) {
	body := fmt.Sprintf(`{"size":%d,"track_total_hits":true,"sort":["_doc"],%s}`, lightPage, fields)
	var page page
	err = d.es.post(ctx, "/"+escape(d.spec.Alias)+"/_search?allow_partial_search_results=false&filter_path="+pagePath, body, &page)
	if err != nil {
		return false, err
	}
	if err := page.check(); err != nil {
		return false, err
	}
	d.existed, d.expected = true, page.Hits.Total.Value
	if d.expected > lightPage {
		return false, nil
	}
	for _, h := range page.Hits.Hits {
		if err := visit(h); err != nil {
			return true, err
		}
	}
	return true, d.complete(len(page.Hits.Hits))
}

// scroll reads everything through a point in time, size documents a page.
func (d *documents) scroll(ctx context.Context, size int, fields string, visit func(hit) error) error {
	var opened struct{ ID string }
	if err := d.es.post(ctx, "/"+escape(d.spec.Alias)+"/_pit?keep_alive=1m", "", &opened); err != nil {
		return err
	}
	d.existed = true
	id := opened.ID
	defer func() { d.closePoint(ctx, id) }()
	after, seen := "", 0
	for {
		body := fmt.Sprintf(`{"size":%d,"track_total_hits":%t,"pit":{"id":%s,"keep_alive":"1m"},"sort":[{"_shard_doc":"asc"}]%s,%s}`,
			size, seen == 0, quote(id), after, fields)
		var page page
		if err := d.es.post(ctx, "/_search?filter_path=pit_id,hits.hits.sort,"+pagePath, body, &page); err != nil {
			return err
		}
		if err := page.check(); err != nil {
			return err
		}
		if seen == 0 {
			d.expected = page.Hits.Total.Value
		}
		if page.PIT != "" {
			id = page.PIT
		}
		hits := page.Hits.Hits
		for _, h := range hits {
			if err := visit(h); err != nil {
				return err
			}
		}
		seen += len(hits)
		if len(hits) < size {
			return d.complete(seen)
		}
		after = `,"search_after":` + string(hits[len(hits)-1].Sort)
	}
}

// complete compares what was returned with what the search counted. A
// document without any column is left out of the answer.
func (d *documents) complete(seen int) error {
	if seen == d.expected {
		return nil
	}
	cause := fmt.Errorf("search on %s counts %d documents and returned %d", d.spec.Alias, d.expected, seen)
	if d.columns == yes {
		return errors.Join(errAnomaly, cause)
	}
	return cause
}

// closePoint frees a point in time. Left open it would go by itself after a
// minute, so a server that does not answer is not waited for.
func (d *documents) closePoint(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 300*time.Millisecond)
	defer cancel()
	d.es.send(ctx, "DELETE", "/_pit", fmt.Sprintf(`{"id":%s}`, quote(id)), nil)
}

func (d *documents) addColumns(h hit, into *sight) error {
	key, version := first(h.Fields[d.spec.Key]), first(h.Fields[d.spec.Version])
	if key == nil || version == nil {
		return errAnomaly
	}
	number, ok := d.wl.Number(string(key))
	if !ok {
		number = -1
	}
	into.add(number, parseVersion(version), false, key, nil)
	return nil
}

func (d *documents) addSource(h hit, into *sight) error {
	e := d.entry(h)
	into.add(e.Number, e.Version, false, []byte(e.Key), []byte(e.Where))
	return nil
}

// all returns every visible document with its content. An alias that is not
// there is a complete read of nothing: that is what readers find; evidence
// says so.
func (d *documents) all(ctx context.Context) (entries []history.Entry, evidence string, err error) {
	err = d.scroll(ctx, fullPage, `"_source":true`, func(h hit) error {
		entries = append(entries, d.entry(h))
		return nil
	})
	if err != nil && missing(err) {
		return nil, fmt.Sprintf("search finds no index or alias %s: %v", d.spec.Alias, err), nil
	}
	return entries, "", err
}

// entry reads one document.
func (d *documents) entry(h hit) history.Entry {
	var source map[string]json.RawMessage
	json.Unmarshal(h.Source, &source) // what is no object has no fields
	key := text(lookup(source, d.spec.Key))
	e := history.Entry{Number: -1, Version: -1, Where: "document " + h.Index + "/" + h.ID}
	if number, ok := d.wl.Number(key); ok {
		e.Number = number
	} else if e.Key = key; key == "" {
		e.Key = h.ID
	}
	e.Fields = make(map[string]string, len(workload.Fields))
	for _, field := range workload.Fields {
		name := field.Name
		if d.spec.Fields != nil {
			name = d.spec.Fields[field.Name]
		}
		if value := lookup(source, name); value != nil && string(value) != "null" {
			e.Fields[field.Name] = text(value)
		}
	}
	switch {
	case d.spec.Version != "":
		e.Version = parseVersion([]byte(text(lookup(source, d.spec.Version))))
	case e.Number >= 0:
		if d.versions == nil {
			d.versions = newIdentity(d.wl)
		}
		e.Version = d.versions.version(e.Number, e.Fields)
	}
	return e
}

// askColumns finds out whether key and version stand in columns whose values
// are those of the documents.
func (d *documents) askColumns(ctx context.Context) error {
	var caps struct {
		Fields map[string]map[string]struct{ Aggregatable bool }
	}
	path := "/" + escape(d.spec.Alias) + "/_field_caps?fields=" + escape(d.spec.Key) + "," + escape(d.spec.Version)
	if err := d.es.send(ctx, "GET", path, "", &caps); err != nil {
		return err
	}
	d.existed = true
	fits := func(field string, types ...string) bool {
		kinds := caps.Fields[field]
		for _, kind := range types {
			if found, ok := kinds[kind]; ok && len(kinds) == 1 && found.Aggregatable {
				return true
			}
		}
		return false
	}
	d.columns = no
	switch {
	case len(caps.Fields) == 0:
		d.columns = unknown // nothing was indexed yet
	case fits(d.spec.Key, "keyword") && fits(d.spec.Version, "long", "integer", "short", "keyword"):
		d.columns = yes
	}
	return nil
}

// lookup finds a field by its name, or by its path where the name has dots.
func lookup(source map[string]json.RawMessage, name string) json.RawMessage {
	if value, ok := source[name]; ok || name == "" {
		return value
	}
	parent, rest, nested := strings.Cut(name, ".")
	if !nested {
		return nil
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(source[parent], &inner) != nil {
		return nil
	}
	return lookup(inner, rest)
}

// text is the content of a string, and of everything else its JSON.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

func (d *documents) close() { d.es.close() }
