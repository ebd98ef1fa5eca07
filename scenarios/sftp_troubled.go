package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// SFTPTroubled breaks the SFTP server in four ways, one after the other, while
// files go on arriving: the inbox is moved away, nobody may enter it, the disk
// is full, and the server shows another key. Who sends and who takes waits, and
// goes on. The broker's link is slow, so that work is under way all the while.
func SFTPTroubled() harness.Scenario {
	const while, rest = 700 * time.Millisecond, 300 * time.Millisecond
	return harness.Scenario{
		Name:       "sftp-troubled",
		Hypothesis: "A server that has lost a folder, denies access, has no room or cannot prove who it is costs time only, and no file.",
		Workload:   trickle(20, 40, 8),
		Pauses: []harness.Pause{
			{Percent: 20, Until: harness.Bites(2, 0)}, {Percent: 40, Until: harness.Bites(3, 0)},
			{Percent: 60, Until: harness.Bites(4, 0)}, {Percent: 80, Until: harness.Bites(5, 0)},
		},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Bandwidth(fault.RabbitMQ, fault.Upstream, 5), Recover: harness.Healed(5, 0)},
			{When: harness.Sent(15), Fault: fault.DirectoryMoved(), Recover: harness.After(while)},
			{When: harness.Healed(2, rest), Fault: fault.PermissionDenied(), Recover: harness.After(while)},
			{When: harness.Healed(3, rest), Fault: fault.SFTPDiskFull(), Recover: harness.After(while)},
			{When: harness.Healed(4, rest), Fault: fault.HostKeyChanged(), Recover: harness.After(while)},
		},
	}
}
