package main

import (
	"fmt"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/seatrial/seatrial/harness/gameday"
)

// singleKeys has a terminal hand over each key as it is struck, without showing
// it. Ctrl-C is still a signal. The returned function puts the terminal back.
func singleKeys(terminal *os.File) (restore func(), err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, fmt.Errorf("ask the terminal how it is set: %w", err)
	}
	keys := *before
	keys.Lflag &^= unix.ICANON | unix.ECHO
	keys.Cc[unix.VMIN], keys.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, setTermios, &keys); err != nil {
		return nil, fmt.Errorf("set the terminal to single keys: %w", err)
	}
	return func() {
		_ = unix.IoctlSetTermios(fd, setTermios, before) // a terminal that is gone needs none
	}, nil
}

// keysHelp is what the keys do.
const keysHelp = "keys: d detected, k acknowledged, m mitigated, n note, f follow-up, s status, a abort; Ctrl-C aborts at once"

const (
	keyEscape    = 0x1b
	keyBackspace = 0x7f
)

// keyboard makes commands of keys. While a text is typed, or an abort is to be
// confirmed, shows is what stands on the screen for it.
type keyboard struct {
	typing string // Note or Follow: a text is typed
	text   []byte
	abort  bool // is to be confirmed
}

// press takes one key; asked says that a question is open. A command that the key
// completes is returned; shows is what is to stand on the screen now, empty for nothing.
func (k *keyboard) press(key byte, asked bool) (command *gameday.Command, shows string) {
	switch {
	case k.typing != "":
		return k.typed(key)
	case k.abort:
		k.abort = false
		if key == 'y' || key == 'Y' {
			return &gameday.Command{Do: gameday.Abort}, ""
		}
		return nil, "not aborted"
	case asked && (key == 'y' || key == 'Y'):
		return &gameday.Command{Do: gameday.Yes}, ""
	case asked && (key == 'n' || key == 'N'):
		return &gameday.Command{Do: gameday.No}, ""
	}
	switch key {
	case 'd':
		return &gameday.Command{Do: gameday.Detected}, ""
	case 'k':
		return &gameday.Command{Do: gameday.Acknowledged}, ""
	case 'm':
		return &gameday.Command{Do: gameday.Mitigated}, ""
	case 's':
		return &gameday.Command{Do: gameday.Status}, ""
	case 'n':
		k.typing = gameday.Note
		return nil, k.line()
	case 'f':
		k.typing = gameday.Follow
		return nil, k.line()
	case 'a':
		k.abort = true
		return nil, "abort, and put everything back? y aborts, any other key goes on"
	case '?', 'h':
		return nil, keysHelp
	}
	return nil, ""
}

// busy says whether the screen is the keyboard's.
func (k *keyboard) busy() bool { return k.typing != "" || k.abort }

func (k *keyboard) line() string {
	return k.typing + " (Enter keeps it, Esc drops it): " + string(k.text)
}

func (k *keyboard) typed(key byte) (command *gameday.Command, shows string) {
	switch {
	case key == '\n' || key == '\r':
		command = &gameday.Command{Do: k.typing, Text: string(k.text)}
		k.typing, k.text = "", nil
		if command.Text == "" {
			return nil, "dropped"
		}
		return command, ""
	case key == keyEscape:
		k.typing, k.text = "", nil
		return nil, "dropped"
	case key == keyBackspace || key == '\b':
		if _, size := utf8.DecodeLastRune(k.text); size > 0 {
			k.text = k.text[:len(k.text)-size]
		}
	case key >= ' ':
		k.text = append(k.text, key)
		if !utf8.FullRune(lastRune(k.text)) {
			return nil, "" // the rest of the character is still to come
		}
	}
	return nil, k.line()
}

// lastRune returns the bytes of the last character, whole or not.
func lastRune(text []byte) []byte {
	at := len(text) - 1
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	return text[at:]
}
