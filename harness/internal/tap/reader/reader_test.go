package reader

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

// said is a piece of a conversation.
type said struct {
	d     Direction
	bytes string
}

// seen is what a reader told of a conversation, as text: an event a line.
type seen struct {
	events []string
	passed [2]string // what went on
}

// read plays a conversation, each piece cut into pieces of at most size bytes,
// the first of which has first bytes (0: size). It passes on what the reader
// lets go, as the tap does, and checks the promises of Reader.
func read(t testing.TB, protocol string, keys *Keys, talk []said, size, first int) seen {
	t.Helper()
	r, err := New(protocol, keys)
	require.NoError(t, err)
	defer r.Close()
	var out seen
	var all, passed [2][]byte
	var gone [2]int
	for _, piece := range talk {
		for rest := []byte(piece.bytes); len(rest) > 0; {
			n := min(len(rest), size)
			if first > 0 {
				n, first = min(len(rest), first), 0
			}
			now := rest[:n]
			rest = rest[n:]
			for len(now) > 0 {
				took, mark := r.Read(piece.d, now)
				promised(t, took == len(now) || mark != nil && took > 0 || mark != nil && unreadable(mark), "took %d of %d without a mark", took, len(now))
				all[piece.d] = append(all[piece.d], now[:took]...)
				now = now[took:]
				if mark == nil {
					continue
				}
				if !unreadable(mark) {
					require.GreaterOrEqual(t, mark.At, int64(gone[piece.d]), "%s: the boundary has gone on before it was known: %v", piece.d, mark.Events)
				}
				require.LessOrEqual(t, mark.At, int64(len(all[piece.d])))
				for _, e := range mark.Events {
					out.events = append(out.events, line(piece.d, mark, e))
				}
				if mark.Swallow > 0 {
					passed[piece.d] = append(passed[piece.d], all[piece.d][gone[piece.d]:mark.At]...)
					gone[piece.d] = int(mark.At) + mark.Swallow
				}
			}
			keep := r.Keep(piece.d)
			promised(t, keep <= MostKept && keep <= len(all[piece.d])-gone[piece.d], "%d bytes are kept", keep)
			until := len(all[piece.d]) - keep
			passed[piece.d] = append(passed[piece.d], all[piece.d][gone[piece.d]:until]...)
			gone[piece.d] = until
		}
	}
	for d := range all {
		out.passed[d] = string(append(passed[d], all[d][gone[d]:]...))
	}
	return out
}

// promised is require.True, without its cost for every byte.
func promised(t testing.TB, kept bool, format string, args ...any) {
	t.Helper()
	if !kept {
		require.Failf(t, "a reader's promise is broken", format, args...)
	}
}

func unreadable(mark *Mark) bool {
	return len(mark.Events) == 1 && mark.Events[0].Kind == boundary.Unreadable
}

// line is an event in one line.
func line(d Direction, mark *Mark, e boundary.Event) string {
	text := fmt.Sprintf("%s@%d %s", d, mark.At, e.Kind)
	add := func(name string, value any, zero bool) {
		if !zero {
			text += fmt.Sprintf(" %s=%v", name, value)
		}
	}
	add("target", e.Target, e.Target == "")
	add("count", e.Count, e.Count == 0)
	add("many", e.Many, e.Many == 0)
	add("routing", e.Routing, e.Routing == "")
	add("messages", strings.Join(e.Messages, ","), e.Messages == nil)
	add("records", strings.Join(e.Records, ","), e.Records == nil)
	add("failed", strings.Join(e.Failed, ","), e.Failed == nil)
	add("code", e.Code, e.Code == 0)
	add("note", e.Note, e.Note == "")
	return text
}

// always reads a conversation cut in many ways: the events are the same, and
// every byte goes on. It returns the events without their offsets.
func always(t testing.TB, protocol string, keys *Keys, talk []said) []string {
	t.Helper()
	whole := read(t, protocol, keys, talk, 1<<30, 0)
	total := 0
	for _, piece := range talk {
		total += len(piece.bytes)
	}
	again := func(size, first int) {
		t.Helper()
		other := read(t, protocol, keys, talk, size, first)
		require.Equal(t, whole.events, other.events, "pieces of %d, the first of %d", size, first)
		require.Equal(t, whole.passed, other.passed)
	}
	for _, size := range []int{1, 7, 1000, 65536} {
		if total/size < 1<<20 {
			again(size, 0)
		}
	}
	// Cut once at every position of every piece.
	if total < 20_000 {
		for i := range talk {
			for at := 1; at < len(talk[i].bytes); at++ {
				cut := append(append([]said{}, talk[:i]...), said{talk[i].d, talk[i].bytes[:at]}, said{talk[i].d, talk[i].bytes[at:]})
				cut = append(cut, talk[i+1:]...)
				other := read(t, protocol, keys, cut, 1<<30, 0)
				require.Equal(t, whole.events, other.events, "piece %d cut at %d", i, at)
				require.Equal(t, whole.passed, other.passed)
			}
		}
	}
	var events []string
	for _, e := range whole.events {
		_, rest, _ := strings.Cut(e, " ")
		events = append(events, rest)
	}
	return events
}

// tells checks what a reader makes of a conversation, however it is cut, and
// that all of it goes on as it was said.
func tells(t testing.TB, protocol string, talk []said, want []string) {
	t.Helper()
	require.Equal(t, want, always(t, protocol, nil, talk))
	require.Equal(t, whatWasSaid(talk), read(t, protocol, nil, talk, 1000, 0).passed)
}

// keysLike are a run's that begin with prefix.
func keysLike(t testing.TB, prefix string, length int) *Keys {
	t.Helper()
	keys := new(Keys)
	require.NoError(t, keys.Set([]boundary.KeyPattern{{Prefix: prefix, Length: length}}))
	return keys
}

func whatWasSaid(talk []said) (all [2]string) {
	for _, piece := range talk {
		all[piece.d] += piece.bytes
	}
	return all
}
