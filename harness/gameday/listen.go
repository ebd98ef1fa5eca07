package gameday

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// listener takes commands on 127.0.0.1 for as long as a game day goes on.
type listener struct {
	server *http.Server
	file   *os.File // holds the lock that says that somebody listens
	path   string
}

// listen opens a listener and says in dir where it is.
func listen(dir string, hear func(line string) (answer string, err error), standing func() Standing) (*listener, error) {
	socket, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the page: %w", err)
	}
	c := Control{Address: socket.Addr().String(), Token: rand.Text()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /say", func(w http.ResponseWriter, r *http.Request) {
		line, err := io.ReadAll(http.MaxBytesReader(w, r.Body, controlBytes))
		if err != nil || strings.ContainsAny(string(line), "\r\n\x00") {
			http.Error(w, "say one line", http.StatusBadRequest)
			return
		}
		var said reply
		if said.Answer, err = hear(string(line)); err != nil {
			said = reply{Error: err.Error()}
		}
		answer(w, said)
	})
	mux.HandleFunc("GET /standing", func(w http.ResponseWriter, _ *http.Request) { answer(w, standing()) })
	l := &listener{path: filepath.Join(dir, ControlFile), server: &http.Server{
		Handler: c.guard(mux), ReadTimeout: answerWithin, WriteTimeout: answerWithin, IdleTimeout: answerWithin, MaxHeaderBytes: controlBytes,
	}}
	if l.file, err = c.write(l.path); err != nil {
		return nil, errors.Join(fmt.Errorf("say where the page is listened to: %w", err), socket.Close())
	}
	go func() { _ = l.server.Serve(socket) }() // until it is closed
	return l, nil
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // whoever asked may be gone
}

// guard lets those in who read the token, and came by the address beside it.
func (c Control) guard(next http.Handler) http.Handler {
	want := []byte("Bearer " + c.Token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != c.Address || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "this game day is worked from its terminal and the page of seatrial serve", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// write puts the file there as a whole and locked, and returns what holds the lock.
func (c Control) write(path string) (*os.File, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+ControlFile+"-*") // for its owner only
	if err != nil {
		return nil, err
	}
	_, err = file.Write(append(raw, '\n'))
	if err == nil {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}

// close ends the listening, once what was just said is answered.
func (l *listener) close() error {
	err := os.Remove(l.path)
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	return errors.Join(err, l.server.Shutdown(ctx), l.file.Close())
}
