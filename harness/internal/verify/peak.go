package verify

import (
	"bufio"
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
)

// PeakBytes returns the most memory that the process had in use at any time. On
// Linux that is what the kernel counted (VmHWM: code and stacks included),
// elsewhere what the runtime has asked for.
func PeakBytes() int64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if peak := highWater(status); peak > 0 {
			return peak
		}
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

func highWater(status []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}
