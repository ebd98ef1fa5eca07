package gameday

import (
	"fmt"
	"slices"
	"strings"
)

// Command is what a person at the desk says.
type Command struct {
	Do   string // one of the words below
	By   string // who; empty: whoever sits at the desk
	Text string
}

// What a person can say, beside the marks.
const (
	Note   = "note"
	Follow = "follow-up"
	Abort  = "abort"
	Status = "status"
	Yes    = "yes"
	No     = "no"
	End    = "end" // the debrief, where the desk waits for follow-ups
)

// short are the keys that stand for commands.
var short = map[string]string{"d": Detected, "k": Acknowledged, "m": Mitigated, "n": Note, "f": Follow, "a": Abort, "s": Status, "y": Yes, "go": Yes, "no-go": No}

// words are the commands, as they are told to whoever says another.
var words = []string{Detected, Acknowledged, Mitigated, Note, Follow, Abort, Status, Yes, No, End}

// ParseCommand reads a line: "detected [by NAME]", "note [by NAME:] TEXT",
// "follow-up [by NAME:] TEXT", "abort [by NAME:] [REASON]", "status", "yes", "no",
// "end"; the keys d, k, m, n, f, a, s, y stand for them.
func ParseCommand(line string) (Command, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	command := Command{Do: strings.ToLower(word)}
	if long, ok := short[command.Do]; ok {
		command.Do = long
	}
	switch {
	case !slices.Contains(words, command.Do):
		return Command{}, fmt.Errorf("%q is no command: say %s", word, strings.Join(words, ", "))
	case slices.Contains([]string{Detected, Acknowledged, Mitigated}, command.Do):
		by, found := strings.CutPrefix(rest, "by ")
		if by = strings.TrimSpace(by); rest != "" && (!found || by == "") {
			return Command{}, fmt.Errorf("%s is said alone, or %q", command.Do, command.Do+" by NAME")
		}
		command.By = by
	case slices.Contains([]string{Note, Follow, Abort}, command.Do):
		if after, ok := strings.CutPrefix(rest, "by "); ok {
			if by, text, ok := strings.Cut(after, ":"); ok {
				command.By, rest = strings.TrimSpace(by), strings.TrimSpace(text)
			}
		}
		if command.Text = rest; rest == "" && command.Do != Abort {
			return Command{}, fmt.Errorf("a %s needs a text", command.Do)
		}
	case rest != "":
		return Command{}, fmt.Errorf("%s is said alone", command.Do)
	}
	return command, nil
}
