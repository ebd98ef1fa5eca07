package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestTimeout limits one request to Elasticsearch: a page, not a read.
const requestTimeout = 2 * time.Second

// elastic asks Elasticsearch over one connection that is kept.
type elastic struct {
	url    string
	client *http.Client
	buffer bytes.Buffer
	// patience multiplies requestTimeout; 0 counts as 1.
	patience int
}

func newElastic(url string) elastic {
	return elastic{url: strings.TrimSuffix(url, "/"), client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1,
		DisableCompression:  true, // the way is short, the processors are shared
	}}}
}

// refusal is an answer other than 2xx.
type refusal struct {
	Status       int
	Type, Reason string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("Elasticsearch answered %d: %s %s", r.Status, r.Type, r.Reason)
}

// missing reports whether err says that there is no such index or alias.
func missing(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.Status == http.StatusNotFound && r.Type == "index_not_found_exception"
}

func (e *elastic) post(ctx context.Context, path, body string, into any) error {
	return e.send(ctx, http.MethodPost, path, body, into)
}

func (e *elastic) send(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout*time.Duration(max(1, e.patience)))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask Elasticsearch: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask Elasticsearch: %w", err)
	}
	defer reply.Body.Close()
	e.buffer.Reset()
	if _, err := e.buffer.ReadFrom(reply.Body); err != nil {
		return fmt.Errorf("ask Elasticsearch: %s %s: the answer broke off: %w", method, path, err)
	}
	if reply.StatusCode/100 != 2 {
		var failed struct{ Error struct{ Type, Reason string } }
		json.Unmarshal(e.buffer.Bytes(), &failed) // an answer that is no JSON says at least its status
		return &refusal{reply.StatusCode, failed.Error.Type, failed.Error.Reason}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(e.buffer.Bytes(), into); err != nil {
		return fmt.Errorf("ask Elasticsearch: %s %s: the answer cannot be read: %w", method, path, err)
	}
	return nil
}

func (e *elastic) close() { e.client.CloseIdleConnections() }

// pagePath is what is wanted of a page, as filter_path; error where there is one.
const pagePath = "error.type,error.reason,timed_out,_shards.total,_shards.successful,hits.total.value," +
	"hits.hits._index,hits.hits._id,hits.hits.fields,hits.hits._source"

// page is one answer of _search.
type page struct {
	PIT      string                          `json:"pit_id"`
	TimedOut bool                            `json:"timed_out"`
	Shards   struct{ Total, Successful int } `json:"_shards"`
	Hits     struct {
		Total struct{ Value int }
		Hits  []hit
	}
}

type hit struct {
	Index  string                     `json:"_index"`
	ID     string                     `json:"_id"`
	Sort   json.RawMessage            `json:"sort"`
	Source json.RawMessage            `json:"_source"`
	Fields map[string]json.RawMessage `json:"fields"`
}

// check returns an error for an answer that does not come from all shards.
func (p page) check() error {
	if p.TimedOut || p.Shards.Successful != p.Shards.Total {
		return fmt.Errorf("search was answered by %d of %d shards (timed out: %t): not all documents", p.Shards.Successful, p.Shards.Total, p.TimedOut)
	}
	return nil
}

// first returns the first value of a column of a document, a string without
// its quotes; nil where there is none.
func first(values json.RawMessage) []byte {
	var all []json.RawMessage
	if json.Unmarshal(values, &all) != nil || len(all) == 0 {
		return nil
	}
	var s string
	if json.Unmarshal(all[0], &s) == nil {
		return []byte(s)
	}
	return all[0]
}

func quote(text string) string {
	raw, _ := json.Marshal(text) // strings always can be
	return string(raw)
}

func escape(part string) string { return url.PathEscape(part) }
