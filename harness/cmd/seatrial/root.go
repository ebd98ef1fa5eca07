package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seatrial/seatrial/harness/internal/nearest"
)

const longRoot = `seatrial puts an import pipeline (files on SFTP, RabbitMQ, Postgres, Elasticsearch)
through trials on real services, breaks things at chosen moments, and proves record
by record that nothing was lost, nothing stands twice, and what the import says is
what a reader sees.

Results go to standard output (--json for machines), progress to standard error.

Exit codes: 0 valid, 1 invalid, 2 usage or a bad file (before anything starts),
3 infra, 4 aborted, 5 undo failed, 6 unknown, 130 interrupted; for several runs the
worst of 130, 5, 1, 4, 3, 6, 0.`

const exampleRoot = `  seatrial doctor                         is everything here that runs need?
  seatrial list                           the scenarios
  seatrial run loader-killed              one trial of the reference pipeline
  seatrial run loader-killed --pipeline reference:ack-before-commit
  seatrial init                           describe a pipeline of your own
  seatrial check reports/out/*/           judge stored runs again`

// root returns the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "seatrial",
		Short:   "Trials for import pipelines",
		Long:    longRoot,
		Example: exampleRoot,
		// An empty command line did nothing: it must not pass in CI.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return noSuchCommand(cmd, args) },

		SilenceErrors: true,
		SilenceUsage:  true,
		// Suggestions are made by nearest, for commands as for everything else.
		DisableSuggestions: true,
	}
	root.AddCommand(a.doctorCommand(), a.imagesCommand(), a.listCommand(), a.runCommand(),
		a.checkCommand(), a.reportCommand(), a.cleanCommand(), a.upCommand(), a.downCommand(), a.sendCommand(), a.injectCommand(), a.benchCommand(), a.demoCommand(), a.soakCommand(), a.matrixCommand(), a.sweepCommand(), a.traceCommand(), a.repairCommand(), a.diffCommand(), a.schemaCommand(), a.serveCommand(), a.rollbackCommand(), a.gamedayCommand(), a.initCommand(), a.validateCommand(), a.verifyCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(helpCommand())
	root.Version = version()
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	return root
}

// noSuchCommand is what a command that only holds others does when it is
// called itself.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		cmd.SetOut(cmd.ErrOrStderr())
		if err := cmd.Help(); err != nil {
			return err
		}
		return usage("name a command")
	}
	var names []string
	for _, command := range cmd.Commands() {
		if command.IsAvailableCommand() {
			names = append(names, command.Name())
		}
	}
	return unknown("command", args[0], names, fmt.Sprintf("%q shows all", cmd.CommandPath()+" --help"))
}

// helpCommand is cobra's, except that asking for help on what does not exist
// is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || found == nil || len(rest) > 0 {
				return noSuchCommand(cmp.Or(found, cmd.Root()), rest)
			}
			return found.Help()
		},
	}
}

// version is that of the module, as go install or the checkout gave it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

// flagError makes a usage error of what the flag parser says and names the
// nearest flag for one that does not exist.
func flagError(cmd *cobra.Command, err error) error {
	name, isUnknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !isUnknown {
		return usage("%w; %q shows how it is used", err, cmd.CommandPath()+" --help")
	}
	name, _, _ = strings.Cut(name, "=")
	var known []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, flag.Name) })
	if near := nearest.Of(name, known); near != "" {
		return usage("unknown flag --%s: did you mean --%s? %q shows all", name, near, cmd.CommandPath()+" --help")
	}
	return usage("unknown flag --%s: %q shows all", name, cmd.CommandPath()+" --help")
}

// noArguments refuses arguments of a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments, and was given %q", cmd.CommandPath(), args[0])
	}
	return nil
}
