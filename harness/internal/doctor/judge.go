package doctor

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// What a stack needs: four services (Elasticsearch 0.5 GB with its heap, RabbitMQ 0.2, Postgres 0.1), the pipeline and the
// harness; on disk the images and the volumes of a run.
const (
	leastMemory  = stack.LeastMemory // runs refuse less
	enoughMemory = 3_000_000_000
	leastDisk    = 2_000_000_000
	enoughDisk   = 8_000_000_000
)

// judge turns what was seen into findings. The first that failed is the one to put right first.
func judge(report Report, engineErr, imagesErr error) []Finding {
	findings := []Finding{judgeEngine(report.Engine, engineErr)}
	if report.Engine.Reached {
		findings = append(findings,
			judgeMemory(report.Engine), judgeCores(report.Engine), judgeCgroup(report.Engine), judgeDisk(report))
	}
	findings = append(findings, judgePorts(report.Machine), judgeGo(report.Machine))
	if report.Engine.Reached {
		findings = append(findings, judgeImages(report.Images, imagesErr)...)
		findings = append(findings, judgeFaults(report.Faults))
	}
	return findings
}

func judgeEngine(engine Engine, err error) Finding {
	f := Finding{Name: "engine", State: OK, Found: fmt.Sprintf("Docker %s, API %s, at %s on %s", engine.Version, engine.API, engine.Host, engine.System)}
	switch {
	case err != nil:
		f.State, f.Found = Failed, err.Error()
		f.Remedy = "`make setup` finds or starts an engine; or point DOCKER_HOST at one"
	case !isLocal(engine.Host):
		f.State = Failed
		f.Remedy = "runs reach services through ports published on 127.0.0.1: use an engine on this machine, or run seatrial on that one"
	case locksItselfUp(engine.Version):
		f.State = Warning
		f.Remedy = "before 20.10.27 it may stop answering when containers of one network end at the same moment (moby/moby, issue 46661): restart it then, or install a later one"
	}
	return f
}

// locksItselfUp is false for what does not look like a version.
func locksItselfUp(version string) bool {
	return semver.IsValid("v"+version) && semver.Compare("v"+version, "v20.10.27") < 0
}

func judgeMemory(engine Engine) Finding {
	f := Finding{Name: "memory", State: OK, Found: gigabytes(engine.MemoryBytes)}
	switch {
	case engine.MemoryBytes < leastMemory:
		f.State, f.Remedy = Failed, "give the engine at least "+gigabytes(enoughMemory)
	case engine.MemoryBytes < enoughMemory:
		f.State, f.Remedy = Warning, "one run at a time will do; give the engine "+gigabytes(enoughMemory)+" for large workloads"
	}
	return f
}

func judgeCores(engine Engine) Finding {
	f := Finding{Name: "cores", State: OK, Found: fmt.Sprint(engine.Cores)}
	if engine.Cores < 2 {
		f.State, f.Remedy = Warning, "stacks start slowly and deadlines may be missed: give the engine 2 cores"
	}
	return f
}

func judgeCgroup(engine Engine) Finding {
	f := Finding{Name: "control groups", State: OK, Found: "version " + engine.CgroupVersion + ", memory controller"}
	if !engine.MemoryController {
		f.State, f.Found = Warning, "version "+engine.CgroupVersion+", no memory controller"
		f.Remedy = "OOM kills cannot be done: boot with cgroup_enable=memory, or delegate the controller to a rootless engine"
	}
	return f
}

func judgeDisk(report Report) Finding {
	free := report.Machine.FreeDiskBytes
	f := Finding{Name: "disk", State: OK, Found: gigabytes(free) + " free at " + report.Engine.DataRoot}
	switch {
	case free == 0:
		f.State, f.Found = Warning, report.Engine.DataRoot+" cannot be seen from here"
		f.Remedy = "make sure that the engine has " + gigabytes(enoughDisk) + " free: images take 1 GB"
	case free < leastDisk:
		f.State, f.Remedy = Failed, "free "+gigabytes(enoughDisk)+": `seatrial clean` and `seatrial images remove` give back what is ours"
	case free < enoughDisk:
		f.State, f.Remedy = Warning, "large workloads may fill it: free "+gigabytes(enoughDisk)
	}
	return f
}

func judgePorts(machine Machine) Finding {
	f := Finding{Name: "ports", State: OK, Found: "127.0.0.1 can be listened on"}
	if !machine.PortsBound {
		f.State, f.Found = Failed, "no port on 127.0.0.1 can be listened on"
		f.Remedy = "bring the loopback interface up (`ip link set lo up`), or leave the sandbox that forbids it"
	}
	return f
}

func judgeGo(machine Machine) Finding {
	f := Finding{Name: "go", State: OK, Found: machine.Go}
	if machine.Go == "" {
		f.State, f.Found = Failed, "no Go toolchain on PATH"
		f.Remedy = "install Go: the proxy and the reference pipeline are built from source"
	}
	return f
}

func judgeImages(images []Image, err error) []Finding {
	if err != nil {
		return []Finding{{Name: "images", State: Failed, Found: err.Error(), Remedy: "see that the engine answers `docker image ls`"}}
	}
	var findings []Finding
	for _, one := range images {
		f := Finding{Name: "image " + one.Kind, State: OK, Found: fmt.Sprintf("%s, %s (%s)", one.Version, one.Ref, one.Origin)}
		switch {
		case one.Found:
		case one.Pinned:
			f.State, f.Found = Warning, one.Ref+", which is pinned, is not here"
			f.Remedy = "it is pulled when first needed and never replaced: `seatrial images build " + one.Kind + "` tries that now"
		default:
			f.State, f.Found = Warning, one.Ref+" is not here"
			f.Remedy = "it is pulled or built when first needed: `seatrial images build` does that now"
		}
		findings = append(findings, f)
	}
	return findings
}

func judgeFaults(faults []Ability) Finding {
	f := Finding{Name: "faults", State: OK, Found: "all"}
	var unable []string
	for _, one := range faults {
		if !one.Able {
			unable = append(unable, one.Fault+" (needs "+one.Needs+")")
		}
	}
	if len(unable) > 0 {
		f.State, f.Found = Warning, "not here: "+strings.Join(unable, ", ")
		f.Remedy = "scenarios with these faults end as infra on this machine; run them on another"
	}
	return f
}

func gigabytes(bytes int64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }
