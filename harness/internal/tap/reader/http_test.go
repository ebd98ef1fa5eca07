package reader

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func withLength(head, body string) string {
	return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func chunked(head string, trailer string, chunks ...string) string {
	all := head + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, chunk := range chunks {
		all += fmt.Sprintf("%X;x=y\r\n%s\r\n", len(chunk), chunk)
	}
	return all + "0\r\n" + trailer + "\r\n"
}

func zipped(t testing.TB, s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

const (
	bulkRequest = `{"index":{"_id":"a","version":1}}` + "\n" + `{"key":"a"}` + "\n" + `{"delete":{"_id":"b"}}` + "\n" + `{"create":{"_index":"x","_id":"c"}}` + "\n" + `{"delete":{"_id":"no action"}}` + "\n"
	bulkReply   = `{"took":3,"errors":true,"items":[{"index":{"_id":"a","status":201}},{"delete":{"_id":"b","status":404}},{"create":{"_id":"c","status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}`

	bulkAsked    = "index requested target=people count=1"
	bulkItems    = "items requested target=people count=3 messages=a,b,c records=a,b,c"
	bulkIndexed  = "indexed target=people count=3 messages=a,b,c records=a,b,c code=200"
	bulkAnswered = "items answered target=people count=3 messages=a,b,c records=a,b,c failed=b,c note=status 404"
)

func TestHTTP(t *testing.T) {
	bulkHead := "POST /people/_bulk?refresh=wait_for HTTP/1.1\r\nHost: es\r\nContent-Type: application/x-ndjson"
	whole := []string{bulkAsked, bulkItems, bulkIndexed, bulkAnswered}
	for name, test := range map[string]struct {
		talk []said
		want []string
	}{
		"a bulk": {
			[]said{{Up, withLength(bulkHead, bulkRequest)}, {Down, withLength("HTTP/1.1 200 OK", bulkReply)}},
			whole,
		},
		"in chunks, after 100-continue, with a trailer": {
			[]said{
				{Up, chunked(bulkHead+"\r\nExpect: 100-continue", "X-Sum: 7\r\n", bulkRequest[:30], bulkRequest[30:])},
				{Down, "HTTP/1.1 100 Continue\r\n\r\n" + chunked("HTTP/1.1 200 OK", "", bulkReply[:50], bulkReply[50:])},
			},
			whole,
		},
		"gzip both ways": {
			[]said{
				{Up, withLength(bulkHead+"\r\nContent-Encoding: gzip", zipped(t, bulkRequest))},
				{Down, withLength("HTTP/1.1 200 OK\r\ncontent-encoding: gzip", zipped(t, bulkReply))},
			},
			whole,
		},
		"an encoding that nobody knows": {
			[]said{{Up, withLength(bulkHead+"\r\nContent-Encoding: br", "????")}, {Down, withLength("HTTP/1.1 200 OK", "{}")}},
			[]string{bulkAsked, `items requested target=people count=1 note=what it says cannot be read: its encoding is "br"`,
				"indexed target=people count=1 code=200", "items answered target=people count=1"},
		},
		"kept alive and pipelined": {
			[]said{
				{Up, "GET /_cluster/health HTTP/1.1\r\nHost: es\r\n\r\n" + "HEAD /_alias/people HTTP/1.1\r\n\r\n" + withLength(bulkHead, bulkRequest)},
				{Down, withLength("HTTP/1.1 200 OK", "{}") + "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + withLength("HTTP/1.1 200 OK", bulkReply)},
			},
			whole,
		},
		"single documents": {
			[]said{
				{Up, withLength("PUT /people/_doc/G%2F1 HTTP/1.1", `{"a":1}`)}, {Down, withLength("HTTP/1.1 201 Created", `{"_id":"G/1","result":"created"}`)},
				{Up, withLength("POST /people/_doc HTTP/1.1", `{"a":1}`)}, {Down, withLength("HTTP/1.1 201 Created", `{"_index":"people","_id":"made"}`)},
				{Up, "DELETE /people/_doc/x HTTP/1.1\r\n\r\n"}, {Down, "HTTP/1.1 404 Not Found\r\n\r\n" + `{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}`},
			},
			[]string{
				"index requested target=people count=1 messages=G/1", "items requested target=people count=1 messages=G/1 records=G/1",
				"indexed target=people count=1 messages=G/1 records=G/1 code=201", "items answered target=people count=1 messages=G/1 records=G/1",
				"index requested target=people count=1", "items requested target=people count=1",
				"indexed target=people count=1 code=201", "items answered target=people count=1 messages=made records=made",
				"index requested target=people count=1 messages=x", "items requested target=people count=1 messages=x records=x",
				"indexed target=people count=1 messages=x records=x code=404",
			},
		},
		"refresh, aliases, indexes": {
			[]said{{Up, withLength("POST /people/_refresh HTTP/1.1", "") + withLength("POST /_aliases HTTP/1.1", "{}") + withLength("PUT /people-1 HTTP/1.1", "{}") +
				"DELETE /people-1 HTTP/1.1\r\n\r\n" + "POST /people/_search HTTP/1.1\r\n\r\n" + "PUT /people-1/_alias/people HTTP/1.1\r\n\r\n"}},
			[]string{"refreshed target=people count=1", "alias changed target=* count=1", "index changed target=people-1 count=1",
				"index changed target=people-1 count=1", "alias changed target=people-1 count=1"},
		},
		"an upgrade": {
			[]said{{Up, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"}, {Down, "HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x02"}, {Up, "\x03\x04"}},
			[]string{"unreadable note=down: the connection changes to another protocol"},
		},
		"HTTP/2": {
			[]said{{Up, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}},
			[]string{`unreadable note=up: not HTTP/1: it begins with "PRI * HTTP/2.0"`},
		},
		"TLS":                 {[]said{{Up, "\x16\x03\x01\x02\x00"}}, []string{`unreadable note=up: not HTTP/1: it begins with "\x16"`}},
		"lines without CR":    {[]said{{Up, "PUT /a HTTP/1.0\n\n"}}, []string{"index changed target=a count=1"}},
		"a chunk of nonsense": {[]said{{Up, bulkHead + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}}, []string{bulkAsked, "unreadable note=up: a chunk's size with 0x7a"}},
	} {
		t.Run(name, func(t *testing.T) {
			tells(t, "http", test.talk, test.want)
		})
	}
}

// What a client of some line protocol says is not kept from the server.
func TestHTTPKeepsNothingThatIsNotHTTP(t *testing.T) {
	r, err := New("http", nil)
	require.NoError(t, err)
	r.Read(Up, []byte("EHLO me\r\n"))
	require.Zero(t, r.Keep(Up))
}

func TestHTTPFindsKeysInDocuments(t *testing.T) {
	keys := keysLike(t, "G01D", 12)
	body := `{"index":{}}` + "\n" + `{"key":"G01D00000017"}` + "\n"
	talk := []said{{Up, withLength("POST /people/_bulk HTTP/1.1", body)}, {Down, withLength("HTTP/1.1 200 OK", `{"items":[{"index":{"_id":"made","status":201}}]}`)}}
	require.Equal(t, []string{
		"index requested target=people count=1",
		"items requested target=people count=1 records=G01D00000017",
		"indexed target=people count=1 records=G01D00000017 code=200",
		"items answered target=people count=1 messages=made records=G01D00000017",
	}, always(t, "http", keys, talk))
}

func TestHTTPBigBulk(t *testing.T) {
	line := `{"index":{"_id":"a"}}` + "\n" + `{"x":"` + strings.Repeat("x", 1<<20) + `"}` + "\n"
	talk := []said{{Up, withLength("POST /people/_bulk HTTP/1.1", strings.Repeat(line, 16))}, {Down, withLength("HTTP/1.1 200 OK", `{"errors":false,"padding":"`+strings.Repeat("x", 16<<20)+`","items":[]}`)}}
	for _, size := range []int{1000, 65536} {
		require.Len(t, read(t, "http", nil, talk, size, 0).events, 4)
	}
}

func FuzzHTTP(f *testing.F) {
	f.Add([]byte(withLength("POST /people/_bulk HTTP/1.1", bulkRequest)), []byte(withLength("HTTP/1.1 200 OK", bulkReply)))
	f.Add([]byte(chunked("PUT /people/_doc/1 HTTP/1.1", "a: b\r\n", "{}", "{}")), []byte(chunked("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "", zipped(f, bulkReply))))
	f.Fuzz(func(t *testing.T, up, down []byte) { anything(t, "http", up, down) })
}
