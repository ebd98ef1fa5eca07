package doctor

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// healthy is a machine on which everything works.
func healthy() Report {
	r := Report{
		Engine: Engine{Host: "unix:///var/run/docker.sock", Reached: true, Version: "28.0.0", API: "1.48", System: "Debian",
			CgroupVersion: "2", MemoryController: true, Cores: 4, MemoryBytes: 16e9, DataRoot: "/var/lib/docker"},
		Machine: Machine{System: "Debian", Go: "go1.26.0", FreeDiskBytes: 50e9, PortsBound: true},
		Images:  []Image{{Kind: "sftp", Found: true, Ref: "atmoz/sftp:debian", Origin: "local", Version: "OpenSSH (debian)"}},
	}
	r.Faults = abilities(r.Engine)
	return r
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(*Report)
		engineErr error
		imagesErr error
		finding   string // the one that must not be ok; all others must
		state     string
		found     string
	}{
		{name: "healthy"},
		{name: "no engine", engineErr: errors.New("nothing answers"), change: func(r *Report) { r.Engine = Engine{} }, finding: "engine", state: Failed, found: "nothing answers"},
		{name: "engine elsewhere", change: func(r *Report) { r.Engine.Host = "tcp://10.0.0.7:2375" }, finding: "engine", state: Failed, found: "10.0.0.7"},
		{name: "engine that may lock itself up", change: func(r *Report) { r.Engine.Version = "20.10.24+dfsg1" }, finding: "engine", state: Warning, found: "20.10.24"},
		{name: "engine that does not any more", change: func(r *Report) { r.Engine.Version = "20.10.27" }, finding: "engine", state: OK, found: "20.10.27"},
		{name: "engine of no known numbering", change: func(r *Report) { r.Engine.Version = "master-dev" }, finding: "engine", state: OK, found: "master-dev"},
		{name: "engine on loopback", change: func(r *Report) { r.Engine.Host = "tcp://127.0.0.1:2375" }},
		{name: "little memory", change: func(r *Report) { r.Engine.MemoryBytes = 2.5e9 }, finding: "memory", state: Warning, found: "2.5 GB"},
		{name: "too little memory", change: func(r *Report) { r.Engine.MemoryBytes = 1e9 }, finding: "memory", state: Failed, found: "1.0 GB"},
		{name: "one core", change: func(r *Report) { r.Engine.Cores = 1 }, finding: "cores", state: Warning, found: "1"},
		{name: "little disk", change: func(r *Report) { r.Machine.FreeDiskBytes = 5e9 }, finding: "disk", state: Warning, found: "5.0 GB"},
		{name: "no disk", change: func(r *Report) { r.Machine.FreeDiskBytes = 1e9 }, finding: "disk", state: Failed, found: "1.0 GB"},
		{name: "unseen disk", change: func(r *Report) { r.Machine.FreeDiskBytes = 0 }, finding: "disk", state: Warning, found: "cannot be seen"},
		{name: "no ports", change: func(r *Report) { r.Machine.PortsBound = false }, finding: "ports", state: Failed, found: "no port"},
		{name: "no Go", change: func(r *Report) { r.Machine.Go = "" }, finding: "go", state: Failed, found: "no Go"},
		{name: "image missing", change: func(r *Report) { r.Images[0].Found = false }, finding: "image sftp", state: Warning, found: "not here"},
		{name: "pinned missing", change: func(r *Report) { r.Images[0].Found, r.Images[0].Pinned = false, true }, finding: "image sftp", state: Warning, found: "pinned"},
		{name: "images unknown", imagesErr: errors.New("broken"), finding: "images", state: Failed, found: "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := healthy()
			if test.change != nil {
				test.change(&report)
			}
			findings := judge(report, test.engineErr, test.imagesErr)
			seen := false
			for _, f := range findings {
				if f.Name == test.finding {
					seen = true
					require.Equal(t, test.state, f.State)
					require.Contains(t, f.Found, test.found)
				} else {
					require.Equal(t, OK, f.State, "%s: %s", f.Name, f.Found)
				}
				require.Equal(t, f.State == OK, f.Remedy == "", "%s: a remedy where, and only where, something is wrong", f.Name)
			}
			require.Equal(t, test.finding != "", seen)
		})
	}
}

func TestNoMemoryControllerMeansNoOOM(t *testing.T) {
	report := healthy()
	report.Engine.MemoryController = false
	report.Faults = abilities(report.Engine)
	states := map[string]Finding{}
	for _, f := range judge(report, nil, nil) {
		states[f.Name] = f
	}
	require.Equal(t, Warning, states["control groups"].State)
	require.Equal(t, Warning, states["faults"].State)
	require.Contains(t, states["faults"].Found, "oom")
	require.NotContains(t, states["faults"].Found, "kill,")
}

func TestExamineWithoutAnEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	began := time.Now()
	report := Examine(t.Context())
	require.Less(t, time.Since(began), examineWithin+time.Second)
	require.False(t, report.Engine.Reached)
	require.Equal(t, Failed, report.Findings[0].State)
	require.Contains(t, report.Findings[0].Found, "/nonexistent/docker.sock")
	require.True(t, report.Machine.PortsBound)
	require.Len(t, report.Images, 4)
	for _, ability := range report.Faults {
		require.False(t, ability.Able)
	}
	_, err := json.Marshal(report)
	require.NoError(t, err)
}

func TestExamine(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	report := Examine(t.Context())
	require.True(t, report.Engine.Reached, "%+v", report.Findings)
	require.NotEmpty(t, report.Engine.Version)
	require.Positive(t, report.Engine.MemoryBytes)
	require.Positive(t, report.Engine.Cores)
	require.NotEmpty(t, report.Machine.Go)
	for _, f := range report.Findings {
		t.Logf("%-8s %-16s %s %s", f.State, f.Name, f.Found, f.Remedy)
	}
}
