package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
	"github.com/seatrial/seatrial/reports/browser"
)

// dayPage is the page of a game day, in a real browser.
type dayPage struct {
	*browser.Tab
	served served
}

// openDay opens the address that serve printed, and from the list the one game day in it.
func openDay(b *browser.Tab, s served) dayPage {
	p := dayPage{b, s}
	p.Open(s.URL+"#key="+s.Key, 1300, 1000, false)
	p.Until(`document.querySelectorAll("#runs .day a").length === 1`)
	p.click("#runs .day a")
	p.Until(`location.pathname.startsWith("/gameday/") && ` + dayState + ` === "preflight"`)
	return p
}

const (
	dayState = `(document.getElementById("state") || {}).textContent`
	dayText  = `document.body.innerText`
	answered = `document.getElementById("answer").textContent`
)

// shown is true where an element can be seen.
func shown(selector string) string {
	return fmt.Sprintf(`((e) => !!e && e.offsetParent !== null)(document.querySelector(%q))`, selector)
}

func (p dayPage) click(selector string) {
	browser.Eval[bool](p.Tab, fmt.Sprintf(`document.querySelector(%q).click(), true`, selector))
}

// press waits for a button and presses it.
func (p dayPage) press(selector string) {
	p.Until(shown(selector))
	p.click(selector)
}

func (p dayPage) key(key string) {
	browser.Eval[bool](p.Tab, fmt.Sprintf(`document.body.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true, cancelable: true}))`, key))
}

func (p dayPage) write(word, text string) {
	browser.Eval[bool](p.Tab, fmt.Sprintf(`(() => { const form = document.querySelector("form[data-word=%s]"); form.elements.text.value = %q; form.requestSubmit(); return true; })()`, word, text))
}

func (p dayPage) by(name string) {
	browser.Eval[bool](p.Tab, fmt.Sprintf(`document.querySelector("#by input").value = %q, true`, name))
}

// says waits until a text stands in the page.
func (p dayPage) says(text string) {
	p.Until(fmt.Sprintf(dayText+`.includes(%q)`, text))
}

// own requires that the pages asked for nothing but what serve has, and broke nowhere.
func (p dayPage) own() { p.Harmless(p.served.URL+"assets/", p.served.URL+"api/") }

// everywhere returns all that the pages of serve say of the run, whoever asks.
func (p dayPage) everywhere(t *testing.T) string {
	t.Helper()
	id := browser.Eval[string](p.Tab, `location.pathname.split("/").pop()`)
	said := browser.Eval[string](p.Tab, dayText)
	paths := []string{"", "api/runs", "run/" + id, "api/run/" + id, "api/run/" + id + "/gameday", "compare?run=" + id + "&run=" + id}
	for _, name := range []string{"history.jsonl", "undo.jsonl", "run.json", "report.html", "report.md", "findings.jsonl", "junit.xml", gameday.FileName, gameday.ScoreFile, gameday.ScoreMarkdown} {
		paths = append(paths, "run/"+id+"/"+name)
	}
	for _, path := range paths {
		answer, err := http.Get(p.served.URL + path)
		require.NoError(t, err)
		raw, err := io.ReadAll(answer.Body)
		require.NoError(t, errors.Join(err, answer.Body.Close()))
		said += "\n" + path + ": " + string(raw)
	}
	return said
}

// serveBeside starts serve beside a game day without a stack.
func serveBeside(t *testing.T, out string) served {
	t.Helper()
	printed, stdout := io.Pipe()
	signals, ended := make(chan os.Signal, 1), make(chan int, 1)
	go func() {
		code := newApp((&fake{}).world(), stdout, io.Discard).execute(t.Context(), signals, []string{"serve", "--out", out, "--json"})
		stdout.Close()
		ended <- code
	}()
	var standing served
	require.NoError(t, json.NewDecoder(printed).Decode(&standing))
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	t.Cleanup(func() {
		signals <- os.Interrupt
		require.Zero(t, <-ended)
	})
	return standing
}

// pagedDay is a game day without a stack whose terminal says nothing.
type pagedDay struct {
	dayPage
	out    string
	stdout bytes.Buffer
	stderr *lockedBuffer
	code   chan int
}

func holdForPage(t *testing.T, f *fake, args ...string) *pagedDay {
	t.Helper()
	tab := browser.New(t)
	d := &pagedDay{out: t.TempDir(), stderr: &lockedBuffer{}, code: make(chan int, 1)}
	s := serveBeside(t, d.out)
	reader, writer := io.Pipe()
	a := newApp(f.world(), &d.stdout, d.stderr)
	a.stdin = reader
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	go func() {
		d.code <- a.execute(t.Context(), make(chan os.Signal), append([]string{"gameday", "--out", d.out, "--role", led + ",scribe=Bob"}, args...))
	}()
	d.dayPage = openDay(tab, s)
	return d
}

func (d *pagedDay) ended(t *testing.T) int {
	t.Helper()
	select {
	case code := <-d.code:
		return code
	case <-time.After(30 * time.Second):
		require.FailNow(t, "it does not end", "%s", d.stderr)
		return 0
	}
}

// The whole way, from go to the scorecard, with nobody at the terminal.
func TestGamedayInThePage(t *testing.T) {
	f := &fake{day: mitigated(valid())}
	d := holdForPage(t, f, "loader-killed", "--seed", "7", "--alert", "command: exit 1", "--abort-if", "queue every 200ms: x > 5")
	require.Empty(t, browser.Eval[string](d.Tab, `location.hash`), "the key does not stay in the address")
	d.Until(shown("#question"))
	for _, text := range []string{"postgres works", "SELECT 1", "undo of step 1", "rehearsed in 1s", "incident-commander", "A killed loader | loses nothing.", "queue every 200ms: x > 5"} {
		d.says(text)
	}
	require.False(t, browser.Eval[bool](d.Tab, shown("#marks")), "nothing can be marked yet")
	d.write("note", "<img src=x onerror=alert(1)> before it began")
	d.says("<img src=x onerror=alert(1)> before it began, by Ada")

	d.press("#question .go")
	d.Until(dayState + ` === "running"`)
	d.says("kill on load: biting")
	d.says("since it broke")
	d.by("Bob")
	d.press(`[data-mark=detected]`)
	d.Until(answered + ` === "detected by Bob"`)
	d.by("")
	d.key("k")
	d.Until(answered + ` === "acknowledged by Ada"`)
	d.key("n")
	require.Equal(t, "note", browser.Eval[string](d.Tab, `document.activeElement.closest("form").dataset.word`))
	d.write("note", "the queue grows")
	d.says("the queue grows, by Ada")
	d.write("follow-up", "an alert on the queue's depth")
	d.Until(answered + ` === "follow-up kept"`)
	require.Contains(t, d.stderr.String(), "detected by Bob, in the page", "the terminal shows it")
	require.Contains(t, d.stderr.String(), "noted, in the page: the queue grows")
	for _, width := range []int64{320, 390, 768} {
		d.Open(browser.Eval[string](d.Tab, `location.href`), width, 800, true)
		d.Until(dayState + ` === "running" && ` + shown("#marks"))
		require.LessOrEqual(t, browser.Eval[int64](d.Tab, `document.documentElement.scrollWidth`), width, "nothing sticks out of a small screen")
	}

	// Without its key a page looks on.
	browser.Eval[bool](d.Tab, `sessionStorage.clear(), location.reload(), true`)
	d.Until(dayState + ` === "running" && ` + shown("#look-on"))
	require.False(t, browser.Eval[bool](d.Tab, shown("#desk")))
	d.Open(d.served.URL+"#key="+d.served.Key, 1300, 1000, false)
	d.press("#runs .day a")
	d.Until(shown("#abort"))
	d.key("a")
	d.press(`#go-on`)
	d.press(`[data-mark=mitigated]`)
	d.Until(dayState + ` === "over" && ` + shown("#score"))
	require.Equal(t, reports.ExitValid, d.ended(t), d.stderr)
	for _, text := range []string{"what broke", "kill on load", "was it right", "an alert on the queue's depth", "the queue grows", "did not fire"} {
		require.Contains(t, browser.Eval[string](d.Tab, `document.getElementById("score").innerText`), text)
	}
	require.False(t, browser.Eval[bool](d.Tab, shown("#desk")))
	require.Contains(t, d.stdout.String(), "was it right         yes")
	require.Zero(t, browser.Eval[int](d.Tab, `document.querySelectorAll("img, [onerror]").length`))
	d.own()
	left, err := filepath.Glob(filepath.Join(d.out, "*", gameday.ControlFile))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestGamedayNoGoInThePage(t *testing.T) {
	d := holdForPage(t, &fake{day: mitigated(valid())}, "loader-killed")
	d.press(`[data-line=no]`)
	require.Equal(t, reports.ExitAborted, d.ended(t), d.stderr)
	d.says("Aborted: no-go by Ada")
	d.own()
}

func TestGamedayAbortedInThePage(t *testing.T) {
	d := holdForPage(t, &fake{day: mitigated(valid())}, "loader-killed")
	d.Until(shown("#question"))
	d.key("y")
	d.says("kill on load: biting")
	d.by("Bob")
	d.press("#abort")
	require.True(t, browser.Eval[bool](d.Tab, shown("#abort-now")), "one click more")
	d.key("x")
	require.False(t, browser.Eval[bool](d.Tab, shown("#abort-now")), "any other key goes on")
	d.press("#abort")
	d.press("#abort-now")
	require.Equal(t, reports.ExitAborted, d.ended(t), d.stderr)
	d.says("Aborted: by Bob")
	d.says("everything works after the abort")
	d.Until(shown("#score"))
	d.says("put back after the abort")
	require.Contains(t, d.stderr.String(), "aborted: by Bob; putting everything back")
	d.own()
}

func TestGamedaySurpriseInThePage(t *testing.T) {
	found := valid()
	found.Verdict, found.Exit, found.Reason, found.Counts = check.Invalid, reports.ExitInvalid, "3 lost.", map[check.Class]int{check.Lost: 3}
	chosen := gameday.Choose(possibleSurprises(), 11).Fault
	d := holdForPage(t, &fake{day: mitigated(found)}, "calm", "--surprise", "--seed", "11")
	secret := func(when string) {
		t.Helper()
		said := d.everywhere(t)
		require.Contains(t, said, "calm-surprise")
		for _, told := range []string{chosen.Name + " on", `"` + chosen.Name + `"`, `"` + chosen.Target + `"`, "exit code 137", "biting", "1 of 1", `"seed":"11"`} {
			require.NotContains(t, said, told, when)
		}
	}
	secret("in the preflight")
	d.press("#question .go")
	d.Until(dayState + ` === "running"`)
	bites := filepath.Join(d.out, "*", gameday.FileName)
	require.Eventually(t, func() bool {
		found, _ := filepath.Glob(bites)
		raw, err := os.ReadFile(found[0])
		return err == nil && strings.Contains(string(raw), "biting")
	}, 10*time.Second, 10*time.Millisecond)
	secret("in mid-fault")
	d.press(`[data-mark=detected]`)
	d.Until(answered + ` === "detected by Ada"`)
	d.Until(`document.getElementById("clocks").innerText.includes("by Ada")`)
	secret("detected")
	require.NotContains(t, browser.Eval[string](d.Tab, dayText), "since it broke")
	d.press(`[data-mark=mitigated]`)
	require.Equal(t, reports.ExitInvalid, d.ended(t), d.stderr)
	d.Until(dayState + ` === "over" && ` + shown("#score"))
	d.says(chosen.Name + " on " + chosen.Target + ": biting")
	d.says("since it began")
	require.Contains(t, d.everywhere(t), `"seed":"11"`)
	d.own()
}

// On a terminal the debrief waits for follow-ups: a page gives some, and ends it.
func TestDebriefInThePage(t *testing.T) {
	d := &desk{a: newApp(world{}, io.Discard, io.Discard), input: make(chan []byte), ended: make(chan struct{}), restore: func() {}, keys: &keyboard{}}
	_, err := d.Hear("end")
	require.ErrorContains(t, err, "no debrief waits")
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.followUps(func(string) {})
	}()
	require.Eventually(t, func() bool { return d.Asked() != "" }, 10*time.Second, time.Millisecond)
	_, err = d.Hear("yes")
	require.ErrorContains(t, err, "nothing is asked now")
	answer, err := d.Hear("end")
	require.NoError(t, err)
	require.Equal(t, "the debrief is over", answer)
	<-done
	require.Empty(t, d.Asked())
}
