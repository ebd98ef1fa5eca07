package harness

import (
	"context"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

func (w world) Files() fault.FileServer { return fileServer{w.stack, w.pipeline.Spec.Inbox} }

// fileServer is the SFTP server as faults see it.
type fileServer struct {
	stack *stack.Stack
	inbox string // below the user's home
}

func (s fileServer) Inbox() string { return s.inbox }

func (s fileServer) Path(folder string) string { return s.stack.SFTPPath(folder) }

func (s fileServer) Write(ctx context.Context, folder string) error {
	return s.stack.WriteSFTP(ctx, folder)
}

func (s fileServer) Fill(ctx context.Context) error { return s.stack.FillSFTP(ctx) }

func (s fileServer) ChangeKey(ctx context.Context) (fingerprint string, err error) {
	return s.stack.ChangeSFTPKey(ctx)
}
