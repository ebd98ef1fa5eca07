package reader

import (
	"strings"
	"testing"
)

func packet(kind byte, id int, rest string) string {
	return long32(len(rest)+5) + string([]byte{kind}) + long32(id) + rest
}

func word(s string) string { return long32(len(s)) + s }

func status(id, code int) string {
	return packet(sftpStatus, id, long32(code)+word("said")+word(""))
}

const (
	sftpHello  = "\x00\x00\x00\x05\x01\x00\x00\x00\x03"
	sftpHello2 = "\x00\x00\x00\x05\x02\x00\x00\x00\x03"
)

func opened(name, handle string, flags int) []said {
	return []said{{Up, packet(sftpOpen, 1, word(name)+long32(flags)+long32(0))}, {Down, packet(sftpHandle, 1, word(handle))}}
}

func TestSFTP(t *testing.T) {
	const reads, writes = 1, 2 | 8 | 16
	ask := func(id, offset int) said {
		return said{Up, packet(sftpRead, id, word("h")+long64(offset)+long32(32768))}
	}
	closes := said{Up, packet(sftpClose, 9, word("h"))}
	for name, test := range map[string]struct {
		talk []said
		want []string
	}{
		"fetched and renamed": {
			append(opened("/inbox/a.csv", "h", reads), ask(2, 0), ask(3, 5), said{Down, packet(sftpData, 2, word("12345")) + status(3, sftpEOF)}, closes, said{Down, status(9, sftpOK)},
				said{Up, packet(sftpRename, 4, word("/inbox/a.csv")+word("/archive/a.csv"))}, said{Down, status(4, sftpOK)}),
			[]string{"file fetched target=/inbox count=1 messages=a.csv", "mark requested target=/inbox count=1 messages=a.csv", "file marked target=/inbox count=1 messages=a.csv"},
		},
		"known by its size": {
			append(opened("/inbox/a.csv", "h", reads), said{Up, packet(sftpFstat, 8, word("h"))}, said{Down, packet(sftpAttrs, 8, long32(1)+long64(5))},
				ask(2, 0), said{Down, packet(sftpData, 2, word("12345"))}, closes),
			[]string{"file fetched target=/inbox count=1 messages=a.csv"},
		},
		"only its end was looked at": {
			append(opened("/inbox/a.csv", "h", reads), ask(2, 100), ask(3, 105), said{Down, packet(sftpData, 2, word("12345")) + status(3, sftpEOF)}, closes),
			nil,
		},
		"read in part": {
			append(opened("/inbox/a.csv", "h", reads), ask(2, 0), said{Down, packet(sftpData, 2, word("12345"))}, closes),
			nil,
		},
		"empty": {
			append(opened("/inbox/a.csv", "h", reads), ask(2, 0), said{Down, status(2, sftpEOF)}, closes),
			[]string{"file fetched target=/inbox count=1 messages=a.csv"},
		},
		"removed, and refused": {
			[]said{{Up, packet(sftpRemove, 4, word("/inbox/a.csv")) + packet(sftpRemove, 5, word("/inbox/b.csv"))}, {Down, status(5, 3) + status(4, sftpOK)}},
			[]string{"mark requested target=/inbox count=1 messages=a.csv", "mark requested target=/inbox count=1 messages=b.csv",
				"file failed target=/inbox count=1 messages=b.csv code=3", "file marked target=/inbox count=1 messages=a.csv"},
		},
		"written beside and renamed": {
			append(opened("/out/.c.csv.part", "h", writes), said{Up, packet(sftpWrite, 2, word("h")+long64(0)+word(strings.Repeat("x", 9000)))}, said{Down, status(2, sftpOK)}, closes, said{Down, status(9, sftpOK)},
				said{Up, packet(sftpExtended, 4, word("posix-rename@openssh.com")+word("/out/.c.csv.part")+word("/out/c.csv"))}, said{Down, status(4, sftpOK)}),
			[]string{"write requested target=/out count=1 messages=.c.csv.part", "file written target=/out count=1 messages=.c.csv.part",
				"write requested target=/out count=1 messages=c.csv", "confirmation written target=/out count=1 messages=c.csv"},
		},
		"written in place": {
			append(opened("/out/c.csv", "h", writes), closes, said{Down, status(9, sftpOK)}),
			[]string{"write requested target=/out count=1 messages=c.csv", "confirmation written target=/out count=1 messages=c.csv"},
		},
		"tidied up": {
			append(opened("/out/.c.part", "h", writes), said{Up, packet(sftpRemove, 4, word("/out/.c.part"))}, said{Down, status(4, sftpOK)}),
			nil,
		},
		"no packet": {
			[]said{{Up, "\x00\x00\x00\x00\x00"}},
			[]string{"unreadable note=up: a packet of 0 bytes"},
		},
		"cut off": {
			[]said{{Up, long32(6) + "\x03" + long32(1) + "x"}},
			[]string{"unreadable note=up: a packet that is cut off: type 3, 5 bytes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			talk := append([]said{{Up, sftpHello}, {Down, sftpHello2}}, test.talk...)
			tells(t, "sftp", talk, test.want)
		})
	}
}

func FuzzSFTP(f *testing.F) {
	f.Add([]byte(sftpHello+packet(sftpOpen, 1, word("/a/b")+long32(1)+long32(0))+packet(sftpRead, 2, word("h")+long64(0)+long32(100))+packet(sftpClose, 3, word("h"))),
		[]byte(sftpHello2+packet(sftpHandle, 1, word("h"))+packet(sftpData, 2, word("12345"))+status(3, 0)))
	f.Fuzz(func(t *testing.T, up, down []byte) { anything(t, "sftp", up, down) })
}
