package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
)

const stackFlagText = "id of a stack that seatrial up started (default: the only one that stands)"

// attachable returns the stack with that id, or the only one that stands, which
// must be one that can be used by hand.
func (a *app) attachable(ctx context.Context, id string) (harness.Found, error) {
	all, err := a.world.find(ctx)
	if err != nil {
		return harness.Found{}, err
	}
	var fit []harness.Found
	var ids []string
	for _, found := range all {
		if found.Attach != "" {
			fit, ids = append(fit, found), append(ids, found.ID)
		}
		if found.ID == id && found.Attach == "" {
			return found, usage("stack %s is a run's: only what \"seatrial up\" started can be used by hand", id)
		}
	}
	for _, found := range fit {
		if found.ID == id {
			return found, nil
		}
	}
	switch {
	case id != "":
		return harness.Found{}, unknown("stack", id, ids, `"seatrial up --detach" starts one`)
	case len(fit) == 0:
		return harness.Found{}, usage("no stack stands that could be used by hand: \"seatrial up --detach\" starts one")
	case len(fit) > 1:
		return harness.Found{}, usage("several stacks stand: name one with --stack (%s)", strings.Join(ids, ", "))
	}
	return fit[0], nil
}

// takeStack has runs of a pipeline on this machine use the stack that was started
// for it, where there is one, and runs on a stack try what that was started for.
func (a *app) takeStack(cmd *cobra.Command, flags *runFlags) error {
	named := cmd.Flags().Changed("pipeline")
	if flags.stack != "" {
		found, err := a.attachable(cmd.Context(), flags.stack)
		if err == nil && !named {
			flags.pipeline = found.Attach
		}
		return err
	}
	pipeline, err := findPipeline(flags.pipeline)
	if err != nil || !pipeline.Attached() {
		return err
	}
	path, err := filepath.Abs(flags.pipeline)
	if err != nil {
		return usage("--pipeline %s: %w", flags.pipeline, err)
	}
	all, err := a.world.find(cmd.Context())
	if err != nil {
		return err
	}
	var ids []string
	for _, found := range all {
		if found.Attach == path {
			ids = append(ids, found.ID)
		}
	}
	switch len(ids) {
	case 0:
		return nil
	case 1:
		flags.stack = ids[0]
		a.live.Say(fmt.Sprintf("on stack %s, which was started for this pipeline", flags.stack))
		return nil
	}
	return usage("several stacks stand for this pipeline: name one with --stack (%s)", strings.Join(ids, ", "))
}

// startable refuses a pipeline that nobody but its people starts.
func startable(pipeline harness.Pipeline) error {
	if !pipeline.Attached() {
		return nil
	}
	return usage("pipeline %s is attached, it runs on this machine, and this command starts and ends what it tries by itself: \"seatrial run\" and \"seatrial send\" try one that is attached", pipeline.Name())
}

// byHand makes an exit code of the error of a command that works on a standing stack.
func byHand(err error) error {
	if errors.Is(err, harness.ErrUsage) {
		return usageOf(err)
	}
	return err
}
