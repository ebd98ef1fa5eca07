package gameday

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hand is a clock that is moved by hand.
type hand struct{ wall, mono time.Duration }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (h *hand) clock() Clock {
	return Clock{Wall: func() time.Time { return noon.Add(h.wall) }, Mono: func() time.Duration { return h.mono }}
}

func (h *hand) pass(d time.Duration) { h.wall, h.mono = h.wall+d, h.mono+d }

// memory keeps lines, until it is full.
type memory struct {
	lines bytes.Buffer
	full  error
}

func (m *memory) Append(value any) error {
	if m.full != nil {
		return m.full
	}
	return json.NewEncoder(&m.lines).Encode(value)
}

func enter(s State) Event { return Event{Kind: Entered, Status: string(s)} }

func TestStates(t *testing.T) {
	abort, mark := Event{Kind: Aborted, Text: "enough"}, Event{Kind: Marked, Name: Detected}
	for name, test := range map[string]struct {
		events []Event
		says   string // of the last one; empty: all can happen
		state  State
	}{
		"to the end":               {[]Event{enter(Running), mark, enter(Recovered), mark, enter(Reconciled), enter(Debrief), {Kind: FollowUp, Text: "x"}, enter(Over)}, "", Over},
		"no state is left out":     {[]Event{enter(Recovered)}, `in state preflight does not enter "recovered"`, Preflight},
		"no way back":              {[]Event{enter(Running), enter(Recovered), enter(Running)}, `does not enter "running"`, Recovered},
		"refused at the preflight": {[]Event{{Kind: Checked, Name: "x", Status: NoGo}, abort, enter(Debrief), enter(Over)}, "", Over},
		"aborted in mid-fault":     {[]Event{enter(Running), abort, {Kind: Undone}, enter(Debrief)}, "", Debrief},
		"aborted is not recovered": {[]Event{enter(Running), abort, enter(Recovered)}, "was aborted", Running},
		"aborted once":             {[]Event{enter(Running), abort, abort}, "aborted already", Running},
		"nothing to abort":         {[]Event{enter(Running), enter(Debrief), abort}, "nothing to abort in state debrief", Debrief},
		"too early for a mark":     {[]Event{mark}, "nothing can be marked detected in state preflight", Preflight},
		"too late for a mark":      {[]Event{enter(Running), enter(Debrief), mark}, "in state debrief", Debrief},
		"no such mark":             {[]Event{enter(Running), {Kind: Marked, Name: "solved"}}, `no mark "solved"`, Running},
		"no such event":            {[]Event{{Kind: "party"}}, `no event "party"`, Preflight},
		"no such state":            {[]Event{enter("party")}, `does not enter "party"`, Preflight},
		"checks come first":        {[]Event{enter(Running), {Kind: Checked}}, "the preflight is over", Running},
		"over is over":             {[]Event{enter(Debrief), enter(Over), {Kind: Noted, Text: "x"}}, "the game day is over", Over},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			s, err := Open(Header{Scenario: "drill"}, sink, (&hand{}).clock())
			require.NoError(t, err)
			for i, event := range test.events {
				err := s.Add(event)
				if i < len(test.events)-1 || test.says == "" {
					require.NoError(t, err, "event %d", i+1)
					continue
				}
				require.ErrorContains(t, err, test.says)
			}
			require.Equal(t, test.state, s.State())
			kept, err := Parse(sink.lines.Bytes())
			require.NoError(t, err, "what it wrote can be read")
			require.Equal(t, s.Record().Events, kept.Events)
			require.Equal(t, test.state, kept.State)
		})
	}
}

func TestWhatIsNotKeptDidNotHappen(t *testing.T) {
	sink := &memory{}
	s, err := Open(Header{}, sink, (&hand{}).clock())
	require.NoError(t, err)
	sink.full = errors.New("no space left")
	require.ErrorIs(t, s.Enter(Running), sink.full)
	require.Equal(t, Preflight, s.State())
	require.Empty(t, s.Record().Events)
	sink.full = nil
	require.NoError(t, s.Enter(Running))
	require.NoError(t, s.Enter(Running), "it is there already")
	require.Len(t, s.Record().Events, 1)
}

// A process dies in the middle of a line; the next one goes on, and time with it.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	log, err := Create(dir)
	require.NoError(t, err)
	h := &hand{mono: time.Hour}
	s, err := Open(Header{Scenario: "drill", Faults: 1}, log, h.clock())
	require.NoError(t, err)
	h.pass(time.Second)
	require.NoError(t, s.Enter(Running))
	h.pass(time.Second)
	require.NoError(t, s.Add(Event{Kind: Marked, Name: Detected, By: "Ada"}))
	_, err = log.file.WriteString(`{"seq":3,"at_ns":4,"ki`)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	_, err = Create(dir)
	require.ErrorIs(t, err, os.ErrExist)

	for name, test := range map[string]struct {
		later time.Duration // by the wall clock
		at    time.Duration // of the next event
	}{"a minute later": {time.Minute, 62 * time.Second}, "the wall clock was set back": {-time.Hour, 2 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, FileName))
			require.NoError(t, err)
			copied := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(copied, FileName), raw, 0o600))
			again, record, err := Reopen(copied)
			require.NoError(t, err)
			require.True(t, record.Cut)
			next, err := Resume(record, again, (&hand{wall: h.wall + test.later}).clock())
			require.NoError(t, err)
			require.NoError(t, next.Add(Event{Kind: Marked, Name: Mitigated}))
			require.NoError(t, again.Close())
			kept, err := Read(copied)
			require.NoError(t, err)
			require.False(t, kept.Cut)
			require.Equal(t, Running, kept.State)
			require.Equal(t, Resumed, kept.Events[2].Kind)
			require.Equal(t, test.at, time.Duration(kept.Events[3].At))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	head := `{"schema":1}` + "\n"
	for content, says := range map[string]string{
		"":                                      "it is empty",
		`{"schema":1`:                           "it is empty",
		`{"schema":2}` + "\n":                   "schema 2",
		"nothing\n":                             "header",
		head + "nothing\n":                      "line 2",
		head + `{"seq":2,"kind":"note"}` + "\n": "number 2 where 1 was due",
		head + `{"seq":1,"at_ns":-1,"kind":"note"}` + "\n":                                             "lies before",
		head + `{"seq":1,"at_ns":5,"kind":"note"}` + "\n" + `{"seq":2,"at_ns":4,"kind":"note"}` + "\n": "event 2 lies before",
		head + `{"seq":1,"kind":"state","status":"over"}` + "\n":                                       `does not enter "over"`,
	} {
		_, err := Parse([]byte(content))
		require.ErrorContains(t, err, says, "%q", content)
	}
	_, err := Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schema":1,"scenario":"calm"}` + "\n" + `{"seq":1,"at_ns":1,"kind":"state","status":"running"}` + "\n" + `{"seq":2,"at_ns":2,"kind":"mark","name":"detected"}` + "\n"))
	f.Add([]byte(`{"schema":1}` + "\n" + `{"seq":1`))
	f.Fuzz(func(t *testing.T, content []byte) {
		record, err := Parse(content)
		if err != nil {
			return
		}
		var again bytes.Buffer
		encoder := json.NewEncoder(&again)
		require.NoError(t, encoder.Encode(record.Header))
		for _, event := range record.Events {
			require.NoError(t, encoder.Encode(event))
		}
		same, err := Parse(again.Bytes())
		require.NoError(t, err)
		require.Equal(t, record.State, same.State)
		require.Equal(t, record.Events, same.Events)
	})
}

func TestCommands(t *testing.T) {
	for line, want := range map[string]Command{
		"detected":                 {Do: Detected},
		"d":                        {Do: Detected},
		"Detected by Ada Lovelace": {Do: Detected, By: "Ada Lovelace"},
		" mitigated by Bob ":       {Do: Mitigated, By: "Bob"},
		"note the queue grows":     {Do: Note, Text: "the queue grows"},
		"note by Ada: it: grows":   {Do: Note, By: "Ada", Text: "it: grows"},
		"note by the way":          {Do: Note, Text: "by the way"},
		"follow-up an alert":       {Do: Follow, Text: "an alert"},
		"abort":                    {Do: Abort},
		"abort too many lost":      {Do: Abort, Text: "too many lost"},
		"abort by Bob: enough":     {Do: Abort, By: "Bob", Text: "enough"},
		"abort by Bob:":            {Do: Abort, By: "Bob"},
		"follow-up by Bob: a disk": {Do: Follow, By: "Bob", Text: "a disk"},
		"end":                      {Do: End},
		"go":                       {Do: Yes},
		"no-go":                    {Do: No},
		"status":                   {Do: Status},
	} {
		got, err := ParseCommand(line)
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	}
	for line, says := range map[string]string{
		"":              `"" is no command: say detected`,
		"solved":        `"solved" is no command`,
		"note":          "a note needs a text",
		"note by Bob:":  "a note needs a text",
		"end it":        "end is said alone",
		"detected Ada":  `"detected by NAME"`,
		"detected by ":  `"detected by NAME"`,
		"status please": "status is said alone",
	} {
		_, err := ParseCommand(line)
		require.ErrorContains(t, err, says, line)
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add("note by Ada: x")
	f.Fuzz(func(t *testing.T, line string) {
		command, err := ParseCommand(line)
		if err == nil && (command.Do == Note || command.Do == Follow) {
			require.True(t, command.Text != "" || command.By != "")
		}
	})
}
