package reader

import (
	"encoding/binary"
	"sort"
	"strings"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Limits of what is remembered of a channel.
const (
	mostPending     = 1 << 12 // subscriptions and gets without an answer
	mostOutstanding = 1 << 17 // messages that nobody has taken over
)

// amqpChannel is what is known of one channel. Delivery tags count from its
// opening, those of confirms from confirm.select.
type amqpChannel struct {
	content     [2]*content // on its way, by direction
	confirming  bool
	transacting bool
	publishes   outstanding // published, neither confirmed nor refused
	deliveries  outstanding // delivered, neither acked nor rejected
	consumers   map[string]consumer
	subscribing []consumer // without a tag of their own, in order
	getting     []consumer // basic.get, in order
	declared    string     // the queue declared last: what an empty name means
}

type consumer struct {
	queue string
	noAck bool
}

func (c *amqpChannel) knows(tag string) bool {
	_, known := c.consumers[tag]
	return known
}

// got returns the basic.get that the broker answers.
func (c *amqpChannel) got() consumer {
	if len(c.getting) == 0 {
		return consumer{}
	}
	asked := c.getting[0]
	c.getting = c.getting[1:]
	return asked
}

// content is one message on its way: method, header, bodies.
type content struct {
	purpose                  method
	exchange, routing, queue string
	noAck, redelivered       bool
	tag                      uint64
	code                     int
	note                     string
	left                     uint64 // bytes of the body that no frame has announced yet
	message, correlation     string
	keys                     finder
}

func (c *amqpChannel) begin(d Direction, made *content, keys *Keys) {
	made.keys.reset(keys)
	c.content[d] = made
}

// header reads a content header: body size, message id and correlation id.
func (a *amqpConn) header(d Direction, p []byte) (*Mark, error) {
	s := &a.sides[d]
	content := a.channel(s.channel).content[d]
	if content == nil {
		return nil, errNoMethod
	}
	args := arguments{p: p}
	args.take(4)
	content.left = args.long()
	content.properties(&args)
	if content.left > 0 {
		return nil, nil
	}
	return a.arrive(d), nil
}

// properties takes the ids. A header that is longer than what was gathered
// shows none that lie behind.
func (c *content) properties(args *arguments) {
	flags := args.short()
	for more := flags; more&1 != 0 && !args.bad; {
		more = args.short()
	}
	has := func(bit int) bool { return flags&(1<<bit) != 0 && !args.bad }
	if has(15) {
		args.text() // content type
	}
	if has(14) {
		args.text() // content encoding
	}
	if has(13) {
		table := args.take(4)
		n := int(binary.BigEndian.Uint32(table))
		if len(args.p) < n {
			return
		}
		c.keys.write(args.p[:n])
		args.take(n)
	}
	if has(12) {
		args.octet() // delivery mode
	}
	if has(11) {
		args.octet() // priority
	}
	if has(10) {
		c.correlation = args.text()
	}
	if has(9) {
		args.text() // reply to
	}
	if has(8) {
		args.text() // expiration
	}
	if has(7) {
		c.message = args.text()
	}
}

// arrive: the last frame of a message is there, or all of it that is read.
func (a *amqpConn) arrive(d Direction) *Mark {
	channel := a.channel(a.sides[d].channel)
	c := channel.content[d]
	channel.content[d] = nil
	c.keys.write([]byte("\n"))
	c.keys.write([]byte(c.correlation))
	c.keys.write([]byte("\n"))
	c.keys.write([]byte(c.message))
	e := boundary.Event{Routing: c.routing, Count: 1, Code: c.code, Note: c.note, Records: c.keys.found}
	name := c.message
	if name == "" {
		name = c.correlation
	}
	if name != "" {
		e.Messages = []string{name}
	}
	e.Target = c.exchange
	if c.exchange == "" {
		e.Target, e.Routing = c.routing, ""
	}
	switch c.purpose {
	case basicPublish:
		e.Kind = boundary.Published
		if channel.confirming || channel.transacting {
			channel.publishes.add(0, e)
		}
	case basicReturn:
		e.Kind = boundary.Returned
	default:
		e.Kind = boundary.Delivered
		if c.queue != "" {
			e.Target, e.Routing = stable(c.queue), c.routing
		}
		if c.redelivered {
			e.Note = "redelivered"
		}
		if !c.noAck {
			channel.deliveries.add(c.tag, e)
		}
	}
	return a.mark.with([]boundary.Event{e})
}

// stable is a queue's name, or what stands for all that the broker has named:
// these differ from run to run.
func stable(queue string) string {
	const made = "amq.gen-"
	if strings.HasPrefix(queue, made) {
		return made + "*"
	}
	return queue
}

// outstanding are messages in the order of their tags, until they are settled.
type outstanding struct {
	next  uint64 // last tag given
	list  []unsettled
	holes int // settled ones in list
}

type unsettled struct {
	tag             uint64
	settled         bool
	target, routing string
	message         string
	records         []string
}

func (o *outstanding) open() int { return len(o.list) - o.holes }

// add remembers a message; tag 0: the next one.
func (o *outstanding) add(tag uint64, e boundary.Event) {
	if tag == 0 {
		tag = o.next + 1
	}
	o.next = tag
	if len(o.list) >= mostOutstanding {
		if !o.list[0].settled {
			o.holes++
		}
		o.drop(1)
	}
	entry := unsettled{tag: tag, target: e.Target, routing: e.Routing, records: e.Records}
	if len(e.Messages) > 0 {
		entry.message = e.Messages[0]
	}
	o.list = append(o.list, entry)
}

func (o *outstanding) drop(n int) {
	clear(o.list[:n])
	o.list = o.list[n:]
	o.holes -= n
}

// settle returns an event for each target among the messages that are settled;
// multiple means all up to tag, and all there are for tag 0.
func (o *outstanding) settle(kind boundary.Kind, tag uint64, multiple bool) []boundary.Event {
	end := len(o.list)
	if tag > 0 || !multiple {
		end = sort.Search(len(o.list), func(i int) bool { return o.list[i].tag > tag })
	}
	begin := 0
	if !multiple {
		begin = max(0, end-1)
		if end == 0 || o.list[begin].tag != tag {
			return nil
		}
	}
	var events []boundary.Event
	for i := begin; i < end; i++ {
		m := &o.list[i]
		if m.settled {
			continue
		}
		m.settled = true
		o.holes++
		events = group(events, kind, m)
	}
	done := 0
	for done < len(o.list) && o.list[done].settled {
		done++
	}
	o.drop(done)
	return events
}

// group adds a message to the event of its target.
func group(events []boundary.Event, kind boundary.Kind, m *unsettled) []boundary.Event {
	at := -1
	for i := range events {
		if events[i].Target == m.target {
			at = i
		}
	}
	if at < 0 {
		at = len(events)
		events = append(events, boundary.Event{Kind: kind, Target: m.target, Routing: m.routing})
	}
	e := &events[at]
	if e.Routing != m.routing {
		e.Routing = ""
	}
	e.Count++
	e.Many++
	if m.message != "" && len(e.Messages) < boundary.MostNames {
		e.Messages = append(e.Messages, m.message)
	}
	e.Records = addNames(e.Records, m.records)
	return events
}
