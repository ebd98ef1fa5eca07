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

// ask sends one request and returns the answer, valid until the next one.
func (e *elastic) ask(ctx context.Context, method, path, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout*time.Duration(max(1, e.patience)))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := e.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask Elasticsearch: %w", err)
	}
	defer reply.Body.Close()
	e.buffer.Reset()
	if _, err := e.buffer.ReadFrom(reply.Body); err != nil {
		return nil, fmt.Errorf("ask Elasticsearch: %s %s: the answer broke off: %w", method, path, err)
	}
	if reply.StatusCode/100 != 2 {
		var failed struct{ Error struct{ Type, Reason string } }
		json.Unmarshal(e.buffer.Bytes(), &failed) // an answer that is no JSON says at least its status
		return nil, &refusal{reply.StatusCode, failed.Error.Type, failed.Error.Reason}
	}
	return e.buffer.Bytes(), nil
}

func (e *elastic) close() { e.client.CloseIdleConnections() }

func quote(text string) string {
	raw, _ := json.Marshal(text) // strings always can be
	return string(raw)
}

func escape(part string) string { return url.PathEscape(part) }
