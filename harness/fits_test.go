package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// smallPipeline is one container that writes rows, and no more.
const smallPipeline = `
seatrial: 1
roles:
  importer: {does: [collect, load], image: importer}
records:
  format: jsonl
  files: "{number}.jsonl"
  fields:
    - {name: id, holds: key}
    - {name: surname, holds: family_name}
expect:
  rows: {query: SELECT * FROM people, key: id}
timing: {interval: 1s}
`

func described(t *testing.T, text string) Pipeline {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seatrial.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	found, err := FindPipeline(name)
	require.NoError(t, err)
	return found
}

// A pipeline on this machine can be tried by whatever breaks services only.
func TestFitsAttached(t *testing.T) {
	for _, p := range []Pipeline{
		described(t, strings.Replace(smallPipeline, "roles:\n  importer: {does: [collect, load], image: importer}", "attached: true", 1)),
		described(t, smallPipeline).Attach(),
	} {
		require.True(t, p.Attached())
		require.Empty(t, p.Roles())
		step := func(f fault.Fault) Scenario {
			return Scenario{Name: "drill", Hypothesis: "h", Plan: []Step{{When: Committed(30), Fault: f, Recover: Immediately()}}}
		}
		require.NoError(t, p.Fits(step(fault.Kill(fault.RabbitMQ))))
		require.NoError(t, p.Fits(Scenario{Name: "drill", Hypothesis: "h", Plan: []Step{At(boundary.Committed.Of(fault.Loader, 1), fault.Kill(fault.Postgres), boundary.Drop)}}), "its connections are those of one role")
		require.ErrorContains(t, p.Fits(step(fault.Kill(fault.Loader))), `it is kill on what does "load", and the pipeline is attached: it runs on this machine`)
		require.ErrorContains(t, p.Fits(step(fault.QueueDeleted(fault.Loader))), `on the queue of what does "load", and the pipeline is attached`)
		require.ErrorContains(t, p.Fits(Scenario{Name: "drill", Hypothesis: "h", Plan: []Step{{When: Immediately(), Operation: Operation{Name: "replay"}}}}), "it is the operation replay, and the pipeline is attached")

		require.ErrorIs(t, p.canBreak(fault.Kill(fault.Loader)), ErrUsage)
		require.ErrorContains(t, p.canBreak(fault.Kill(fault.Loader)), "it cannot be injected by hand: it is kill on what does")
		require.ErrorContains(t, p.canBreak(fault.PoisonRows(3)), "comes with the files that are sent")
		require.NoError(t, p.canBreak(fault.Kill(fault.Elasticsearch)), "even where it declares no documents")
	}
}

func TestFits(t *testing.T) {
	small := described(t, smallPipeline)
	step := func(when Trigger, f fault.Fault, recover Trigger) Scenario {
		return Scenario{Name: "drill", Hypothesis: "h", Plan: []Step{{When: when, Fault: f, Recover: recover}}}
	}
	does := func(o Operation) Scenario {
		return Scenario{Name: "drill", Hypothesis: "h", Plan: []Step{{When: Immediately(), Operation: o}}}
	}
	sends := func(change func(*workload.Config)) Scenario {
		return Scenario{Name: "drill", Hypothesis: "h", Workload: change}
	}
	kill := fault.Kill(fault.Loader)
	for says, scenario := range map[string]Scenario{
		"": step(Committed(30), kill, Immediately()),
		`step 1: it is kill on what does "index", and no role does that`:                                       step(Immediately(), fault.Kill(fault.Indexer), Immediately()),
		`step 1: it is kill on number 2 of what does "load", and there are 1`:                                  step(Immediately(), fault.Kill(fault.Replica(fault.Loader, 2)), Immediately()),
		"step 1: it is lock-table, which needs the table: expect.rows.table names none":                        step(Immediately(), fault.LockTable(), Immediately()),
		"step 1: it is index-deleted on elasticsearch, and expect.documents declares none: nothing would tell": step(Immediately(), fault.IndexDeleted(), Immediately()),
		`step 1: it is queue-deleted, which needs the queue of what does "load"`:                               step(Immediately(), fault.QueueDeleted(fault.Loader), Immediately()),
		"step 1: it is latency on elasticsearch, and expect.documents declares none":                           step(Immediately(), fault.Latency(fault.Elasticsearch, fault.Downstream, time.Second, 0), Immediately()),
		"step 1: it waits for 30 % queued, and expect.queues declares none":                                    step(Queued(30), kill, Immediately()),
		"step 1: it waits for 30 % visible, and expect.documents declares none":                                step(Immediately(), kill, Visible(30)),
		"step 1: it waits for 30 % committed and 10 % visible, and expect.documents declares none":             step(Both(Committed(30), Visible(10)), kill, Immediately()),
		"step 1: it waits for at least 1 syncs begun, and probes does not declare that":                        step(Probe("syncs begun", 1), kill, Immediately()),
		`has 0 roles that do "index"`:                                                                     {Name: "drill", Hypothesis: "h", Plan: []Step{At(boundary.Indexed.Of(fault.Indexer, 1), kill, boundary.Forward)}},
		"step 1: it is the operation replay, which operations does not declare":                           does(Operation{Name: "replay"}),
		"its files cannot be written as the pipeline's records: workload: rows to be rejected need":       sends(func(c *workload.Config) { c.RejectPercent = 5 }),
		"its files cannot be written as the pipeline's records: workload: uploads under the final name":   sends(func(c *workload.Config) { c.Uploads.SlowEvery = 3 }),
		"its files cannot be written as the pipeline's records: workload: hostile texts need a column of": sends(func(c *workload.Config) { c.Hostile.MarkupPercent = 3 }),
	} {
		err := small.Fits(scenario)
		if says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrUsage, says)
		require.ErrorContains(t, err, "scenario drill does not fit pipeline "+small.Name()+": ")
		require.ErrorContains(t, err, says)
		require.Len(t, strings.Split(err.Error(), "\n"), 1)
	}
}

// What the records of a pipeline cannot say is left out, and the verdict says so.
func TestWhatRecordsCannotSayIsLeftOut(t *testing.T) {
	small := described(t, smallPipeline)
	spec := small.spec(Deployment{Replicas: map[string]int{fault.Loader: 3}, Settings: map[string]string{"WORKERS": "24"}}, 1)
	require.Equal(t, 3, spec.Roles[0].Replicas)
	require.NotContains(t, spec.Roles[0].Env, "WORKERS", "these are the reference pipeline's")
	config := workload.Default(1, "T3ST")
	config.FullEvery = 5
	left := asRecorded(spec, &config)
	e := expectations(spec, time.Minute, left)
	require.NoError(t, e.Validate())
	require.Equal(t, []string{"deletions (the records cannot say them)", "full files (the records have no name for them)"}, e.LeftOut)
	require.Equal(t, map[string][]string{"rows": {"family_name"}}, e.Shown)
	require.Equal(t, []string{fault.Collector, fault.Loader}, small.Does())
}

func TestFindPipeline(t *testing.T) {
	_, err := FindPipeline("reference:ack-before-comit")
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, "ack-before-commit")
	_, err = FindPipeline("refrence")
	require.ErrorContains(t, err, "use reference, reference:<defect>[,<defect>] or the path of a seatrial.yaml")
	_, err = FindPipeline("nowhere/seatrial.yaml")
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, `"seatrial init" writes`)

	folder := t.TempDir()
	name := filepath.Join(folder, "seatrial.yaml")
	require.NoError(t, os.WriteFile(name, []byte("seatrial: 1\nroles: {}\n"), 0o600))
	_, err = FindPipeline(folder)
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, name+":1:1: records is missing")
	require.ErrorContains(t, err, name+":2:8: roles: a pipeline has at least one")
}
