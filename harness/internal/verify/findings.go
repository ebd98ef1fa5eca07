package verify

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/seatrial/seatrial/harness/check"
)

// findingsKept is how many findings of a class are kept for the pages; the file has
// all.
const findingsKept = 400

// findings are kept on disk, a file without a name for each class: a table that is
// lost as a whole has as many findings as rows.
type findings struct {
	folder string
	byName map[check.Class]*spool
	first  map[check.Class][]check.Finding
	counts map[check.Class]int
}

type spool struct {
	file *os.File
	out  *bufio.Writer
}

func newFindings(folder string) *findings {
	return &findings{folder: folder, byName: map[check.Class]*spool{}, first: map[check.Class][]check.Finding{}, counts: map[check.Class]int{}}
}

func (f *findings) add(finding check.Finding) error {
	class := finding.Class
	f.counts[class]++
	if len(f.first[class]) < findingsKept {
		f.first[class] = append(f.first[class], finding)
	}
	s := f.byName[class]
	if s == nil {
		file, err := os.CreateTemp(f.folder, ".seatrial-findings-*")
		if err != nil {
			return f.failed(err)
		}
		if err := os.Remove(file.Name()); err != nil {
			file.Close()
			return f.failed(err)
		}
		s = &spool{file, bufio.NewWriter(file)}
		f.byName[class] = s
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(finding); err != nil {
		return f.failed(err)
	}
	return nil
}

func (f *findings) failed(err error) error {
	return fmt.Errorf("keep findings in %s: %w (make some room, or name another folder)", f.folder, err)
}

// writeTo writes all findings in the order of their classes.
func (f *findings) writeTo(w io.Writer) error {
	for _, class := range check.Classes {
		s := f.byName[class]
		if s == nil {
			continue
		}
		if err := s.out.Flush(); err != nil {
			return f.failed(err)
		}
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return f.failed(err)
		}
		if _, err := io.Copy(w, s.file); err != nil {
			return err
		}
	}
	return nil
}

// kept returns the first findings of every class, in the order of the classes.
func (f *findings) kept() []check.Finding {
	list := []check.Finding{}
	for _, class := range check.Classes {
		list = append(list, f.first[class]...)
	}
	return list
}

func (f *findings) close() {
	for _, s := range f.byName {
		s.file.Close()
	}
	f.byName = nil
}
