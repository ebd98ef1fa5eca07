package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/reports"
)

type injectFlags struct {
	stack   string
	lasts   time.Duration
	destroy bool
	out     string
	list    bool
	json    bool
}

const longInject = `Break something on the stack that "seatrial up" started, prove that it is broken, and put
it back: after --for, or on Ctrl-C. "seatrial inject --list" tells what can be broken.

How it is put back is written down before, in a folder of its own below --out. Where this
command is killed, "seatrial rollback" with that folder puts it back; "seatrial down" takes
the stack away with everything that is broken in it.

Some faults bite only where work meets them (lock-table, commits-held, ack-timeout,
refresh-off, disk-full on postgres): inject these while files are sent.

What is injected while "seatrial send" goes on is part of that run: the receipt stands in its
report, and its verdict waits until all is healed. Otherwise it is told here only, and no run
begins before it is healed.

Programs that run on this machine are not seatrial's to end: faults on what collects, loads,
indexes or exports are for pipelines in containers (seatrial run).

Exit codes: 0 it bit and healed; 2 there is no such fault, or it cannot be injected here;
3 it was not injected; 5 it could not be put back; 6 it was not proved to bite or to heal.`

func (a *app) injectCommand() *cobra.Command {
	var flags injectFlags
	command := &cobra.Command{
		Use:   "inject FAULT[=SETTING] [TARGET]",
		Short: "Break something by hand, and put it back",
		Long:  longInject,
		Example: `  seatrial inject --list
  seatrial inject kill rabbitmq --for 20s
  seatrial inject latency=500ms postgres --for 1m
  seatrial inject memory-alarm                        until Ctrl-C`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.list {
				if len(args) > 0 {
					return usage("--list tells what there is: leave out %q", args[0])
				}
				return a.listFaults(flags.json)
			}
			f, err := flags.fault(args)
			if err != nil {
				return err
			}
			found, err := a.attachable(cmd.Context(), flags.stack)
			if err != nil {
				return err
			}
			return a.inject(cmd.Context(), found, f, flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.stack, "stack", "", stackFlagText)
	set.DurationVar(&flags.lasts, "for", 0, "how long it stays broken, as in 20s (default: until Ctrl-C)")
	set.BoolVar(&flags.destroy, "destroy", false, "also where data of the pipeline is gone for good by it")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which it leaves its own, with what rollback needs")
	set.BoolVar(&flags.list, "list", false, "tell what can be broken, and break nothing")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

// fault returns the fault that is meant, before anything is looked for.
func (f injectFlags) fault(args []string) (fault.Fault, error) {
	if len(args) == 0 {
		return fault.Fault{}, usage("name a fault: \"seatrial inject --list\" tells what there is")
	}
	if len(args) > 2 {
		return fault.Fault{}, usage("one fault and one target: %q is one too many", args[2])
	}
	if f.lasts < 0 {
		return fault.Fault{}, usage("--for %s: give a time such as 20s", f.lasts)
	}
	target := ""
	if len(args) == 2 {
		target = args[1]
	}
	found, err := fault.Named(args[0], target)
	if err != nil {
		return found, usage("%w; \"seatrial inject --list\" tells what there is", err)
	}
	if found.Destroys != "" && !f.destroy {
		return found, usage("%s destroys %s, and nothing brings that back but a replay or a sync of your own: say --destroy if you mean it", found.Name, found.Destroys)
	}
	return found, nil
}

func (a *app) inject(ctx context.Context, on harness.Found, f fault.Fault, flags injectFlags) error {
	receipt, err := a.world.inject(ctx, harness.InjectOptions{Stack: on.ID, Fault: f, For: flags.lasts, Out: flags.out, Watch: a.live})
	a.live.Close()
	if err != nil {
		return byHand(err)
	}
	if err := a.printResult(receipt, flags.json, func() error { return a.printReceipt(receipt) }); err != nil {
		return err
	}
	return exitWith(receipt.Exit)
}

func (a *app) printReceipt(r harness.Injected) error {
	rows := [][]string{{"injected", strings.TrimSpace(r.Name + " on " + r.Target), r.Detail}}
	row := func(yes bool, done, not, evidence string) {
		if !yes {
			done = not
		}
		rows = append(rows, []string{done, reports.Line(evidence)})
	}
	row(r.Bit, "bit", "not proved to bite", r.Evidence)
	if r.Bit {
		rows = append(rows, []string{"broken for", (time.Duration(r.Seconds*1000) * time.Millisecond).String()})
	}
	row(r.Healed, "healed", "not healed", r.HealedBy)
	if r.Run != "" {
		met := "not counted"
		if r.InFlight >= 0 {
			met = quantity(r.InFlight, "operation") + " were under way there"
		}
		rows = append(rows, []string{"part of", r.Run, met})
	}
	if !r.Undo.OK {
		rows = append(rows, []string{"not put back", reports.Line(r.Undo.Error)}, []string{"", "\"seatrial rollback " + r.Folder + "\" tries again"})
	}
	if r.Error != "" {
		rows = append(rows, []string{"wrong", reports.Line(r.Error)})
	}
	return printColumns(a.stdout, append(rows, []string{"see", r.Folder}))
}

// listedFault is a fault as inject --list tells it.
type listedFault struct {
	Name     string   `json:"name"`
	Does     string   `json:"does"`
	Targets  []string `json:"targets"`
	Setting  string   `json:"setting,omitempty"` // default
	Moment   bool     `json:"moment"`            // over as soon as it was injected
	Destroys bool     `json:"destroys"`          // data of the pipeline, for good
}

// listFaults lists what can be broken on a stack of seatrial up.
func (a *app) listFaults(asJSON bool) error {
	list := []listedFault{}
	for _, kind := range fault.Table() {
		list = append(list, listedFault{kind.Name, kind.Does, kind.Services(), kind.Setting, kind.Moment, kind.Destroys() != ""})
	}
	if asJSON {
		return printJSON(a.stdout, list)
	}
	rows := [][]string{{"FAULT", "ON", "WHAT IT DOES"}}
	for _, each := range list {
		name, does := each.Name, each.Does
		if each.Setting != "" {
			name += "=" + each.Setting
		}
		if each.Destroys {
			does += " (destroys data: --destroy)"
		}
		rows = append(rows, []string{name, strings.Join(each.Targets, " "), does})
	}
	return printColumns(a.stdout, rows)
}
