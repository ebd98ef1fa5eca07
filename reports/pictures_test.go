package reports

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	pictures   = flag.String("pictures", "", "folders of runs, separated by commas, to take pictures of their report.html")
	picturesTo = flag.String("pictures-to", "pictures", "folder for them")
)

// TestPictures takes pictures of the report.html of stored runs, the first
// screen, the timeline and the whole page, in light, dark and on a phone:
//
//	go test ./reports -run Pictures -pictures FOLDER,… [-pictures-to FOLDER]
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no runs named: -pictures FOLDER,… takes pictures of their reports")
	}
	b := newTab(t)
	require.NoError(t, os.MkdirAll(*picturesTo, 0o755))
	for _, folder := range strings.Split(*pictures, ",") {
		path, err := filepath.Abs(filepath.Join(folder, HTMLFile))
		require.NoError(t, err)
		run, err := Read(folder)
		require.NoError(t, err)
		name := run.Scenario + "-" + string(run.Verdict)
		for _, view := range []struct {
			name          string
			width, height int64
			dark          bool
			take          chromedp.Action[[]byte]
		}{
			{"light", 1200, 1000, false, chromedp.CaptureScreenshot()},
			{"light-timeline", 1000, 1000, false, chromedp.Screenshot("#timeline")},
			{"light-whole", 1200, 1000, false, chromedp.FullScreenshot(100)},
			{"dark", 1200, 1000, true, chromedp.CaptureScreenshot()},
			{"dark-whole", 1200, 1000, true, chromedp.FullScreenshot(100)},
			{"phone", 390, 844, false, chromedp.CaptureScreenshot()},
			{"phone-whole", 390, 844, false, chromedp.FullScreenshot(100)},
		} {
			b.open(path, view.width, view.height, view.dark)
			png := get(b, view.take)
			require.NoError(t, os.WriteFile(filepath.Join(*picturesTo, name+"-"+view.name+".png"), png, 0o644))
		}
	}
}
