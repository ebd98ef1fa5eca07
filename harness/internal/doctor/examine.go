package doctor

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// examineWithin bounds everything: a machine that cannot answer by then has its finding.
const examineWithin = 8 * time.Second

// Examine looks at the machine and its engine and returns within 8 s, whatever hangs. It changes nothing.
func Examine(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	var report Report
	report.Machine = examineMachine(ctx)
	engineErr := examineEngine(ctx, &report.Engine)
	var imagesErr error
	report.Images, imagesErr = examineImages(ctx, report.Engine.Reached)
	if report.Engine.Reached {
		report.Machine.FreeDiskBytes = freeDisk(report.Engine)
	}
	report.Faults = abilities(report.Engine)
	report.Findings = judge(report, engineErr, imagesErr)
	return report
}

func examineEngine(ctx context.Context, engine *Engine) error {
	engine.Host = os.Getenv("DOCKER_HOST")
	cli, err := image.Connect(ctx)
	if err != nil {
		return err
	}
	defer cli.Close()
	engine.Host = cli.DaemonHost()
	got, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err
	}
	info := got.Info
	*engine = Engine{
		Host: cli.DaemonHost(), Reached: true, Version: info.ServerVersion, API: cli.ClientVersion(),
		System: info.OperatingSystem, Storage: info.Driver, CgroupVersion: info.CgroupVersion,
		MemoryController: info.MemoryLimit, Cores: info.NCPU, MemoryBytes: info.MemTotal, DataRoot: info.DockerRootDir,
	}
	if engine.CgroupVersion == "" {
		engine.CgroupVersion = "1" // engines that do not say know no other
	}
	return nil
}

func examineMachine(ctx context.Context) Machine {
	return Machine{System: system(), Go: goVersion(ctx), PortsBound: bindPort()}
}

func examineImages(ctx context.Context, reached bool) ([]Image, error) {
	var found map[image.Kind]image.Image
	var err error
	if reached {
		found, err = image.Find(ctx)
	}
	var images []Image
	for _, kind := range slices.Sorted(slices.Values(image.Kinds())) {
		one := Image{Kind: string(kind), Ref: image.Official(kind)}
		if ref := image.Pinned(kind); ref != "" {
			one.Ref, one.Pinned = ref, true
		}
		if here, ok := found[kind]; ok {
			one.Found, one.Ref, one.Origin, one.Version = true, here.Ref, here.Origin, here.Version
		}
		images = append(images, one)
	}
	return images, err
}

// abilities follows from the engine alone: every fault but these needs nothing beyond it.
func abilities(engine Engine) []Ability {
	return []Ability{
		{"kill, stop, restart, recreate, disconnect", engine.Reached, "a Docker engine"},
		{"pause", engine.Reached, "a Docker engine whose machine has the freezer control group"},
		{"oom", engine.Reached && engine.MemoryController, "the memory control group"},
		{"wire (hold, drop, cut, slow)", engine.Reached, "the proxy image, built from this repository"},
	}
}

func system() string {
	content, err := os.ReadFile("/etc/os-release")
	if err == nil {
		if name := prettyName.FindSubmatch(content); name != nil {
			return string(bytes.Trim(name[1], `"'`))
		}
	}
	return runtime.GOOS
}

var prettyName = regexp.MustCompile(`(?m)^PRETTY_NAME=(.*)$`)

func goVersion(ctx context.Context) string {
	output, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}

func bindPort() bool {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// freeDisk asks the file system that the engine keeps its data on, where that is this machine's.
func freeDisk(engine Engine) int64 {
	var stat syscall.Statfs_t
	if !isLocal(engine.Host) || syscall.Statfs(engine.DataRoot, &stat) != nil {
		return 0
	}
	return int64(stat.Bavail) * int64(stat.Bsize)
}

// isLocal says whether ports that the engine publishes on 127.0.0.1 are this machine's.
func isLocal(host string) bool {
	if strings.HasPrefix(host, "unix://") || strings.HasPrefix(host, "npipe://") {
		return true
	}
	address, _, err := net.SplitHostPort(strings.TrimPrefix(host, "tcp://"))
	if err != nil {
		return false
	}
	return address == "localhost" || net.ParseIP(address).IsLoopback()
}
