package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/send"
	"github.com/seatrial/seatrial/harness/workload"
)

// ownFiles stands for the generator in the history of files that nobody
// generated: what they hold is known to whoever made them.
const ownFiles = "own-files"

// SentFiles are files of somebody's own that were dropped.
type SentFiles struct {
	Stack  string     `json:"stack"`
	Folder string     `json:"folder"` // with input/, the files as sent, and history.jsonl
	Files  []SentFile `json:"files"`
}

// SentFile is one of them.
type SentFile struct {
	Name         string `json:"name"`
	Bytes        int    `json:"bytes"`
	SHA256       string `json:"sha256"`
	Acknowledged bool   `json:"acknowledged"`    // by the SFTP server
	Error        string `json:"error,omitempty"` // why not
}

// SendFiles drops files of one's own, in their order, into the inbox of a
// pipeline on a stack that was opened with Attach, and writes down what was sent.
// Errors wrap ErrUsage, before anything is sent, or ErrInfra.
func SendFiles(ctx context.Context, id, out string, paths []string) (result SentFiles, err error) {
	if err := checkFiles(paths); err != nil {
		return result, err
	}
	w, of, err := attach(ctx, id)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.stack.Detach()) }()
	h := &Harness{options: Options{Out: out}}
	dir, err := h.folder("sent", id[:min(len(id), 4)])
	if err != nil {
		return result, err
	}
	result = SentFiles{Stack: id, Folder: dir, Files: []SentFile{}}
	book, err := history.Create(dir, history.Header{Generator: ownFiles, Scenario: "by hand", Pipeline: of.Name()})
	if err != nil {
		return result, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	spec := of.spec(Deployment{}, 1)
	sender := send.New(w.stack.Endpoints(), spec.Inbox, book, filepath.Join(dir, "input"))
	defer sender.Close()
	how := &workload.Workload{Config: workload.Config{Format: spec.Records, InPlace: spec.InPlace}}
	sending, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	var failed error
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			failed = err
			break
		}
		sum := sha256.Sum256(content)
		file := SentFile{Name: filepath.Base(path), Bytes: len(content), SHA256: hex.EncodeToString(sum[:]), Acknowledged: true}
		if err := sender.Own(sending, how, file.Name, content); err != nil {
			file.Acknowledged, file.Error = false, err.Error()
		}
		result.Files = append(result.Files, file)
		if sending.Err() != nil || book.Err() != nil {
			failed = errors.Join(sending.Err(), book.Err())
			break
		}
	}
	if failed = errors.Join(failed, book.Close()); failed != nil {
		return result, fmt.Errorf("%w: %w", ErrInfra, failed)
	}
	return result, nil
}

// checkFiles refuses what cannot be sent, before anything is.
func checkFiles(paths []string) error {
	seen := map[string]string{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUsage, err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%w: %s is no file: name the files that are to be sent", ErrUsage, path)
		}
		name := filepath.Base(path)
		if strings.ContainsAny(name, "\x00\n\r") {
			return fmt.Errorf("%w: %q is no name for a file in an inbox", ErrUsage, name)
		}
		if other := seen[name]; other != "" {
			return fmt.Errorf("%w: %s and %s would have the same name in the inbox: send one after the other", ErrUsage, other, path)
		}
		seen[name] = path
	}
	return nil
}
