package serve

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

const (
	mostCompared = 6
	headTime     = 5 * time.Second
	idleTime     = time.Minute
	endTime      = 2 * time.Second // for answers under way when the page ends
	headBytes    = 16 << 10
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.New("").ParseFS(assets, "assets/*.html"))

// policy lets a page run our own files and ask this server; nothing that gets
// into it can run, and no script of ours can put markup into it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Server shows the runs below a folder.
type Server struct {
	index   *index
	reports maker
	files   map[string]asset // of the pages
	key     string
}

// asset is a file that pages need.
type asset struct {
	kind string
	body []byte
}

// Open looks through the folder out. An error wraps fs.ErrNotExist where there
// is none.
func Open(out string) (*Server, error) {
	x, err := openIndex(out)
	if err != nil {
		return nil, fmt.Errorf("look for runs: %w", err)
	}
	s := &Server{index: x, files: map[string]asset{}, key: rand.Text()}
	plot, plotStyle := reports.Plot()
	s.files["serve.css"] = asset{"text/css; charset=utf-8", []byte(plotStyle + reports.Style() + source("serve.css"))}
	s.files["uplot.js"] = asset{"text/javascript; charset=utf-8", []byte(plot)}
	for _, name := range []string{"page.js", "list.js", "run.js", "gameday.js"} {
		s.files[name] = asset{"text/javascript; charset=utf-8", []byte(source(name))}
	}
	return s, nil
}

func source(name string) string {
	raw, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is in the program
	}
	return string(raw)
}

// Close lets go of the folder.
func (s *Server) Close() error { return s.index.root.Close() }

// Key is what a page needs to take part in a game day. It reads it behind the # of
// the address that it is opened by (#key=…), which no browser sends anywhere.
func (s *Server) Key() string { return s.key }

// Runs returns how many runs there are.
func (s *Server) Runs() int {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	return len(s.index.runs)
}

// Serve answers on listener until ctx ends; that it ended so is no error.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(listener.Addr()), ReadHeaderTimeout: headTime, IdleTimeout: idleTime, MaxHeaderBytes: headBytes,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // somebody still loads a history
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler answers requests that name the address where the server listens.
func (s *Server) Handler(address net.Addr) http.Handler {
	read := http.NewServeMux()
	read.HandleFunc("/{$}", s.list)
	read.HandleFunc("/compare", s.compare)
	read.HandleFunc("/api/runs", s.apiRuns)
	read.HandleFunc("/api/run/{id}", s.apiRun)
	read.HandleFunc("/api/run/{id}/gameday", s.apiDay)
	read.HandleFunc("/run/{id}", s.run)
	read.HandleFunc("/gameday/{id}", s.day)
	read.HandleFunc("/run/{id}/{file}", s.file)
	read.HandleFunc("/assets/{file}", s.asset)
	read.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		failed(w, http.StatusNotFound, "There is no such page", "")
	})
	mux := http.NewServeMux()
	mux.Handle("/", onlyGet(read))
	mux.HandleFunc("POST /api/run/{id}/gameday", s.say) // the one way to change anything
	return guard(hosts(address), mux)
}

// hosts are the names by which this server may be asked for.
func hosts(address net.Addr) []string {
	_, port, _ := net.SplitHostPort(address.String())
	names := []string{"127.0.0.1:" + port, "localhost:" + port}
	if port == "80" {
		names = append(names, "127.0.0.1", "localhost")
	}
	return names
}

// guard refuses whoever came by another name: a foreign site that has its name
// point here would read everything.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		if !slices.ContainsFunc(hosts, func(host string) bool { return strings.EqualFold(r.Host, host) }) {
			failed(w, http.StatusForbidden, "Not by this name", "This page answers at http://"+hosts[0]+"/ and by no other name.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onlyGet refuses whatever would change anything.
func onlyGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			failed(w, http.StatusMethodNotAllowed, "Nothing can be changed here", "Only GET is answered.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	file, ok := s.files[r.PathValue("file")]
	if !ok {
		failed(w, http.StatusNotFound, "There is no such file", "")
		return
	}
	w.Header().Set("Content-Type", file.kind)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.body))
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, "list.html", struct {
		Out  string
		Most int
	}{reports.Line(s.index.out), mostCompared})
}

func (s *Server) apiRuns(w http.ResponseWriter, r *http.Request) {
	list, version, err := s.index.list()
	if err != nil {
		failed(w, http.StatusInternalServerError, "The list cannot be made", err.Error())
		return
	}
	// Who has this version is told so, and is sent nothing.
	w.Header().Set("ETag", strconv.Quote(version))
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "application/json")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(list))
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.index.find(r.PathValue("id")); !ok {
		noRun(w)
		return
	}
	show(w, http.StatusOK, "run.html", nil)
}

// told is what the page of a run is sent.
type told struct {
	Run      row           `json:"run"`
	Story    *story        `json:"story"` // null: there is no history that can be read
	Files    []storedFile  `json:"files"`
	Commands []instruction `json:"commands"`
}

// instruction is something that can be done about a run.
type instruction struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

func (s *Server) apiRun(w http.ResponseWriter, r *http.Request) {
	e, story, ok := s.index.story(r.PathValue("id"))
	if !ok {
		noRun(w)
		return
	}
	raw, err := json.Marshal(told{e.row, story, s.index.files(e), s.instructions(e)})
	if err != nil {
		failed(w, http.StatusInternalServerError, "This run cannot be told", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

func (s *Server) instructions(e entry) []instruction {
	folder := reports.Argument(s.index.dir(e))
	if e.Day != "" && e.Day != string(gameday.Over) && e.State != UnderWay {
		return []instruction{{"If its process died: put everything back, and finish the game day:", "seatrial gameday --resume " + folder}}
	}
	switch e.State {
	case UnderWay:
		return []instruction{}
	case Died:
		return []instruction{
			{"Take away what the dead run left broken and running:", "seatrial clean"},
			{"Judge what it wrote so far:", "seatrial check " + folder},
		}
	case NotJudged, Unreadable:
		return []instruction{{"Write its reports, if nobody does:", "seatrial report " + folder}}
	}
	list := []instruction{{"Judge it again:", "seatrial check " + folder}}
	if e.Findings && len(e.Classes) > 0 {
		list = append(list, instruction{"Tell one record's way, KEY as in findings.jsonl:", "seatrial trace " + folder + " KEY"})
	}
	return list
}

// compared is the page of runs side by side.
type compared struct {
	Runs     []row
	Columns  int // of the table
	Sections []Section
}

func (s *Server) compare(w http.ResponseWriter, r *http.Request) {
	ids := r.URL.Query()["run"]
	if len(ids) < 2 || len(ids) > mostCompared {
		failed(w, http.StatusBadRequest, "Choose runs to compare", fmt.Sprintf("Mark from 2 to %d runs in the list.", mostCompared))
		return
	}
	var page compared
	var runs []reports.Run
	for _, id := range ids {
		e, ok := s.index.find(id)
		if !ok {
			noRun(w)
			return
		}
		run, err := s.index.run(e)
		if e.Hidden {
			err = errors.New("its game day is not over")
		}
		if err != nil {
			failed(w, http.StatusConflict, "Not all of these can be compared", e.Folder+": "+withoutPath(err).Error())
			return
		}
		page.Runs, runs = append(page.Runs, e.row), append(runs, run)
	}
	page.Columns, page.Sections = len(runs)+1, Compare(runs).Sections
	show(w, http.StatusOK, "compare.html", page)
}

func noRun(w http.ResponseWriter) {
	failed(w, http.StatusNotFound, "There is no such run", "Its folder may have been removed since the page was loaded.")
}

// failed shows what went wrong, and the way back.
func failed(w http.ResponseWriter, status int, title, text string) {
	show(w, status, "failed.html", struct{ Title, Text string }{title, reports.Line(text)})
}

// show sends a page as a whole or not at all.
func show(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // whoever asked may be gone
}
