package verify

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
)

// memoryLimit is what the runtime tries to stay below: far more than lives at any
// time, so that it collects rather than grows.
const memoryLimit = 64 << 20

// Request is one call of the command.
type Request struct {
	Pipeline pipeline.Spec
	// Sent is a folder with the files, or sftp:FOLDER.
	Sent string
	// Files and Snapshots are patterns of names instead of those of the description.
	Files, Snapshots string
	// Confirmations is a folder, or sftp:FOLDER; empty: the declared one, if SFTP_HOST
	// is set.
	Confirmations string
	// LeaveOut are places that are not to be judged: rows, documents, confirmations,
	// rejects, status.
	LeaveOut []string
	Settings Settings
	Options  Options
}

// LeavableOut are what a Request can leave out.
var LeavableOut = []string{"rows", "documents", "confirmations", "rejects", "status"}

// onSFTP begins the names of folders on SFTP.
const onSFTP = "sftp:"

// Run connects, looks whether everything can be read, and compares. No error and
// nothing in the result has a credential in it.
func Run(ctx context.Context, r Request) (Result, error) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	o := &opened{request: r}
	defer o.close()
	in, err := o.inputs(ctx)
	if err != nil {
		return Result{}, r.Settings.hide(err)
	}
	result, err := Compare(ctx, in, r.Options)
	result.Reason = r.Settings.Hide(result.Reason)
	return result, r.Settings.hide(err)
}

// opened is what has to be closed.
type opened struct {
	request  Request
	postgres *Postgres
	elastic  *Elastic
	sftp     *Server
}

func (o *opened) close() {
	if o.postgres != nil {
		o.postgres.Close()
	}
	if o.elastic != nil {
		o.elastic.Close()
	}
	if o.sftp != nil {
		o.sftp.Close()
	}
}

// judged reports whether a place that the pipeline declares is to be read.
func (o *opened) judged(place string) bool { return !slices.Contains(o.request.LeaveOut, place) }

// inputs opens everything that is to be read. The files come first: a folder that
// is not there needs no service.
func (o *opened) inputs(ctx context.Context) (in Inputs, err error) {
	r := o.request
	in.Sent = Sent{Name: r.Sent, Format: r.Pipeline.Records, Deltas: r.Files, Snapshots: r.Snapshots}
	if in.Sent.Folder, err = o.folder(ctx, r.Sent); err != nil {
		return in, err
	}
	if _, _, err := in.Sent.list(); err != nil {
		return in, err
	}
	if _, err := in.Sent.Format.NewDecoder(strings.NewReader("")); err != nil {
		return in, usage("%w", err)
	}
	if err := o.database(ctx, &in); err != nil {
		return in, err
	}
	if err := o.index(ctx, &in); err != nil {
		return in, err
	}
	if err := o.confirmations(ctx, &in); err != nil {
		return in, err
	}
	if in.Rows == nil && in.Documents == nil {
		return in, usage("neither rows nor documents are judged: nothing could be said; %s declares them under expect", r.Pipeline.Name)
	}
	return in, nil
}

// folder opens a folder here or on SFTP.
func (o *opened) folder(ctx context.Context, name string) (fs.ReadDirFS, error) {
	below, remote := strings.CutPrefix(name, onSFTP)
	if !remote {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, usage("read the folder %s: %w", name, plain(err))
		case !info.IsDir():
			return nil, usage("%s is no folder: name the one that the files are in", name)
		}
		return os.DirFS(name).(fs.ReadDirFS), nil
	}
	if strings.HasPrefix(below, "//") {
		return nil, usage("write a folder on SFTP as sftp:archive; where the server is, and who you are, say SFTP_HOST, SFTP_USER, SFTP_PASSWORD in the environment")
	}
	if o.sftp == nil {
		server, err := OpenSFTP(ctx, o.request.Settings)
		if err != nil {
			return nil, err
		}
		o.sftp = server
	}
	if below == "" {
		below = "."
	}
	return o.sftp.Folder(below), nil
}

func (o *opened) database(ctx context.Context, in *Inputs) (err error) {
	spec := o.request.Pipeline
	rows, rejects, status := spec.Rows != nil && o.judged("rows"), spec.Rejects != nil && o.judged("rejects"), spec.Status != nil && o.judged("status")
	if !rows && !rejects && !status {
		return nil
	}
	address := o.request.Settings.Get("POSTGRES_URL")
	if address == "" {
		return usage("POSTGRES_URL is not set, and %s says that rows are seen there: set it in the environment or in a file (--env-file), or --leave-out rows,rejects,status", spec.Name)
	}
	if o.postgres, err = OpenPostgres(ctx, address, o.request.Options.ShowValues); err != nil {
		return err
	}
	if rows {
		if err := o.postgres.Check(ctx, "expect.rows", spec.Rows.Query); err != nil {
			return err
		}
		in.Rows = o.postgres.Rows(*spec.Rows)
	}
	if rejects {
		if err := o.postgres.Check(ctx, "expect.rejects", spec.Rejects.Query); err != nil {
			return err
		}
		in.Rejects = o.postgres.Rejects(*spec.Rejects)
	}
	if status {
		if err := o.postgres.Check(ctx, "expect.status", spec.Status.Query); err != nil {
			return err
		}
		in.Status = o.postgres.Status(*spec.Status)
	}
	in.EndSnapshot = o.postgres.again
	return nil
}

func (o *opened) index(ctx context.Context, in *Inputs) (err error) {
	spec := o.request.Pipeline
	if spec.Documents == nil || !o.judged("documents") {
		return nil
	}
	s := o.request.Settings
	if s.Get("ELASTICSEARCH_URL") == "" {
		return usage("ELASTICSEARCH_URL is not set, and %s says that documents are seen there: set it in the environment or in a file (--env-file), or --leave-out documents", spec.Name)
	}
	if o.elastic, err = OpenElastic(s.Get("ELASTICSEARCH_URL"), s.Get("ELASTICSEARCH_API_KEY"), s.Get("ELASTICSEARCH_CA_FILE")); err != nil {
		return err
	}
	if err := o.elastic.Check(ctx, *spec.Documents); err != nil {
		return err
	}
	in.Documents = o.elastic.Documents(*spec.Documents)
	return nil
}

func (o *opened) confirmations(ctx context.Context, in *Inputs) error {
	spec, name := o.request.Pipeline.Confirmations, o.request.Confirmations
	if spec == nil && name != "" {
		return usage("--confirmations %s: %s does not declare confirmations (expect.confirmations), so nothing tells how to read them", name, o.request.Pipeline.Name)
	}
	if spec == nil || !o.judged("confirmations") {
		return nil
	}
	if name == "" {
		if o.request.Settings.Get("SFTP_HOST") == "" {
			return nil // not judged, and named so
		}
		name = onSFTP + spec.Dir
	}
	folder, err := o.folder(ctx, name)
	if err != nil {
		return fmt.Errorf("confirmations: %w", err)
	}
	if _, err := folder.ReadDir("."); err != nil {
		return usage("read the folder of the confirmations, %s: %w", name, plain(err))
	}
	in.Confirmations = Confirmations(*spec, folder)
	return nil
}
