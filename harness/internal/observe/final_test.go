package observe

import (
	"context"
	"io"
	"maps"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// confirm writes a confirmation file under its final name.
func (tr *trial) confirm(name, content string) { tr.put("confirmations/"+name, content) }

func (tr *trial) put(name, content string) {
	session, err := stack.DialSFTP(context.Background(), tr.stack.Endpoints())
	require.NoError(tr.t, err)
	defer session.Close()
	file, err := session.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	require.NoError(tr.t, err)
	_, err = io.WriteString(file, content)
	require.NoError(tr.t, err)
	require.NoError(tr.t, file.Close())
	require.NoError(tr.t, session.PosixRename(name+".part", name))
	tr.t.Cleanup(func() {
		session, err := stack.DialSFTP(context.Background(), tr.stack.Endpoints())
		require.NoError(tr.t, err)
		defer session.Close()
		session.Remove(name)
	})
}

func (tr *trial) channel() *amqp.Channel {
	e := tr.stack.Endpoints()
	conn, err := amqp.DialConfig("amqp://"+e.AMQPAddr, amqp.Config{Vhost: e.AMQPVhost, SASL: []amqp.Authentication{&amqp.PlainAuth{Username: e.AMQPUser, Password: e.AMQPPassword}}})
	require.NoError(tr.t, err)
	channel, err := conn.Channel()
	require.NoError(tr.t, err)
	for _, queue := range append(tr.spec.Queues, tr.spec.DeadLetters...) {
		_, err := channel.QueueDeclare(queue, true, false, false, false, nil)
		require.NoError(tr.t, err)
		_, err = channel.QueuePurge(queue, false)
		require.NoError(tr.t, err)
	}
	tr.t.Cleanup(func() {
		for _, queue := range append(tr.spec.Queues, tr.spec.DeadLetters...) {
			channel.QueueDelete(queue, false, false, false)
		}
		conn.Close()
	})
	return channel
}

func final(t *testing.T, run *history.Run, place string) (read history.Read, entries []history.Entry) {
	t.Helper()
	reads, err := run.Reads(place)
	require.NoError(t, err)
	require.Len(t, reads, 1, place)
	require.True(t, reads[0].Final)
	require.NoError(t, run.Entries(reads[0], func(e history.Entry) error {
		e.Fields = maps.Clone(e.Fields) // used again for the next entry
		entries = append(entries, e)
		return nil
	}))
	return reads[0], entries
}

func TestFinalReadsEverythingWithItsContent(t *testing.T) {
	tr := newTrial(t, nil)
	tr.index("people-1", columns)
	tr.finish("people-1")
	tr.channel()
	left := tr.wl.Files[3]
	tr.put("inbox/"+left.Name, string(tr.wl.Encode(left)))
	tr.put("inbox/foreign.csv", "x")
	staged := tr.wl.Files[4]
	o := tr.observer()
	o.Staged = func(context.Context) ([]string, error) {
		return []string{"deep/" + staged.Name + ".0123abcd", ".fetch-" + tr.wl.Files[5].Name, "current"}, nil
	}
	require.NoError(t, o.Final(t.Context()))
	run := tr.load()

	read, rows := final(t, run, history.Rows)
	require.True(t, read.Whole)
	require.Len(t, rows, tr.wl.Records())
	for _, e := range rows {
		want := tr.wl.Record(e.Number, e.Version)
		require.Contains(t, e.Where, "people (")
		for _, field := range workload.Fields {
			got, expected := e.Fields[field.Name], want.Get(field.Name)
			if field.Type == workload.Number {
				require.Equal(t, expected, got)
			}
			require.True(t, same(field.Type, expected, got), field.Name)
		}
		require.Len(t, e.Fields, len(workload.Fields))
	}
	read, documents := final(t, run, history.Documents)
	require.True(t, read.Whole)
	for _, e := range documents {
		require.Equal(t, tr.wl.Record(e.Number, e.Version).Map(), e.Fields)
	}
	read, confirmed := final(t, run, history.Confirmations)
	require.True(t, read.Whole)
	require.Len(t, confirmed, tr.wl.Records())
	require.Contains(t, confirmed[0].Where, "confirmations/confirm-000000001.csv line ")
	reads, err := run.Reads(history.Status)
	require.NoError(t, err)
	require.Len(t, reads[0].Status, len(tr.wl.Files))
	require.Equal(t, history.StatusEntry{File: left.Name, State: "completed", Completed: true, Rows: 250, Applied: 250}, reads[0].Status[3])
	read, waiting := final(t, run, history.Inbox)
	require.True(t, read.Whole)
	require.Len(t, waiting, len(left.Ops)+1)
	require.Equal(t, "foreign.csv", waiting[0].Key)
	require.Contains(t, waiting[1].Where, "inbox/"+left.Name+" line ")
	read, waiting = final(t, run, history.Staged)
	require.True(t, read.Whole)
	require.Len(t, waiting, len(staged.Ops))
	require.Contains(t, waiting[0].Where, "/staging/deep/"+staged.Name+".0123abcd line ")
	read, queued := final(t, run, history.Queued)
	require.True(t, read.Whole)
	require.Empty(t, queued)
}

func TestFinalReadsQueuesWithoutConsuming(t *testing.T) {
	tr := newTrial(t, nil)
	channel := tr.channel()
	publish := func(queue string, message amqp.Publishing) {
		message.DeliveryMode = amqp.Persistent
		require.NoError(t, channel.PublishWithContext(t.Context(), "", queue, true, false, message))
	}
	for n := range 50 {
		publish("records", amqp.Publishing{CorrelationId: tr.wl.Key(n), MessageId: "f:1",
			Body: []byte(`{"file":"x","key":"` + tr.wl.Key(n) + `","version":2,"op":"delete","fields":{"note":"` + tr.wl.Key(999) + `"}}`)})
	}
	publish("records.dead", amqp.Publishing{CorrelationId: tr.wl.Key(7), Body: []byte("\xff no JSON")})
	publish("records.dead", amqp.Publishing{Body: []byte("<key>" + tr.wl.Key(8) + "</key>")})
	publish("records.dead", amqp.Publishing{Body: []byte(`{"batch":[{"id":"` + tr.wl.Key(9) + `","version":"4"},{"id":"` + tr.wl.Key(10) + `"}]}`)})
	publish("records.dead", amqp.Publishing{Body: []byte("of nobody")})
	_, err := channel.QueueDeclarePassive("records.dead", true, false, false, false, nil) // all were taken in
	require.NoError(t, err)

	o := tr.observer()
	require.NoError(t, o.Final(t.Context()))
	held, ok, err := channel.Get("records", false)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, held.Redelivered, "it was looked at, and put back")
	require.Equal(t, tr.wl.Key(0), held.CorrelationId, "in its place")
	require.Equal(t, uint32(49), held.MessageCount)
	queue, err := channel.QueueDeclarePassive("records.dead", true, false, false, false, nil)
	require.NoError(t, err)
	require.Equal(t, 4, queue.Messages)

	// The same again while a consumer holds one message.
	require.NoError(t, o.Final(t.Context()))
	run := tr.load()
	depths, err := run.Reads(history.Queues)
	require.NoError(t, err)
	require.Contains(t, depths[0].Queues, history.QueueDepth{Queue: "records", Ready: 50})
	require.Contains(t, depths[1].Queues, history.QueueDepth{Queue: "records", Ready: 49, Unacked: 1})
	queued, err := run.Reads(history.Queued)
	require.NoError(t, err)
	require.True(t, queued[0].Whole)
	require.False(t, queued[1].Whole, "one cannot be read")
	require.Equal(t, 49, queued[1].Observation.Entries)
	n := 0
	require.NoError(t, run.Entries(queued[0], func(e history.Entry) error {
		require.Equal(t, history.Entry{Number: n, Version: 2, Op: "delete", Where: e.Where}, e)
		n++
		return nil
	}))
	require.Equal(t, 50, n)
	dead, err := run.Reads(history.DeadLetters)
	require.NoError(t, err)
	var entries []history.Entry
	require.NoError(t, run.Entries(dead[0], func(e history.Entry) error { e.Where = ""; entries = append(entries, e); return nil }))
	require.Equal(t, []history.Entry{
		{Number: -1, Version: -1, Key: `message without a key: "of nobody"`},
		{Number: 7, Version: -1}, {Number: 8, Version: -1}, {Number: 9, Version: 4}, {Number: 10, Version: -1},
	}, entries)
}

func TestFinalIsPartialWhereAPlaceIsGone(t *testing.T) {
	tr := newTrial(t, nil)
	tr.sql(`DROP TABLE people`)
	tr.spec.Inbox = "nowhere"
	o := tr.observer()
	o.exec = func(context.Context, ...string) (string, error) { return "no list", nil }
	require.NoError(t, o.Final(t.Context()))
	run := tr.load()
	for _, place := range []string{history.Rows, history.Inbox, history.Queues, history.Queued, history.DeadLetters} {
		reads, err := run.Reads(place)
		require.NoError(t, err)
		require.Len(t, reads, 1, place)
		require.False(t, reads[0].Whole, place)
	}
	for _, event := range run.Events {
		if event.Phase != history.Invoke && event.Name == history.Rows {
			require.Contains(t, event.Error, "people")
		}
	}
	read, _ := final(t, run, history.Documents)
	require.True(t, read.Whole)
	require.Contains(t, read.Evidence, "people")
}

func TestConfirmationsAreReadOnceAndStayKnown(t *testing.T) {
	tr := newTrial(t, nil)
	c := newConfirmations(*tr.spec.Confirmations, tr.wl, tr.stack.Endpoints())
	t.Cleanup(c.close)
	s := newSight(tr.wl.Records())
	require.NoError(t, c.look(t.Context(), s))
	require.Empty(t, s.items)
	line := func(n, version int) string { return tr.wl.Key(n) + "," + string(rune('0'+version)) + ",upsert,now\n" }
	tr.confirm("confirm-1.csv", "key,version,op,confirmed_at\n"+line(1, 1)+line(2, 1))
	tr.confirm(".confirm-2.csv", "key,version,op,confirmed_at\n"+line(3, 1))
	tr.confirm("other.csv", "key,version,op,confirmed_at\n"+line(3, 1))
	require.NoError(t, c.look(t.Context(), s))
	require.Len(t, s.items, 2)
	tr.confirm("confirm-2.csv", "key,version,op,confirmed_at\n"+line(1, 2)+"not ours,1,upsert,now\n\"half a li")
	require.NoError(t, c.look(t.Context(), s))
	require.Len(t, s.items, 5)
	require.Equal(t, int32(2), s.cells[1].version)

	session, err := stack.DialSFTP(t.Context(), tr.stack.Endpoints())
	require.NoError(t, err)
	defer session.Close()
	require.NoError(t, session.Remove("confirmations/confirm-1.csv"))
	entries, err := c.all(t.Context())
	require.NoError(t, err)
	require.Len(t, entries, 5)
	require.Equal(t, "confirmations/confirm-1.csv line 2 (seen earlier, gone at the end)", entries[0].Where)
	require.Equal(t, history.Entry{Number: 1, Version: 2, Op: "upsert", Where: "confirmations/confirm-2.csv line 2"}, entries[2])
	require.Equal(t, "not ours", entries[3].Key)
}

func TestRowsWithoutVersionAreToldByTheirContent(t *testing.T) {
	tr := newTrial(t, nil)
	tr.rows(numbers(100), first1, false)
	tr.rows([]int{5}, first1, false) // one stands twice
	tr.sql(`UPDATE people SET note = 'nobody wrote this' WHERE key = $1`, tr.wl.Key(3))
	tr.sql(`UPDATE people SET version = NULL`)
	r := &rows{spec: *tr.spec.Rows, wl: tr.wl, db: database{url: tr.stack.Endpoints().PostgresURL}}
	t.Cleanup(r.close)
	s := newSight(tr.wl.Records())
	require.NoError(t, r.look(t.Context(), s))
	require.Len(t, s.items, 101)
	require.Equal(t, cell{version: 1}, s.cells[4])
	require.Equal(t, cell{version: -1}, s.cells[3])
	require.Equal(t, cell{version: 1, several: true}, s.cells[5])
	where := 0
	for _, e := range s.entries() {
		if e.Where != "" {
			where++
			require.Equal(t, 5, e.Number)
		}
	}
	require.Equal(t, 2, where)
	entries, err := r.all(t.Context())
	require.NoError(t, err)
	for _, e := range entries {
		require.Equal(t, e.Number == 3, e.Version == -1)
	}
}
