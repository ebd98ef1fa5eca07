package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

const (
	shownBytes = 8 << 20 // a file that is longer is saved, not shown: browsers stop at long texts
	reportKept = 8       // reports that were made and are kept
)

// storedFile is a file of a run that can be asked for.
type storedFile struct {
	Name  string `json:"name"`
	What  string `json:"what"`
	Bytes int64  `json:"bytes"` // -1: it is made when it is asked for
}

// served are the files of a run that can be asked for, by name: no other is.
var served = []storedFile{
	{Name: reports.HTMLFile, What: "the report, for people"},
	{Name: reports.MarkdownFile, What: "the report as text"},
	{Name: reports.FindingsFile, What: "every finding"},
	{Name: history.FileName, What: "every act, in order"},
	{Name: reports.RunFile, What: "the figures, for machines"},
	{Name: reports.JUnitFile, What: "the run as a test case"},
	{Name: "undo.jsonl", What: "what had to be taken back"},
	{Name: gameday.FileName, What: "the game day, as it went on"},
	{Name: gameday.ScoreMarkdown, What: "the game day's scorecard"},
	{Name: gameday.ScoreFile, What: "the same, for machines"},
}

// The policies of files. A report brings scripts along, and may come from
// anywhere: it gets an origin of its own and asks nobody for anything, so that
// whatever is in it sees nothing but itself.
const (
	textPolicy   = "default-src 'none'; sandbox; frame-ancestors 'none'"
	reportPolicy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'; sandbox allow-scripts allow-modals"
)

// files lists what there is of a run.
func (x *index) files(e entry) []storedFile {
	list := []storedFile{}
	if e.Hidden {
		return list
	}
	for _, file := range served {
		at := x.stamp(e.path, file.Name)
		switch {
		case at.there:
			file.Bytes = at.size
		case file.Name == reports.HTMLFile && e.Report:
			file.Bytes = -1
		default:
			continue
		}
		list = append(list, file)
	}
	return list
}

func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	e, ok := s.index.find(r.PathValue("id"))
	if !ok {
		noRun(w)
		return
	}
	name := r.PathValue("file")
	for _, known := range served {
		if known.Name == name {
			s.send(w, r, e, name)
			return
		}
	}
	failed(w, http.StatusNotFound, "There is no such file", "")
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, e entry, name string) {
	if e.Hidden {
		failed(w, http.StatusForbidden, "Hidden until the debrief", "It would tell what breaks in this game day.")
		return
	}
	file, info, err := s.index.open(e.path, name)
	if err != nil {
		if name == reports.HTMLFile && errors.Is(err, fs.ErrNotExist) {
			s.make(w, r, e)
			return
		}
		failed(w, http.StatusNotFound, "This run has no "+name, withoutPath(err).Error())
		return
	}
	defer file.Close()
	head := w.Header()
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("Content-Security-Policy", textPolicy)
	if name == reports.HTMLFile {
		head.Set("Content-Type", "text/html; charset=utf-8")
		head.Set("Content-Security-Policy", reportPolicy)
	} else if info.Size() > shownBytes {
		head.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	}
	http.ServeContent(w, r, "", info.ModTime(), file)
}

// make answers with a report that was never written. Nothing in the folder is changed.
func (s *Server) make(w http.ResponseWriter, r *http.Request, e entry) {
	if !e.Judged || !e.history.there {
		failed(w, http.StatusNotFound, "This run has no "+reports.HTMLFile, "None can be made either: that needs its verdict and its history.")
		return
	}
	page, err := s.reports.page(e, s.index.dir(e))
	if err != nil {
		failed(w, http.StatusUnprocessableEntity, "The report cannot be made", withoutPath(err).Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", reportPolicy)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(page))
}

// maker makes reports, one at a time: a large run is judged for seconds.
type maker struct {
	mu   sync.Mutex
	kept []made
}

type made struct {
	id           string
	run, history stamp
	page         []byte
}

func (m *maker) page(e entry, dir string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, old := range m.kept {
		if old.id == e.ID && old.run == e.run && old.history == e.history {
			return old.page, nil
		}
	}
	var page bytes.Buffer
	if err := reports.HTML(&page, dir); err != nil {
		return nil, err
	}
	m.kept = append(m.kept, made{e.ID, e.run, e.history, page.Bytes()})
	if len(m.kept) > reportKept {
		m.kept = m.kept[1:]
	}
	return page.Bytes(), nil
}
