package workload

import (
	"strconv"
	"strings"
)

// Twist is what is hostile in a row.
type Twist uint8

// The twists of rows. The note holds all of them but the last.
const (
	Plain     Twist = iota // nothing, but for a birth date that is none where the row is to be rejected
	Encoding               // not UTF-8: Rejectable
	NUL                    // a zero byte: Either
	HugeField              // HugeFieldBytes of text: Either
	Markup                 // formulas, HTML, queries, control characters: Acceptable
	Mixed                  // no birth date, texts that look like dates and numbers: Acceptable
	twistCount
)

func (t Twist) replacesNote() bool { return t != Plain }

// accept is what a careful import does with a row of that twist.
func (t Twist) accept() Acceptability {
	switch t {
	case Encoding:
		return Rejectable
	case NUL, HugeField:
		return Either
	}
	return Acceptable
}

// markups end up in spreadsheets, browsers, logs and query builders.
var markups = []string{
	`=HYPERLINK("http://127.0.0.1/?leak="&A1,"click")`, `+1+cmd|' /C calc'!A0`, `-2+3`, `@SUM(1+9)*cmd|' /C calc'!A0`, "\t=1+1",
	`<script>alert("x")</script>`, `<img src=x onerror=alert(1)>`, `</textarea><iframe src="javascript:alert(1)">`, `&lt;b&gt;&nbsp;&#0;`,
	`'; DROP TABLE people; --`, `" OR "1"="1`, `\'; \" \\`, `{"key": {"$ne": null}}`, `_id:* OR exists:_source`,
	`${jndi:ldap://127.0.0.1/a}`, `{{constructor.constructor('return 1')()}}`, `%s%n%x %00 %0d%0a`, `$(reboot) ` + "`reboot`",
	"\x1b[2J\x1b[31mred\x07", "\u202etxt.exe", "soft\u00adhyphen\u200b\ufeff", "line\u2028paragraph\u2029", "\x01\x02\x7f\u0085", `../../etc/passwd`, `[#rows,0]`,
}

// lookalikes are texts that a guess takes for another type.
var lookalikes = []string{
	"2019-04-01", "1984", "2024/02/29", "00123", "0x1F", "1e400", "12,5", "1.000,00", "-0", "NaN", "true", "null", "08:00", "2026-01-31T08:00:00Z", "+49", "1_000",
	"20190401", "1/2", "3-4", "9223372036854775808", "∞",
}

// twisted puts what is hostile into a row. What it puts there changes with
// the version, as all content does.
func (w *Workload) twisted(op Op, r *Record) {
	g := content{seed: w.Config.Seed, number: uint64(op.Number), version: uint64(op.Version)}
	ending := " (" + strconv.Itoa(int(op.Number)) + "/" + strconv.Itoa(int(op.Version)) + ")"
	switch op.Twist {
	case Encoding: // Latin-1, a lone continuation byte, a surrogate, an overlong slash, cut off
		broken := [...]string{"caf\xe9", "\x80", "\xed\xa0\x80", "\xc0\xaf", "Stra\xdfe", "\xf0\x9f\x98"}
		r[note] = broken[g.step(note+200, len(broken))] + ending
	case NUL:
		r[note] = "before\x00after" + ending
	case HugeField:
		phrase := "Full text of " + ending + ": "
		r[note] = strings.Repeat(phrase, HugeFieldBytes/len(phrase)+1)[:HugeFieldBytes]
	case Markup:
		r[note] = markups[g.step(note+200, len(markups))] + ending
	case Mixed:
		r[birthDate] = ""
		r[note] = lookalikes[g.step(note+200, len(lookalikes))]
		r[city] = lookalikes[g.step(city+200, len(lookalikes))]
		r[role] = lookalikes[g.step(role+200, len(lookalikes))]
	}
}

// twist makes rows of a delta hostile: those that are acceptable so far.
func (p *planner) twist(ops []Op) {
	h := p.w.Config.Hostile
	for _, kind := range []struct {
		twist   Twist
		percent int
	}{{Encoding, h.EncodingPercent}, {NUL, h.NULPercent}, {Markup, h.MarkupPercent}, {Mixed, h.MixedPercent}} {
		if kind.percent > 0 {
			p.twistSome(ops, kind.twist, func(upserts int) int { return share(&p.twists[kind.twist], upserts, kind.percent) })
		}
	}
	if p.hugeFields < h.HugeFields {
		// One a file, so that several files are concerned.
		p.hugeFields += p.twistSome(ops, HugeField, func(int) int { return 1 })
	}
}

func (p *planner) twistSome(ops []Op, twist Twist, wanted func(upserts int) int) (done int) {
	eligible := func(op Op) bool { return !op.Delete && op.Accept == Acceptable && op.Twist == Plain }
	upserts, left := 0, 0
	for _, op := range ops {
		if !op.Delete {
			upserts++
		}
		if eligible(op) {
			left++
		}
	}
	want := min(wanted(upserts), left)
	for i := range ops {
		if !eligible(ops[i]) {
			continue
		}
		if p.random.below(left) < want-done {
			ops[i].Twist, ops[i].Accept = twist, twist.accept()
			done++
			if ops[i].Accept == Rejectable && (ops[i].Version == 1 || p.corrected[ops[i].Number]) {
				p.exists[ops[i].Number] = false
			}
		}
		left--
	}
	return done
}

// Of the trial's files, the one with which an "every nth" begins: 0 is the first.
const (
	bomFrom      = 0
	crlfFrom     = 1
	emptyFrom    = 2
	blankFrom    = 3
	copiesFrom   = 1
	cutFrom      = 1
	slowFrom     = 2
	againFrom    = 0
	sameNameFrom = 2
	lateFrom     = 1
)

// hits reports whether the trial's file i (1, 2, …) is one of every nth.
func hits(every, i, from int) bool { return every > 0 && (i-1)%every == from%every }

// spoil changes the file that was planned last as a whole.
func (p *planner) spoil(i int) {
	c, file := p.w.Config, &p.w.Files[len(p.w.Files)-1]
	file.Blank = p.w.blank(i)
	file.BOM = hits(c.Hostile.BOMEvery, i, bomFrom)
	file.CRLF = hits(c.Hostile.CRLFEvery, i, crlfFrom)
	if hits(c.Hostile.CopiesEvery, i, copiesFrom) {
		// Each tenth row, the first included.
		for at := 0; at < file.own(); at += 10 {
			if file.Ops[at].Twist != HugeField {
				file.Copies = append(file.Copies, int32(at))
			}
		}
	}
	if p.w.sameName(i) {
		before := p.w.Files[file.Index-1]
		file.Seq, file.Name = before.Seq, before.Name
	}
}
