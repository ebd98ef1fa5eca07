package serve

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
	"github.com/seatrial/seatrial/reports/browser"
)

// site is a server that listens, and a browser that looks at it.
type site struct {
	*browser.Tab
	url string
}

func look(t *testing.T, out string) site {
	t.Helper()
	b := browser.New(t)
	return site{b, listen(t, open(t, out))}
}

// listen has a server answer until the test ends, and returns where.
func listen(t *testing.T, s *Server) (url string) {
	t.Helper()
	listening := httptest.NewUnstartedServer(nil)
	listening.Config.Handler = s.Handler(listening.Listener.Addr())
	listening.Start()
	t.Cleanup(listening.Close)
	return listening.URL
}

func (s site) open(path string) { s.Open(s.url+path, 1300, 1000, false) }

// harmless requires that pages asked for nothing but this server's own files.
func (s site) harmless() { s.Harmless(s.url+"/assets/", s.url+"/api/") }

const (
	shownRuns = `document.querySelectorAll("#runs tbody tr").length`
	said      = `document.getElementById("matches").textContent`
	firstRun  = `document.querySelector("#runs tbody tr b").textContent`
)

func (s site) set(t *testing.T, name, begins string) int {
	t.Helper()
	browser.Eval[bool](s.Tab, fmt.Sprintf(`(() => { const field = document.getElementById("filter").elements[%q];
		const option = [...(field.options || [])].find((o) => o.text.startsWith(%q));
		field.value = option ? option.value : %q; field.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, name, begins, begins))
	return browser.Eval[int](s.Tab, shownRuns)
}

func (s site) click(selector string) {
	browser.Eval[bool](s.Tab, fmt.Sprintf(`document.querySelector(%q).click(), true`, selector))
}

func TestListInBrowser(t *testing.T) {
	out := t.TempDir()
	for i := range 140 {
		store(t, out, fmt.Sprintf("%03d", i), sample(i))
	}
	s := look(t, out)
	s.open("/")
	s.Until(shownRuns + ` === 100`)
	require.Equal(t, "140 runs, 100 of them shown.", browser.Eval[string](s.Tab, said))
	require.Equal(t, "scenario-6", browser.Eval[string](s.Tab, firstRun), "the newest first")
	s.click("#more")
	require.Equal(t, 140, browser.Eval[int](s.Tab, shownRuns))

	require.Equal(t, 28, s.set(t, "state", "invalid"))
	require.Equal(t, "28 match, of 140 runs.", browser.Eval[string](s.Tab, said))
	require.Equal(t, 28, s.set(t, "class", "lost (28)"))
	require.Equal(t, 4, s.set(t, "scenario", "scenario-3"))
	require.Equal(t, 0, s.set(t, "pipeline", "reference ("))
	require.Equal(t, 4, s.set(t, "pipeline", "reference:ack-before-commit"))
	require.Equal(t, 1, s.set(t, "text", " t010 LOST"))
	require.Contains(t, browser.Eval[string](s.Tab, `location.search`), "state=invalid")
	s.open(browser.Eval[string](s.Tab, `"/" + location.search`))
	s.Until(shownRuns + ` === 1`) // what was chosen stands in the address
	s.click("#filter [type=reset]")
	s.Until(shownRuns + ` === 100`)

	s.set(t, "order", "oldest first")
	require.Equal(t, "scenario-0", browser.Eval[string](s.Tab, firstRun))
	s.click(`[data-order="seconds-"]`)
	require.Equal(t, "29 s", browser.Eval[string](s.Tab, `document.querySelector("#runs tbody tr td.n").textContent`))
	require.Equal(t, "descending", browser.Eval[string](s.Tab, `document.querySelector('[data-order="seconds-"]').parentElement.getAttribute("aria-sort")`))
	s.click(`[data-order="seconds-"]`)
	require.Equal(t, "20 s", browser.Eval[string](s.Tab, `document.querySelector("#runs tbody tr td.n").textContent`))

	// A run that comes while the page is open is there; who works in a row stays in it.
	s.set(t, "order", "newest first")
	browser.Eval[bool](s.Tab, `document.querySelector("#runs tbody tr input").focus(), true`)
	newest := sample(500)
	newest.Scenario = "just-now"
	store(t, out, "new", newest)
	s.Until(firstRun + ` === "just-now"`)
	require.Equal(t, "INPUT", browser.Eval[string](s.Tab, `document.activeElement.tagName`))
	require.NoError(t, os.RemoveAll(filepath.Join(out, "new")))
	s.Until(firstRun + ` !== "just-now"`)
	for _, width := range []int64{320, 390, 768} {
		s.Open(s.url+"/", width, 800, true)
		s.Until(shownRuns + ` === 100`)
		require.LessOrEqual(t, browser.Eval[int64](s.Tab, `document.documentElement.scrollWidth`), width, "nothing sticks out of a small screen")
	}
	s.harmless()
}

func TestManyRunsInBrowser(t *testing.T) {
	const many = 2000
	out := t.TempDir()
	for i := range many {
		store(t, out, fmt.Sprintf("sweep-1/%04d", i), sample(i))
	}
	s := look(t, out)
	began := time.Now()
	s.open("/")
	s.Until(shownRuns + ` === 100`)
	t.Logf("%d runs: there after %s", many, time.Since(began).Round(time.Millisecond))
	took := browser.Eval[float64](s.Tab, `(() => { const began = performance.now(), text = document.getElementById("filter").elements.text;
		text.value = "lost"; text.dispatchEvent(new Event("input", {bubbles: true})); return performance.now() - began; })()`)
	t.Logf("filtered in %.0f ms", took)
	require.Equal(t, "400 match, of 2,000 runs, 100 of them shown.", browser.Eval[string](s.Tab, said))
	s.harmless()
}

func TestCompareInBrowser(t *testing.T) {
	out := t.TempDir()
	for i := range 8 {
		store(t, out, fmt.Sprint(i), sample(i))
	}
	begin(t, out, "live", "calm")
	s := look(t, out)
	s.open("/")
	s.Until(shownRuns + ` === 9`)
	require.True(t, browser.Eval[bool](s.Tab, `document.querySelector("#runs tbody tr input").disabled`), "one that goes on has nothing to compare")
	boxes := func(n int) {
		browser.Eval[bool](s.Tab, fmt.Sprintf(`[...document.querySelectorAll("#runs tbody input")].slice(1, 1 + %d).forEach((box) => { if (!box.checked) box.click(); }), true`, n))
	}
	disabled := `document.querySelector("#compare [type=submit]").disabled`
	boxes(1)
	require.True(t, browser.Eval[bool](s.Tab, disabled))
	boxes(8)
	require.True(t, browser.Eval[bool](s.Tab, disabled), "too many")
	s.click("#compare [type=reset]")
	require.Zero(t, browser.Eval[int](s.Tab, `document.querySelectorAll("#runs input:checked").length`))
	boxes(3)
	s.click("#compare [type=submit]")
	s.Until(`document.title === "3 runs side by side"`)
	require.Equal(t, "valid,valid,invalid", browser.Eval[string](s.Tab, `[...document.querySelectorAll(".compared thead .state")].map((e) => e.textContent).join()`))
	require.Equal(t, "+12", browser.Eval[string](s.Tab, `document.querySelector(".compared .worse").textContent`))
	lines := `[...document.querySelectorAll(".compared tbody tr")].filter((row) => row.offsetHeight > 0).length`
	all := browser.Eval[int](s.Tab, lines)
	s.click("#only")
	require.Less(t, browser.Eval[int](s.Tab, lines), all)
	s.harmless()
}

func TestLiveRunInBrowser(t *testing.T) {
	out := t.TempDir()
	s := look(t, out)
	s.open("/")
	s.Until(said + ` === "0 runs."`)
	w := begin(t, out, "live", "calm")
	s.Until(shownRuns + ` === 1`)
	state := `document.querySelector("#runs .state").textContent`
	require.Equal(t, UnderWay, browser.Eval[string](s.Tab, state))
	s.click("#runs tbody b a")

	figure := func(name string) string {
		return fmt.Sprintf(`(document.querySelector("[data-mark=%s]") || {textContent: ""}).textContent`, name)
	}
	s.Until(figure("sent") + `.startsWith("–")`)
	progress(t, w, 100, 20)
	s.Until(figure("sent") + ` === "100 of 800"`)
	fault(t, w, history.Inject, history.Bite)
	progress(t, w, 200, 40)
	s.Until(figure("queued") + ` === "160"`)
	s.Until(`document.querySelectorAll("#chart canvas").length === 1`)
	require.Equal(t, "kill on load: bites", browser.Eval[string](s.Tab, `document.querySelector("#steps li").textContent.slice(0, 19)`))
	require.Equal(t, "bit", browser.Eval[string](s.Tab, `document.querySelector("#steps li").className`))
	s.Until(`[...document.querySelectorAll("#acts td")].some((cell) => cell.textContent === "kill on load: bites (of bite)")`)
	fault(t, w, history.Recover, history.Heal)
	s.Until(`document.querySelector("#steps li").textContent.includes("healed")`)
	progress(t, w, 800, 800)
	require.NoError(t, w.Close())
	s.Until(`document.getElementById("state").textContent === "not judged"`)
	store(t, out, "live", sample(5))
	s.Until(`document.getElementById("state").textContent === "invalid"`)
	require.Equal(t, "Not what was sent: 12 lost.", browser.Eval[string](s.Tab, `document.getElementById("headline").textContent`))
	require.False(t, browser.Eval[bool](s.Tab, `document.getElementById("report").hidden`))

	abandon(t, out, "dead")
	s.open("/")
	s.Until(shownRuns + ` === 2`)
	s.open("/run/" + identify("dead"))
	s.Until(`document.getElementById("state").textContent === "died"`)
	require.Contains(t, browser.Eval[string](s.Tab, `document.getElementById("commands").textContent`), "seatrial clean")
	for _, width := range []int64{320, 390, 768} {
		s.Open(s.url+"/run/"+identify("dead"), width, 800, true)
		s.Until(`document.getElementById("state").textContent === "died"`)
		require.LessOrEqual(t, browser.Eval[int64](s.Tab, `document.documentElement.scrollWidth`), width)
	}
	s.harmless()
}

// Whatever stands in a run: it is text.
func TestHostileRunsInBrowser(t *testing.T) {
	out := t.TempDir()
	run := sample(5)
	run.Scenario, run.Pipeline, run.Reason, run.Tag, run.Started = hostile, hostile, hostile, hostile, hostile
	run.Counts[check.Class(hostile)] = 3
	run.Seconds[hostile] = 3
	run.Faults[0].Name, run.Faults[0].Evidence, run.Plan[0].Name = hostile, hostile, hostile
	run.Images[0].Kind, run.Images[0].Version = hostile, hostile
	folder := `<img src=x onerror=window.owned=1>';"&{{.}} javascript:owned=1 $(reboot)`
	dir := store(t, out, folder, run)
	store(t, out, `__proto__`, run)
	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.FindingsFile), []byte(hostile), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.HTMLFile), []byte(`<title>loaded</title><script>window.ran = 1;
		try { document.title = "cookie" + document.cookie; } catch { document.title = "no origin"; }
		fetch("/api/runs").then(() => { document.title = "fetched"; }, () => { document.title += ", no network"; });</script>`), 0o600))
	live := filepath.Join(out, "live "+folder)
	require.NoError(t, os.MkdirAll(live, 0o700))
	head := header(hostile)
	head.Pipeline, head.Tag, head.Plan[0].Name, head.Plan[0].Target, head.Plan[0].Trigger = hostile, hostile, hostile, hostile, hostile
	w, err := history.Create(live, head)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	pending, err := w.Invoke(history.Bite, hostile, history.FaultAct{Step: 1, Name: hostile, Target: hostile})
	require.NoError(t, err)
	require.NoError(t, pending.Fail(fmt.Errorf("%s", hostile), history.FaultAct{Step: 1, Name: hostile, Target: hostile, Evidence: hostile}))
	reading, err := w.Observe(history.Queues, false)
	require.NoError(t, err)
	require.NoError(t, reading.Queues([]history.QueueDepth{{Queue: hostile, Broker: hostile}}, nil))
	require.NoError(t, w.Note(history.Act(hostile), hostile, nil))

	s := look(t, out)
	unharmed := func() {
		t.Helper()
		require.False(t, browser.Eval[bool](s.Tab, `"owned" in window || "owned" in {}`))
		require.Zero(t, browser.Eval[int](s.Tab, `document.querySelectorAll("img, svg, iframe, object, embed, [onerror], [onload], [onfocus]").length`))
		require.True(t, browser.Eval[bool](s.Tab, `[...document.querySelectorAll("a")].every((a) => /^(#|\/)/.test(a.getAttribute("href") ?? "#"))`))
	}
	s.open("/")
	s.Until(shownRuns + ` === 3`)
	unharmed()
	require.Contains(t, browser.Eval[string](s.Tab, `document.querySelector("#runs").textContent`), "<script>window.owned=1</script>")
	require.Equal(t, 2, s.set(t, "class", "<img"))
	s.open("/run/" + identify(folder))
	s.Until(`document.getElementById("state").textContent === "invalid"`)
	unharmed()
	require.Contains(t, browser.Eval[string](s.Tab, `document.getElementById("commands").textContent`), `'`, "quoted for a shell")
	s.open("/run/" + identify("live "+folder))
	s.Until(`document.querySelectorAll("#queues tbody tr").length === 1`)
	unharmed()
	s.open("/compare?run=" + identify(folder) + "&run=" + identify("__proto__"))
	unharmed()
	s.open("/run/" + identify(folder) + "/findings.jsonl")
	unharmed()
	s.harmless()

	// A report from elsewhere may run its scripts; it has no origin, and asks nobody.
	s.open("/run/" + identify(folder) + "/report.html")
	s.Until(`document.title === "no origin, no network"`)
}

// A report works in its sandbox: it draws, filters and jumps to its sections.
func TestReportInBrowser(t *testing.T) {
	out := t.TempDir()
	w := begin(t, out, "run", "calm")
	progress(t, w, 400, 100)
	progress(t, w, 800, 800)
	require.NoError(t, w.Close())
	store(t, out, "run", sample(5))
	s := look(t, out)
	s.open("/")
	s.Until(shownRuns + ` === 1`)
	s.click(`#runs .links a[href$="report.html"]`)
	s.Until(`document.documentElement.dataset.charts > 1 && document.querySelectorAll(".chart canvas").length > 1`)
	require.Equal(t, "null", browser.Eval[string](s.Tab, `self.origin`))
	s.click(`nav a[href="#plan"]`)
	s.Until(`location.hash === "#plan" && scrollY > 0`)
	s.harmless()
}
