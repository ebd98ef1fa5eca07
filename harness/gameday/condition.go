package gameday

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Condition is something that can be asked, again and again, and holds or does
// not: an abort condition, or whether an alert has fired.
//
//	sql: SELECT count(*) > 100 FROM people WHERE …
//	http: http://127.0.0.1:8080/health (status != 200)
//	http: ${ELASTICSEARCH_URL}/_cluster/health (body has "red")
//	queue: records > 5000
//	command: ./is-it-bad.sh
//	sql every 10s within 2s: SELECT …
//
// A query returns one row with one boolean. A command says it by its exit code: 0
// holds, 1 does not. ${NAME} is filled in with an address of the stack; commands
// find these in their environment.
type Condition struct {
	Text   string // as it was written
	Kind   string // "sql", "http", "queue" or "command"
	Every  time.Duration
	Within time.Duration
	Of     string // query, address, queue or command
	On     string // http: "status" or "body"
	Op     string // one of operators; "has" for a body
	Value  int
	Has    string
}

const (
	everyDefault  = 5 * time.Second
	withinDefault = 2 * time.Second
	shortestEvery = 100 * time.Millisecond
	longestEvery  = time.Hour
)

var kinds = []string{"sql", "http", "queue", "command"}

// operators, those of two characters first.
var operators = []string{"!=", "==", ">=", "<=", ">", "<"}

// SyntaxError says what of a condition is wrong, and where.
type SyntaxError struct {
	Text    string
	At      int // byte, from 0
	Problem string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("condition %q, at %d: %s", e.Text, e.At+1, e.Problem)
}

// ParseCondition reads a condition. Errors are *SyntaxError.
func ParseCondition(text string) (Condition, error) {
	p := conditionParser{text: text}
	c, err := p.condition()
	if err != nil {
		return Condition{}, err
	}
	return c, nil
}

type conditionParser struct {
	text string
	at   int
}

func (p *conditionParser) wrong(at int, format string, args ...any) error {
	return &SyntaxError{Text: p.text, At: at, Problem: fmt.Sprintf(format, args...)}
}

func (p *conditionParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t", p.text[p.at]) >= 0 {
		p.at++
	}
}

// word reads up to a space or a colon.
func (p *conditionParser) word() (word string, at int) {
	p.space()
	at = p.at
	for p.at < len(p.text) && strings.IndexByte(" \t:", p.text[p.at]) < 0 {
		p.at++
	}
	return p.text[at:p.at], at
}

func (p *conditionParser) condition() (Condition, error) {
	c := Condition{Text: p.text, Every: everyDefault, Within: withinDefault}
	kind, at := p.word()
	if c.Kind = kind; !slices.Contains(kinds, kind) {
		return c, p.wrong(at, "it begins with %q, and must begin with sql:, http:, queue: or command:", kind)
	}
	for {
		p.space()
		if p.at < len(p.text) && p.text[p.at] == ':' {
			p.at++
			break
		}
		name, at := p.word()
		var into *time.Duration
		switch name {
		case "every":
			into = &c.Every
		case "within":
			into = &c.Within
		case "":
			return c, p.wrong(at, "a colon is missing after %q", kind)
		default:
			return c, p.wrong(at, "%q is not known here: there are \"every DURATION\", \"within DURATION\" and then a colon", name)
		}
		value, at := p.word()
		d, err := time.ParseDuration(value)
		if err != nil {
			return c, p.wrong(at, "%s wants a duration like 5s, and not %q", name, value)
		}
		if d < shortestEvery || d > longestEvery {
			return c, p.wrong(at, "%s must be from %s to %s", name, shortestEvery, longestEvery)
		}
		*into = d
	}
	p.space()
	if strings.TrimSpace(p.text[p.at:]) == "" {
		return c, p.wrong(p.at, "nothing stands after the colon")
	}
	switch kind {
	case "http":
		return c, p.http(&c)
	case "queue":
		return c, p.queue(&c)
	}
	c.Of = strings.TrimSpace(p.text[p.at:])
	return c, nil
}

// http reads an address and, in parentheses, what of the answer is looked at.
func (p *conditionParser) http(c *Condition) error {
	c.On, c.Op, c.Value = "status", "!=", http.StatusOK
	at := p.at
	address := strings.TrimSpace(p.text[at:])
	if open := strings.IndexByte(address, '('); open >= 0 {
		if !strings.HasSuffix(address, ")") {
			return p.wrong(at+len(address), "a closing parenthesis is missing")
		}
		p.at = at + open + 1
		if err := p.answer(c, at+len(address)-1); err != nil {
			return err
		}
		address = strings.TrimSpace(address[:open])
	}
	if strings.ContainsAny(address, " \t") {
		return p.wrong(at+strings.IndexAny(address, " \t"), "an address has no spaces; what is looked at stands in parentheses, as in (status != 200)")
	}
	parsed, err := url.Parse(os.Expand(address, func(string) string { return "http://127.0.0.1" }))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return p.wrong(at, "%q is no address that begins with http:// or https://", address)
	}
	c.Of = address
	return nil
}

// answer reads "status OP NUMBER" or `body has "TEXT"`, up to end.
func (p *conditionParser) answer(c *Condition, end int) error {
	inner := conditionParser{text: p.text[:end], at: p.at}
	what, at := inner.word()
	switch what {
	case "status":
		op, value, err := inner.comparison()
		if err != nil {
			return p.wrong(err.At, "%s", err.Problem)
		}
		c.Op, c.Value = op, value
		return nil
	case "body":
		word, at := inner.word()
		if word != "has" {
			return p.wrong(at, "body is looked at with has, as in (body has \"red\")")
		}
		inner.space()
		rest := strings.TrimSpace(inner.text[inner.at:])
		quoted, err := strconv.Unquote(rest)
		if err != nil || quoted == "" {
			return p.wrong(inner.at, "a text in quotes is due, as in (body has \"red\")")
		}
		c.On, c.Op, c.Value, c.Has = "body", "has", 0, quoted
		return nil
	}
	return p.wrong(at, "%q cannot be looked at: there are status and body", what)
}

// comparison reads an operator and a number, to the end of the text.
func (p *conditionParser) comparison() (op string, value int, wrong *SyntaxError) {
	p.space()
	for _, known := range operators {
		if strings.HasPrefix(p.text[p.at:], known) {
			op = known
			break
		}
	}
	if op == "" {
		return "", 0, &SyntaxError{Text: p.text, At: p.at, Problem: "one of " + strings.Join(operators, " ") + " is due"}
	}
	p.at += len(op)
	p.space()
	number := strings.TrimSpace(p.text[p.at:])
	value, err := strconv.Atoi(number)
	if err != nil || value < 0 {
		return "", 0, &SyntaxError{Text: p.text, At: p.at, Problem: fmt.Sprintf("a number is due, and not %q", number)}
	}
	return op, value, nil
}

func (p *conditionParser) queue(c *Condition) error {
	at := p.at
	end := strings.IndexAny(p.text[at:], "!=<>")
	if end < 0 {
		return p.wrong(len(p.text), "what the queue is compared with is missing, as in \"queue: NAME > 100\"")
	}
	if c.Of = strings.TrimSpace(p.text[at : at+end]); c.Of == "" {
		return p.wrong(at, "the name of a queue is missing")
	}
	p.at = at + end
	op, value, wrong := p.comparison()
	if wrong != nil {
		return wrong
	}
	c.Op, c.Value = op, value
	return nil
}

func compare(a int, op string, b int) bool {
	switch op {
	case "!=":
		return a != b
	case "==":
		return a == b
	case ">=":
		return a >= b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a < b
}

// Sources are what conditions are asked of.
type Sources interface {
	// Truth asks Postgres for one boolean.
	Truth(ctx context.Context, query string) (bool, error)
	// Depth counts the messages in a queue, ready and unacknowledged.
	Depth(ctx context.Context, queue string) (int, error)
	// Addresses are those of the stack's services, by the names that conditions
	// use: POSTGRES_URL, ELASTICSEARCH_URL, …
	Addresses() map[string]string
}

// mostOfBody is how much of an answer is looked at.
const mostOfBody = 1 << 20

// Ask asks once, within the condition's time, and returns what was seen. An error
// says that it cannot be told whether it holds.
func (c Condition) Ask(ctx context.Context, of Sources) (holds bool, seen string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	switch c.Kind {
	case "sql":
		holds, err = of.Truth(ctx, c.Of)
		return holds, strconv.FormatBool(holds), err
	case "queue":
		depth, err := of.Depth(ctx, c.Of)
		return err == nil && compare(depth, c.Op, c.Value), fmt.Sprintf("%d messages", depth), err
	case "http":
		return c.askHTTP(ctx, of)
	}
	return c.run(ctx, of)
}

func (c Condition) askHTTP(ctx context.Context, of Sources) (holds bool, seen string, err error) {
	addresses := of.Addresses()
	unknown := ""
	address := os.Expand(c.Of, func(name string) string {
		if addresses[name] == "" {
			unknown = name
		}
		return addresses[name]
	})
	if unknown != "" {
		return false, "", fmt.Errorf("${%s} is no address of the stack", unknown)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, "", err
	}
	defer response.Body.Close()
	if c.On == "status" {
		return compare(response.StatusCode, c.Op, c.Value), "status " + strconv.Itoa(response.StatusCode), nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, mostOfBody))
	if err != nil {
		return false, "", fmt.Errorf("read the answer: %w", err)
	}
	if bytes.Contains(body, []byte(c.Has)) {
		return true, fmt.Sprintf("the answer has %q", c.Has), nil
	}
	return false, fmt.Sprintf("the answer has no %q", c.Has), nil
}

// run has a shell run the command. It is killed when its time is over, and so is
// what it started.
func (c Condition) run(ctx context.Context, of Sources) (holds bool, seen string, err error) {
	command := exec.CommandContext(ctx, "sh", "-c", c.Of)
	command.Env = os.Environ()
	for name, address := range of.Addresses() {
		command.Env = append(command.Env, name+"="+address)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 100 * time.Millisecond
	output, err := command.CombinedOutput()
	words := strings.TrimSpace(string(output[:min(len(output), 200)]))
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, words, nil
	case ctx.Err() != nil:
		return false, "", fmt.Errorf("no answer within %s", c.Within)
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return false, words, nil
	}
	return false, "", fmt.Errorf("%w: %s (exit code 0 says that it holds, 1 that it does not)", err, words)
}
