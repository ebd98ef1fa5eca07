package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Crew are the people of a run: a game day.
type Crew interface {
	// GoNoGo is asked when everything stands and nothing was sent or broken. An
	// error ends the run.
	GoNoGo(ctx context.Context, deck gameday.Deck) error
	// PutBack is told that everything that was broken was taken back, or why not,
	// while the pipeline still stands; also after an abort.
	PutBack(ctx context.Context, deck gameday.Deck, err error)
}

const (
	worksWithin    = 30 * time.Second // every service and role together
	idleBiteWithin = 10 * time.Second // on an idle system, where a fault that needs work never bites
	prepareWithin  = 15 * time.Second // what it breaks may just be starting
	tellWithin     = 15 * time.Second // how much lies in a place
	askAgainAfter  = 250 * time.Millisecond
)

// preflight asks the crew whether the run may begin.
func (r *run) preflight(ctx context.Context) error { return r.options.Crew.GoNoGo(ctx, deck{r}) }

// deck is a run as its crew sees it.
type deck struct{ *run }

func (d deck) Folder() string { return d.dir }

func (d deck) Truth(ctx context.Context, query string) (truth bool, err error) {
	conn, err := d.world.Postgres(ctx, "seatrial-gameday")
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// What is asked may change nothing.
	if _, err := conn.Exec(ctx, "SET default_transaction_read_only = on"); err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, query).Scan(&truth)
	return truth, err
}

// Depth asks the broker that the pipeline began with.
func (d deck) Depth(ctx context.Context, queue string) (int, error) {
	depths, err := d.depths(ctx)
	if err != nil {
		return 0, err
	}
	depth, ok := depths[queue]
	if !ok {
		return 0, fmt.Errorf("there is no queue %q: there are %s", queue, strings.Join(slices.Sorted(maps.Keys(depths)), ", "))
	}
	return depth, nil
}

func (d deck) Addresses() map[string]string {
	e := d.stack.Endpoints()
	return map[string]string{
		"POSTGRES_URL": e.PostgresURL, "ELASTICSEARCH_URL": e.ElasticsearchURL, "RABBITMQ_MANAGEMENT_URL": e.ManagementURL,
		"AMQP_URL": fmt.Sprintf("amqp://%s:%s@%s/%s", e.AMQPUser, e.AMQPPassword, e.AMQPAddr, e.AMQPVhost),
		"SFTP_URL": fmt.Sprintf("sftp://%s:%s@%s", e.SFTPUser, e.SFTPPassword, e.SFTPAddr),
	}
}

func (d deck) Health(ctx context.Context) []gameday.Check {
	ctx, cancel := context.WithTimeout(ctx, worksWithin)
	defer cancel()
	var checks []gameday.Check
	for _, part := range d.world.health(ctx) {
		status := gameday.Go
		if !part.OK {
			status = gameday.NoGo
		}
		checks = append(checks, gameday.Check{Name: part.Part + " works", Status: status, Why: part.Evidence})
	}
	return checks
}

// Leftovers counts what lies where the run will put its records.
func (d deck) Leftovers(ctx context.Context) []gameday.Check {
	var checks []gameday.Check
	for _, place := range []struct {
		name  string
		count func(context.Context) (int, error)
	}{
		{"inbox", d.inboxFiles}, {"queues", d.queued}, {"rows", d.rows}, {"documents", d.documents},
	} {
		n, err := counted(ctx, place.count)
		check := gameday.Check{Name: "nobody's data in " + place.name, Status: gameday.Go, Why: "empty"}
		switch {
		case err != nil:
			check.Status, check.Why = gameday.NoGo, "cannot be told: "+err.Error()
		case n < 0:
			check.Status, check.Why = gameday.Unproved, "the pipeline does not say where they are"
		case n > 0:
			check.Status, check.Why = gameday.NoGo, fmt.Sprintf("%d are there, and none of them is this run's", n)
		}
		checks = append(checks, check)
	}
	return checks
}

// counted asks until it is told: an index, say, that the pipeline has just made
// does not answer before its shards have started.
func counted(ctx context.Context, count func(context.Context) (int, error)) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	for {
		n, err := count(ctx)
		if err == nil {
			return n, nil
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(askAgainAfter):
		}
	}
}

func (d deck) inboxFiles(ctx context.Context) (int, error) {
	client, err := stack.DialSFTP(ctx, d.stack.Endpoints())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	entries, err := client.ReadDirContext(ctx, "/"+d.spec.Inbox)
	return len(entries), err
}

func (d deck) queued(ctx context.Context) (int, error) {
	if len(d.spec.Queues) == 0 {
		return -1, nil
	}
	if n := d.waiting(ctx); n >= 0 {
		return n, nil
	}
	return 0, errors.New("the broker does not count them")
}

func (d deck) rows(ctx context.Context) (int, error) {
	if d.spec.Rows == nil || d.spec.Rows.Light == "" {
		return -1, nil
	}
	conn, err := d.world.Postgres(ctx, "seatrial-gameday")
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	n, err := ask(ctx, conn, "SELECT count(*) FROM ("+d.spec.Rows.Light+") AS found")
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42P01" { // no such table: the pipeline has not made it yet
		return 0, nil
	}
	return n, err
}

func (d deck) documents(ctx context.Context) (int, error) {
	if d.spec.Documents == nil {
		return -1, nil
	}
	var found struct {
		Count int `json:"count"`
	}
	err := d.stack.Elastic(ctx, http.MethodGet, "/"+d.spec.Documents.Alias+"/_count", nil, &found)
	var status *stack.StatusError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return 0, nil
	}
	return found.Count, err
}

// Rehearse has the undo of every fault in the plan carried out once. A fault that
// destroys nothing is injected before it, if inject is true, and seen to bite and
// heal. Of the others only the undo is carried out, which is safe where nothing is
// broken.
func (d deck) Rehearse(ctx context.Context, inject bool) []gameday.Check {
	var checks []gameday.Check
	for i, step := range d.plan {
		if step.Operation.Name != "" {
			continue
		}
		status, why := d.rehearse(ctx, step.Fault, inject)
		checks = append(checks, gameday.Check{Name: fmt.Sprintf("undo of step %d", i+1), Status: status, Why: why})
	}
	return checks
}

func (d deck) rehearse(ctx context.Context, f fault.Fault, inject bool) (status, why string) {
	if f.Data != nil || f.Holds {
		return gameday.Go, "nothing of it has to be taken back"
	}
	begun := time.Now()
	injection, err := d.prepared(ctx, f)
	if err != nil {
		return gameday.Unproved, "it cannot be rehearsed on the idle system: " + err.Error()
	}
	ids, err := d.journal.add(injection.Undo)
	if err != nil {
		return gameday.NoGo, "its undo cannot be journaled: " + err.Error()
	}
	steps := fmt.Sprintf("%d steps", len(injection.Undo))
	if !inject || f.Destroys != "" {
		if err := d.takeBack(ctx, ids); err != nil {
			return gameday.NoGo, "its undo fails: " + err.Error()
		}
		return gameday.Go, fmt.Sprintf("journaled and carried out (%s), without the fault", steps)
	}
	injecting, cancel := context.WithTimeout(ctx, injectWithin)
	defer cancel()
	if err := injection.Inject(injecting); err != nil {
		return gameday.NoGo, "it cannot be injected: " + errors.Join(err, d.takeBack(ctx, ids)).Error()
	}
	within := biteWithin
	if f.Lasting {
		within = idleBiteWithin
	}
	biting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, notBitten := injection.Bites(biting)
	if err := d.takeBack(ctx, ids); err != nil {
		return gameday.NoGo, "its undo fails: " + err.Error()
	}
	healing, cancel := context.WithTimeout(ctx, healWithin)
	defer cancel()
	if _, err := injection.Healed(healing); err != nil {
		return gameday.NoGo, "it does not heal: " + err.Error()
	}
	took := time.Since(begun).Round(100 * time.Millisecond)
	switch {
	case notBitten != nil && f.Lasting:
		return gameday.Go, fmt.Sprintf("rehearsed in %s: taken back and healed; only work would show that it bites", took)
	case notBitten != nil:
		return gameday.NoGo, "it does not bite: " + notBitten.Error()
	}
	return gameday.Go, fmt.Sprintf("rehearsed in %s: bit, taken back, healed", took)
}

// prepared waits until a fault finds what it breaks.
func (d deck) prepared(ctx context.Context, f fault.Fault) (fault.Injection, error) {
	ctx, cancel := context.WithTimeout(ctx, prepareWithin)
	defer cancel()
	for {
		injection, err := f.Prepare(ctx, d.world)
		if err == nil {
			return injection, nil
		}
		select {
		case <-ctx.Done():
			return injection, err
		case <-time.After(time.Second):
		}
	}
}

// ByHand returns the scenario with its faults held until done is closed: none that
// the plan takes back by itself is taken back before, or before latest after it
// bit. What waits for another step waits for that as before.
func (s Scenario) ByHand(done <-chan struct{}, latest time.Duration) Scenario {
	s.Plan = slices.Clone(s.Plan)
	latest = time.Duration(float64(latest) * max(s.Hastened, 1))
	for i, step := range s.Plan {
		if step.Operation.Name != "" || step.Fault.Data != nil || step.Fault.Holds || step.Recover.step > 0 || step.Recover.met == nil {
			continue
		}
		planned := step.Recover
		held := planned
		held.Text = fmt.Sprintf("by hand, or %s after it bit (%s at the earliest)", latest, planned.Text)
		held.byHand = latest
		held.met = func(now Situation) bool {
			if !planned.met(now) {
				return false
			}
			select {
			case <-done:
				return true
			default:
				return now.Since >= latest
			}
		}
		s.Plan[i].Recover = held
	}
	return s
}

// byHand is how much longer everything may take in a plan where people decide.
func byHand(plan []Step) time.Duration {
	longest := time.Duration(0)
	for _, step := range plan {
		longest = max(longest, step.Recover.byHand)
	}
	return longest
}
