package toxic

import (
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/stretchr/testify/require"
)

// piped runs a toxic and returns its input, its output and the stub.
func piped(t *testing.T, toxic toxics.Toxic) (chan *stream.StreamChunk, chan *stream.StreamChunk, *toxics.ToxicStub) {
	t.Helper()
	in, out := make(chan *stream.StreamChunk), make(chan *stream.StreamChunk)
	stub := toxics.NewToxicStub(in, out)
	if stateful, ok := toxic.(toxics.StatefulToxic); ok {
		stub.State = stateful.NewState()
	}
	go stub.Run(&toxics.ToxicWrapper{Toxic: toxic, Toxicity: 1})
	return in, out, stub
}

func TestSlicerKeepsEveryByte(t *testing.T) {
	in, out, _ := piped(t, &slicer{toxics.SlicerToxic{AverageSize: 4, SizeVariation: 2}})
	go func() {
		in <- &stream.StreamChunk{Data: []byte("nothing is lost in here")}
		close(in)
	}()
	var got string
	for chunk := range out {
		require.LessOrEqual(t, len(chunk.Data), 6)
		got += string(chunk.Data)
	}
	require.Equal(t, "nothing is lost in here", got)
}

func TestLatencyDelays(t *testing.T) {
	in, out, _ := piped(t, &latency{toxics.LatencyToxic{Latency: 50}})
	begun := time.Now()
	in <- &stream.StreamChunk{Data: []byte("late"), Timestamp: begun}
	require.Equal(t, "late", string((<-out).Data))
	require.GreaterOrEqual(t, time.Since(begun), 50*time.Millisecond)
	close(in)
	_, open := <-out
	require.False(t, open)
}

// Nobody takes what the toxic holds: the connection has died. Taking the toxic
// off ends all the same.
func TestToxicsComeOffADeadConnection(t *testing.T) {
	for name, toxic := range map[string]toxics.Toxic{
		"latency": &latency{toxics.LatencyToxic{Latency: 10}},
		"slicer":  &slicer{toxics.SlicerToxic{AverageSize: 1, Delay: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, _, stub := piped(t, toxic)
			in <- &stream.StreamChunk{Data: []byte("nobody reads this"), Timestamp: time.Now()}
			done := make(chan bool)
			go func() {
				interrupted := stub.InterruptToxic() && !stub.Closed() // the next toxic may be on its way
				toxic.(toxics.CleanupToxic).Cleanup(stub)
				done <- interrupted
			}()
			select {
			case interrupted := <-done:
				require.True(t, interrupted)
				require.True(t, stub.Closed())
			case <-time.After(2 * flushWithin):
				require.Fail(t, "the toxic hangs")
			}
		})
	}
}

// What waits before a toxic is not tried chunk by chunk where the first one
// shows that nobody takes it.
func TestOneTryEndsADeadConnection(t *testing.T) {
	in := make(chan *stream.StreamChunk, 1024)
	stub := toxics.NewToxicStub(in, make(chan *stream.StreamChunk))
	toxic := &latency{toxics.LatencyToxic{Latency: 60_000}}
	stub.State = toxic.NewState()
	go stub.Run(&toxics.ToxicWrapper{Toxic: toxic, Toxicity: 1})
	for range 100 {
		in <- &stream.StreamChunk{Data: []byte("nobody reads this"), Timestamp: time.Now()}
	}
	done := make(chan struct{})
	go func() {
		stub.InterruptToxic()
		toxic.Cleanup(stub)
		close(done)
	}()
	select {
	case <-done:
		require.True(t, stub.Closed())
	case <-time.After(3 * flushWithin):
		require.Fail(t, "each chunk is tried for itself")
	}
}

func TestWhatWaitsIsHandedOn(t *testing.T) {
	in, out := make(chan *stream.StreamChunk, 1024), make(chan *stream.StreamChunk, 1024)
	stub := toxics.NewToxicStub(in, out)
	toxic := &latency{toxics.LatencyToxic{Latency: 60_000}}
	stub.State = toxic.NewState()
	go stub.Run(&toxics.ToxicWrapper{Toxic: toxic, Toxicity: 1})
	for _, text := range []string{"a", "b", "c"} {
		in <- &stream.StreamChunk{Data: []byte(text), Timestamp: time.Now()}
	}
	require.True(t, stub.InterruptToxic())
	toxic.Cleanup(stub)
	require.False(t, stub.Closed())
	var got string
	for range 3 {
		got += string((<-out).Data)
	}
	require.Equal(t, "abc", got)
}
