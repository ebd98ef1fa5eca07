package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/pipeline/file"
	"github.com/seatrial/seatrial/harness/internal/verify"
	"github.com/seatrial/seatrial/reports"
)

type verifyFlags struct {
	pipeline, sent, files, snapshots, confirmations, envFile string
	out, spill                                               string
	leaveOut                                                 []string
	complete, showValues, json                               bool
}

const longVerify = `Compare what was sent with what stands in your Postgres and Elasticsearch, record by
record: in staging, or as the last check before a release. Nothing is started, nothing is
broken, and nothing is written to any service: the rights to read are enough.

What was sent are real files, in a folder (--sent FOLDER) or archived on SFTP (--sent
sftp:FOLDER). How they look, and where their effects are seen, says the seatrial.yaml of
the pipeline: records (format, files, snapshots, fields) and expect (rows, documents,
confirmations, rejects, status). Let the import come to rest first: what changes while it
is read proves nothing.

Of a key the highest version is expected, whatever came when; where records have none, what
was sent last. A full file (records.snapshots) deletes what it leaves out. Rows that the
pipeline keeps as rejected (expect.rejects) are not missed. Keys that no file has are
counted as leftover, unless --complete says that the files are everything.

Addresses and credentials are read from the environment, or from a file with lines
NAME=VALUE (--env-file), and shown nowhere:

  POSTGRES_URL        postgres://user:password@host:5432/database
  ELASTICSEARCH_URL   https://user:password@host:9200, or ELASTICSEARCH_API_KEY beside it;
                      ELASTICSEARCH_CA_FILE has certificates to trust
  SFTP_HOST, SFTP_PORT, SFTP_USER, SFTP_PASSWORD or SFTP_KEY_FILE (SFTP_KEY_PASSPHRASE),
  SFTP_HOST_KEY or SFTP_KNOWN_HOSTS, which tell the server from another in its place

Reports name keys, fields and digests; contents only with --show-values. What does not fit
into memory is sorted on disk (--spill), in files without a name that go with the process.

Exit codes: 0 valid, 1 invalid, 2 usage (a folder, a table, a setting that is not there),
3 a service or the machine failed, 6 unknown (a file or a place could not be read to its
end, or changed meanwhile), 130 interrupted.`

func (a *app) verifyCommand() *cobra.Command {
	var flags verifyFlags
	command := &cobra.Command{
		Use:   "verify --sent FOLDER",
		Short: "Compare what was sent with what stands in your Postgres and Elasticsearch",
		Long:  longVerify,
		Example: `  POSTGRES_URL=… ELASTICSEARCH_URL=… seatrial verify --sent /data/archive
  seatrial verify --pipeline path/to/seatrial.yaml --sent sftp:archive --env-file staging.env
  seatrial verify --sent archive --files 'people-*.csv' --leave-out documents,status
  seatrial verify --sent archive --json | jq '{verdict, counts}'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.verify(cmd.Context(), flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.pipeline, "pipeline", file.Name, "description of the pipeline")
	set.StringVar(&flags.sent, "sent", "", "folder with the files that were sent, or sftp:FOLDER")
	set.StringVar(&flags.files, "files", "", "names of the files, as in 'people-*.csv' (default: by records.files and records.snapshots)")
	set.StringVar(&flags.snapshots, "snapshots", "", "names of the full files among them, which delete by leaving out")
	set.StringVar(&flags.confirmations, "confirmations", "", "folder with the confirmations, or sftp:FOLDER (default: the declared one, if SFTP_HOST is set)")
	set.StringVar(&flags.envFile, "env-file", "", "file with addresses and credentials; it goes before the environment")
	set.StringSliceVar(&flags.leaveOut, "leave-out", nil, "declared places that are not to be judged: "+strings.Join(verify.LeavableOut, ", "))
	set.BoolVar(&flags.complete, "complete", false, "the files are everything that was ever sent: other keys are unexpected")
	set.BoolVar(&flags.showValues, "show-values", false, "show contents in the reports, instead of digests")
	set.StringVar(&flags.spill, "spill", "", "folder for temporary files (default: the system's)")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which the reports get one of their own")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

func (a *app) verify(ctx context.Context, flags verifyFlags) error {
	request, err := a.verification(flags)
	if err != nil {
		return err
	}
	a.idle.Store(true) // nothing has to be put back
	a.live.Phase("reading")
	started := time.Now()
	result, err := a.world.verify(ctx, request)
	switch {
	case interrupted(ctx):
		return &exitError{code: reports.ExitInterrupted, err: errors.New("interrupted: nothing was judged")}
	case errors.Is(err, verify.ErrUsage):
		return usage("%s", strings.TrimPrefix(err.Error(), verify.ErrUsage.Error()+": "))
	case err != nil:
		return fmt.Errorf("verify: %w", err)
	}
	defer result.Close()
	run, err := a.reportVerified(flags, result, started)
	if err != nil {
		return err
	}
	a.live.Close()
	if err := a.printResult(reports.NewVerification(run), flags.json, func() error { return reports.PrintVerified(a.stdout, run, result.Findings, reports.Color(a.stdout)) }); err != nil {
		return err
	}
	return exitWith(a.showInActions([]reports.Run{run}, reports.ExitOf(run.Verdict)))
}

// verification checks all that can be checked before anything is read.
func (a *app) verification(flags verifyFlags) (verify.Request, error) {
	none := verify.Request{}
	if flags.sent == "" {
		return none, usage("--sent is missing: name the folder with the files that were sent, or sftp:FOLDER")
	}
	for _, place := range flags.leaveOut {
		if !slices.Contains(verify.LeavableOut, place) {
			return none, unknown("place", place, verify.LeavableOut, "there are "+strings.Join(verify.LeavableOut, ", "))
		}
	}
	spec, err := describedPipeline(flags.pipeline)
	if err != nil {
		return none, err
	}
	settings, err := verify.ReadSettings(flags.envFile, a.world.getenv)
	if err != nil {
		return none, usage("%s", strings.TrimPrefix(err.Error(), verify.ErrUsage.Error()+": "))
	}
	if flags.envFile != "" && verify.ReadByOthers(flags.envFile) {
		a.live.Say(fmt.Sprintf("others can read the credentials in %s: chmod 600 keeps them from it", flags.envFile))
	}
	if err := os.MkdirAll(flags.out, 0o700); err != nil {
		return none, usage("--out %s: %w", flags.out, err)
	}
	if flags.spill == "" {
		flags.spill = os.TempDir()
	}
	if info, err := os.Stat(flags.spill); err != nil || !info.IsDir() {
		return none, usage("--spill %s is no folder", flags.spill)
	}
	return verify.Request{
		Pipeline: spec, Sent: flags.sent, Files: flags.files, Snapshots: flags.snapshots, Confirmations: flags.confirmations,
		LeaveOut: flags.leaveOut, Settings: settings,
		Options: verify.Options{Spill: flags.spill, Complete: flags.complete, ShowValues: flags.showValues, Progress: a.live.Phase},
	}, nil
}

// describedPipeline reads a pipeline's description.
func describedPipeline(name string) (pipeline.Spec, error) {
	spec, err := file.Read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return spec, usage("there is no pipeline %s: --pipeline names its description, \"seatrial init\" writes a %s to begin with", name, file.Name)
	case err != nil:
		return spec, usage("pipeline %s is not described well:\n%w", name, err)
	}
	spec.Name = name
	return spec, nil
}

// reportVerified writes the reports into a folder of their own.
func (a *app) reportVerified(flags verifyFlags, result verify.Result, started time.Time) (reports.Run, error) {
	folder, err := os.MkdirTemp(flags.out, started.UTC().Format("20060102-150405")+"-verify-")
	if err != nil {
		return reports.Run{}, fmt.Errorf("make a folder for the reports: %w", err)
	}
	run := reports.Run{
		Scenario: "verify", Pipeline: flags.pipeline, Records: result.SentRecords, Undo: reports.Undo{OK: true},
		Started: started.UTC().Format(time.RFC3339), Seconds: map[string]float64{"total": time.Since(started).Seconds()}, Folder: folder,
		Verified: &reports.Verified{
			Sent: flags.sent, Files: result.SentFiles, Rows: result.Rows, Documents: result.Documents, Confirmations: result.Confirmations,
			Findings: result.Found, SpilledBytes: result.SpilledBytes, PeakBytes: verify.PeakBytes(),
			Again: again(flags), All: result.WriteFindings,
		},
	}.With(result.Result)
	if err := reports.Write(folder, run, result.Result); err != nil {
		return run, fmt.Errorf("the verdict is %s, and its reports could not be written: %w", run.Verdict, err)
	}
	return run, nil
}

// again are the words of the command that makes the same comparison.
func again(flags verifyFlags) []string {
	words := []string{"seatrial", "verify", "--pipeline", flags.pipeline, "--sent", flags.sent}
	for _, flag := range []struct{ name, value string }{
		{"--files", flags.files}, {"--snapshots", flags.snapshots}, {"--confirmations", flags.confirmations}, {"--env-file", flags.envFile}, {"--leave-out", strings.Join(flags.leaveOut, ",")},
	} {
		if flag.value != "" {
			words = append(words, flag.name, flag.value)
		}
	}
	if flags.complete {
		words = append(words, "--complete")
	}
	return words
}
