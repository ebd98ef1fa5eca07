package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func TestRunExitCodes(t *testing.T) {
	undo := failedRun(check.Invalid, "3 operations are lost.")
	undo.Undo, undo.Exit = reports.Undo{Error: "the proxy is gone"}, reports.ExitUndo
	aborted := failedRun(check.Unknown, "stopped")
	aborted.Exit = reports.ExitAborted
	for _, c := range []struct {
		name string
		fake *fake
		args []string
		want int
	}{
		{"valid", &fake{}, []string{"calm"}, 0},
		{"all scenarios", &fake{}, nil, 0},
		{"invalid", &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Invalid, "lost")}}, nil, 1},
		{"unknown", &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Unknown, "not proved")}}, nil, 6},
		{"infra", &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Infra, "no disk")}}, nil, 3},
		{"aborted", &fake{verdicts: map[string]reports.Run{"calm": aborted}}, nil, 4},
		{"undo failed over invalid", &fake{verdicts: map[string]reports.Run{"calm": undo, "index-oom": failedRun(check.Invalid, "lost")}}, nil, 5},
		{"no Docker", &fake{openErr: fmt.Errorf("%w: no Docker", harness.ErrInfra)}, nil, 3},
		{"an error and no verdict", &fake{verdicts: map[string]reports.Run{"calm": {}}, errs: map[string]error{"calm": errors.New("broke off")}}, nil, 3},
		{"neither verdict nor error", &fake{verdicts: map[string]reports.Run{"calm": {}}}, nil, 3},
		{"an error beside valid", &fake{errs: map[string]error{"calm": errors.New("broke off")}}, nil, 3},
		{"an error beside invalid", &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Invalid, "lost")}, errs: map[string]error{"calm": errors.New("broke off")}}, nil, 1},
		{"cleaning up failed", &fake{closeErr: errors.New("network in use")}, nil, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, c.fake, append([]string{"run"}, c.args...)...)
			require.Equal(t, c.want, got.code, got.stderr)
		})
	}
}

func TestRunUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{
		{"run calmm", `unknown scenario "calmm": did you mean "calm"?`},
		{"run calm loader-kiled", `did you mean "loader-killed"?`},
		{"run zzzzzzzz", `unknown scenario "zzzzzzzz": "seatrial list" shows all`},
		{"run --pipeline reference:ack-befor-commit", `did you mean "ack-before-commit"?`},
		{"run --pipeline reference:", "the name of a defect is missing"},
		{"run --pipeline reference:ack-before-commit,", "the name of a defect is missing"},
		{"run --pipeline mine", `pipeline "mine" is not known`},
		{"run --sead 7", "did you mean --seed?"},
		{"run --sead=7", "did you mean --seed?"},
		{"run --xyzzyxyzzy", "unknown flag --xyzzyxyzzy"},
		{"run -z", "unknown shorthand flag"},
		{"run --seed seven", "seven"},
		{"run --seed 0", "--seed 0: give one from 1"},
		{"run --seed 9007199254740993", "give one from 1"},
		{"run --seed 9007199254740992 --repeat 2", "give one from 1"},
		{"run --seed -1", "-1"},
		{"run --tag trials", "--tag: tag \"trials\" is not 4 characters"},
		{"run --repeat 0", "--repeat 0: give at least 1"},
		{"run --records -5", "--records -5"},
		{"run --shard 0/4", "--shard"},
		{"run --shard 5/4", "--shard"},
		{"run --shard 2", "for example 2/4"},
		{"run --shard a/b", "--shard"},
		{"run --out /dev/null/x", "--out /dev/null/x"},
		{"", "name a command"},
		{"rum", `unknown command "rum": did you mean "run"?`},
		{"images", "name a command"},
		{"images lsit", `unknown command "lsit": did you mean "list"?`},
		{"images build rabitmq", `unknown service "rabitmq": did you mean "rabbitmq"?`},
		{"images remove nothing-like-it", "unknown kind"},
		{"help rum", `unknown command "rum"`},
		{"help images lsit", `unknown command "lsit"`},
		{"list extra", "takes no arguments"},
		{"list --json --markdown", "cannot be given together"},
		{"clean extra", "takes no arguments"},
		{"clean --dryrun", "did you mean --dry-run?"},
		{"up extra", "takes no arguments"},
		{"bench --rounds 0", "--rounds 0"},
		{"bench tap --rounds 0", "--rounds 0"},
		{"bench stak", `unknown benchmark "stak": did you mean "stack"? there are "stack" and "tap"`},
		{"bench nothing-like-it", `there are "stack" and "tap"`},
		{"bench stack tap", `was given "tap" besides`},
		{"doctor extra", "takes no arguments"},
		{"check", "name the folder of a run"},
		{"check /nonexistent", "no run in /nonexistent"},
		{"check /dev/null", "is a file"},
		{"down nosuch", `unknown stack "nosuch"`},
	} {
		t.Run(c.args, func(t *testing.T) {
			f := &fake{}
			got := call(t, f, strings.Fields(c.args)...)
			require.Equal(t, reports.ExitUsage, got.code, got.stderr)
			require.Contains(t, got.stderr, c.says)
			require.Empty(t, got.stdout, "complaints go to standard error")
			require.Empty(t, f.opened, "nothing was started")
		})
	}
}

func TestRunPrintsResultsOnStdoutAndProgressOnStderr(t *testing.T) {
	f := &fake{verdicts: map[string]reports.Run{"index-oom": failedRun(check.Unknown, "The fault was not proved.")}}
	got := call(t, f, "run", "calm", "index-oom", "--seed", "7", "--records", "100", "--no-fault", "--pipeline", "reference:ack-before-commit", "--keep")
	require.Equal(t, 6, got.code)
	require.Equal(t, []string{"calm", "index-oom"}, f.asked)
	require.Equal(t, harness.RunOptions{Pipeline: "reference:ack-before-commit", Seed: 7, Records: 100, NoFault: true}, f.options[0])
	require.True(t, f.opened[0].Keep)
	require.NotNil(t, f.opened[0].Watch)
	require.Equal(t, 1, f.closed)
	require.Contains(t, got.stdout, "SCENARIO")
	require.Contains(t, got.stdout, "The fault was not proved.")
	require.Contains(t, got.stdout, "2 runs: 1 valid, 1 unknown")
	require.NotContains(t, got.stdout, "starting services")
	require.Contains(t, got.stderr, "starting services")
	require.NotContains(t, got.stderr, "random", "the seed was given")
}

func TestRunJSON(t *testing.T) {
	f := &fake{verdicts: map[string]reports.Run{"index-oom": failedRun(check.Invalid, "lost")}}
	got := call(t, f, "run", "--json", "--seed", "7")
	require.Equal(t, 1, got.code)
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs), "nothing but JSON on standard output")
	require.Len(t, runs, 5)
	require.Equal(t, "calm", runs[0].Scenario)
	require.EqualValues(t, 7, runs[0].Seed)
	require.Equal(t, check.Invalid, runs[3].Verdict)
	require.Equal(t, 1, runs[3].Exit)
}

func TestRunPrintsARandomSeed(t *testing.T) {
	f := &fake{}
	got := call(t, f, "run", "calm")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.stderr, fmt.Sprintf("--seed %d sends the same records again", f.options[0].Seed))
	again := &fake{}
	call(t, again, "run", "calm")
	require.NotEqual(t, f.options[0].Seed, again.options[0].Seed)
}

func TestRunRepeatsWithFreshSeeds(t *testing.T) {
	f := &fake{}
	require.Equal(t, 0, call(t, f, "run", "calm", "index-oom", "--seed", "7", "--repeat", "3").code)
	require.Equal(t, []string{"calm", "index-oom", "calm", "index-oom", "calm", "index-oom"}, f.asked)
	var seeds []uint64
	for _, options := range f.options {
		seeds = append(seeds, options.Seed)
	}
	require.Equal(t, []uint64{7, 7, 8, 8, 9, 9}, seeds)
}

func TestShardsTogetherAreEverythingOnce(t *testing.T) {
	for n := 1; n <= 12; n++ {
		var all []string
		sizes := map[int]bool{}
		for i := 1; i <= n; i++ {
			f := &fake{}
			got := call(t, f, "run", "--seed", "1", "--repeat", "2", "--shard", fmt.Sprintf("%d/%d", i, n))
			require.Equal(t, 0, got.code, got.stderr)
			for at, name := range f.asked {
				all = append(all, fmt.Sprint(name, f.options[at].Seed))
			}
			sizes[len(f.asked)] = true
			if len(f.asked) == 0 {
				require.Empty(t, f.opened, "an empty shard starts nothing")
				require.Contains(t, got.stderr, "nothing to do")
			}
		}
		require.Len(t, all, 10)
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 10)
		require.LessOrEqual(t, len(sizes), 2)
	}
	require.Equal(t, "[]\n", call(t, &fake{}, "run", "calm", "--shard", "2/2", "--json").stdout)
}

func TestRunReportsWhatItCouldNotRun(t *testing.T) {
	f := &fake{openErr: fmt.Errorf("%w: no Docker engine: start it", harness.ErrInfra)}
	out := filepath.Join(t.TempDir(), "out")
	got := call(t, f, "run", "calm", "index-oom", "--json", "--out", out)
	require.Equal(t, 3, got.code)
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs))
	require.Len(t, runs, 2)
	for _, run := range runs {
		require.Equal(t, check.Infra, run.Verdict)
		require.Equal(t, 3, run.Exit)
		require.Contains(t, run.Reason, "no Docker engine")
		require.True(t, run.Undo.OK)
	}
	require.Equal(t, [3]int{2, 0, 2}, junitCounts(t, filepath.Join(out, reports.JUnitFile)), "errors, nothing skipped")
}

func TestRunWritesOneJUnitSuite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "suite.xml")
	f := &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Invalid, "lost"), "index-oom": failedRun(check.Unknown, "not proved")}}
	require.Equal(t, 1, call(t, f, "run", "--junit", path).code)
	require.Equal(t, [3]int{5, 1, 1}, junitCounts(t, path))

	got := call(t, &fake{}, "run", "calm", "--junit", filepath.Join(t.TempDir(), "missing", "suite.xml"))
	require.Equal(t, 3, got.code, "a suite that was asked for and could not be written")
}

func junitCounts(t *testing.T, path string) [3]int {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
	}
	require.NoError(t, xml.Unmarshal(raw, &suite))
	return [3]int{suite.Tests, suite.Failures, suite.Errors}
}

func TestRunInterrupted(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			signals := make(chan os.Signal)
			f := &fake{}
			f.running = func(name string) {
				if name == "loader-killed" {
					f.opened[0].Watch.Phase("putting the loader back")
					signals <- signal
					signals <- signal // a second one is only answered
				}
			}
			got := callWith(t, f, signals, "run", "--json")
			require.Equal(t, 130, got.code)
			require.Equal(t, []string{"calm", "loader-killed"}, f.asked, "the rest is not begun")
			require.Equal(t, 1, f.closed, "what was started is taken down")
			require.NotContains(t, got.stderr, "cleaning up failed", "with a context that is not cancelled")
			require.Contains(t, got.stderr, "interrupted: putting everything back")

			var runs []reports.Run
			require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs))
			require.Len(t, runs, 5, "what was not begun is reported as well")
			require.Equal(t, check.Valid, runs[0].Verdict)
			for _, run := range runs[1:] {
				require.Equal(t, 130, run.Exit)
				require.Equal(t, check.Unknown, run.Verdict)
			}
		})
	}
}

func TestSecondInterruptSaysWhatIsWaitedFor(t *testing.T) {
	signals := make(chan os.Signal)
	stderr := &lockedBuffer{}
	f := &fake{}
	f.running = func(string) {
		f.opened[0].Watch.Phase("putting the loader back")
		signals <- os.Interrupt
		signals <- os.Interrupt
		signals <- os.Interrupt // taken only after the second was answered
	}
	seatrial := newApp(f.world(), &lockedBuffer{}, stderr)
	code := seatrial.execute(t.Context(), signals, []string{"run", "calm", "--out", t.TempDir()})
	require.Equal(t, 130, code)
	require.Contains(t, stderr.String(), "still waiting for: putting the loader back")
}

func TestInterruptWhileServicesStart(t *testing.T) {
	signals := make(chan os.Signal, 1)
	f := &fake{}
	w := f.world()
	var seatrial *app
	w.open = func(ctx context.Context, options harness.Options) (session, error) {
		signals <- os.Interrupt
		<-ctx.Done()
		return nil, fmt.Errorf("%w: start services: %w", harness.ErrInfra, ctx.Err())
	}
	stdout := &lockedBuffer{}
	seatrial = newApp(w, stdout, &lockedBuffer{})
	code := seatrial.execute(t.Context(), signals, []string{"run", "calm", "--json", "--out", t.TempDir()})
	require.Equal(t, 130, code)
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(stdout.String()), &runs))
	require.Equal(t, 130, runs[0].Exit)
	require.Equal(t, check.Unknown, runs[0].Verdict)
}
