//go:build !linux

package browser

import "github.com/chromedp/chromedp"

// deaf are the options to start the browser at path: elsewhere containers bring no
// network interfaces along.
func deaf(path string) ([]chromedp.ExecAllocatorOption, error) {
	return []chromedp.ExecAllocatorOption{chromedp.ExecPath(path)}, nil
}
