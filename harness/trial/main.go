package trial

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/seatrial/seatrial/harness"
)

// Main runs the tests of a package so that all that Open the same pipeline share
// its services, which are closed after the last one. It returns the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(trial.Main(m)) }
func Main(m *testing.M) int {
	shared.begin()
	code := m.Run()
	if err := shared.end(); err != nil {
		fmt.Fprintf(os.Stderr, "the services were not closed: %v\n", err)
		return cmp.Or(code, 1)
	}
	return code
}

// shared are the pipelines that the tests of a package share.
var shared pool

// pool holds open pipelines while Main runs; otherwise each belongs to its test.
type pool struct {
	mu    sync.Mutex
	open  map[key]*Pipeline // nil: Main does not run
	close []func() error
}

// key is what two tests that share services must agree on.
type key struct {
	pipeline, out string
	keep          bool
}

func (s *pool) take(t testing.TB, options harness.Options) (*Pipeline, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := key{options.Pipeline, options.Out, options.Keep}
	if p := s.open[of]; p != nil {
		return p, nil
	}
	p, closed, err := open(t, options)
	switch {
	case err != nil:
		return nil, err
	case s.open != nil:
		s.open[of] = p
		s.close = append(s.close, closed)
	default:
		t.Cleanup(func() {
			if err := closed(); err != nil {
				t.Errorf("the services were not closed: %v", err)
			}
		})
	}
	return p, nil
}

func (s *pool) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = map[key]*Pipeline{}
}

func (s *pool) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, closed := range s.close {
		errs = append(errs, closed())
	}
	s.open, s.close = nil, nil
	return errors.Join(errs...)
}
