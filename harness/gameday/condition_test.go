package gameday

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseCondition(t *testing.T) {
	usual := Condition{Every: 5 * time.Second, Within: 2 * time.Second}
	with := func(change func(*Condition)) Condition {
		c := usual
		change(&c)
		return c
	}
	for text, want := range map[string]Condition{
		"sql: SELECT count(*) > 100 FROM people":  with(func(c *Condition) { c.Kind, c.Of = "sql", "SELECT count(*) > 100 FROM people" }),
		"sql every 10s within 500ms: SELECT true": {Kind: "sql", Of: "SELECT true", Every: 10 * time.Second, Within: 500 * time.Millisecond},
		"http: http://127.0.0.1:8080/health": with(func(c *Condition) {
			c.Kind, c.Of, c.On, c.Op, c.Value = "http", "http://127.0.0.1:8080/health", "status", "!=", 200
		}),
		"http: ${ELASTICSEARCH_URL}/_cluster/health (status >= 500)": with(func(c *Condition) {
			c.Kind, c.Of, c.On, c.Op, c.Value = "http", "${ELASTICSEARCH_URL}/_cluster/health", "status", ">=", 500
		}),
		`http: https://alerts/api (body has "fir\"ing")`: with(func(c *Condition) {
			c.Kind, c.Of, c.On, c.Op, c.Has = "http", "https://alerts/api", "body", "has", `fir"ing`
		}),
		"queue: records.applied > 5000": with(func(c *Condition) { c.Kind, c.Of, c.Op, c.Value = "queue", "records.applied", ">", 5000 }),
		"queue: a b<=3":                 with(func(c *Condition) { c.Kind, c.Of, c.Op, c.Value = "queue", "a b", "<=", 3 }),
		"command: test -e /tmp/stop: x": with(func(c *Condition) { c.Kind, c.Of = "command", "test -e /tmp/stop: x" }),
	} {
		got, err := ParseCondition(text)
		require.NoError(t, err, text)
		want.Text = text
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]struct {
		at   int // from 1, as people count
		says string
	}{
		"":                              {1, `begins with ""`},
		"slq: SELECT 1":                 {1, `begins with "slq"`},
		"sql SELECT true":               {5, `"SELECT" is not known here`},
		"sql":                           {4, "a colon is missing"},
		"sql: ":                         {6, "nothing stands after the colon"},
		"sql every: SELECT true":        {10, `every wants a duration like 5s, and not ""`},
		"sql every x: SELECT true":      {11, `and not "x"`},
		"sql every 1ms: SELECT true":    {11, "every must be from 100ms to 1h0m0s"},
		"http: ftp://x":                 {7, "no address that begins with http://"},
		"http: http://x y":              {15, "an address has no spaces"},
		"http: http://x (status != 200": {30, "a closing parenthesis is missing"},
		"http: http://x (state != 200)": {17, `"state" cannot be looked at`},
		"http: http://x (status ~ 200)": {24, "one of != == >= <= > < is due"},
		"http: http://x (status != ok)": {27, `a number is due, and not "ok"`},
		"http: http://x (body is red)":  {22, "body is looked at with has"},
		"http: http://x (body has red)": {26, "a text in quotes is due"},
		"queue: records":                {15, "what the queue is compared with is missing"},
		"queue: > 5":                    {8, "the name of a queue is missing"},
		"queue: records > many":         {18, `a number is due, and not "many"`},
		"queue: records > -1":           {18, "a number is due"},
	} {
		_, err := ParseCondition(text)
		var wrong *SyntaxError
		require.ErrorAs(t, err, &wrong, "%q", text)
		require.Equal(t, want.at, wrong.At+1, "%q: %v", text, err)
		require.ErrorContains(t, err, want.says, "%q", text)
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, text := range []string{"sql every 1s within 1s: x", `http: http://x (body has "a")`, "queue: a >= 3", "command: x", "http: http://[::1 (status != 200)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			var wrong *SyntaxError
			require.ErrorAs(t, err, &wrong)
			require.True(t, wrong.At >= 0 && wrong.At <= len(text))
			return
		}
		require.NotEmpty(t, c.Of)
		require.True(t, c.Every > 0 && c.Within > 0)
	})
}

// sources answer what they are told to.
type sources struct {
	mu        sync.Mutex
	truth     func(ctx context.Context) (bool, error)
	depth     int
	err       error
	addresses map[string]string
}

func (s *sources) Truth(ctx context.Context, _ string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.truth == nil {
		return false, s.err
	}
	return s.truth(ctx)
}
func (s *sources) Depth(context.Context, string) (int, error) { return s.depth, s.err }
func (s *sources) Addresses() map[string]string               { return s.addresses }

func condition(t *testing.T, text string) Condition {
	t.Helper()
	c, err := ParseCondition(text)
	require.NoError(t, err)
	return c
}

func TestAsk(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bad":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			<-r.Context().Done()
		case "/red":
			_, _ = w.Write([]byte(`{"status":"red"}`))
		}
	}))
	defer server.Close()
	of := &sources{depth: 7, addresses: map[string]string{"SERVICE": server.URL}}
	no := errors.New("no answer")
	for name, test := range map[string]struct {
		text  string
		of    *sources
		holds bool
		seen  string
		err   string
	}{
		"status as it should be": {text: "http: ${SERVICE}/", seen: "status 200"},
		"another status":         {text: "http: ${SERVICE}/bad", holds: true, seen: "status 503"},
		"a status that is asked": {text: "http: ${SERVICE}/bad (status == 503)", holds: true, seen: "status 503"},
		"a body":                 {text: `http: ${SERVICE}/red (body has "red")`, holds: true, seen: `the answer has "red"`},
		"another body":           {text: `http: ${SERVICE}/ (body has "red")`, seen: `the answer has no "red"`},
		"no answer in time":      {text: "http within 100ms: ${SERVICE}/slow", err: "deadline exceeded"},
		"nobody listens":         {text: "http: http://127.0.0.1:1/", err: "refused"},
		"no such address":        {text: "http: ${SERVCE}/", err: "${SERVCE} is no address of the stack"},
		"a deep queue":           {text: "queue: records > 5", holds: true, seen: "7 messages"},
		"a queue deep enough":    {text: "queue: records >= 8", seen: "7 messages"},
		"no queue":               {text: "queue: records > 5", of: &sources{err: no}, err: "no answer"},
		"sql true":               {text: "sql: x", of: &sources{truth: func(context.Context) (bool, error) { return true, nil }}, holds: true, seen: "true"},
		"sql fails":              {text: "sql: x", of: &sources{err: no}, err: "no answer"},
		"command says yes":       {text: "command: echo on fire", holds: true, seen: "on fire"},
		"command says no":        {text: "command: exit 1"},
		"command knows it":       {text: `command: test "$SERVICE" = ` + server.URL, holds: true},
		"command fails":          {text: "command: echo oops; exit 2", err: "oops (exit code 0 says that it holds"},
		"command hangs":          {text: "command within 100ms: sleep 60 & wait", err: "no answer within 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := of
			if test.of != nil {
				asked = test.of
			}
			begun := time.Now()
			holds, seen, err := condition(t, test.text).Ask(t.Context(), asked)
			require.Less(t, time.Since(begun), 10*time.Second)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				require.False(t, holds)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.holds, holds)
			require.Equal(t, test.seen, seen)
		})
	}
}

// What a hanging command started is ended with it.
func TestAskEndsWhatACommandStarted(t *testing.T) {
	pid := t.TempDir() + "/pid"
	_, _, err := condition(t, "command within 300ms: sleep 60 & echo $! > "+pid+"; wait").Ask(t.Context(), &sources{})
	require.Error(t, err)
	raw, err := os.ReadFile(pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(raw)) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 10*time.Millisecond, "it is gone")
}

// Each condition is asked at once and then in its interval, with its own deadline;
// what cannot be checked three times in a row is a reason to abort.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		answers := []error{nil, errors.New("down"), errors.New("down"), nil, errors.New("down"), errors.New("down"), errors.New("down")}
		of := &sources{truth: func(ctx context.Context) (bool, error) {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Second, time.Until(deadline))
			asked++
			return false, answers[min(asked-1, len(answers)-1)]
		}}
		ctx, cancel := context.WithCancel(t.Context())
		var aborts []string
		begun := time.Now()
		var at time.Duration
		Guard(ctx, []Condition{condition(t, "sql every 10s within 1s: x")}, of, func(r Reading) {
			if why := r.aborts(); why != "" {
				aborts = append(aborts, why)
				at = time.Since(begun)
				cancel()
			}
		})
		require.Equal(t, []string{`the abort condition "sql every 10s within 1s: x" could not be checked 3 times in a row: down`}, aborts)
		require.Equal(t, time.Minute, at, "the seventh time, ten seconds apart")
	})
}

func TestGuardWithAConditionThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := &sources{truth: func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}, depth: 9}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var met time.Duration
		begun := time.Now()
		looks := 0
		Guard(ctx, []Condition{condition(t, "sql within 30s: x"), condition(t, "queue every 1s: records > 5")}, of, func(r Reading) {
			if r.Condition.Kind == "queue" {
				require.Equal(t, Met, r.Status)
				if looks++; looks == 3 {
					met = time.Since(begun)
					cancel()
				}
			}
		})
		require.Equal(t, 2*time.Second, met, "one that hangs keeps no other from being asked")
	})
}
