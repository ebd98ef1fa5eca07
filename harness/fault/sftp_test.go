package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
)

// fakeFiles is an SFTP server that answers writes as a test says.
type fakeFiles struct {
	said []error // one after the other; the last one stays
	did  []string
}

func (f *fakeFiles) Inbox() string             { return "inbox" }
func (f *fakeFiles) Path(folder string) string { return "/home/u/" + folder }

func (f *fakeFiles) Write(context.Context, string) error {
	next := f.said[0]
	if len(f.said) > 1 {
		f.said = f.said[1:]
	}
	return next
}

func (f *fakeFiles) Fill(context.Context) error {
	f.did = append(f.did, "fill")
	return nil
}

func (f *fakeFiles) ChangeKey(context.Context) (string, error) {
	f.did = append(f.did, "change key")
	return "SHA256:other", nil
}

func TestSFTPFaults(t *testing.T) {
	refused := func(cause error) error { return fmt.Errorf("write /inbox/x on sftp: %w", cause) }
	mismatch := errors.New("log in to SFTP: ssh: handshake failed: ssh: host key mismatch")
	for _, tc := range []struct {
		fault   Fault
		refusal error
		undo    []Undo
		did     []string // in the container, or by the server
	}{
		{DirectoryMoved(), refused(fs.ErrNotExist), []Undo{{Do: UndoFolder, Target: SFTP, Args: map[string]string{"name": "inbox", "mode": "755"}}},
			[]string{"exec root stat -c %a /home/u/inbox", "exec root mv /home/u/inbox /home/u/inbox.moved"}},
		{PermissionDenied(), refused(fs.ErrPermission), []Undo{{Do: UndoFolder, Target: SFTP, Args: map[string]string{"name": "inbox", "mode": "755"}}},
			[]string{"exec root stat -c %a /home/u/inbox", "exec root chmod 000 /home/u/inbox"}},
		{SFTPDiskFull(), refused(&sftp.StatusError{Code: uint32(sftp.ErrSSHFxFailure)}), []Undo{{Do: UndoFull, Target: SFTP}}, []string{"fill"}},
		{HostKeyChanged(), mismatch, []Undo{{Do: UndoStart, Target: SFTP}, {Do: UndoHostKey, Target: SFTP}}, []string{"change key"}},
	} {
		t.Run(tc.fault.Name, func(t *testing.T) {
			server := up(SFTP)
			server.exec = func() error { return nil }
			server.says = "755\n"
			files := &fakeFiles{said: []error{nil}}
			world := &fakeWorld{parts: map[string][]*fakeContainer{SFTP: {server}}, files: files}
			injection, err := tc.fault.Prepare(t.Context(), world)
			require.NoError(t, err)
			require.Equal(t, tc.undo, injection.Undo)
			require.NoError(t, injection.Inject(t.Context()))
			require.Equal(t, tc.did, append(server.did, files.did...))

			for _, said := range []error{nil, errors.New("connection refused")} {
				files.said = []error{said}
				soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err = injection.Bites(soon)
				cancel()
				require.Error(t, err, "%v is no proof", said)
			}
			files.said = []error{errors.New("connection refused"), tc.refusal}
			seen, err := injection.Bites(t.Context())
			require.NoError(t, err)
			require.Contains(t, seen, "a canary's write was refused: "+tc.refusal.Error())
			files.said = []error{tc.refusal, nil}
			seen, err = injection.Healed(t.Context())
			require.NoError(t, err)
			require.Equal(t, "a canary's write into inbox went well", seen)

			files.said = []error{tc.refusal}
			_, err = tc.fault.Prepare(t.Context(), world)
			require.ErrorContains(t, err, "there is nothing to break")
		})
	}
}
