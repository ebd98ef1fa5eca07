package toxic

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// Toxiproxy's own latency and slicer hand on what they hold without a limit
// when they are taken off. Where the connection has just died nobody takes it:
// the proxy of that service then hangs for good, its lock held. These two give
// the other side flushWithin and then close the connection.

// flushWithin is how long each chunk that a toxic holds may take to be handed
// on when the toxic is taken off.
const flushWithin = 2 * time.Second

func init() {
	toxics.Register("latency", new(latency))
	toxics.Register("slicer", new(slicer))
	toxics.Register("reset_peer", new(resetPeer))
	toxics.Register("timeout", new(timeout))
	toxics.Register("limit_data", new(limitData))
}

// Toxiproxy's own timeout, limit_data and reset_peer close a connection and
// leave whoever feeds it waiting for ever, with what it holds. These take what
// still comes.

type timeout struct{ toxics.TimeoutToxic }

func (t *timeout) Pipe(stub *toxics.ToxicStub) {
	t.TimeoutToxic.Pipe(stub)
	discard(stub)
}

func (t *timeout) Cleanup(stub *toxics.ToxicStub) {
	t.TimeoutToxic.Cleanup(stub)
	discard(stub)
}

type limitData struct{ toxics.LimitDataToxic }

func (t *limitData) Pipe(stub *toxics.ToxicStub) {
	t.LimitDataToxic.Pipe(stub)
	discard(stub)
}

// resetPeer is not of Toxiproxy's type: for that, Toxiproxy takes both ends of a
// link for TCP connections, and the tap's are not.
type resetPeer struct{ toxics.ResetToxic }

func (t *resetPeer) Pipe(stub *toxics.ToxicStub) {
	t.ResetToxic.Pipe(stub)
	discard(stub)
}

// discard takes what still comes to a stub that was closed, until its feeder ends.
func discard(stub *toxics.ToxicStub) {
	if !stub.Closed() {
		return
	}
	go func() {
		for chunk := range stub.Input {
			if chunk == nil {
				return
			}
		}
	}()
}

// resets says whether connections that begin now are to end abruptly.
func resets(proxy *toxiproxy.Proxy) bool {
	for _, toxic := range proxy.Toxics.GetToxicArray() {
		if wrapper, ok := toxic.(*toxics.ToxicWrapper); ok {
			if _, ok := wrapper.Toxic.(*resetPeer); ok {
				return true
			}
		}
	}
	return false
}

// held is what a toxic had in its hands when it was interrupted. It goes on
// with that, or hands it on when it is taken off: only then may a connection be
// closed that takes nothing, because others are interrupted for what follows.
type held struct{ chunk *stream.StreamChunk }

// handOn passes a chunk on. It is false if the toxic was interrupted meanwhile:
// the chunk is held, and Pipe must return.
func handOn(stub *toxics.ToxicStub, chunk *stream.StreamChunk) bool {
	select {
	case stub.Output <- chunk:
		return true
	case <-stub.Interrupt:
		hold(stub, chunk)
		return false
	}
}

func hold(stub *toxics.ToxicStub, chunk *stream.StreamChunk) { stub.State.(*held).chunk = chunk }

// take returns what was held, or nil.
func take(stub *toxics.ToxicStub) *stream.StreamChunk {
	of := stub.State.(*held)
	chunk := of.chunk
	of.chunk = nil
	return chunk
}

func flush(stub *toxics.ToxicStub, chunk *stream.StreamChunk) {
	if err := stub.WriteOutput(chunk, flushWithin); err != nil {
		stub.Close()
	}
}

// drain hands on what an interrupted toxic held and what waits before it. Left to Toxiproxy, each
// of up to a thousand chunks is tried for 5 s where nobody takes them any more.
func drain(stub *toxics.ToxicStub) {
	if chunk := take(stub); chunk != nil {
		flush(stub, chunk)
	}
	for !stub.Closed() && len(stub.Input) > 0 {
		if chunk := <-stub.Input; chunk != nil {
			flush(stub, chunk)
		} else {
			stub.Close()
		}
	}
}

// pipe goes on with what was held, by resume, and passes each chunk that comes.
// Both functions are false if the toxic was interrupted meanwhile, as handOn.
func pipe(stub *toxics.ToxicStub, resume, pass func(*toxics.ToxicStub, *stream.StreamChunk) bool) {
	if chunk := take(stub); chunk != nil && !resume(stub, chunk) {
		return
	}
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			if !pass(stub, chunk) {
				return
			}
		}
	}
}

type latency struct{ toxics.LatencyToxic }

// NewState makes a connection's.
func (*latency) NewState() any { return new(held) }

// Cleanup is called when the toxic is taken off; a stub that flush closed stays closed.
func (*latency) Cleanup(stub *toxics.ToxicStub) { drain(stub) }

func (t *latency) Pipe(stub *toxics.ToxicStub) { pipe(stub, handOn, t.late) }

// late passes a chunk on once it is old enough.
func (t *latency) late(stub *toxics.ToxicStub, chunk *stream.StreamChunk) bool {
	sleep := t.delay() - time.Since(chunk.Timestamp)
	select {
	case <-time.After(sleep):
		chunk.Timestamp = chunk.Timestamp.Add(sleep)
		return handOn(stub, chunk)
	case <-stub.Interrupt:
		hold(stub, chunk)
		return false
	}
}

func (t *latency) delay() time.Duration {
	delay := t.Latency
	if t.Jitter > 0 {
		delay += rand.Int64N(2*t.Jitter) - t.Jitter
	}
	return time.Duration(delay) * time.Millisecond
}

type slicer struct{ toxics.SlicerToxic }

// NewState makes a connection's.
func (*slicer) NewState() any { return new(held) }

// Cleanup is called when the toxic is taken off; a stub that flush closed stays closed.
func (*slicer) Cleanup(stub *toxics.ToxicStub) { drain(stub) }

func (t *slicer) Pipe(stub *toxics.ToxicStub) { pipe(stub, t.slice, t.slice) }

// slice passes a chunk on in pieces; false: interrupted, as handOn.
func (t *slicer) slice(stub *toxics.ToxicStub, chunk *stream.StreamChunk) bool {
	for rest := chunk.Data; len(rest) > 0; {
		size := t.AverageSize
		if t.SizeVariation > 0 {
			size += rand.IntN(2*t.SizeVariation) - t.SizeVariation
		}
		size = min(max(size, 1), len(rest))
		select {
		case stub.Output <- &stream.StreamChunk{Data: rest[:size], Timestamp: chunk.Timestamp}:
			rest = rest[size:]
		case <-stub.Interrupt:
			hold(stub, &stream.StreamChunk{Data: rest, Timestamp: chunk.Timestamp})
			return false
		}
		if len(rest) == 0 {
			break
		}
		select {
		case <-time.After(time.Duration(t.Delay) * time.Microsecond):
		case <-stub.Interrupt:
			hold(stub, &stream.StreamChunk{Data: rest, Timestamp: chunk.Timestamp})
			return false
		}
	}
	return true
}
