package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// htmlOf returns the page of a run.
func htmlOf(t testing.TB, run Run, result check.Result, timeline timeline) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, writeHTML(&out, run.With(result), result, timeline))
	return out.String()
}

var hashes = regexp.MustCompile(`sha256-[A-Za-z0-9+/&#;]*=`)

// bare leaves out what a page brings along: only what is of the run remains.
func bare(page string) string {
	for _, own := range []string{plotScript, pageScript, plotStyle, pageStyle, html.EscapeString(plotLicense)} {
		page = strings.Replace(page, own, "", 1)
	}
	return hashes.ReplaceAllString(page, "sha256")
}

func TestHTMLOfATimeline(t *testing.T) {
	stored, result := sampleTape(t)
	run := sampleRun()
	run.Plan = []history.PlannedFault{{Step: 1, Name: "kill", Target: "load", Trigger: "half is committed"}, {Step: 2, Name: "replay", Operation: true}, {Step: 3, Name: "sync", Operation: true}}
	run.Started = began
	result.Counts = map[check.Class]int{check.Attempted: 20, check.Acknowledged: 20, check.OK: 18, check.Lost: 2, check.Misreported: 1}
	result.Faults = []check.FaultResult{{Name: "kill", Target: "load", Bit: true, Healed: true, InFlight: 9, Evidence: "exit 137"}}
	result.Operations = []check.OperationResult{{Name: "replay", Role: "collector", Done: true}}
	golden(t, "timeline.html", bare(htmlOf(t, run, result, timelineOf(stored, result))))
}

func TestHTMLAllowsNothingButItself(t *testing.T) {
	page := htmlOf(t, sampleRun(), sampleResult(), timeline{})
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	for _, tag := range []string{"script", "style"} {
		found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		require.NotEmpty(t, found)
		for _, content := range found {
			sum := sha256.Sum256([]byte(content[1]))
			require.Contains(t, policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "the hash of each %s", tag)
		}
	}
	require.Less(t, strings.Index(page, "Content-Security-Policy"), strings.Index(page, "<style>"), "before anything that it is to keep in")
	for _, loads := range []string{" src=", "<link", "@import", "url(", "<iframe", "<object", "<embed", "<base"} {
		require.NotContains(t, bare(page), loads)
	}
	require.NotRegexp(t, `<[^>]*\son[a-z]+\s*=`, bare(page))
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.Regexp(t, `^#`, link[1])
	}
}

// payload is what must not do anything, in each of the ways it could get out
// of where it stands.
const payload = `</script><script>window.owned=1</script><img src=x onerror="window.owned=1">'"><svg onload=window.owned=1>` +
	"`${window.owned=1}`{{.}}" + `<!--<script>` + "\u2028\u202e\x00\xff" + `javascript:window.owned=1//=HYPERLINK("http://evil.example")`

// poison puts text into every string of a value.
func poison(value reflect.Value, text string) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(text)
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Field(i).CanSet() {
				poison(value.Field(i), text)
			}
		}
	case reflect.Pointer:
		if !value.IsNil() {
			poison(value.Elem(), text)
		}
	case reflect.Slice:
		if value.Type() == reflect.TypeFor[json.RawMessage]() {
			raw, _ := json.Marshal(map[string]string{text: text})
			value.SetBytes(raw)
			return
		}
		for i := range value.Len() {
			poison(value.Index(i), text)
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			old := value.MapIndex(key)
			value.SetMapIndex(key, reflect.Value{})
			if key.Kind() == reflect.String {
				key = reflect.ValueOf(text).Convert(key.Type())
			}
			value.SetMapIndex(key, old)
		}
	}
}

// poisoned is a run in which every text that comes from elsewhere is hostile.
func poisoned(t testing.TB, text string) (Run, check.Result, timeline) {
	run, result := sampleRun(), sampleResult()
	stored, other := sampleTape(t)
	result.Findings = append(result.Findings, other.Findings...)
	line := timelineOf(stored, other)
	run.Undo.OK = false
	poison(reflect.ValueOf(&run).Elem(), text)
	poison(reflect.ValueOf(&result).Elem(), text)
	line.problem, line.wired, line.signs = text, true, map[string]sign{text: {3, text}}
	line.queues = []history.QueueDepth{{Queue: text, Broker: text, Ready: 1}}
	for i := range line.charts {
		for k := range line.charts[i].Series {
			line.charts[i].Series[k].Name = printable(text)
		}
	}
	for i := range line.steps {
		line.steps[i].Name, line.steps[i].Target = text, text
	}
	// Classes and verdicts are the harness's own words; the rest stays hostile.
	run.Verdict, result.Verdict = check.Invalid, check.Invalid
	result.Findings[0].Class = check.Lost
	result.Counts[check.Lost] = 1
	return run, result, line
}

func TestHTMLIsNotWhatARecordSays(t *testing.T) {
	run, result, line := poisoned(t, payload)
	page := bare(htmlOf(t, run, result, line))
	require.Equal(t, 3, strings.Count(page, "<script"), "the data and the two scripts")
	for _, tag := range []string{"<img", "<svg", "<!--", "javascript:window.owned=1//\""} {
		require.False(t, strings.Contains(page, tag), tag)
	}
	require.NotContains(t, page, "\u202e")
	require.NotContains(t, page, "\x00")
	data := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindStringSubmatch(page)[1]
	var decoded pageData
	require.NoError(t, json.Unmarshal([]byte(data), &decoded))
	require.Contains(t, decoded.Files[0], "</script><script>window.owned=1", "it is shown, as text")
	require.NotRegexp(t, `[<>&]`, data)
}

func TestHTMLOfOtherRuns(t *testing.T) {
	valid := check.Result{Verdict: check.Valid, Counts: map[check.Class]int{check.Acknowledged: 5006}, Faults: []check.FaultResult{
		{Name: "kill", Target: "load", Bit: true, Healed: true}, {Name: "kill", Target: "load", Bit: true, Healed: true}, {Name: "cut", Target: "sftp", Bit: true, Healed: true}}}
	for _, c := range []struct {
		name   string
		run    Run
		result check.Result
		says   []string
	}{
		{"valid", Run{Undo: Undo{OK: true}}, valid,
			[]string{"All 5,006 acknowledged changes arrived once, unchanged and for readers to see, although this was broken: kill on load (2 times) and cut on sftp.", "Nothing has to be repaired"}},
		{"unknown", Run{Undo: Undo{OK: true}}, check.Result{Verdict: check.Unknown, Reason: "Not proved: it did not bite."}, []string{"It is not known whether the import holds: Not proved: it did not bite."}},
		{"infra", Run{Verdict: check.Infra, Reason: "the disk is full", Undo: Undo{OK: true}}, check.Result{}, []string{"nothing follows for the import: the disk is full"}},
		{"no fault", Run{NoFault: true, Plan: sampleRun().Plan, Undo: Undo{OK: true}}, check.Result{Verdict: check.Unknown}, []string{"left out on purpose"}},
		{"a fault that did not bite", Run{Plan: sampleRun().Plan[:1], Undo: Undo{OK: true}}, check.Result{Verdict: check.Unknown, Faults: []check.FaultResult{{Name: "kill", Target: "load"}}},
			[]string{"➜ The plan broke here.", "not proved to have bitten, not healed"}},
		{"never begun", Run{Plan: sampleRun().Plan, Undo: Undo{OK: true}}, check.Result{Verdict: check.Infra}, []string{"never began"}},
		{"undo failed", Run{Undo: Undo{Error: "the container is gone"}}, valid, []string{"The undo failed:", "the container is gone", "seatrial clean"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := htmlOf(t, c.run, c.result, timeline{})
			for _, text := range c.says {
				require.Contains(t, page, html.EscapeString(text))
			}
		})
	}
}

func TestHop(t *testing.T) {
	for _, c := range []struct{ seen, want string }{
		{"acknowledged by SFTP in f.csv line 47; not in rows", "acknowledged by SFTP"},
		{"sent in f.csv line 3, its acknowledgement unknown; not in rows", "sent"},
		{"rows (deleted there); not in confirmations", "rows"},
		{"read 12 of the documents", "documents"},
		{"the last read of the rows", "rows"},
		{"queue records.applied on rabbitmq-next, message 4, id K:1:upsert", "queue records.applied on rabbitmq-next"},
		{"confirmations (c.csv line 4)", "confirmations"},
		{"", "not said"},
	} {
		require.Equal(t, c.want, hop(check.Finding{File: "f.csv", LastSeen: c.seen}))
	}
}

func TestHTMLHoldsALimitedSample(t *testing.T) {
	run, result, line := poisoned(t, strings.Repeat("\U000e0001<", 300))
	finding := result.Findings[1]
	for range 600 {
		result.Findings = append(result.Findings, finding)
	}
	page := htmlOf(t, run, result, line)
	require.Less(t, len(page), 5<<20, "also where every character needs ten")
	require.Regexp(t, `<b>\d+ of 60\d shown</b>`, page)
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		require.Equal(t, want, grouped(n))
	}
}

func FuzzHTML(f *testing.F) {
	f.Add(payload)
	f.Add(hostile)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		run, result, line := poisoned(t, text)
		page := bare(htmlOf(t, run, result, line))
		require.Equal(t, 3, strings.Count(strings.ToLower(page), "<script"))
	})
}
