// Package browser lets tests look at a page in a real Chromium. It is for tests
// of what people read: report.html and the pages of seatrial serve.
package browser

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Programs that are a Chromium, the first one found is taken; CHROMIUM names another.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Tab is a tab of a real browser and what went on in it that must not.
type Tab struct {
	Context context.Context // for calls that have no method here

	t        *testing.T
	mu       sync.Mutex
	requests []string // beyond pages themselves
	dialogs  []string
	errors   []string // exceptions, and what the console complained of
}

// Find returns where a Chromium is, or skips the test where there is none.
func Find(t *testing.T) (path string) {
	t.Helper()
	if testing.Short() {
		t.Skip("short: no browser is started")
	}
	names := chromiums
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium here to look at pages with: install one (Debian: apt-get install chromium) or name it in CHROMIUM")
	return ""
}

// New opens a browser, or skips the test where there is none.
func New(t *testing.T) *Tab {
	t.Helper()
	path := Find(t)
	start, err := deaf(path)
	require.NoError(t, err)
	options := append(append(chromedp.DefaultExecAllocatorOptions[:], start...),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser is gone, and with it its hands on the folder
		cancel()
	})
	b := &Tab{t: t, Context: ctx}
	b.Do(chromedp.Navigate("about:blank"))
	require.NoError(t, chromedp.Listen(ctx, b.note))
	_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	require.NoError(t, err)
	return b
}

// note takes what happened in the tab.
func (b *Tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		if event.Type != network.ResourceTypeDocument {
			b.requests = append(b.requests, event.Request.URL)
		}
	case *cdppage.EventJavascriptDialogOpening:
		b.dialogs = append(b.dialogs, event.Message)
		go func() {
			_, _ = chromedp.Call(b.Context, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{Accept: true})
		}()
	case *runtime.EventExceptionThrown:
		text := event.ExceptionDetails.Text
		if thrown := event.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		b.errors = append(b.errors, text)
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, string(event.Type))
	case *cdplog.EventEntryAdded: // what the content security policy refused, too
		b.errors = append(b.errors, event.Entry.Text)
	}
}

// Do does steps that give nothing.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.Context, steps...))
}

// Get returns what an action gives.
func Get[T any](b *Tab, action chromedp.Action[T]) T {
	b.t.Helper()
	value, err := chromedp.Run(b.Context, action)
	require.NoError(b.t, err)
	return value
}

// Open opens a page in a window of that size.
func (b *Tab) Open(url string, width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(b.t, err)
	b.Do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
}

// Eval returns the value of an expression in the page.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	return Get(b, chromedp.Evaluate[T](expression))
}

// patience is how long a page may take to become what a test waits for.
const patience = 20 * time.Second

// Until waits until an expression is true in the page.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; {
		// Between two pages nothing can be asked.
		if is, err := chromedp.Run(b.Context, chromedp.Evaluate[bool](expression)); err == nil && is {
			return
		}
		require.NoError(b.t, b.Context.Err())
		if time.Now().After(end) {
			b.mu.Lock()
			defer b.mu.Unlock()
			require.FailNow(b.t, "the page does not become what it is to", "after %s still not: %s\nerrors in the page: %q", patience, expression, b.errors)
		}
		b.Do(chromedp.Sleep(50 * time.Millisecond))
	}
}

// Harmless requires that the pages said nothing and broke nowhere, and asked
// for nothing but what begins with one of own.
func (b *Tab) Harmless(own ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var requests []string
	for _, request := range b.requests {
		if !slices.ContainsFunc(own, func(begin string) bool { return strings.HasPrefix(request, begin) }) {
			requests = append(requests, request)
		}
	}
	require.Empty(b.t, requests, "requests")
	require.Empty(b.t, b.dialogs, "dialogs")
	require.Empty(b.t, b.errors, "errors")
}
