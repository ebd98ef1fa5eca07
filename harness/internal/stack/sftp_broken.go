package stack

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/crypto/ssh"
)

// What can be broken of the SFTP server, and how it is put back. Everything
// that puts back is safe to do where nothing is broken, and does nothing then.

const (
	sftpHome    = "/home/" + sftpUser
	sftpHostKey = "/etc/ssh/ssh_host_ed25519_key"
	sftpCanary  = ".seatrial-canary"
	sftpFull    = "/run/seatrial-full" // where a full file system is mounted
	sftpMounts  = "sftp-mounts"        // the part of the container that mounts it
)

// SFTPPath returns where a folder of the SFTP user's home is in the server's container.
func (s *Stack) SFTPPath(dir string) string { return path.Join(sftpHome, dir) }

// WriteSFTP has a client of its own write a small file into each folder of the
// user's home and take it away again, past the proxy. The error is what the
// server, or the check of its host key, said.
func (s *Stack) WriteSFTP(ctx context.Context, dirs ...string) error {
	session, err := DialSFTP(ctx, s.endpoints)
	if err != nil {
		return err
	}
	defer session.Close()
	defer session.Limit(ctx, sftpDialTimeout)()
	for _, dir := range dirs {
		name := path.Join("/", dir, sftpCanary)
		file, err := session.Create(name)
		if err == nil {
			_, werr := file.Write([]byte("canary\n"))
			err = errors.Join(werr, file.Close())
		}
		if err == nil {
			err = session.Remove(name)
		}
		if err != nil {
			return fmt.Errorf("write %s on sftp: %w", name, err)
		}
	}
	return nil
}

// ChangeSFTPKey restarts the server with a host key that nobody knows, and
// returns its fingerprint.
func (s *Stack) ChangeSFTPKey(ctx context.Context) (fingerprint string, err error) {
	key, encoded, err := newHostKey()
	if err != nil {
		return "", err
	}
	return ssh.FingerprintSHA256(key.PublicKey()), s.restartSFTP(ctx, encoded)
}

// PutSFTPKey restarts the server with the key that everybody knows, unless it
// has that.
func (s *Stack) PutSFTPKey(ctx context.Context) error {
	state, err := s.SFTP.Inspect(ctx)
	if err != nil || state.ID == "" {
		return err // made anew, it has the right one
	}
	if state.Running {
		has, err := s.SFTP.Exec(ctx, "root", "cat", sftpHostKey)
		if err != nil {
			return err
		}
		if strings.TrimSpace(has) == strings.TrimSpace(string(s.hostKey)) {
			return nil
		}
	}
	return s.restartSFTP(ctx, s.hostKey)
}

func (s *Stack) restartSFTP(ctx context.Context, key []byte) error {
	if err := s.SFTP.CopyIn(ctx, sftpHostKey, 0o600, key); err != nil {
		return err
	}
	if err := s.SFTP.StopGently(ctx, 2*time.Second); err != nil {
		return err
	}
	return s.SFTP.StartAgain(ctx)
}

// PutSFTPFolder puts a folder of the user's home back to its name, if it was
// moved to <name>.moved, and gives it its mode.
func (s *Stack) PutSFTPFolder(ctx context.Context, dir, mode string) error {
	_, err := s.SFTP.Exec(ctx, "root", "sh", "-c", `set -e
if [ -d "$1.moved" ]; then
  if [ -d "$1" ]; then find "$1" -mindepth 1 -maxdepth 1 -exec mv {} "$1.moved" \;; rmdir "$1"; fi
  mv "$1.moved" "$1"
fi
chmod "$2" "$1"`, "sh", s.SFTPPath(dir), mode)
	return err
}

// FillSFTP has the folders of the user's home lie on a file system without a
// free byte. What is there can be read; nothing can be made, changed, renamed or
// removed: over each folder lies an overlay whose upper layer is on a small
// file system in memory that is filled to the last byte and the last inode. No
// other disk is touched. The engine must allow a container CAP_SYS_ADMIN.
func (s *Stack) FillSFTP(ctx context.Context) error {
	_, err := s.inSFTPMounts(ctx, `set -eu
grep -q "^`+sftpFull+` " /proc/mounts && exit 0
mkdir -p `+sftpFull+`
mount -t tmpfs -o size=256k,nr_inodes=256,mode=755 `+sftpFull+` `+sftpFull+`
for dir in `+strings.Join(s.folders(), " ")+`; do
  on=`+sftpFull+`/$dir
  mkdir -p $on/upper $on/work
  chown --reference=`+sftpHome+`/$dir $on/upper
  chmod --reference=`+sftpHome+`/$dir $on/upper
done
for dir in `+strings.Join(s.folders(), " ")+`; do
  on=`+sftpFull+`/$dir
  mount -t overlay -o lowerdir=`+sftpHome+`/$dir,upperdir=$on/upper,workdir=$on/work `+sftpFull+` `+sftpHome+`/$dir
done
dd if=/dev/zero of=`+sftpFull+`/filler bs=4k 2>/dev/null || true
n=0
while touch `+sftpFull+`/filler.$n 2>/dev/null; do n=$((n+1)); done`)
	return err
}

// EmptySFTP takes away what FillSFTP put over the folders.
func (s *Stack) EmptySFTP(ctx context.Context) error {
	state, err := s.SFTP.Inspect(ctx)
	if err != nil || !state.Running {
		return err // what was mounted in it went with its processes
	}
	mounts, err := s.SFTP.Exec(ctx, "root", "cat", "/proc/mounts")
	if err != nil || !strings.Contains(mounts, sftpFull+" ") {
		return err
	}
	_, err = s.inSFTPMounts(ctx, `set -u
for dir in `+strings.Join(s.folders(), " ")+`; do
  while grep -q "^`+sftpFull+` `+sftpHome+`/$dir " /proc/mounts; do umount -l `+sftpHome+`/$dir || exit 1; done
done
umount -l `+sftpFull+``)
	return err
}

// inSFTPMounts runs a script with a helper container that sees the file systems
// of the SFTP server as it does, and may mount.
func (s *Stack) inSFTPMounts(ctx context.Context, script string) (said string, err error) {
	target, err := s.SFTP.Inspect(ctx)
	if err != nil {
		return "", err
	}
	made, err := s.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: s.prefix + sftpMounts,
		Config: &container.Config{
			Image: s.SFTP.request.Image, User: "root", Labels: s.labels(sftpMounts),
			Entrypoint: []string{"nsenter", "-t", "1", "-m", "--", "sh", "-c", script},
		},
		HostConfig: &container.HostConfig{
			PidMode: container.PidMode("container:" + target.ID), NetworkMode: "none",
			CapAdd: []string{"SYS_ADMIN", "SYS_PTRACE"}, SecurityOpt: []string{"apparmor=unconfined"},
		},
	})
	if err != nil {
		return "", fmt.Errorf("make a container that may mount in sftp: %w", err)
	}
	defer func() {
		_, rerr := s.docker.ContainerRemove(context.WithoutCancel(ctx), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, rerr)
	}()
	if _, err := s.docker.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return "", fmt.Errorf("start a container that may mount in sftp: %w (does the engine allow CAP_SYS_ADMIN?)", err)
	}
	for {
		result, err := s.docker.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{})
		if err != nil {
			return "", fmt.Errorf("wait for a container that mounts in sftp: %w", err)
		}
		if state := result.Container.State; state.Status == container.StateExited {
			said, err := s.words(ctx, made.ID)
			if err == nil && state.ExitCode != 0 {
				err = fmt.Errorf("mounting in sftp ended with %d: %s", state.ExitCode, said)
			}
			return said, err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for a container that mounts in sftp: %w", ctx.Err())
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (s *Stack) words(ctx context.Context, id string) (string, error) {
	logs, err := s.docker.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", fmt.Errorf("read what a container said: %w", err)
	}
	defer logs.Close()
	var text strings.Builder
	if _, err := stdcopy.StdCopy(&text, &text, logs); err != nil {
		return text.String(), fmt.Errorf("read what a container said: %w", err)
	}
	return strings.TrimSpace(text.String()), nil
}

// putBackSFTP undoes whatever a fault may have left. It looks first: a server
// that takes a canary in every folder has nothing to be put back.
func (s *Stack) putBackSFTP(ctx context.Context) error {
	state, err := s.SFTP.Inspect(ctx)
	if err != nil || !state.Running || state.Paused {
		return err // others see to that
	}
	if s.WriteSFTP(ctx, s.folders()...) == nil {
		return nil
	}
	if err := s.EmptySFTP(ctx); err != nil {
		return err
	}
	for _, dir := range s.folders() {
		if err := s.PutSFTPFolder(ctx, dir, "755"); err != nil {
			return err
		}
	}
	return s.PutSFTPKey(ctx)
}
