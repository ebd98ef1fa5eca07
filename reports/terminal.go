package reports

import (
	"io"
	"os"

	"github.com/moby/term"
)

// Terminal reports whether w is a terminal that understands cursor movement.
func Terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(file.Fd()) && os.Getenv("TERM") != "dumb"
}

// Color reports whether colours are wanted on w: it is a terminal, and
// NO_COLOR (https://no-color.org) is not set.
func Color(w io.Writer) bool {
	return Terminal(w) && os.Getenv("NO_COLOR") == ""
}

// defaultWidth is used where a terminal does not say how wide it is.
const defaultWidth = 80

// terminalWidth returns the columns of the terminal w, asked anew each time:
// windows change.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return defaultWidth
	}
	size, err := term.GetWinsize(file.Fd())
	if err != nil || size.Width == 0 {
		return defaultWidth
	}
	return int(size.Width)
}
