package stack

import (
	"os"
	"strconv"
)

// Labels that every container, network and volume of a stack carries. They
// are all that cleaning up needs: it works without any file of the run.
const (
	LabelStack = "org.seatrial.stack" // id of the stack
	LabelPart  = "org.seatrial.part"  // what it is: a service, a role, front, back
	LabelLock  = "org.seatrial.lock"  // file that the owning process holds locked while it lives
	LabelKeep  = "org.seatrial.keep"  // "true": meant to outlive its process
	LabelPID   = "org.seatrial.pid"   // for people who look
	LabelPorts = "org.seatrial.ports" // on the network "back" alone: the stack's ports on 127.0.0.1, comma-separated
	LabelReach = "org.seatrial.reach" // on the proxy alone: how another process reaches the stack (reach, as JSON)
	// On the proxy alone, of a stack that is open to other processes while its own
	// lives: the pipeline that it was started for.
	LabelAttach = "org.seatrial.attach"
)

func (s *Stack) labels(part string) map[string]string {
	labels := map[string]string{
		LabelStack: s.ID,
		LabelPart:  part,
		LabelLock:  s.owner,
		LabelPID:   strconv.Itoa(os.Getpid()),
	}
	if s.keep {
		labels[LabelKeep] = "true"
	}
	return labels
}
