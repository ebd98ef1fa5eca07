package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
)

// index answers as Elasticsearch does, page by page.
type index struct {
	t         *testing.T
	documents []string // _source
	opened    int
	closed    int
	asked     []string // bodies of searches
	fail      func(w http.ResponseWriter, r *http.Request, body string) bool
}

func (x *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	body := string(raw)
	if x.fail != nil && x.fail(w, r, body) {
		return
	}
	switch {
	case r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/_pit"):
		x.opened++
		fmt.Fprintf(w, `{"id":"point-%d"}`, x.opened)
	case r.Method == "DELETE" && r.URL.Path == "/_pit":
		x.closed++
		fmt.Fprint(w, `{}`)
	case r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/_search"):
		x.asked = append(x.asked, body)
		var request struct {
			Size  int
			After []int `json:"search_after"`
		}
		require.NoError(x.t, json.Unmarshal(raw, &request), body)
		from := 0
		if len(request.After) > 0 {
			from = request.After[0] + 1
		}
		var hits []string
		for i := from; i < len(x.documents) && len(hits) < request.Size; i++ {
			hits = append(hits, fmt.Sprintf(`{"_index":"people-1","_id":"%d","sort":[%d],"_source":%s}`, i, i, x.documents[i]))
		}
		fmt.Fprintf(w, `{"pit_id":"another","timed_out":false,"_shards":{"total":2,"successful":2},"hits":{"total":{"value":%d},"hits":[%s]},"aggregations":{"numbers":{"sum":%d,"max":null}}}`,
			len(x.documents), strings.Join(hits, ","), len(x.documents))
	default:
		x.t.Errorf("a request that may write: %s %s", r.Method, r.URL)
	}
}

var peopleIndex = pipeline.Documents{Alias: "people", Key: "id", Version: "meta.rev", Fields: map[string]string{"family_name": "name.last", "salary": "pay"}, Filter: `{"term":{"gone":false}}`}

func serve(t *testing.T, x *index) (*Elastic, string) {
	x.t = t
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	e, err := OpenElastic(strings.Replace(server.URL, "http://", "http://reader:pa55%2Fword@", 1)+"/", "", "")
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e, server.URL
}

func TestDocuments(t *testing.T) {
	x := &index{documents: []string{
		`{"id":"a","meta":{"rev":3},"name":{"last":"Ames"},"pay":1.50}`,
		`{"id":"b","meta":{"rev":"4"},"name":{"last":null}}`,
		`{"meta":{"rev":1.5}}`,
	}}
	for len(x.documents) < 2*pageDocuments+10 {
		x.documents = append(x.documents, `{"id":"z"}`)
	}
	x.fail = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		user, password, _ := r.BasicAuth()
		require.Equal(t, "reader pa55/word", user+" "+password)
		return false
	}
	e, _ := serve(t, x)
	require.NoError(t, e.Check(t.Context(), peopleIndex))
	place := e.Documents(peopleIndex)
	require.Equal(t, []int{surname, 11}, place.Fields)
	var lines []string
	require.NoError(t, place.Read(t.Context(), func(r *spill.Record) error {
		if len(lines) < 3 {
			lines = append(lines, fmt.Sprintf("%s %d %s %v %v", r.Key, r.Version, r.Where, r.Content[surname], r.Content[11]))
			return nil
		}
		lines = append(lines, "")
		return nil
	}))
	require.Len(t, lines, len(x.documents))
	require.Equal(t, []string{"a 3 document people-1/0 {Ames true} {1.50 true}", "b 4 document people-1/1 { false} { false}", " -1 document people-1/2 { false} { false}"}, lines[:3])
	require.Equal(t, 1, x.closed, "no point in time is left behind")
	require.Contains(t, x.asked[2], `"_source":["id","meta.rev","name.last","pay"]`, "nothing else is asked for")
	require.Contains(t, x.asked[2], `"query":{"term":{"gone":false}}`)

	what, err := place.Changed(t.Context())
	require.NoError(t, err)
	require.Empty(t, what)
	x.documents = x.documents[1:]
	what, err = place.Changed(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, what)
}

func TestDocumentsThatAreNotAll(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request, string) bool {
		return func(w http.ResponseWriter, r *http.Request, sent string) bool {
			if !strings.Contains(sent, "search_after") && !strings.Contains(sent, "_shard_doc") {
				return false
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		fail func(http.ResponseWriter, *http.Request, string) bool
		text string
	}{
		"shard":   {answer(200, `{"_shards":{"total":2,"successful":1}}`), "answered by 1 of 2 shards"},
		"time":    {answer(200, `{"timed_out":true}`), "timed out: true"},
		"count":   {answer(200, `{"hits":{"total":{"value":7}}}`), "counts 7 documents and returned 0"},
		"no JSON": {answer(200, `<html>`), "no JSON"},
		"failure": {answer(500, `{"error":{"type":"too_busy","reason":"secret"}}`), "answered 500 too_busy"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := serve(t, &index{fail: c.fail, documents: []string{`{"id":"a"}`}})
			err := e.Documents(peopleIndex).Read(t.Context(), func(*spill.Record) error { return nil })
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// A server that has no memory for so many at a time is asked for fewer.
func TestOverload(t *testing.T) {
	x := &index{documents: []string{`{"id":"a"}`, `{"id":"b"}`}}
	refusals := 0
	x.fail = func(w http.ResponseWriter, _ *http.Request, body string) bool {
		if !strings.Contains(body, fmt.Sprintf(`"size":%d`, pageDocuments)) {
			return false
		}
		refusals++
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	e, _ := serve(t, x)
	n := 0
	require.NoError(t, e.Documents(peopleIndex).Read(t.Context(), func(*spill.Record) error { n++; return nil }))
	require.Equal(t, []int{2, 1}, []int{n, refusals})
}

// Documents that are too large for a page are asked for in smaller ones.
func TestLargeDocuments(t *testing.T) {
	x := &index{}
	for range 40 {
		x.documents = append(x.documents, fmt.Sprintf(`{"id":%q}`, strings.Repeat("x", pageBytes/16)))
	}
	e, _ := serve(t, x)
	n := 0
	require.NoError(t, e.Documents(peopleIndex).Read(t.Context(), func(*spill.Record) error { n++; return nil }))
	require.Equal(t, 40, n)
}

func TestElasticRefuses(t *testing.T) {
	for status, text := range map[int]string{401: "the credentials are refused", 403: "the privilege read on it is all that is needed", 404: "no index or alias people", 400: "expect.documents.filter", 503: "answered 503"} {
		e, address := serve(t, &index{fail: func(w http.ResponseWriter, _ *http.Request, _ string) bool { w.WriteHeader(status); return true }})
		err := e.Check(t.Context(), peopleIndex)
		require.ErrorContains(t, err, text)
		require.NotContains(t, err.Error(), "pa55")
		if status == 401 {
			require.ErrorContains(t, err, address)
		}
	}
	_, err := OpenElastic("https://host", "", "/nowhere")
	require.ErrorIs(t, err, ErrUsage)
	none := filepath.Join(t.TempDir(), "none.pem")
	require.NoError(t, os.WriteFile(none, nil, 0o600))
	_, err = OpenElastic("https://host", "", none)
	require.ErrorContains(t, err, "no certificate in PEM")
}

func TestAPIKey(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "ApiKey abc", r.Header.Get("Authorization"))
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	e, err := OpenElastic(server.URL, "abc", "")
	require.NoError(t, err)
	require.NoError(t, e.Check(t.Context(), peopleIndex))
}
