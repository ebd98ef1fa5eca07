package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

// desk is where the people of a game day sit: keys on a terminal, lines anywhere
// else, and beside both what is said in a page.
type desk struct {
	a       *app
	keys    *keyboard // nil: lines
	restore func()    // of the terminal
	input   chan []byte
	ended   chan struct{} // closed when there is no more input

	answers chan bool

	day *gameday.Day

	mu     sync.Mutex
	asked  string        // the question that is open
	ending chan struct{} // where that is what follows: closed when a page ends it
	phase  string        // of the run, shown again once nothing is typed any more
}

// sitDown opens the desk on standard input.
func (a *app) sitDown() (*desk, error) {
	d := &desk{a: a, input: make(chan []byte), ended: make(chan struct{}), answers: make(chan bool, 1), restore: func() {}}
	if file, ok := a.stdin.(*os.File); ok && reports.Terminal(file) {
		restore, err := singleKeys(file)
		if err != nil {
			return nil, err
		}
		d.restore = sync.OnceFunc(restore)
		d.keys = &keyboard{}
	}
	go d.read()
	return d, nil
}

// read hands over what comes in. Nothing can end a read of standard input but its
// end, so this may outlive the desk.
func (d *desk) read() {
	defer close(d.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := d.a.stdin.Read(buffer)
		if n > 0 {
			d.input <- bytes.Clone(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// serve carries out what is said until the game day is over.
func (d *desk) serve(ctx context.Context) {
	if d.keys == nil {
		for line := range d.lines(ctx.Done()) {
			d.line(line)
		}
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.ended:
			return
		case read := <-d.input:
			for _, key := range read {
				d.key(key)
			}
		}
	}
}

func (d *desk) key(key byte) {
	d.mu.Lock()
	command, shows := d.keys.press(key, d.confirms())
	d.mu.Unlock()
	switch {
	case shows == keysHelp || shows == "dropped" || shows == "not aborted":
		d.Say(shows)
		d.showPhase()
	case shows != "":
		d.a.live.Phase(shows)
	}
	if command != nil {
		d.showPhase()
		d.tell(d.carryOut(*command))
	}
}

func (d *desk) line(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	command, err := gameday.ParseCommand(line)
	if err != nil {
		d.Say(err.Error())
		return
	}
	d.tell(d.carryOut(command))
}

// Hear carries out a line that was said in a page. What came of it is shown here, too.
func (d *desk) Hear(line string) (answer string, err error) {
	command, err := gameday.ParseCommand(line)
	if err != nil {
		return "", err
	}
	answer, err = d.carryOut(command)
	switch {
	case err != nil || command.Do == gameday.Status || answer == "":
	case command.Text != "":
		d.Say(answer + ", in the page: " + command.Text)
	default:
		d.Say(answer + ", in the page")
	}
	return answer, err
}

// tell says what came of what was said here.
func (d *desk) tell(answer string, err error) {
	switch {
	case err != nil:
		d.Say(err.Error())
	case answer != "":
		d.Say(answer)
	}
}

func (d *desk) carryOut(command gameday.Command) (answer string, err error) {
	switch command.Do {
	case gameday.Yes, gameday.No:
		return d.answer(command.Do)
	case gameday.End:
		return d.end()
	}
	answer, err = d.day.Do(command)
	if err != nil {
		return "", fmt.Errorf("not now: %w", err)
	}
	return answer, nil
}

// answer takes the answer to the question that is open.
func (d *desk) answer(said string) (answer string, err error) {
	d.mu.Lock()
	asked := d.confirms()
	d.mu.Unlock()
	if !asked {
		return "", errors.New("nothing is asked now")
	}
	select {
	case d.answers <- said == gameday.Yes:
		return said, nil
	default:
		return "", errors.New("it was answered already")
	}
}

// end ends the debrief.
func (d *desk) end() (answer string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ending == nil {
		return "", errors.New("no debrief waits for its end now")
	}
	close(d.ending)
	d.ending = nil
	return "the debrief is over", nil
}

// confirms says whether a yes or a no is waited for; d.mu is held.
func (d *desk) confirms() bool { return d.asked != "" && d.ending == nil }

// Asked is the question that is open.
func (d *desk) Asked() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *desk) ask(question string, ending chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.ending = question, ending
}

// Say shows a line that stays.
func (d *desk) Say(line string) { d.a.live.Say(line) }

// Confirm asks for yes or no.
func (d *desk) Confirm(ctx context.Context, question string) (bool, error) {
	d.ask(question, nil)
	defer d.ask("", nil)
	how := "yes or no"
	if d.keys != nil {
		how = "y or n"
	}
	d.Say(question + " (" + how + ")")
	select {
	case answer := <-d.answers:
		return answer, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-d.ended:
		// What was said last may have been the answer.
		select {
		case answer := <-d.answers:
			return answer, nil
		default:
			return false, errors.New("standard input ended; --yes goes on without asking")
		}
	}
}

// Phase is what the run does: it makes way for what is typed.
func (d *desk) Phase(text string) {
	d.mu.Lock()
	d.phase = text
	typing := d.keys != nil && d.keys.busy()
	d.mu.Unlock()
	if !typing {
		d.a.live.Phase(text)
	}
}

func (d *desk) showPhase() {
	d.mu.Lock()
	text := d.phase
	d.mu.Unlock()
	if text != "" {
		d.a.live.Phase(text)
	}
}

const followUpsHelp = "follow-ups, one a line; an empty line ends them"

// followUps asks for what is to be done after the game day, one a line, on the
// terminal in its usual way.
func (d *desk) followUps(keep func(text string)) {
	d.restore()
	if d.keys == nil {
		return
	}
	d.Say(followUpsHelp)
	ending := make(chan struct{})
	d.ask("follow-ups?", ending)
	defer d.ask("", nil)
	for line := range d.lines(ending) {
		if strings.TrimSpace(line) == "" {
			return
		}
		keep(strings.TrimSpace(line))
	}
}

// lines yields what is said, line by line, until it ends or is to; nil: it never is.
func (d *desk) lines(ending <-chan struct{}) iter.Seq[string] {
	return func(yield func(string) bool) {
		var rest []byte
		for {
			select {
			case <-ending:
				return
			case <-d.ended:
				if len(rest) > 0 {
					yield(string(rest))
				}
				return
			case read := <-d.input:
				rest = append(rest, read...)
			}
			for {
				line, after, found := bytes.Cut(rest, []byte("\n"))
				if !found {
					break
				}
				if !yield(string(line)) {
					return
				}
				rest = after
			}
		}
	}
}
