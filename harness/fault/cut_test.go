package fault

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	refused, fine := Canary{Err: "connection refused"}, Canary{Took: time.Millisecond}
	connections := &fakeConnections{canaries: []Canary{fine}}
	world := &fakeWorld{connections: connections}
	injection, err := Cut(SFTP).Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoCut, Target: SFTP}}, injection.Undo)
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "came back", "it is not claimed to bite before")
	require.NoError(t, injection.Inject(t.Context()))
	_, err = Cut(SFTP).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "cut already")
	connections.canaries = []Canary{refused}
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "the proxy closed every connection to sftp; a canary: no answer (connection refused)")
	connections.canaries = []Canary{refused, fine}
	seen, err = injection.Healed(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "connections to sftp are taken again; a canary: answered after")
}
