package reports

import "github.com/seatrial/seatrial/harness/check"

// palette paints text with ANSI colours, or leaves it alone where false.
type palette bool

func (p palette) paint(sequence, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + sequence + "m" + text + "\x1b[0m"
}

func (p palette) dim(text string) string   { return p.paint("2", text) }
func (p palette) bold(text string) string  { return p.paint("1", text) }
func (p palette) fault(text string) string { return p.paint("35", text) }

// verdict paints text in the colour of the run's verdict: green only where
// the run as a whole stands for exit code 0.
func (p palette) verdict(run Run, text string) string {
	switch {
	case Exit([]Run{run}) == ExitValid:
		return p.paint("1;32", text)
	case run.Verdict == check.Invalid:
		return p.paint("1;31", text)
	default:
		return p.paint("1;33", text)
	}
}
