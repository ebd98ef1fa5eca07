package reader

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/boundary"
)

// session follows what a Postgres connection is doing: which statements are
// under way, and what the transaction has written. Functions, DO and rules
// write without showing it: such a transaction is seen to end, not to commit.
type session struct {
	keys     *Keys
	prepared map[string][]statement
	portals  map[string]portal
	pending  []request // asked for, not answered
	tx       transaction
	finder   finder // of the message that goes by
	binding  string // portal that is being bound
}

// portal is a statement with its parameters.
type portal struct {
	statements []statement
	records    []string
}

// request is an Execute, a Query or a Sync; the last two end with ReadyForQuery.
type request struct {
	portal
	next int  // of statements: the one that is answered next
	ends bool // with ReadyForQuery
	sync bool // nothing else than that
}

// transaction is what was seen of the one that is open.
type transaction struct {
	tables     []string
	rows       int
	records    []string
	asked      string // target of the first request to write
	failed     string // SQLSTATE and message
	rolledBack bool   // by command
}

const (
	mostPrepared = 1 << 14
	mostRequests = 1 << 16
	commitTarget = "commit"
)

var errManyRequests = errors.New("more requests without an answer than can be followed")

// content prepares for what a client's message holds.
func (s *session) content(kind byte) {
	switch kind {
	case 'Q', 'B', 'd', 'F':
		s.finder.reset(s.keys)
	case 'c', 'f': // the end of COPY data
		if n := s.copying(); n > 0 {
			s.pending = s.pending[:n]
		}
	}
}

// copying returns how many requests there are up to the one that COPY data is
// for. A server that takes such data ignores the Syncs behind that one.
func (s *session) copying() int {
	n := len(s.pending)
	for n > 0 && s.pending[n-1].sync {
		n--
	}
	return n
}

// more looks at content behind what was gathered, and at COPY data.
func (s *session) more(kind byte, p []byte) {
	switch kind {
	case 'Q', 'F', 'd':
		s.finder.write(p)
		if n := s.copying(); n > 0 {
			s.pending[n-1].records = addNames(s.pending[n-1].records, s.finder.found)
		}
	case 'B':
		s.finder.write(p)
		if bound, ok := s.portals[s.binding]; ok {
			bound.records = s.finder.found
			s.portals[s.binding] = bound
		}
	}
}

func cut(p []byte) (text string, rest []byte, ok bool) {
	i := bytes.IndexByte(p, 0)
	if i < 0 {
		return "", nil, false
	}
	return string(p[:i]), p[i+1:], true
}

var errName = errors.New("a name without an end")

// request handles a client's message.
func (s *session) request(kind byte, p []byte) ([]boundary.Event, error) {
	if len(s.pending) >= mostRequests {
		return nil, errManyRequests
	}
	switch kind {
	case 'Q':
		sql, _, _ := bytes.Cut(p, []byte{0})
		s.finder.write(p)
		return s.ask(request{portal: portal{classify(string(sql)), s.finder.found}, ends: true}), nil
	case 'P':
		name, rest, ok := cut(p)
		if !ok {
			return nil, errName
		}
		sql, _, _ := bytes.Cut(rest, []byte{0})
		if len(s.prepared) >= mostPrepared {
			clear(s.prepared)
		}
		s.prepared[name] = classify(string(sql))
	case 'B':
		name, rest, ok := cut(p)
		from, rest, ok2 := cut(rest)
		if !ok || !ok2 {
			return nil, errName
		}
		if len(s.portals) >= mostPrepared {
			clear(s.portals)
		}
		s.finder.write(rest)
		s.binding = name
		s.portals[name] = portal{s.prepared[from], s.finder.found}
	case 'E':
		name, _, ok := cut(p)
		if !ok {
			return nil, errName
		}
		return s.ask(request{portal: s.portals[name]}), nil
	case 'F': // a call of a function by its number
		s.finder.write(p)
		return s.ask(request{portal: portal{[]statement{{verb: "call", target: "function", writes: true}}, s.finder.found}, ends: true}), nil
	case 'C':
		if len(p) > 1 {
			name, _, _ := cut(p[1:])
			if p[0] == 'S' {
				delete(s.prepared, name)
			} else {
				delete(s.portals, name)
			}
		}
	case 'S':
		s.pending = append(s.pending, request{ends: true, sync: true})
	}
	return nil, nil
}

// ask: a request leaves; it is a boundary where it may write.
func (s *session) ask(r request) []boundary.Event {
	s.pending = append(s.pending, r)
	for _, statement := range r.statements {
		if statement.writes || statement.commits() {
			if statement.writes && s.tx.asked == "" {
				s.tx.asked = statement.target
			}
			return []boundary.Event{{Kind: boundary.StatementRequested, Target: statement.target, Count: 1, Records: r.records}}
		}
	}
	return nil
}

// answer handles a server's message.
func (s *session) answer(kind byte, p []byte) ([]boundary.Event, error) {
	switch kind {
	case 'C':
		tag, _, _ := bytes.Cut(p, []byte{0})
		return s.complete(string(tag)), nil
	case 'I', 's':
		s.answered()
	case 'E':
		return s.fail(p), nil
	case 'Z':
		if len(p) != 1 || p[0] != 'I' && p[0] != 'T' && p[0] != 'E' {
			return nil, errors.New("a ReadyForQuery without a status")
		}
		s.ready()
		return s.settle(p[0]), nil
	}
	return nil, nil
}

// answered returns the statement that an answer is for.
func (s *session) answered() (statement, []string) {
	if len(s.pending) == 0 || s.pending[0].sync {
		return statement{}, nil
	}
	r := &s.pending[0]
	var of statement
	if r.next < len(r.statements) {
		of = r.statements[r.next]
	}
	r.next++
	records := r.records
	if !r.ends {
		s.pending = s.pending[1:]
	}
	return of, records
}

// ready: what was asked up to a Sync or with one Query is answered, also what
// the server has skipped after an error.
func (s *session) ready() {
	for i, r := range s.pending {
		if r.ends {
			clear(s.pending[:i+1])
			s.pending = s.pending[i+1:]
			return
		}
	}
}

// complete: a command is done. Its tag counts rows.
func (s *session) complete(tag string) []boundary.Event {
	of, records := s.answered()
	switch tag {
	case "COMMIT":
		return s.commit(boundary.Ended)
	case "ROLLBACK":
		s.tx.rolledBack = true // or up to a savepoint: ReadyForQuery tells
		return nil
	}
	verb, _, _ := strings.Cut(tag, " ")
	rows, err := strconv.Atoi(tag[strings.LastIndexByte(tag, ' ')+1:])
	counted := err == nil
	switch {
	case verb == "INSERT" || verb == "UPDATE" || verb == "DELETE" || verb == "MERGE":
	case of.writes: // COPY FROM, "WITH … INSERT … SELECT", CREATE, CALL, …
	default:
		return nil
	}
	if counted && rows == 0 && verb != "SELECT" {
		return nil
	}
	if !counted {
		rows = 0
	}
	target := of.target
	if target == "" || of.commits() {
		target = "?"
	}
	s.tx.tables = addName(s.tx.tables, target)
	s.tx.rows += rows
	s.tx.records = addNames(s.tx.records, records)
	return nil
}

func (s *session) fail(p []byte) []boundary.Event {
	var severity, code, message string
	for len(p) > 1 && p[0] != 0 {
		text, rest, _ := cut(p[1:])
		switch p[0] {
		case 'V':
			severity = text
		case 'C':
			code = text
		case 'M':
			message = text
		}
		p = rest
	}
	s.tx.failed = strings.TrimSpace(code + " " + message)
	if severity == "FATAL" || severity == "PANIC" {
		return []boundary.Event{{Kind: boundary.Closed, Target: "connection", Note: s.tx.failed}}
	}
	return nil
}

// commit: the transaction's writes are durable; where none was seen the event
// is of the kind given, none for "".
func (s *session) commit(otherwise boundary.Kind) []boundary.Event {
	tx := s.tx
	s.tx = transaction{}
	if len(tx.tables) == 0 {
		if otherwise == "" {
			return nil
		}
		return []boundary.Event{{Kind: otherwise}}
	}
	e := boundary.Event{Kind: boundary.Committed, Target: tx.tables[0], Count: tx.rows, Records: tx.records}
	if len(tx.tables) > 1 {
		e.Note = "also " + strings.Join(tx.tables[1:], ", ")
	}
	return []boundary.Event{e}
}

// settle judges by the status that ReadyForQuery gives.
func (s *session) settle(status byte) []boundary.Event {
	switch status {
	case 'I':
		if s.tx.rolledBack || s.tx.failed != "" {
			tx := s.tx
			s.tx = transaction{}
			if tx.asked == "" {
				return nil
			}
			return []boundary.Event{{Kind: boundary.RolledBack, Target: tx.asked, Count: tx.rows, Records: tx.records, Note: tx.failed}}
		}
		return s.commit("")
	case 'T':
		s.tx.rolledBack, s.tx.failed = false, "" // to a savepoint
	}
	return nil
}
