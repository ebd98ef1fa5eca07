package serve

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

const (
	keyHeader = "Seatrial-Key"
	sayBytes  = 8 << 10
)

// reply is what is answered to a command of a game day.
type reply struct {
	Answer string `json:"answer"`
	Error  string `json:"error"`
}

// say takes a command to a game day under way. It is the one thing that can be done
// here, and only from a page of this server that was opened with its key.
func (s *Server) say(w http.ResponseWriter, r *http.Request) {
	status, answer, err := s.hear(w, r)
	told := reply{Answer: reports.Line(answer)}
	if err != nil {
		told.Error = reports.Line(err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(told) // whoever asked may be gone
}

func (s *Server) hear(w http.ResponseWriter, r *http.Request) (status int, answer string, err error) {
	if status, err := s.trust(r); err != nil {
		return status, "", err
	}
	var body struct {
		Line string `json:"line"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, sayBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return http.StatusBadRequest, "", fmt.Errorf("one line is taken, as JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return http.StatusBadRequest, "", errors.New("one line is taken, and no more")
	}
	e, ok := s.index.find(r.PathValue("id"))
	if !ok || e.Day == "" {
		return http.StatusNotFound, "", errors.New("there is no such game day")
	}
	control, err := s.index.control(e)
	if errors.Is(err, gameday.ErrUnattended) {
		return http.StatusConflict, "", errors.New("nobody takes this any more: the game day is over, or its process died")
	}
	if err == nil {
		answer, err = control.Say(r.Context(), body.Line)
	}
	var refused *gameday.Refused
	switch {
	case errors.As(err, &refused):
		return http.StatusConflict, "", err
	case err != nil:
		return http.StatusBadGateway, "", err
	}
	return http.StatusOK, answer, nil
}

// trust refuses whatever does not come from a page of this server that has its key.
// By which name the server was asked is known here.
func (s *Server) trust(r *http.Request) (status int, err error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Header.Get("Origin") != "http://"+r.Host || site != "" && site != "same-origin":
		return http.StatusForbidden, errors.New("only the page itself may say this")
	case kind != "application/json":
		return http.StatusUnsupportedMediaType, errors.New("only application/json is taken")
	case subtle.ConstantTimeCompare([]byte(r.Header.Get(keyHeader)), []byte(s.key)) != 1:
		return http.StatusForbidden, errors.New("this page can only look on: open it by the address that seatrial serve printed")
	}
	return http.StatusOK, nil
}
