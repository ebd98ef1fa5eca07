package check

import (
	"fmt"
	"path"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
)

// waiting marks what still lies in queues, dead letters, the inbox and staging.
func (j *judge) waiting() {
	j.queues = map[*op]string{}
	// Entries stand for messages. Where a message is about several records
	// there are more of them, and less is taken to be unread: no false alarm.
	read := 0
	j.marked(history.Queued, func(number int, e *entry) {
		read++
		o := e.o
		if o == nil {
			o = j.l.expected(j.l.of(number))
		}
		if o != nil {
			o.seen |= inQueue
			j.queues[o] = e.where
		}
	}, func(history.Entry) { read++ })
	if j.expect.DeadLetters {
		dead := func() {
			if len(j.expect.DeadLetterQueues) == 0 && !j.expect.RejectsApart {
				read++
			}
		}
		j.marked(history.DeadLetters, func(number int, e *entry) {
			dead()
			if o := j.deadLetter(number, e); o != nil {
				o.seen |= inDeadLetters
			}
		}, func(history.Entry) { dead() })
	}
	j.marked(history.Inbox, func(number int, e *entry) {
		if e.o != nil {
			e.o.seen |= inInbox
		}
	}, func(e history.Entry) {
		for _, name := range []string{e.Key, e.Where} {
			if files := j.l.named[path.Base(name)]; len(files) > 0 {
				for _, index := range files {
					j.inInbox(index)
				}
				return
			}
		}
	})
	j.marked(history.Staged, func(_ int, e *entry) {
		if e.o != nil {
			e.o.seen |= inStaging
		}
	}, nil)
	if depths, ok := j.final[history.Queues]; j.expect.Queues && ok && depths.Whole {
		for _, depth := range depths.Queues {
			if n := depth.Ready + depth.Unacked; n > 0 && !slices.Contains(j.expect.DeadLetterQueues, depth.Queue) {
				j.unread += n
				j.unreadWhere = append(j.unreadWhere, fmt.Sprintf("%s: %d ready, %d unacknowledged", queueName(depth), depth.Ready, depth.Unacked))
			}
		}
		j.unread -= read
		if queued, ok := j.final[history.Queued]; ok && !queued.Whole && j.unread <= 0 {
			j.partial[history.Queued] = "could not be read completely at the end"
		}
	}
}

func queueName(depth history.QueueDepth) string {
	if depth.Broker != "" {
		return depth.Queue + " on " + depth.Broker
	}
	return depth.Queue
}

// marked reads the entries of a place at the end, if it was read.
func (j *judge) marked(name string, visit func(number int, e *entry), strange func(history.Entry)) {
	read, ok := j.final[name]
	if !ok {
		return
	}
	err := j.scan(read, false, func(number int, entries []entry) {
		for i := range entries {
			visit(number, &entries[i])
		}
	}, strange)
	if err != nil {
		j.broken(name, err)
	}
}

// deadLetter finds the operation of a dead letter. Where it names the key
// only, it is a row that had to be rejected if there is one left.
func (j *judge) deadLetter(number int, e *entry) *op {
	if e.o != nil || e.version >= 0 {
		return e.o
	}
	ops := j.l.of(number)
	for i := range ops {
		if o := &ops[i]; o.accept != acceptable && o.seen&inDeadLetters == 0 && j.l.sent(o) > notSent {
			return o
		}
	}
	return j.l.expected(ops)
}

func (j *judge) inInbox(index int) {
	for _, planned := range j.l.w.Files[index].Ops {
		if o := find(j.l.of(int(planned.Number)), int(planned.Version)); o != nil {
			o.seen |= inInbox
		}
	}
}

// leftWaiting judges messages that wait at the end and could not be read. As
// many operations may be among them: these are stalled and not lost.
func (j *judge) leftWaiting() {
	if j.unread <= 0 {
		return
	}
	where := list(j.unreadWhere)
	if len(j.expect.DeadLetterQueues) == 0 && (!j.expect.DeadLetters || j.expect.RejectsApart) {
		j.notJudged = append(j.notJudged, fmt.Sprintf("%d messages in queues, which may be dead letters (%s)", j.unread, where))
		return
	}
	lost := 0
	for i := range j.findings {
		if j.findings[i].Class == Lost {
			lost++
		}
	}
	evidence := fmt.Sprintf("%s could not be read and wait: %s", count(j.unread, "message", "messages"), where)
	if lost == 0 || lost > j.unread {
		j.stranger(Stalled, "", "queues", evidence)
		return
	}
	for i := range j.findings {
		if f := &j.findings[i]; f.Class == Lost {
			f.Class, f.Evidence = Stalled, join(f.Evidence, evidence)
		}
	}
	for i := range j.l.ops {
		if o := &j.l.ops[i]; o.fate == fateOf(LostFate) {
			o.fate = fateOf(StalledFate)
		}
	}
}
