package stack

import (
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

func TestPlaceOutlivesItsRole(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx, s := upSFTP(t)
	request := Request{Part: "loader", Image: s.Images[Proxy].Ref, Command: []string{"place"}, Placed: true, Networks: map[string][]string{s.Front(): {"loader"}}}
	address := func() string {
		t.Helper()
		found, err := s.docker.ContainerInspect(ctx, s.NameOf("loader"+placeSuffix), client.ContainerInspectOptions{})
		require.NoError(t, err)
		end := found.Container.NetworkSettings.Networks[s.Front()]
		require.NotNil(t, end, "off the network")
		require.Contains(t, end.Aliases, request.Networks[s.Front()][0])
		return end.IPAddress.String()
	}

	role, err := s.Start(ctx, request)
	require.NoError(t, err)
	at := address()
	require.NoError(t, role.Kill(ctx))
	require.NoError(t, role.StartAgain(ctx))
	require.Equal(t, at, address())

	// What is made anew is on the network, though what it replaces was taken off.
	require.NoError(t, role.Disconnect(ctx))
	on, err := role.Networks(ctx)
	require.NoError(t, err)
	require.Empty(t, on)
	require.NoError(t, role.Remove(ctx))
	require.NoError(t, role.CreateAgain(ctx))
	address()

	// The next pipeline's role of that name is called by other names.
	require.NoError(t, role.Remove(ctx))
	request.Networks = map[string][]string{s.Front(): {"writer"}}
	_, err = s.Start(ctx, request)
	require.NoError(t, err)
	address()
}
