package tap_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

const rows = 10

// The loader is killed at a breakpoint of the third record, in an unmodified
// program on real services, and every kind of boundary is seen.
func TestBreakpointInThePipeline(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	s, err := stack.Up(ctx, stack.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Down(context.Background())) })
	importer, err := image.Binary(ctx, "importer", "github.com/seatrial/seatrial/fixtures/importer")
	require.NoError(t, err)
	require.NoError(t, s.Control.Keys(ctx, boundary.KeyPattern{Prefix: "KEY0", Length: 8}))
	armed, err := s.Control.Arm(ctx, boundary.Breakpoint{Role: "loader", Kind: boundary.Committed, Target: "people", Nth: 3, Max: time.Minute})
	require.NoError(t, err)
	defer armed.Close()
	spec := pipeline.Reference(nil, map[string]string{"WORKERS": "1", "PREFETCH": "1"})
	for i := range spec.Roles {
		spec.Roles[i].Image = importer.Ref
	}
	running, err := pipeline.Start(ctx, s, spec)
	require.NoError(t, err)
	defer func() { require.NoError(t, running.Stop(ctx)) }()
	drop(t, s)
	held, err := armed.Held(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"KEY00003"}, held.Records, "the key is seen in the statement's parameters")
	loader := running.Doing(pipeline.Load)[0]
	require.NoError(t, loader.Kill(ctx))
	end, err := armed.Release(ctx, boundary.Drop)
	require.NoError(t, err)
	require.Empty(t, end.Err)
	require.NoError(t, loader.StartAgain(ctx))

	conn, err := pgx.Connect(ctx, s.Endpoints().PostgresURL)
	require.NoError(t, err)
	defer conn.Close(ctx)
	require.Eventually(t, func() bool { // one worker: the order is the file's
		var last bool
		require.NoError(t, conn.QueryRow(ctx, "select exists (select from people where key = 'KEY00010')").Scan(&last))
		return last
	}, 30*time.Second, 100*time.Millisecond)
	found := 0
	require.NoError(t, conn.QueryRow(ctx, "select count(*) from people").Scan(&found))
	require.Equal(t, rows, found)
	classes(ctx, t, s)
}

// drop sends one file of new records.
func drop(t *testing.T, s *stack.Stack) {
	var file strings.Builder
	file.WriteString("key,version,op,family_name,given_name,birth_date,email,phone,note,employer,role,city,starts_at,hours,salary\n")
	for i := range rows {
		fmt.Fprintf(&file, "KEY%05d,1,upsert,a,b,1980-01-01,c,d,e,f,g,h,2026-01-01T00:00:00Z,1,2\n", i+1)
	}
	fmt.Fprintf(&file, "#rows,%d\n", rows)
	to := s.Endpoints()
	conn, err := ssh.Dial("tcp", to.SFTPAddr, &ssh.ClientConfig{User: to.SFTPUser, Auth: []ssh.AuthMethod{ssh.Password(to.SFTPPassword)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	require.NoError(t, err)
	defer conn.Close()
	client, err := sftp.NewClient(conn)
	require.NoError(t, err)
	defer client.Close()
	out, err := client.Create("inbox/.f.part")
	require.NoError(t, err)
	_, err = out.Write([]byte(file.String()))
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.NoError(t, client.PosixRename("inbox/.f.part", "inbox/000001-delta-T.csv"))
}

// classes logs what the pipeline crosses, and wants a boundary of every kind.
func classes(ctx context.Context, t *testing.T, s *stack.Stack) {
	seen := map[boundary.Class]int64{}
	kinds := map[boundary.Kind]bool{}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for e, err := range s.Control.Events(ctx, 0) {
		require.NoError(t, err, "kinds so far: %v", kinds)
		require.NotEqual(t, boundary.Unreadable, e.Kind, "%+v", e)
		seen[e.Class()] = e.Ordinal
		kinds[e.Kind] = true
		missing := 0
		for _, kind := range boundary.Kinds {
			if !kinds[kind] {
				missing++
			}
		}
		if missing == 0 {
			break
		}
	}
	for class, n := range seen {
		t.Logf("%4d × %+v", n, class)
	}
}
