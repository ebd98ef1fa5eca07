package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	key      string // column of the key
	existed  bool   // the alias was there at some time
	expected int    // documents at the last read
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

// form is how documents are asked for and how the answer is read.
type form struct {
	size   int    // of a page
	sort   string // after the order of the index, as further elements of the array
	source string // what of the content is asked for
	parts  string // of the answer, as filter_path
	read   func(answer []byte) (page, error)
}

func (d *documents) lookOnce(ctx context.Context, into *sight) error {
	into.reset()
	if d.spec.Version == "" {
		return d.scroll(ctx, d.sources(fullPage, "true", into))
	}
	if d.columns == unknown {
		if err := d.askColumns(ctx); err != nil {
			return err
		}
	}
	f := d.sources(lightPage, "["+quote(d.spec.Key)+","+quote(d.spec.Version)+"]", into)
	if d.columns == yes {
		f = d.fields(into)
	}
	if d.expected < lightPage*9/10 {
		if complete, err := d.single(ctx, f); complete || err != nil {
			return err
		}
		into.reset()
	}
	return d.scroll(ctx, f)
}

// sources asks for documents, filter being what of them.
func (d *documents) sources(size int, filter string, into *sight) form {
	return form{size, "", filter, sourceParts, func(answer []byte) (page, error) {
		return readSources(answer, func(h hit) {
			e := d.entry(h)
			into.add(e.Number, e.Version, false, []byte(e.Key), []byte(e.Where))
		})
	}}
}

// fields asks for no documents at all, but for what they would be sorted by.
// The first criterion decides alone, so nothing is compared, and the other
// two are read from the columns of the index: by far the cheapest way.
func (d *documents) fields(into *sight) form {
	return form{lightPage, "," + quote(d.key) + "," + quote(d.spec.Version), "false", columnParts, func(answer []byte) (page, error) {
		lacking := false
		p, err := readColumns(answer, func(key, version []byte) {
			number, ok := d.wl.Number(string(key))
			if !ok {
				number = -1
			}
			v := parseVersion(version)
			lacking = lacking || key == nil || v < 0 // what is missing sorts as the highest number
			into.add(number, v, false, key, nil)
		})
		if err == nil && lacking {
			err = errAnomaly
		}
		return p, err
	}}
}

// single reads everything with one search, if it fits; if not, complete is
// false.
func (d *documents) single(ctx context.Context, f form) (complete bool, err error) {
	p, err := d.search(ctx, "/"+escape(d.spec.Alias)+"/_search?allow_partial_search_results=false&", f,
		fmt.Sprintf(`"size":%d,"track_total_hits":true,"sort":["_doc"%s]`, lightPage, f.sort))
	if err != nil {
		return false, err
	}
	d.existed, d.expected = true, p.total
	if p.total > lightPage {
		return false, nil
	}
	return true, d.complete(p.hits)
}

// scroll reads everything through a point in time, page by page.
func (d *documents) scroll(ctx context.Context, f form) error {
	answer, err := d.es.ask(ctx, "POST", "/"+escape(d.spec.Alias)+"/_pit?keep_alive=1m", "")
	if err != nil {
		return err
	}
	var opened struct{ ID string }
	if err := json.Unmarshal(answer, &opened); err != nil || opened.ID == "" {
		return fmt.Errorf("open a point in time on %s: the answer %.100q has no id", d.spec.Alias, answer)
	}
	d.existed = true
	id := opened.ID
	defer func() { d.closePoint(ctx, id) }()
	after, seen := "", 0
	for {
		p, err := d.search(ctx, "/_search?", f, fmt.Sprintf(`"size":%d,"track_total_hits":%t,"pit":{"id":%s,"keep_alive":"1m"},"sort":[{"_shard_doc":"asc"}%s]%s`,
			f.size, seen == 0, quote(id), f.sort, after))
		if err != nil {
			return err
		}
		if seen == 0 {
			d.expected = p.total
		}
		if p.pit != "" {
			id = p.pit
		}
		if seen += p.hits; p.hits < f.size {
			return d.complete(seen)
		}
		after = `,"search_after":` + string(p.sort)
	}
}

// search asks for one page.
func (d *documents) search(ctx context.Context, path string, f form, request string) (page, error) {
	request = fmt.Sprintf(`{%s,"_source":%s`, request, f.source)
	if d.spec.Filter != "" {
		request += `,"query":` + d.spec.Filter
	}
	if f.source == "false" {
		request += `,"stored_fields":"_none_"`
	}
	answer, err := d.es.ask(ctx, "POST", path+"filter_path="+f.parts, request+"}")
	var refused *refusal
	if f.source == "false" && errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return page{}, errors.Join(errAnomaly, err)
	}
	if err != nil {
		return page{}, err
	}
	p, err := f.read(answer)
	if err != nil {
		return page{}, err
	}
	return p, p.whole()
}

// complete compares what was returned with what the search counted.
func (d *documents) complete(seen int) error {
	if seen != d.expected {
		return fmt.Errorf("search on %s counts %d documents and returned %d", d.spec.Alias, d.expected, seen)
	}
	return nil
}

// closePoint frees a point in time. Left open it would go by itself after a
// minute, so a server that does not answer is not waited for.
func (d *documents) closePoint(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 300*time.Millisecond)
	defer cancel()
	d.es.ask(ctx, "DELETE", "/_pit", fmt.Sprintf(`{"id":%s}`, quote(id)))
}

// all returns every visible document with its content. An alias that is not
// there is a complete read of nothing: that is what readers find; evidence
// says so.
func (d *documents) all(ctx context.Context) (entries []history.Entry, evidence string, err error) {
	err = d.scroll(ctx, form{fullPage, "", "true", sourceParts, func(answer []byte) (page, error) {
		return readSources(answer, func(h hit) { entries = append(entries, d.entry(h)) })
	}})
	if err != nil && missing(err) {
		return nil, fmt.Sprintf("search finds no index or alias %s: %v", d.spec.Alias, err), nil
	}
	return entries, "", err
}

// entry reads one document.
func (d *documents) entry(h hit) history.Entry {
	var source map[string]json.RawMessage
	json.Unmarshal(h.Source, &source) // what is no object has no fields
	key := text(pipeline.Field(source, d.spec.Key))
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
			name = d.spec.Fields[field.Name] // none: not in the documents
		}
		if value := pipeline.Field(source, name); value != nil && string(value) != "null" {
			e.Fields[field.Name] = text(value)
		}
	}
	switch {
	case d.spec.Version != "":
		e.Version = parseVersion([]byte(text(pipeline.Field(source, d.spec.Version))))
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
	// Where the index made its own mapping, the column of a text is beside it.
	beside := d.spec.Key + ".keyword"
	answer, err := d.es.ask(ctx, "GET", "/"+escape(d.spec.Alias)+"/_field_caps?fields="+escape(d.spec.Key)+","+escape(beside)+","+escape(d.spec.Version), "")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &caps); err != nil {
		return fmt.Errorf("ask for the columns of %s: %w", d.spec.Alias, err)
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
	d.key = d.spec.Key
	if !fits(d.key, "keyword") {
		d.key = beside
	}
	if len(caps.Fields) == 0 {
		return nil // nothing was indexed yet
	}
	d.columns = no
	if !fits(d.key, "keyword") || !fits(d.spec.Version, "long", "integer", "short", "keyword") {
		return nil
	}
	mapping, err := d.es.ask(ctx, "GET", "/"+escape(d.spec.Alias)+"/_mapping/field/"+escape(d.key)+","+escape(d.spec.Version), "")
	if err != nil {
		d.columns = unknown
		return err
	}
	if !bytes.Contains(mapping, []byte(`"normalizer"`)) { // it would change what stands in the column
		d.columns = yes
	}
	return nil
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
