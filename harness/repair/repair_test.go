package repair

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

var update = flag.Bool("update", false, "write the golden files anew")

func muchDeleted(c *workload.Config) { c.DeletePercent = 30 }

// What went wrong in a pipeline, and what the plan for it is made of.
var cases = []struct {
	name  string
	wrong func(*testing.T) *world
	does  []Do
	found []check.Class
}{
	{"nothing", func(t *testing.T) *world { return newWorld(t, nil).all() }, nil, nil},
	{"a-file-lost", func(t *testing.T) *world {
		s := newWorld(t, nil)
		third := s.w.Files[3]
		return s.losing(func(o workload.Op) bool { return slices.Contains(third.Ops, o) })
	}, []Do{Replay}, []check.Class{check.Lost}},
	{"some-lost", func(t *testing.T) *world { return newWorld(t, nil).losing(some(3, 0.05)) }, []Do{Replay}, []check.Class{check.Lost}},
	{"some-lost-and-no-replay", func(t *testing.T) *world {
		s := newWorld(t, nil).losing(some(3, 0.02))
		s.means.Operations = nil
		return s
	}, []Do{Drop}, []check.Class{check.Lost}},
	{"deltas-in-the-wrong-order", func(t *testing.T) *world {
		s := newWorld(t, nil)
		s.guards = false
		return s.inOrder(0, 1, 3, 4, 2, 5, 6, 7)
	}, []Do{Drop}, []check.Class{check.Stale}},
	{"deltas-in-the-wrong-order-by-a-deletion", func(t *testing.T) *world {
		s := newWorld(t, func(c *workload.Config) { c.DeletePercent, c.UpdatePercent = 30, 20 })
		s.guards = false
		return s.inOrder(0, 1, 4, 3, 2, 6, 5, 7)
	}, []Do{Drop}, []check.Class{check.Stale, check.Undeleted}},
	{"rows-doubled", func(t *testing.T) *world {
		s := newWorld(t, nil).all()
		s.inserts, s.inboxed = true, false
		s.apply(s.w.Files[2], s.w.Files[2].Name, nil)
		return s
	}, []Do{Remove, Sync}, []check.Class{check.Duplicated, check.Undeleted}},
	{"back-beside-its-deletion", func(t *testing.T) *world {
		s := newWorld(t, muchDeleted).watched()
		s.inserts, s.inboxed = true, false
		s.apply(s.w.Files[2], s.w.Files[2].Name, nil)
		return s
	}, []Do{Remove, Sync}, []check.Class{check.Duplicated, check.Resurrected}},
	{"back-over-its-deletion", func(t *testing.T) *world {
		s := newWorld(t, muchDeleted).watched()
		s.guards, s.inboxed = false, false
		s.apply(s.w.Files[2], s.w.Files[2].Name, nil)
		s.inboxed = true
		return s
	}, []Do{Drop}, []check.Class{check.Stale, check.Resurrected}},
	{"back-in-the-index", func(t *testing.T) *world {
		s := newWorld(t, muchDeleted).watched()
		for n, entries := range s.rows {
			if entries[0].Deleted {
				s.documents[n] = []history.Entry{{Number: n, Version: 1, Fields: s.w.Record(n, 1).Map(), Where: fmt.Sprintf("document people-1/%d", n)}}
			}
		}
		return s
	}, []Do{Sync}, []check.Class{check.Resurrected}},
	{"invisible", func(t *testing.T) *world {
		s := newWorld(t, nil).all()
		for n := range s.documents {
			if n%5 == 0 {
				delete(s.documents, n)
			}
		}
		return s
	}, []Do{Sync}, []check.Class{check.Invisible}},
	{"documents-doubled-and-behind", func(t *testing.T) *world {
		s := newWorld(t, nil).all()
		for n, entries := range s.documents {
			e := entries[0]
			if n%5 == 0 {
				e.Where = fmt.Sprintf("document people-2/%d", n)
				s.documents[n] = append(entries, e)
			} else if e.Version > 1 {
				e.Version, e.Fields = e.Version-1, s.w.Record(n, e.Version-1).Map()
				s.documents[n] = []history.Entry{e}
			}
		}
		return s
	}, []Do{Sync}, []check.Class{check.Duplicated, check.Stale}},
	{"news-left-in-a-queue", func(t *testing.T) *world {
		s := newWorld(t, nil).all()
		for _, o := range s.w.Files[5].Ops {
			s.queued = append(s.queued, o)
			delete(s.confirmed, [2]int{int(o.Number), int(o.Version)})
		}
		return s
	}, []Do{Resume}, []check.Class{check.Stalled, check.Unconfirmed}},
	{"never-announced", func(t *testing.T) *world {
		s := newWorld(t, nil)
		for _, file := range s.w.Files {
			s.neverAnnounce = file.Index == 4
			s.apply(file, file.Name, nil)
		}
		s.neverAnnounce = false
		return s
	}, []Do{Replay}, []check.Class{check.Unconfirmed}},
	{"left-in-staging", func(t *testing.T) *world {
		s := newWorld(t, nil)
		for _, file := range s.w.Files {
			if file.Index == 2 || file.Index == 5 {
				s.status[file.Name] = history.StatusEntry{File: file.Name, State: "completed", Completed: true}
				for _, o := range file.Ops {
					s.staged = append(s.staged, history.Entry{Number: int(o.Number), Version: int(o.Version), Where: "/staging/" + file.Name})
				}
				continue
			}
			s.apply(file, file.Name, nil)
		}
		return s
	}, []Do{Replay}, []check.Class{check.Stalled, check.Misreported}},
	{"everything-at-once", func(t *testing.T) *world {
		s := newWorld(t, nil).losing(some(5, 0.03))
		s.inserts, s.inboxed = true, false
		s.apply(s.w.Files[2], s.w.Files[2].Name, some(5, 0.03))
		s.inserts, s.inboxed = false, true
		for n := range s.documents {
			if n%7 == 0 {
				delete(s.documents, n)
			}
		}
		return s
	}, []Do{Remove, Replay, Sync}, []check.Class{check.Lost, check.Duplicated, check.Invisible}},
}

// A plan that is carried out leaves a valid state: nothing lost, nothing stale,
// nothing doubled, nothing hidden.
func TestPlansMendWhatIsWrong(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := c.wrong(t)
			plan, result := s.plan()
			for _, class := range c.found {
				require.Positive(t, result.Counts[class], "%s: %s", class, result.Reason)
			}
			var does []Do
			mends := map[check.Class]int{}
			for _, step := range plan.Steps {
				does = append(does, step.Do)
				for class, n := range step.Mends {
					mends[class] += n
				}
			}
			require.Equal(t, c.does, does)
			for class, n := range plan.Passed {
				mends[class] += n
			}
			for _, left := range plan.Left {
				mends[left.Class]++
			}
			for _, class := range check.Classes {
				require.Equal(t, result.Counts[class], mends[class], "every finding has its place: %s", class)
			}
			require.Equal(t, len(result.Findings) > 0, plan.Needed)
			s.carryOut(plan)
			_, after := s.judge()
			require.Equal(t, check.Valid, after.Verdict, "%s: %+v", after.Reason, after.Findings)

			if plan.Window != nil { // when the test ran is no part of it
				require.True(t, strings.HasPrefix(plan.Window.From, "2026-11-21T09:00:0"), plan.Window.From)
				plan.Window = &Window{From: "2026-11-21T09:00:00.001Z", To: "2026-11-21T09:00:00.002Z"}
			}
			raw, err := json.MarshalIndent(plan, "", "  ")
			require.NoError(t, err)
			path := filepath.Join("testdata", c.name+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, append(raw, '\n'), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run go test ./harness/repair -update to make it")
			require.Equal(t, string(want), string(raw)+"\n")
		})
	}
}

// Whatever is lost, in whatever order files came, with and without a guard: the
// plan mends it.
func TestPlansMendWhateverIsLost(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newWorld(t, func(c *workload.Config) {
				c.Seed, c.RecreatePercent = seed+1, int(seed%3)*5
				if seed%4 == 3 {
					c.FullEvery = 3
				}
			})
			s.guards = seed%2 == 0 || seed%4 == 3
			lost := some(seed, 0.04)
			if !s.guards {
				// Rows of a file that it knows change nothing: what it lost and then
				// overwrote comes under other names.
				s.inOrder(0, 2, 1, 3, 5, 4, 6, 7)
			} else {
				s.losing(lost)
			}
			if seed%5 == 0 {
				s.means.Operations = []string{"sync"}
			}
			plan, result := s.plan()
			s.carryOut(plan)
			_, after := s.judge()
			if !s.guards && result.Verdict == check.Valid {
				return // no two versions met
			}
			require.Equal(t, check.Valid, after.Verdict, "%s\nafter: %s", result.Reason, after.Reason)
		})
	}
}

// Whatever comes back while the run goes on, as another row or over a newer
// version, and whether it was seen to be gone before or not: the plan mends it.
func TestPlansMendWhateverComesBack(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	resurrected := 0
	for seed := range seeds {
		s := newWorld(t, func(c *workload.Config) { c.Seed, c.DeletePercent, c.UpdatePercent = seed+1, 20, 20 })
		random := rand.New(rand.NewPCG(seed, 0))
		for _, file := range s.w.Files {
			s.apply(file, file.Name, nil)
			s.look()
			if random.IntN(3) > 0 {
				continue
			}
			s.inserts, s.guards = seed%2 == 0, seed%2 == 0
			for _, o := range s.w.Files[random.IntN(file.Index+1)].Ops {
				if random.IntN(3) == 0 {
					s.put(o)
				}
			}
			s.inserts, s.guards = false, true
			if random.IntN(2) == 0 {
				s.look()
			}
		}
		plan, result := s.plan()
		resurrected += result.Counts[check.Resurrected]
		s.carryOut(plan)
		_, after := s.judge()
		require.Equal(t, check.Valid, after.Verdict, "seed %d: %s\nafter: %s", seed, result.Reason, after.Reason)
	}
	require.Positive(t, resurrected)
}

func TestOrder(t *testing.T) {
	s := newWorld(t, nil)
	s.guards = false
	s.inOrder(0, 1, 3, 4, 2, 5, 6, 7)
	plan, _ := s.plan()
	require.Equal(t, No, plan.Guarded.Answer)
	before := map[string]int{}
	for i, file := range plan.Files {
		require.Equal(t, strings.Replace(file.File, ".csv", "-again.csv", 1), file.As)
		require.Equal(t, "input/"+file.File, file.Input)
		if file.After != "" {
			require.Contains(t, before, file.After, "what a file must follow comes before it")
			require.NotEmpty(t, file.Key)
		}
		if i > 0 {
			require.Greater(t, file.Seq, plan.Files[i-1].Seq)
		}
		before[file.File] = i
	}
}

// What is not known is not told.
func TestWhatIsKnown(t *testing.T) {
	lossy := func(t *testing.T) *world { return newWorld(t, nil).losing(some(3, 0.05)) }
	plan, _ := lossy(t).plan()
	require.Equal(t, NotKnown, plan.Doubles.Answer)
	require.Equal(t, NotKnown, plan.Guarded.Answer)
	require.Contains(t, plan.Doubles.Find, "FROM people GROUP BY")
	require.Positive(t, plan.Arrived)

	s := lossy(t)
	for name, entry := range s.status {
		if entry.Completed {
			entry.Applied, entry.Superseded = entry.Applied-1, 1
			s.status[name] = entry
		}
	}
	plan, _ = s.plan()
	require.Equal(t, Yes, plan.Guarded.Answer)

	run, result := lossy(t).judge()
	l, err := open(run, result.Findings)
	require.NoError(t, err)
	l.operated["replay"] = "4 files, of which 17 had arrived"
	p := &planner{l: l, result: result, plan: Plan{Arrived: 3}}
	require.Equal(t, Known{Answer: No, Evidence: "in this run a replay doubled nothing: 4 files, of which 17 had arrived"}, p.repeats(Replay))
	require.Equal(t, NotKnown, p.repeats(Drop).Answer)
	l.again = 2
	require.Equal(t, "in this run 2 files were dropped a second time, and nothing was doubled", p.repeats(Drop).Evidence)
	p.plan.Files = []File{{File: "a.csv", As: "b.csv"}}
	require.Equal(t, NotKnown, p.repeats(Drop).Answer, "another name is another matter")
	p.result.Counts = map[check.Class]int{check.Duplicated: 5}
	require.Equal(t, Yes, p.repeats(Replay).Answer)
	p.plan.Arrived = 0
	require.Equal(t, No, p.repeats(Replay).Answer)
}

// A redelivery is less than a replay, and is told as what it is.
func TestRedeliveries(t *testing.T) {
	s := newWorld(t, nil).losing(some(3, 0.05))
	s.delivered = [][]string{{"a", "b"}, {"b"}, {"b", "c"}, {"a"}}
	plan, _ := s.plan()
	require.Equal(t, NotKnown, plan.Doubles.Answer)
	require.Contains(t, plan.Doubles.Evidence, "2 messages were delivered more than once")
}

// Without means everything is left to people, and the plan says what they have to do.
func TestWithoutMeans(t *testing.T) {
	s := newWorld(t, nil).all()
	s.means = history.Means{}
	for n := range s.documents {
		if n%5 == 0 {
			delete(s.documents, n)
		}
	}
	o := s.w.Files[5].Ops[0]
	s.queued = []workload.Op{o}
	delete(s.confirmed, [2]int{int(o.Number), int(o.Version)})
	plan, _ := s.plan()
	require.Len(t, plan.Steps, 2)
	for _, step := range plan.Steps {
		require.True(t, step.ByHand)
		require.Empty(t, step.Operation)
	}
	require.Contains(t, plan.Steps[0].Text, "1 message waits in queue records.applied on broker rabbitmq-next")
}

func TestTuple(t *testing.T) {
	for where, want := range map[string][2]string{
		"people (33,6)":                         {"people", "(33,6)"},
		"app.people (0,1)":                      {"app.people", "(0,1)"},
		"people (33,6); DROP TABLE people":      {},
		"people; DROP TABLE x (1,1)":            {},
		`"people" (1,1)`:                        {},
		"people (1,1)\n":                        {},
		"a.b.c (1,1)":                           {},
		"people (99999999999,1)":                {},
		"id 4711":                               {},
		"document people-1/T3ST0000000":         {},
		"people (1,1')":                         {},
		"":                                      {},
		"people (1,1) OR ctid = '(1,2)'":        {},
		"pg_catalog.pg_class (1,1) -- ":         {},
		strings.Repeat("x", 70) + "'; -- (1,1)": {},
		"people\u00a0(1,1)":                     {},
		"people (١,١)":                          {},
		"people (1,1)\x00":                      {},
		"People (1,1)":                          {},
		" people (1,1)":                         {},
	} {
		table, ctid, ok := tuple(where)
		require.Equal(t, want, [2]string{table, ctid}, "%q", where)
		require.Equal(t, want[0] != "", ok, "%q", where)
	}
}

func FuzzTuple(f *testing.F) {
	f.Add("people (33,6)")
	f.Add("people (1,1); DROP TABLE people")
	f.Fuzz(func(t *testing.T, where string) {
		table, ctid, ok := tuple(where)
		if !ok {
			require.Empty(t, table+ctid)
			return
		}
		require.Equal(t, where, table+" "+ctid)
		require.Empty(t, strings.Trim(table, "abcdefghijklmnopqrstuvwxyz0123456789_."))
		require.Empty(t, strings.Trim(ctid, "(),0123456789"))
	})
}

func TestRunsThatCannotBePlannedFor(t *testing.T) {
	run, result := newWorld(t, nil).all().judge()
	broken := *run
	broken.Problem = "line 3 is cut off"
	_, err := Of(&broken, result, everything)
	require.ErrorContains(t, err, "line 3 is cut off")

	broken = *run
	broken.Header.Workload = []byte(`{"generator":"other/1"}`)
	_, err = Of(&broken, result, everything)
	require.ErrorContains(t, err, "read the workload of")

	broken = *run
	broken.Header.Expect = []byte(`[]`)
	_, err = Of(&broken, result, everything)
	require.ErrorContains(t, err, "read the expectations of")

	require.NoError(t, os.RemoveAll(filepath.Join(run.Dir, "observed")))
	_, err = Of(run, result, everything)
	require.ErrorContains(t, err, "read observation")
}

// Findings of files and keys that the workload does not know are told, not lost.
func TestStrangeFindings(t *testing.T) {
	run, result := newWorld(t, nil).all().judge()
	result.Verdict = check.Invalid
	result.Findings = []check.Finding{
		{Class: check.Lost, Key: "\x1b[2J", Version: 1},
		{Class: check.Stalled, Key: "", Version: -1},
		{Class: check.Duplicated, Key: "strange", Version: 1},
		{Class: check.Unexpected, Key: "strange", Version: -1},
		{Class: check.Misreported, File: "none.csv", Version: -1},
		{Class: "of another version", Key: "strange"},
	}
	plan, err := Of(run, result, everything)
	require.NoError(t, err)
	require.True(t, plan.Needed)
	require.Len(t, plan.Left, 5)
}
