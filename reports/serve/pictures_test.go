package serve

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/reports/browser"
)

var (
	pictures   = flag.String("pictures", "", "folder of runs to take pictures of its pages")
	picturesTo = flag.String("pictures-to", "pictures", "folder for them")
)

// TestPictures takes pictures of the pages over stored runs, in light, dark and on a phone:
//
//	go test ./reports/serve -run Pictures -pictures FOLDER [-pictures-to FOLDER]
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no runs named: -pictures FOLDER takes pictures of the pages over them")
	}
	require.NoError(t, os.MkdirAll(*picturesTo, 0o755))
	s := open(t, *pictures)
	url := listen(t, s)

	shown := map[string]string{"list": "/", "none": "/run/none"}
	compare := "/compare"
	for name, run := range listed(t, s) {
		if shown[run.State] == "" {
			shown[run.State] = "/run/" + run.ID
		}
		if run.Report && len(compare) < 70 {
			compare += map[bool]string{true: "?", false: "&"}[compare == "/compare"] + "run=" + run.ID
		}
		t.Log(name, run.State, run.ID)
	}
	shown["compare"] = compare
	b := browser.New(t)
	for name, path := range shown {
		for _, view := range []struct {
			name          string
			width, height int64
			dark          bool
		}{{"light", 1300, 1000, false}, {"dark", 1300, 1000, true}, {"phone", 390, 844, false}} {
			b.Open(url+path, view.width, view.height, view.dark)
			b.Until(`(document.getElementById("matches") || document.getElementById("when") || document.body).textContent !== ""`)
			take := chromedp.CaptureScreenshot()
			if view.name == "light" {
				take = chromedp.FullScreenshot(100)
			}
			png := browser.Get(b, take)
			require.NoError(t, os.WriteFile(filepath.Join(*picturesTo, name+"-"+view.name+".png"), png, 0o644))
		}
	}
}
