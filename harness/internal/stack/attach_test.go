package stack

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same names lead a pipeline through the taps, on the network of pipelines
// and on this machine.
func TestAttachedEnv(t *testing.T) {
	s := &Stack{}
	require.NoError(t, s.credentials(someOf(s.portsNeeded())))
	require.Nil(t, s.AttachedEnv(), "a run's taps are its own")
	inside := s.PipelineEnv()
	require.Equal(t, "sftp:22", inside["SFTP_ADDR"])
	require.Equal(t, "rabbitmq-next", inside["NEXT_AMQP_HOST"])
	require.Equal(t, "5673", inside["NEXT_AMQP_PORT"])
	require.Contains(t, inside["AMQP_URL"], "@rabbitmq:5672/imports")
	require.Equal(t, "http://elasticsearch:9200", inside["ELASTICSEARCH_URL"])

	s = &Stack{options: Options{Attach: "reference"}}
	require.NoError(t, s.credentials(someOf(s.portsNeeded())))
	env := s.AttachedEnv()
	require.Equal(t, slices.Sorted(maps.Keys(inside)), slices.Sorted(maps.Keys(env)))
	require.Equal(t, PipelineVariables, slices.Sorted(maps.Keys(env)))
	ports := map[string]bool{}
	for _, published := range []map[string]int{s.published, s.tapped} {
		for _, port := range published {
			require.False(t, ports[strconv.Itoa(port)], "each has its own")
			ports[strconv.Itoa(port)] = true
		}
	}
	for _, name := range []string{"SFTP", "AMQP", "NEXT_AMQP", "POSTGRES", "ELASTICSEARCH"} {
		require.Equal(t, "127.0.0.1", env[name+"_HOST"])
		require.True(t, ports[env[name+"_PORT"]], name)
	}
	require.Equal(t, "postgres://seatrial:"+env["POSTGRES_PASSWORD"]+"@127.0.0.1:"+env["POSTGRES_PORT"]+"/imports?sslmode=disable", env["POSTGRES_URL"])
	require.NotContains(t, s.Endpoints().PostgresURL, env["POSTGRES_PORT"], "the harness looks past the tap")
}

func someOf(n int) []int {
	var ports []int
	for i := range n {
		ports = append(ports, 20000+i)
	}
	return ports
}

func TestSocketPathThatIsTooLong(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), strings.Repeat("long", 25)))
	_, err := (&Stack{ID: "k3v9x2"}).Socket()
	require.ErrorContains(t, err, "set XDG_CACHE_HOME to a folder with a shorter one")
}

// One runs alone, or several break something while none runs.
func TestClaims(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := &Stack{ID: "k3v9x2"}
	alone, err := s.Claim(true)
	require.NoError(t, err)
	for _, how := range []bool{true, false} {
		_, err = s.Claim(how)
		require.ErrorIs(t, err, ErrInUse)
	}
	_, err = (&Stack{ID: "another"}).Claim(true)
	require.NoError(t, err)
	alone()
	first, err := s.Claim(false)
	require.NoError(t, err)
	second, err := s.Claim(false)
	require.NoError(t, err)
	_, err = s.Claim(true)
	require.True(t, errors.Is(err, ErrInUse))
	first()
	second()
	again, err := s.Claim(true)
	require.NoError(t, err)
	again()

	number, err := s.NextNumber()
	require.NoError(t, err)
	require.Zero(t, number)
	require.NoError(t, s.SetNextNumber(22))
	number, err = s.NextNumber()
	require.NoError(t, err)
	require.Equal(t, 22, number)
	forgetClaims(s.ID)
	number, err = s.NextNumber()
	require.NoError(t, err)
	require.Zero(t, number, "another stack could have its id")
}
