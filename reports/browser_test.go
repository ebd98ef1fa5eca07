package reports

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// written puts a page into a file and returns its path.
func written(t testing.TB, run Run, result check.Result, line timeline) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), HTMLFile)
	require.NoError(t, os.WriteFile(path, []byte(htmlOf(t, run, result, line)), 0o600))
	return path
}

// manyFindings is a run with n findings: every hundredth is a double, the rest is lost.
func manyFindings(t testing.TB, n int) (Run, check.Result, timeline) {
	stored, result := sampleTape(t)
	line := timelineOf(stored, result)
	run := sampleRun()
	result.Findings = nil
	for i := range n {
		finding := check.Finding{Class: check.Lost, Key: fmt.Sprintf("K%06d", i), Version: 1, File: fmt.Sprintf("%06d-delta.csv", i/50), Line: 2 + i%50,
			LastSeen: fmt.Sprintf("acknowledged by SFTP in %06d-delta.csv line %d; not in rows", i/50, 2+i%50), Evidence: "no trace in rows, queues, dead letters"}
		if i%100 == 99 {
			finding.Class, finding.LastSeen, finding.Evidence = check.Duplicated, "rows", "2 rows for one key"
		}
		result.Findings = append(result.Findings, finding)
	}
	result.Counts = map[check.Class]int{check.Acknowledged: 20 * n, check.Lost: n - n/100, check.Duplicated: n / 100}
	return run, result, line
}

const listed = `document.querySelectorAll("#list tbody tr").length`

func TestFilterInBrowser(t *testing.T) {
	b := newTab(t)
	run, result, line := manyFindings(t, 1000)
	b.open(written(t, run, result, line), 1200, 1000, false)
	set := func(name, value string) int {
		eval[bool](b, fmt.Sprintf(`(() => { const field = document.getElementById("filter").elements[%q];
			const option = [...(field.options || [])].find((o) => o.text.startsWith(%q));
			field.value = option ? option.value : %q; field.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, name, value, value))
		return eval[int](b, listed)
	}
	matches := func() string { return eval[string](b, `document.getElementById("matches").textContent`) }

	require.Equal(t, 40, eval[int](b, listed))
	require.Equal(t, "40 of 1,000 here.", matches())
	require.Equal(t, 10, eval[int](b, `[...document.querySelectorAll("#list tbody tr")].filter((r) => r.cells[0].textContent === "duplicated").length`), "some of each class")
	require.Equal(t, 10, set("class", "duplicated"))
	require.Equal(t, "10 match, of 1,000 here.", matches())
	require.Equal(t, 1, set("key", " k000199"))
	require.Equal(t, "K000199 version 1", eval[string](b, `document.querySelector("#list tbody tr").cells[1].textContent`))
	require.Equal(t, 0, set("file", "no such file"))
	eval[bool](b, `document.querySelector("#filter [type=reset]").click(), true`)
	b.do(chromedp.Sleep(50 * time.Millisecond))
	require.Equal(t, 40, eval[int](b, listed))
	require.Equal(t, 40, set("file", "000003"))
	eval[bool](b, `document.getElementById("more").click(), true`)
	require.Equal(t, 50, eval[int](b, listed))
	require.Equal(t, 1, set("hop", "rows"), "the double of file 3")
	eval[bool](b, `document.querySelector('.card a[data-class="duplicated"]').click(), true`)
	require.Equal(t, 10, eval[int](b, listed), "a number at the top leads to its records")
	b.harmless()
}

// inked says how many pixels of the first chart are neither clear nor of the most
// frequent colour, and the page's colour.
const inked = `(() => {
	const canvas = document.querySelector("#charts canvas"), data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
	let ink = 0;
	for (let i = 3; i < data.length; i += 4) if (data[i] > 0) ink++;
	return ink;
})()`

const pageColor = `getComputedStyle(document.body).backgroundColor`

func TestTimelineInBrowser(t *testing.T) {
	b := newTab(t)
	stored, result := sampleTape(t)
	path := written(t, sampleRun(), result, timelineOf(stored, result))
	b.open(path, 1200, 1000, false)
	require.Equal(t, 4, eval[int](b, `document.querySelectorAll(".chart canvas").length`))
	require.Greater(t, eval[int](b, inked), 5000)
	require.Equal(t, "rgb(255, 255, 255)", eval[string](b, pageColor))
	light := eval[string](b, `document.querySelector("#charts canvas").toDataURL()`)

	// Turned dark while it is open, lines and all.
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	require.NoError(t, err)
	b.do(chromedp.Sleep(100 * time.Millisecond))
	require.NotEqual(t, "rgb(255, 255, 255)", eval[string](b, pageColor))
	require.NotEqual(t, light, eval[string](b, `document.querySelector("#charts canvas").toDataURL()`))

	for _, width := range []int64{320, 390, 768} {
		b.open(path, width, 800, true)
		require.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), width, "nothing sticks out of a small screen")
		require.Greater(t, eval[int](b, inked), 1000)
	}
	b.harmless()
}

func TestPrintInBrowser(t *testing.T) {
	b := newTab(t)
	run, result, line := manyFindings(t, 1000)
	b.open(written(t, run, result, line), 1200, 1000, true)
	eval[bool](b, `new MutationObserver(() => { window.most = Math.max(window.most || 0, `+listed+`); }).observe(document.querySelector("#list tbody"), {childList: true}), true`)
	pdf := get(b, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	require.True(t, bytes.HasPrefix(pdf, []byte("%PDF")))
	require.Equal(t, 300, eval[int](b, `window.most`), "on paper more unfolds")
	b.do(chromedp.Sleep(50 * time.Millisecond))
	require.Equal(t, 40, eval[int](b, listed), "and folds again")
	b.harmless()

	reader, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Log("the text on the paper is not looked at: no pdftotext here (Debian: apt-get install poppler-utils)")
		return
	}
	path := filepath.Join(t.TempDir(), "report.pdf")
	require.NoError(t, os.WriteFile(path, pdf, 0o600))
	text, err := exec.Command(reader, "-layout", path, "-").Output()
	require.NoError(t, err)
	for _, want := range []string{"Of 20,000 acknowledged changes, 990 are lost and 10 are there twice", "K000000", "K000099", "2 rows for one key", "kill on load", "seatrial run"} {
		require.Contains(t, strings.Join(strings.Fields(string(text)), " "), want)
	}
	require.GreaterOrEqual(t, strings.Count(string(text), "K000"), 250)
}

func TestHostileRecordsInBrowser(t *testing.T) {
	b := newTab(t)
	for _, text := range []string{payload, hostile, `=cmd|' /C calc'!A0`, `" autofocus onfocus=window.owned=1 x="`, `javascript:window.owned=1`, `</style><style>body{display:none}</style>`, `__proto__`} {
		run, result, line := poisoned(t, text)
		b.open(written(t, run, result, line), 1200, 1000, false)
		require.Equal(t, "4", eval[string](b, `document.documentElement.dataset.charts`), "the page works")
		eval[bool](b, `(() => { for (const e of document.querySelectorAll("button, a[data-class], summary")) e.click();
			document.getElementById("filter").elements.key.value = "<"; document.getElementById("filter").dispatchEvent(new Event("input")); return true; })()`)
		b.do(chromedp.Sleep(50 * time.Millisecond))
		require.False(t, eval[bool](b, `"owned" in window || "owned" in {}`))
		require.Equal(t, 0, eval[int](b, `document.querySelectorAll("img, svg, iframe, object, embed, [onerror], [onload], [onfocus]").length`))
		require.Equal(t, 3, eval[int](b, `document.scripts.length`))
		require.True(t, eval[bool](b, `[...document.querySelectorAll("a")].every((a) => a.getAttribute("href").startsWith("#"))`))
		b.harmless()
	}
	// The policy itself: an inline script that gets in all the same does not run, and nothing is loaded.
	eval[bool](b, `(() => { const s = document.createElement("div"); s.innerHTML = '<img src="http://127.0.0.1:9/x" onerror="window.owned=1"><a onclick="window.owned=1">x</a>';
		document.body.append(s); s.querySelector("a").click(); return true; })()`)
	b.do(chromedp.Sleep(100 * time.Millisecond))
	require.False(t, eval[bool](b, `"owned" in window`))
}

// bigRun is a run of 1,000,000 records in 20,000 files with 100,000 findings.
func bigRun(t testing.TB) (Run, *history.Run, check.Result) {
	const filesSent, rows, affected = 20_000, 50, 100_000
	tape := newTape(t)
	random := rand.New(rand.NewPCG(1, 2))
	result := check.Result{Verdict: check.Invalid, Latency: &check.Latency{Operations: filesSent * rows, Reads: 900, P50: 2, P95: 30, P99: 50, Max: 61}}
	for i := range filesSent {
		name := fmt.Sprintf("%06d-delta-B1GG.csv", i)
		at := 5 + float64(i)/20
		tape.send(at, i, name)
		tape.marks(at, history.Marks{Sent: i * rows, Taken: i, Queued: random.IntN(5000), Committed: i * rows * 9 / 10, Visible: i * rows * 8 / 10, Confirmed: i * rows * 7 / 10})
		lost := 0
		if i < affected/rows*2 {
			lost = rows / 2
		}
		result.Files = append(result.Files, check.FileFates{File: name, Sent: "acknowledged", Attempted: rows, Fates: map[check.Fate]int{check.Applied: rows - lost, check.LostFate: lost}})
		result.Latency.Files = append(result.Latency.Files, check.FileLatency{File: name, Operations: rows, P50: random.Float64(), P95: 1 + random.Float64(), Seconds: 2 + 50*random.Float64()})
	}
	for step := range 20 {
		begin := float64(20 + 45*step)
		tape.fault(step+1, "kill", "load", begin, begin+1, begin+20)
		result.Faults = append(result.Faults, check.FaultResult{Name: "kill", Target: "load", Bit: true, Healed: true, InFlight: 100, Evidence: "exit code 137"})
	}
	for i := range affected {
		class := check.Lost
		if i%10 == 0 {
			class = check.Classes[i/10%len(check.Classes)]
		}
		file, line := i*2/rows, 2+i%rows
		result.Findings = append(result.Findings, check.Finding{Class: class, Key: fmt.Sprintf("B1GG%08d", i*7), Version: 1 + i%3, File: fmt.Sprintf("%06d-delta-B1GG.csv", file), Line: line,
			LastSeen: fmt.Sprintf("acknowledged by SFTP in %06d-delta-B1GG.csv line %d; not in rows", file, line),
			Evidence: "rows show version 1; no trace of version 2 in rows, confirmations, queued, queues, dead letters, inbox, staged, nor was it ever seen there"})
	}
	result.Counts = map[check.Class]int{check.Attempted: filesSent * rows, check.Acknowledged: filesSent * rows, check.OK: filesSent*rows - affected, check.Lost: affected}
	run := sampleRun()
	run.Records, run.Started = filesSent*rows, began
	run.Plan = nil
	for step := range 20 {
		run.Plan = append(run.Plan, history.PlannedFault{Step: step + 1, Name: "kill", Target: "load", Trigger: "at once"})
	}
	return run, tape.run, result
}

func TestBigRunInBrowser(t *testing.T) {
	b := newTab(t)
	run, stored, result := bigRun(t)
	began := time.Now()
	path := written(t, run, result, timelineOf(stored, result))
	info, err := os.Stat(path)
	require.NoError(t, err)
	t.Logf("1,000,000 records, 100,000 findings: %d bytes, made in %s", info.Size(), time.Since(began).Round(time.Millisecond))
	require.Less(t, info.Size(), int64(5<<20))

	began = time.Now()
	b.open(path, 1200, 1000, false)
	opened := time.Since(began)
	loaded := eval[float64](b, `(() => { const n = performance.getEntriesByType("navigation")[0]; return n.loadEventEnd - n.startTime; })()`)
	t.Logf("opened in %s, %.0f ms of it loading", opened.Round(time.Millisecond), loaded)
	// 2 s is what it is to take on a machine that does nothing else.
	require.Less(t, opened, 10*time.Second)
	require.Equal(t, "2,000 of 100,000 shown", eval[string](b, `document.querySelector(".sampled b").textContent`))
	require.Equal(t, len(check.Classes), eval[int](b, `document.getElementById("filter").elements.class.options.length - 1`), "every class is there")
	require.LessOrEqual(t, eval[int](b, `Math.max(...JSON.parse(document.getElementById("data").textContent).charts.map((c) => c.at.length))`), pointsShown)
	b.harmless()
}
