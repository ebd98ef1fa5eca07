package image

import "strings"

// tail keeps the last lines of a build's output for its error.
type tail struct{ text string }

func (t *tail) add(text string) {
	t.text += text
	if len(t.text) > 8192 {
		t.text = t.text[len(t.text)-4096:]
	}
}

func (t *tail) String() string {
	if strings.TrimSpace(t.text) == "" {
		return ""
	}
	return "; its output ended with: " + lastLines(t.text, 8)
}

// lastLines returns the last n lines of text that are not empty, separated by " | ".
func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
