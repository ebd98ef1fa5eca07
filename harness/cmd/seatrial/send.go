package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

type sendFlags struct {
	stack   string
	seed    uint64
	records int
	rate    float64
	out     string
	json    bool
}

const longSend = `Send files into the inbox of a pipeline that runs on this machine, on the stack that
"seatrial up" started, and judge what comes of them.

Without FILES records are made as for any run: the same ones for the same --seed. A first
file must pass while nothing is broken: it is waited for until the pipeline takes it. Then
come the others, as many a second as --rate says, while every place is watched, and at last
one more. The verdict, the folder and the exit code are those of "seatrial run". What
"seatrial inject" breaks meanwhile, in another terminal, is part of it: its receipt stands in
the run, and the verdict waits until it is healed.

FILES of your own are dropped as they are, under a temporary name and then renamed (or in
place, where the description says so). Nobody knows what should become of them, so they are
written down and not judged: the folder that is printed has them in input/, for
"seatrial verify".`

func (a *app) sendCommand() *cobra.Command {
	var flags sendFlags
	command := &cobra.Command{
		Use:   "send [FILE...]",
		Short: "Send files to a pipeline on this machine and judge what comes of them",
		Long:  longSend,
		Example: `  seatrial send
  seatrial send --records 5000 --rate 1 --seed 7     one file a second, time to break something
  seatrial send orders-2026-11-*.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd, args); err != nil {
				return err
			}
			found, err := a.attachable(cmd.Context(), flags.stack)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return a.sendOwn(cmd.Context(), found, args, flags)
			}
			if !cmd.Flags().Changed("seed") {
				flags.seed = randomSeed()
				a.live.Say(fmt.Sprintf("seed %d (random; --seed %d sends the same records again)", flags.seed, flags.seed))
			}
			return a.send(cmd.Context(), found, flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.stack, "stack", "", stackFlagText)
	set.Uint64Var(&flags.seed, "seed", 0, "seed of the records (default: random, printed)")
	set.IntVar(&flags.records, "records", 0, "about how many records are sent (default: 5000)")
	set.Float64Var(&flags.rate, "rate", 0, "files a second (default: as fast as it goes)")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which what was sent leaves its own")
	set.BoolVar(&flags.json, "json", false, jsonFlagText+": an array with the run, or of FILES what was sent")
	return command
}

// check refuses flags that cannot be meant, before anything is looked for.
func (f sendFlags) check(cmd *cobra.Command, files []string) error {
	if len(files) > 0 {
		for _, name := range []string{"seed", "records", "rate"} {
			if cmd.Flags().Changed(name) {
				return usage("--%s is for records that are made: your own files are sent as they are", name)
			}
		}
	} else if cmd.Flags().Changed("seed") {
		if err := checkSeeds(f.seed, 1); err != nil {
			return err
		}
	}
	switch {
	case f.records < 0:
		return usage("--records %d: give at least 1", f.records)
	case f.rate < 0 || f.rate > 1000:
		return usage("--rate %g: give a number of files a second from 0 to 1000", f.rate)
	}
	if err := os.MkdirAll(f.out, 0o700); err != nil {
		return usage("--out %s: %w", f.out, err)
	}
	return nil
}

func (a *app) send(ctx context.Context, to harness.Found, flags sendFlags) error {
	t := trial{harness.ByHand(flags.rate), harness.RunOptions{Pipeline: to.Attach, Seed: flags.seed, Records: flags.records}}
	runs, closeErr := a.runAll(ctx, []trial{t}, harness.Options{Out: flags.out, Stack: to.ID, Pipeline: to.Attach, Watch: a.live})
	exit := reports.Exit(runs)
	if interrupted(ctx) {
		exit = reports.Worst(exit, reports.ExitInterrupted)
	}
	if closeErr != nil {
		exit = reports.Worst(exit, reports.ExitInfra)
		a.live.Say(closeErr.Error())
	}
	if err := a.printRuns(runs, flags.json); err != nil {
		return err
	}
	return exitWith(exit)
}

func (a *app) sendOwn(ctx context.Context, to harness.Found, files []string, flags sendFlags) error {
	a.live.Phase("sending " + quantity(len(files), "file"))
	sent, err := a.world.sendFiles(ctx, to.ID, flags.out, files)
	a.live.Close()
	if err != nil {
		return byHand(err)
	}
	if err := a.printResult(sent, flags.json, func() error { return a.printSent(sent) }); err != nil {
		return err
	}
	for _, file := range sent.Files {
		if !file.Acknowledged {
			return exitWith(reports.ExitInfra)
		}
	}
	return nil
}

func (a *app) printSent(sent harness.SentFiles) error {
	rows := [][]string{}
	for _, file := range sent.Files {
		state := "sent"
		if !file.Acknowledged {
			state = "not acknowledged"
		}
		rows = append(rows, []string{state, file.Name, quantity(file.Bytes, "byte"), reports.Line(file.Error)})
	}
	rows = append(rows, []string{"see", sent.Folder})
	return printColumns(a.stdout, rows)
}
