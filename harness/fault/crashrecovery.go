package fault

import (
	"context"
	"strings"
)

// CrashRecovery ends Postgres with SIGKILL. Recovery starts it; it is healed
// when it answers and its own log says that it came back through crash recovery.
func CrashRecovery() Fault {
	fault := Kill(Postgres)
	fault.Name = "crash-recovery"
	kill := fault.prepare
	fault.prepare = func(ctx context.Context, world World, target string) (Injection, error) {
		injection, err := kill(ctx, world, target)
		if err != nil {
			return injection, err
		}
		containers, err := world.Containers(target)
		if err != nil {
			return injection, err
		}
		log, err := logOf(ctx, containers[0])
		if err != nil {
			return injection, err
		}
		answers := injection.Healed
		injection.Healed = func(ctx context.Context) (string, error) {
			proof, err := answers(ctx)
			if err != nil {
				return "", err
			}
			words, err := log.says(ctx, func(lines []string) bool { return strings.Contains(lines[0], "automatic recovery in progress") })
			if err != nil {
				return "", err
			}
			return proof + "; its log: " + words, nil
		}
		return injection, nil
	}
	return fault
}
