package reports

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/seatrial/seatrial/reports/browser"
)

// tab is a tab of a real browser in which files are looked at.
type tab struct {
	*browser.Tab
	ctx context.Context
}

// newTab opens a browser, or skips the test where there is none.
func newTab(t *testing.T) *tab {
	t.Helper()
	b := browser.New(t)
	return &tab{b, b.Context}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) { b.Do(steps...) }

// open opens a file in a window of that size.
func (b *tab) open(path string, width, height int64, dark bool) {
	b.Open("file://"+path, width, height, dark)
}

// harmless requires that the page asked for nothing, said nothing and broke nowhere.
func (b *tab) harmless() { b.Harmless() }

// get returns what an action gives.
func get[T any](b *tab, action chromedp.Action[T]) T { return browser.Get(b.Tab, action) }

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T { return browser.Eval[T](b.Tab, expression) }
