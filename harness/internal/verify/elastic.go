package verify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

const (
	// pageDocuments is how many documents are asked for at a time, unless they are large.
	pageDocuments = 2000
	// pageBytes is how long an answer may be; of larger ones less is asked for.
	pageBytes = 8 << 20
	// answerWithin is how long one request may take.
	answerWithin = 2 * time.Minute
)

// Elastic reads an index by search. It sends no request that writes.
type Elastic struct {
	base           string // without credentials
	user, password string
	apiKey         string
	client         *http.Client
	answer         bytes.Buffer
}

// OpenElastic takes the address, with user and password in it if it needs them, or
// an API key; ca is a file with certificates to trust, or empty.
func OpenElastic(address, apiKey, ca string) (*Elastic, error) {
	parsed, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, usage("ELASTICSEARCH_URL cannot be read: write it as in https://user:password@host:9200, what is special in user and password as %%40")
	}
	e := &Elastic{apiKey: apiKey}
	if parsed.User != nil {
		e.user = parsed.User.Username()
		e.password, _ = parsed.User.Password()
		parsed.User = nil
	}
	e.base = parsed.String()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if ca != "" {
		certificates, err := os.ReadFile(ca)
		if err != nil {
			return nil, usage("read ELASTICSEARCH_CA_FILE: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(certificates) {
			return nil, usage("ELASTICSEARCH_CA_FILE %s has no certificate in PEM", ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	e.client = &http.Client{Transport: transport, Timeout: answerWithin, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return e, nil
}

// Close ends the connections.
func (e *Elastic) Close() { e.client.CloseIdleConnections() }

// refusal is an answer other than 2xx.
type refusal struct {
	status       int
	kind, reason string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("Elasticsearch answered %d %s", r.status, r.kind)
}

var errTooLong = errors.New("the answer is too long")

// ask sends a request that reads, and returns the answer, valid until the next.
func (e *Elastic) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, e.base+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	switch {
	case e.apiKey != "":
		request.Header.Set("Authorization", "ApiKey "+e.apiKey)
	case e.user != "":
		request.SetBasicAuth(e.user, e.password)
	}
	reply, err := e.client.Do(request)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("no answer from Elasticsearch at %s: %w", e.base, err)
	}
	defer reply.Body.Close()
	e.answer.Reset()
	if _, err := e.answer.ReadFrom(io.LimitReader(reply.Body, pageBytes+1)); err != nil {
		return nil, fmt.Errorf("the answer of Elasticsearch broke off: %w", err)
	}
	if e.answer.Len() > pageBytes {
		return nil, errTooLong
	}
	if reply.StatusCode/100 != 2 {
		var failed struct{ Error struct{ Type, Reason string } }
		json.Unmarshal(e.answer.Bytes(), &failed) // an answer that is no JSON says at least its status
		return nil, &refusal{reply.StatusCode, failed.Error.Type, failed.Error.Reason}
	}
	return e.answer.Bytes(), nil
}

// Check asks for nothing, as readers would.
func (e *Elastic) Check(ctx context.Context, spec pipeline.Documents) error {
	_, err := e.ask(ctx, "POST", e.index(spec)+"/_search", `{"size":0`+filter(spec)+`}`)
	var refused *refusal
	if !errors.As(err, &refused) {
		if err != nil {
			err = fmt.Errorf("%w: is ELASTICSEARCH_URL right, and does the network let you there?", err)
		}
		return err
	}
	switch {
	case refused.status == http.StatusUnauthorized:
		return fmt.Errorf("the credentials are refused by Elasticsearch at %s: is what ELASTICSEARCH_URL or ELASTICSEARCH_API_KEY says right?", e.base)
	case refused.status == http.StatusForbidden:
		return fmt.Errorf("this user may not read %s in Elasticsearch at %s: the privilege read on it is all that is needed", spec.Alias, e.base)
	case refused.status == http.StatusNotFound:
		return usage("no index or alias %s, which expect.documents.index names, is in Elasticsearch at %s: mend it", spec.Alias, e.base)
	case refused.status == http.StatusBadRequest:
		return usage("Elasticsearch does not understand expect.documents.filter: %s", refused.kind)
	}
	return err
}

func (e *Elastic) index(spec pipeline.Documents) string { return "/" + url.PathEscape(spec.Alias) }

func filter(spec pipeline.Documents) string {
	if spec.Filter == "" {
		return ""
	}
	return `,"query":` + spec.Filter
}

// page is what is read of an answer.
type page struct {
	PIT      string                          `json:"pit_id"`
	TimedOut bool                            `json:"timed_out"`
	Shards   struct{ Total, Successful int } `json:"_shards"`
	Hits     struct {
		Total struct{ Value int }
		Hits  []struct {
			Index  string                     `json:"_index"`
			ID     string                     `json:"_id"`
			Sort   json.RawMessage            `json:"sort"`
			Source map[string]json.RawMessage `json:"_source"`
		}
	}
	Aggregations struct {
		Numbers struct {
			Count    int
			Sum, Max json.Number
		}
	}
}

func (e *Elastic) search(ctx context.Context, path, body string) (p page, err error) {
	answer, err := e.ask(ctx, "POST", path, body)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(answer, &p); err != nil {
		return p, fmt.Errorf("the answer of a search is no JSON: %w", err)
	}
	if p.TimedOut || p.Shards.Successful != p.Shards.Total {
		return p, fmt.Errorf("search was answered by %d of %d shards (timed out: %t): not all documents", p.Shards.Successful, p.Shards.Total, p.TimedOut)
	}
	return p, nil
}

// Documents returns the place of what readers find. It is read through a point in
// time: the searcher that an ordinary search would have used at that moment, so it
// shows exactly what readers saw then, all of it and each document once.
func (e *Elastic) Documents(spec pipeline.Documents) *Place {
	d := &documents{Elastic: e, spec: spec}
	return &Place{Name: history.Documents, Fields: positions(slices.Collect(maps.Keys(spec.Fields))), Read: d.read, Changed: d.changed}
}

type documents struct {
	*Elastic
	spec   pipeline.Documents
	before string // see mark
}

// mark tells whether anything was indexed or deleted: the number of the documents,
// and the sum of the numbers that the index gives to every change.
func (d *documents) mark(ctx context.Context, path, with string) (string, error) {
	p, err := d.search(ctx, path, `{"size":0,"track_total_hits":true`+with+filter(d.spec)+`,"aggs":{"numbers":{"stats":{"field":"_seq_no"}}}}`)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d documents, %s and %s", p.Hits.Total.Value, p.Aggregations.Numbers.Sum, p.Aggregations.Numbers.Max), nil
}

func (d *documents) changed(ctx context.Context) (string, error) {
	after, err := d.mark(ctx, d.index(d.spec)+"/_search?allow_partial_search_results=false", "")
	if err != nil || after == d.before {
		return "", err
	}
	return "its documents are not the same any more", nil
}

func (d *documents) read(ctx context.Context, add func(*spill.Record) error) error {
	answer, err := d.ask(ctx, "POST", d.index(d.spec)+"/_pit?keep_alive=5m", "")
	if err != nil {
		return fmt.Errorf("open a point in time on %s: %w", d.spec.Alias, err)
	}
	var opened struct{ ID string }
	if err := json.Unmarshal(answer, &opened); err != nil || opened.ID == "" {
		return fmt.Errorf("open a point in time on %s: the answer has no id", d.spec.Alias)
	}
	id := opened.ID
	defer func() { d.closePoint(ctx, id) }()
	point := func() string { return `,"pit":{"id":` + quote(id) + `,"keep_alive":"5m"}` }
	if d.before, err = d.mark(ctx, "/_search", point()); err != nil {
		return err
	}
	wanted := []string{d.spec.Key}
	if d.spec.Version != "" {
		wanted = append(wanted, d.spec.Version)
	}
	for _, field := range workload.Fields {
		if name := d.spec.Fields[field.Name]; name != "" {
			wanted = append(wanted, name)
		}
	}
	source, _ := json.Marshal(wanted) // strings always can be
	record := spill.Record{Content: make([]workload.Value, len(workload.Fields))}
	after, seen, total := "", 0, 0
	for size := pageDocuments; ; {
		p, err := d.search(ctx, "/_search", fmt.Sprintf(`{"size":%d,"track_total_hits":%t%s,"_source":%s,"sort":["_shard_doc"]%s%s}`, size, seen == 0, point(), source, filter(d.spec), after))
		if less(ctx, err) && size > 1 {
			size /= 4
			continue
		}
		if err != nil {
			return err
		}
		if seen == 0 {
			total = p.Hits.Total.Value
		}
		if p.PIT != "" {
			id = p.PIT
		}
		for _, hit := range p.Hits.Hits {
			if err := add(d.record(&record, hit.Index+"/"+hit.ID, hit.Source)); err != nil {
				return err
			}
			after = `,"search_after":` + string(hit.Sort)
		}
		if seen += len(p.Hits.Hits); len(p.Hits.Hits) < size {
			break
		}
	}
	if seen != total {
		return fmt.Errorf("search on %s counts %d documents and returned %d", d.spec.Alias, total, seen)
	}
	return nil
}

// less reports whether less is to be asked for at a time: the answer would be too
// long, or the server has not the memory for it just now.
func less(ctx context.Context, err error) bool {
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusTooManyRequests {
		select { // it asks to be left alone for a while
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
			return true
		}
	}
	return errors.Is(err, errTooLong)
}

// record reads one document.
func (d *documents) record(r *spill.Record, where string, source map[string]json.RawMessage) *spill.Record {
	key, _ := text(pipeline.Field(source, d.spec.Key))
	r.Key, r.Version, r.Where = []byte(key), -1, []byte("document "+where)
	if d.spec.Version != "" {
		version, _ := text(pipeline.Field(source, d.spec.Version))
		r.Version = number([]byte(version))
	}
	for i, field := range workload.Fields {
		r.Content[i] = workload.Value{}
		if name := d.spec.Fields[field.Name]; name != "" {
			r.Content[i].Text, r.Content[i].There = text(pipeline.Field(source, name))
		}
	}
	return r
}

// closePoint frees a point in time. Left open it would go by itself, so a server
// that does not answer is not waited for.
func (d *documents) closePoint(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	d.ask(ctx, "DELETE", "/_pit", `{"id":`+quote(id)+`}`)
}

func quote(text string) string {
	raw, _ := json.Marshal(text) // strings always can be
	return string(raw)
}

// text is the content of a string, and of everything else its JSON; false: there
// is none.
func text(value json.RawMessage) (string, bool) {
	if value == nil || string(value) == "null" {
		return "", false
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		s = string(value)
	}
	return s, true
}
