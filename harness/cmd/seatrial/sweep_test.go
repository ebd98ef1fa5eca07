package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/sweep"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

// breaks is how many trials a sweep makes of what storeCrossings stores: three
// actions at first, middle and last of two classes and at the one of a third,
// where the index refuses besides.
const breaks = 3*(3+3+1) + 1

// storeCrossings leaves a stored run of a sweep's workload in dir: four files
// fetched (two, the third, the last), three commits of a record each, and one request to the index.
func storeCrossings(t *testing.T, dir string) *workload.Workload {
	t.Helper()
	config := workload.Config{Seed: 7, Tag: "T3ST"}
	sweep.Baseline().Workload(&config)
	files, err := workload.New(config)
	require.NoError(t, err)
	raw, err := json.Marshal(files.Config)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	w, err := history.Create(dir, history.Header{Generator: workload.Generator, Tag: "T3ST", Seed: 7, Workload: raw})
	require.NoError(t, err)
	sent, err := w.Invoke(history.Send, files.Files[1].Name, history.Sent{File: 1, Name: files.Files[1].Name})
	require.NoError(t, err)
	require.NoError(t, sent.OK(history.Sent{File: 1, Name: files.Files[1].Name}))
	crossing, err := w.Cross()
	require.NoError(t, err)
	number := int64(0)
	cross := func(service, role string, kind boundary.Kind, target string, ordinal int64, records ...int) {
		number++
		e := boundary.Event{Number: number, Service: service, Role: role, Kind: kind, Target: target, Ordinal: ordinal, Count: 1}
		for _, record := range records {
			e.Records = append(e.Records, files.Key(record))
		}
		require.NoError(t, crossing.Add(e))
	}
	for i := range int64(4) {
		cross(fault.SFTP, "collector", boundary.FileFetched, "inbox", i+1)
	}
	first := files.Files[1].Ops
	for i := range 3 {
		cross(fault.Postgres, "loader", boundary.Committed, "people", int64(i)+1, int(first[i].Number))
	}
	cross(fault.Elasticsearch, "indexer", boundary.IndexRequested, "people", 1) // seen before what is in it
	cross(fault.Elasticsearch, "indexer", boundary.ItemsRequested, "people", 1, int(first[0].Number))
	crossing.Trial(0, number, 2, 3)
	require.NoError(t, crossing.Close())
	require.NoError(t, w.Close())
	return files
}

// sweeper answers a sweep: the clean run leaves what it crossed, and every
// break is survived unless came says otherwise. It notes the folders of trials.
type sweeper struct {
	fake
	came func(scenario string) (reports.Run, bool)

	mu      sync.Mutex
	folders []string
}

func newSweeper(t *testing.T, came func(scenario string) (reports.Run, bool)) *sweeper {
	t.Helper()
	s := &sweeper{came: came}
	s.byRun = func(scenario string, options harness.RunOptions) (reports.Run, bool) {
		run := reports.Run{Verdict: check.Valid, Undo: reports.Undo{OK: true}, Seconds: map[string]float64{"total": 6}}
		if came != nil {
			if other, ok := came(scenario); ok {
				run = other
			}
		}
		run.Folder = filepath.Join(t.TempDir(), scenario)
		if scenario == sweep.Baseline().Name {
			storeCrossings(t, run.Folder)
			return run, true
		}
		require.NoError(t, os.MkdirAll(run.Folder, 0o700))
		s.mu.Lock()
		s.folders = append(s.folders, run.Folder)
		s.mu.Unlock()
		return run, true
	}
	return s
}

// failing answers the trials whose scenario's name holds text with run.
func failing(text string, run reports.Run) func(string) (reports.Run, bool) {
	return func(scenario string) (reports.Run, bool) { return run, strings.Contains(scenario, text) }
}

func decodeSweep(t *testing.T, text string) reports.Sweep {
	t.Helper()
	var s reports.Sweep
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

func sweepNames(s reports.Sweep) []string {
	var names []string
	for _, t := range s.Results {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

// sweepDir is the folder of the one sweep below out.
func sweepDir(t *testing.T, out string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(out, "sweep-*"))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	return dirs[0]
}

func TestSweep(t *testing.T) {
	out := t.TempDir()
	f := newSweeper(t, nil)
	got := call(t, &f.fake, "sweep", "--seed", "7", "--parallel", "2", "--json", "--out", out)
	require.Equal(t, 0, got.code, got.stderr)
	s := decodeSweep(t, got.stdout)
	require.Equal(t, 3, s.Classes)
	require.Equal(t, []int{breaks, breaks, breaks}, []int{s.Planned, s.Trials, s.Survived})
	require.InDelta(t, 1, s.Coverage, 0)
	require.InDelta(t, 20, s.TrialsPerMinute, 1e-9, "two stacks, six seconds a trial")
	require.Zero(t, s.ServiceTrialsPerMinute)
	require.NotContains(t, got.stdout, "null")
	require.Equal(t, []string{"file fetched", "committed", "index requested"}, []string{s.Class[0].Kind, s.Class[1].Kind, s.Class[2].Kind})
	require.Len(t, s.Actions, 4, "none strikes a service unless asked for")
	require.Equal(t, 1, s.Actions[3].Planned, "only an index refuses")
	for _, a := range s.Actions {
		require.Equal(t, a.Planned, a.Survived, a.Action)
	}
	for _, options := range f.options {
		require.Equal(t, uint64(7), options.Seed, "the same workload in every trial")
	}
	for _, folder := range f.folders {
		require.NoDirExists(t, folder, "what was survived takes no room")
	}
	for _, r := range s.Results {
		require.Empty(t, r.Folder)
	}
	require.DirExists(t, s.Clean.Folder)
	require.Equal(t, len(f.opened), f.closed)
	stored, err := reports.ReadSweep(sweepDir(t, out))
	require.NoError(t, err)
	require.Equal(t, s, stored)
	require.Contains(t, got.stderr, "[22/22]")
}

func TestSweepOfServices(t *testing.T) {
	require.Equal(t, sweep.Action("kill-service"), sweep.KillService, "reports tells it apart by its name")
	s := decodeSweep(t, call(t, &newSweeper(t, nil).fake, "sweep", "--services", "--actions", "cut", "--parallel", "1", "--json", "--out", t.TempDir()).stdout)
	require.Equal(t, []reports.SweepActions{{Action: "cut", Planned: 7, Trials: 7, Survived: 7}, {Action: "kill-service", Planned: 7, Trials: 7, Survived: 7}}, s.Actions)
	require.InDelta(t, 10, s.TrialsPerMinute, 1e-9)
	require.InDelta(t, 10, s.ServiceTrialsPerMinute, 1e-9)
}

func TestSweepExitCodes(t *testing.T) {
	undo := failedRun(check.Valid, "nothing found")
	undo.Undo, undo.Exit = reports.Undo{Error: "the proxy is gone"}, reports.ExitUndo
	lost := failedRun(check.Invalid, "3 records are lost")
	for _, c := range []struct {
		name string
		came func(string) (reports.Run, bool)
		want int
		says string
	}{
		{"survived", nil, 0, "100 % coverage"},
		{"not survived", failing("committed-last-cut", lost), 1, "loader committed on people, last, cut: invalid: 3 records are lost"},
		{"not proved", failing("committed-last-cut", failedRun(check.Unknown, "never reached")), 6, "never reached"},
		{"infra", failing("committed-last-cut", failedRun(check.Infra, "no room")), 3, "no room"},
		{"undo failed", failing("committed-last-cut", undo), 5, "95 % coverage"},
		{"clean run invalid", failing("sweep", lost), 1, "Nothing was broken: the clean run is invalid: 3 records are lost"},
		{"clean run unknown", failing("sweep", failedRun(check.Unknown, "a read was not whole")), 6, "Nothing was broken"},
		{"clean run infra", failing("sweep", failedRun(check.Infra, "no room")), 3, "Nothing was broken"},
		{"clean run not undone", failing("sweep", undo), 5, "Nothing was broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newSweeper(t, c.came)
			got := call(t, &f.fake, "sweep", "--parallel", "1", "--out", t.TempDir())
			require.Equal(t, c.want, got.code, "%s\n%s", got.stderr, got.stdout)
			require.Contains(t, got.stdout, c.says)
			if strings.HasPrefix(c.name, "clean run") {
				require.Len(t, f.asked, 1)
			}
		})
	}
}

// What takes stacks down failed, or there are none: the results stand.
func TestSweepWithoutStacks(t *testing.T) {
	f := newSweeper(t, nil)
	f.closeErr = errors.New("network in use")
	got := call(t, &f.fake, "sweep", "--parallel", "1", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitInfra, got.code, got.stderr)
	require.Equal(t, breaks, decodeSweep(t, got.stdout).Survived)
	require.Contains(t, got.stderr, "network in use")

	got = call(t, &fake{openErr: errors.New("no Docker")}, "sweep", "--parallel", "1", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitInfra, got.code, got.stderr)
	require.Equal(t, "no Docker", decodeSweep(t, got.stdout).Clean.Reason)
}

// A clean run whose evidence has a hole lists nothing.
func TestSweepNeedsWhatTheCleanRunCrossed(t *testing.T) {
	f := &fake{byRun: func(string, harness.RunOptions) (reports.Run, bool) {
		return reports.Run{Verdict: check.Valid, Undo: reports.Undo{OK: true}, Folder: t.TempDir()}, true
	}}
	got := call(t, f, "sweep", "--parallel", "1", "--out", t.TempDir())
	require.Equal(t, reports.ExitInfra, got.code)
	require.Contains(t, got.stderr, "read history")
	require.Len(t, f.asked, 1)
}

func TestSweepUntilFound(t *testing.T) {
	out := t.TempDir()
	lost := failing("committed-first-cut", failedRun(check.Invalid, "3 records are lost"))
	f := newSweeper(t, lost)
	got := call(t, &f.fake, "sweep", "--until-found", "--parallel", "1", "--json", "--out", out)
	require.Equal(t, reports.ExitInvalid, got.code, got.stderr)
	s := decodeSweep(t, got.stdout)
	require.Equal(t, breaks, s.Planned)
	require.Equal(t, 3+3, s.Trials, "none begins after it")
	require.Len(t, s.Findings, 1)
	require.InDelta(t, 5.0/breaks, s.Coverage, 1e-9, "of all that were planned")
	require.DirExists(t, s.Findings[0].Folder)

	// A trial that is under way meanwhile ends, and counts.
	f = newSweeper(t, failing("fetched-first-kill", failedRun(check.Invalid, "lost")))
	begun := make(chan bool)
	f.running = func(name string) {
		switch name {
		case "sweep-file-fetched-first-kill-role":
			<-begun
		case "sweep-file-fetched-first-cut":
			close(begun)
			require.Eventually(t, func() bool { // the other stack is taken down: no trial is left for it
				f.fake.mu.Lock()
				defer f.fake.mu.Unlock()
				return f.closed == 2
			}, 10*time.Second, time.Millisecond)
		}
	}
	s = decodeSweep(t, call(t, &f.fake, "sweep", "--until-found", "--parallel", "2", "--actions", "kill-role,cut", "--json", "--out", t.TempDir()).stdout)
	require.Equal(t, []int{2, 1, 1}, []int{s.Trials, s.Failed, s.Survived})

	// The sweep can go on, to the next one.
	got = call(t, &newSweeper(t, nil).fake, "sweep", "--resume", sweepDir(t, out), "--until-found", "--parallel", "1", "--json")
	require.Equal(t, reports.ExitInvalid, got.code, "what was found stays found")
	require.Equal(t, breaks, decodeSweep(t, got.stdout).Trials)

	// What proved nothing does not end it.
	f = newSweeper(t, failing("committed-first-cut", failedRun(check.Unknown, "never reached")))
	got = call(t, &f.fake, "sweep", "--until-found", "--parallel", "1", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitUnknown, got.code)
	require.Equal(t, breaks, decodeSweep(t, got.stdout).Trials)
}

func TestSweepInterruptedAndResumed(t *testing.T) {
	out := t.TempDir()
	signals := make(chan os.Signal)
	f := newSweeper(t, failing("fetched-first-cut", failedRun(check.Infra, "no room")))
	f.running = func(name string) {
		if name == "sweep-committed-middle-cut" {
			signals <- os.Interrupt
			signals <- os.Interrupt // taken when the first has been heeded
		}
	}
	got := callWith(t, &f.fake, signals, "sweep", "--seed", "7", "--parallel", "1", "--json", "--out", out)
	require.Equal(t, reports.ExitInterrupted, got.code, got.stderr)
	dir := sweepDir(t, out)
	half, err := reports.ReadSweep(dir)
	require.NoError(t, err)
	require.Equal(t, 6+5, half.Trials, "half a trial counts for nothing")
	require.Equal(t, reports.ExitInterrupted, half.Exit)
	require.Equal(t, f.closed, len(f.opened))

	g := newSweeper(t, nil)
	got = call(t, &g.fake, "sweep", "--resume", dir, "--parallel", "1", "--json")
	require.Equal(t, 0, got.code, got.stderr)
	s := decodeSweep(t, got.stdout)
	require.Equal(t, []int{breaks, breaks, breaks}, []int{s.Planned, s.Trials, s.Survived})
	require.Len(t, g.asked, breaks-(6+5)+1, "what was made is not made again, but where the harness failed")
	require.Contains(t, g.asked, "sweep-file-fetched-first-cut")
	require.Len(t, slices.Compact(sweepNames(s)), breaks)
	require.Equal(t, uint64(7), g.options[0].Seed)

	// Nothing is left to do: it only says so.
	h := newSweeper(t, nil)
	require.Zero(t, call(t, &h.fake, "sweep", "--resume", dir, "--parallel", "1").code)
	require.Empty(t, h.asked)
}

// What could not be put back may have been said of a stack that was broken.
func TestSweepResumesWhatWasNotUndone(t *testing.T) {
	out := t.TempDir()
	undo := failedRun(check.Valid, "nothing found")
	undo.Undo, undo.Exit = reports.Undo{Error: "the proxy is gone"}, reports.ExitUndo
	f := newSweeper(t, failing("committed-last-cut", undo))
	require.Equal(t, reports.ExitUndo, call(t, &f.fake, "sweep", "--parallel", "1", "--out", out).code)
	g := newSweeper(t, nil)
	got := call(t, &g.fake, "sweep", "--resume", sweepDir(t, out), "--parallel", "1")
	require.Zero(t, got.code, got.stdout)
	require.Equal(t, []string{"sweep-committed-last-cut"}, g.asked)
}

// A sweep that was interrupted in its clean run begins anew when it goes on.
func TestSweepInterruptedInTheCleanRun(t *testing.T) {
	out := t.TempDir()
	signals := make(chan os.Signal)
	f := newSweeper(t, nil)
	f.running = func(string) {
		signals <- os.Interrupt
		signals <- os.Interrupt
	}
	got := callWith(t, &f.fake, signals, "sweep", "--parallel", "1", "--out", out)
	require.Equal(t, reports.ExitInterrupted, got.code, got.stderr)
	require.Len(t, f.asked, 1)
	got = call(t, &newSweeper(t, nil).fake, "sweep", "--resume", sweepDir(t, out), "--parallel", "1")
	require.Zero(t, got.code, "%s\n%s", got.stderr, got.stdout)
}

func TestSweepShardsHoldEverythingOnce(t *testing.T) {
	whole := decodeSweep(t, call(t, &newSweeper(t, nil).fake, "sweep", "--seed", "7", "--parallel", "1", "--json", "--out", t.TempDir()).stdout)
	var names []string
	out := t.TempDir()
	for _, part := range []string{"1/2", "2/2"} {
		s := decodeSweep(t, call(t, &newSweeper(t, nil).fake, "sweep", "--seed", "7", "--shard", part, "--parallel", "1", "--json", "--out", out).stdout)
		require.NotZero(t, s.Planned)
		require.Less(t, s.Planned, breaks)
		require.Equal(t, part, s.Shard)
		require.Zero(t, s.Exit, "all that is its own was made")
		names = append(names, sweepNames(s)...)
	}
	slices.Sort(names)
	require.Equal(t, sweepNames(whole), names)
	dirs, err := filepath.Glob(filepath.Join(out, "sweep-*-of-2"))
	require.NoError(t, err)
	require.Len(t, dirs, 2, "a folder of its own each")

	got := call(t, &newSweeper(t, nil).fake, "sweep", "--seed", "7", "--shard", "99999/99999", "--parallel", "1", "--out", t.TempDir())
	require.Equal(t, reports.ExitUnknown, got.code, "nothing was tried, nothing is proved")
}

// A trial is the same shard's, whatever else a shard's own clean run crossed.
func TestShardHoldsNamed(t *testing.T) {
	sizes := make([]int, 4)
	for i := range 400 {
		name := fmt.Sprintf("loader committed on table%d, first, cut", i)
		held := 0
		for number := 1; number <= 4; number++ {
			if (shard{number, 4}).holdsNamed(name) {
				held++
				sizes[number-1]++
			}
		}
		require.Equal(t, 1, held, name)
		require.True(t, shard{}.holdsNamed(name))
	}
	for _, size := range sizes {
		require.InDelta(t, 100, size, 40)
	}
}

func TestSweepUsage(t *testing.T) {
	bad := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bad, reports.SweepFile), []byte(`{"pipeline":`), 0o600))
	other := t.TempDir()
	require.NoError(t, reports.Sweep{Pipeline: "reference", Actions: []reports.SweepActions{{Action: "burn"}}}.Write(other))
	for args, says := range map[string]string{
		"--actions burn":                  "--actions burn: there are kill-role, pause, cut, refuse, kill-service",
		"--shard 3/2 --seed 7":            "--shard",
		"--shard 1/2":                     "give all shards the same --seed",
		"--parallel -1":                   "--parallel -1",
		"--pipeline mine":                 "mine",
		"--pipeline reference:":           "the name of a defect is missing",
		"--seed 0":                        "--seed 0",
		"--out /dev/null/x":               "--out /dev/null/x",
		"calm":                            "takes no arguments",
		"--resume /nowhere":               "--resume /nowhere: read sweep",
		"--resume " + bad:                 reports.SweepFile,
		"--resume " + other:               `action "burn" is not known`,
		"--resume " + other + " --seed 7": "--seed with --resume",
	} {
		f := &fake{}
		if !strings.Contains(args, "--resume") && !strings.Contains(args, "--out") {
			args += " --out " + filepath.Join(t.TempDir(), "out")
		}
		got := call(t, f, append([]string{"sweep"}, strings.Fields(args)...)...)
		require.Equal(t, reports.ExitUsage, got.code, args)
		require.Contains(t, got.stderr, says)
		require.Empty(t, f.opened)
		require.Empty(t, got.stdout)
	}
}
