package fault

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every fault of the table can be made for each of its targets, and is the one
// that its name says.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range Table() {
		require.False(t, seen[kind.Name], kind.Name)
		seen[kind.Name] = true
		require.NotEmpty(t, kind.Does, kind.Name)
		require.NotEmpty(t, kind.Services(), "%s: what could it be aimed at where the pipeline has no containers?", kind.Name)
		for _, target := range kind.Targets {
			f, err := Named(kind.Name, target)
			require.NoError(t, err, kind.Name)
			require.Equal(t, kind.Name, f.Name)
			require.Equal(t, target, f.Target)
			require.NotNil(t, f.prepare)
			require.Nil(t, f.Data)
			require.Empty(t, f.Consumer)
			require.Equal(t, !kind.Moment, f.Lasting, "%s: what holds for a while is proved by work that meets it", kind.Name)
		}
		alone, err := Named(kind.Name, "")
		if len(kind.Targets) == 1 {
			require.NoError(t, err)
			require.Equal(t, kind.Targets[0], alone.Target)
		} else {
			require.ErrorContains(t, err, kind.Name+" needs a target: ")
		}
	}
}

func TestNamed(t *testing.T) {
	slow, err := Named("latency=250ms", Postgres)
	require.NoError(t, err)
	require.Equal(t, Latency(Postgres, Downstream, 250*time.Millisecond, 0).Detail, slow.Detail)
	full, err := Named("disk-full", Postgres)
	require.NoError(t, err)
	require.True(t, full.NeedsTable)
	second, err := Named("kill", Replica(Loader, 2))
	require.NoError(t, err)
	require.Equal(t, "load/2", second.Target)

	for says, c := range map[string][2]string{
		`there is no fault "kil": did you mean "kill"?`:                         {"kil", RabbitMQ},
		`there is no fault "earthquake"`:                                        {"earthquake", ""},
		"kill needs a target: sftp, rabbitmq, postgres":                         {"kill", ""},
		`kill cannot be aimed at "rabitmq": did you mean "rabbitmq"?`:           {"kill", "rabitmq"},
		`memory-alarm cannot be aimed at "postgres", only at rabbitmq`:          {"memory-alarm", Postgres},
		"kill has no setting":                                                   {"kill=9", RabbitMQ},
		"latency=fast: want a time such as 500ms or 2s":                         {"latency=fast", Postgres},
		"latency=-1s: want a time":                                              {"latency=-1s", Postgres},
		"bandwidth=much: want a whole number":                                   {"bandwidth=much", Postgres},
		`cut cannot be aimed at "load", only at sftp, rabbitmq, postgres, elas`: {"cut", Loader},
	} {
		_, err := Named(c[0], c[1])
		require.ErrorContains(t, err, says)
	}
}
