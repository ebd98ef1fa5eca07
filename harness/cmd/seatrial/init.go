package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/moby/term"
	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness/internal/pipeline/file"
)

const longInit = `Write a seatrial.yaml with comments, which describes your pipeline once it is edited by
them. On a terminal a few questions are asked; anywhere else, and where a flag is given,
the flags are the answers. A file that is there is never overwritten without --force.`

func (a *app) initCommand() *cobra.Command {
	answers := file.Usual()
	var force bool
	command := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a seatrial.yaml that describes your pipeline",
		Long:  longInit,
		Example: `  seatrial init
  seatrial init --image registry.example/importer:1.4 --format jsonl
  seatrial init --role fetcher=collect --role writer=load+index --table orders`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := file.Name
			switch len(args) {
			case 0:
			case 1:
				name = args[0]
			default:
				return usage("name one file")
			}
			if _, err := os.Lstat(name); err == nil && !force {
				return usage("%s is there already: --force overwrites it", name)
			}
			asked := cmd.Flags().NFlag() == 0 || cmd.Flags().NFlag() == 1 && force
			if terminal, ok := a.stdin.(*os.File); asked && ok && term.IsTerminal(terminal.Fd()) {
				if err := a.ask(&answers); err != nil {
					return err
				}
			}
			return a.writeSketch(name, answers, force)
		},
	}
	set := command.Flags()
	set.StringVar(&answers.Image, "image", answers.Image, "image of the pipeline's containers")
	set.StringArrayVar(&answers.Roles, "role", answers.Roles, "a container: NAME, or NAME=collect+load+index+export for what it does; several times for several")
	set.StringVar(&answers.Format, "format", answers.Format, "format of the records: csv, jsonl or xml")
	set.StringVar(&answers.Table, "table", answers.Table, "table in Postgres that the rows are in; empty for none")
	set.StringVar(&answers.Index, "index", answers.Index, "index or alias in Elasticsearch that readers search; empty for none")
	set.StringVar(&answers.Every, "interval", answers.Every, "the longest poll, retry or sync interval")
	set.BoolVar(&force, "force", false, "overwrite a file that is there")
	return command
}

// ask asks for each answer; an empty line takes the usual one.
func (a *app) ask(answers *file.Answers) error {
	lines := bufio.NewScanner(a.stdin)
	roles := strings.Join(answers.Roles, " ")
	for _, question := range []struct {
		text string
		into *string
		none string // the word for nothing
	}{
		{"Containers of your pipeline, and what each does (fetcher=collect writer=load+index)", &roles, ""},
		{"Their image", &answers.Image, ""},
		{"Format of the files: csv, jsonl or xml", &answers.Format, ""},
		{"Table in Postgres (- for none)", &answers.Table, "-"},
		{"Index or alias in Elasticsearch (- for none)", &answers.Index, "-"},
		{"Longest poll, retry or sync interval", &answers.Every, ""},
	} {
		fmt.Fprintf(a.stderr, "%s [%s]: ", question.text, *question.into)
		if !lines.Scan() {
			fmt.Fprintln(a.stderr)
			return usage("nothing was written: %w", errors.Join(lines.Err(), io.ErrUnexpectedEOF))
		}
		switch answer := strings.TrimSpace(lines.Text()); answer {
		case "":
		case question.none:
			*question.into = ""
		default:
			*question.into = answer
		}
	}
	answers.Roles = strings.Fields(strings.ReplaceAll(roles, ",", " "))
	return nil
}

func (a *app) writeSketch(name string, answers file.Answers, force bool) error {
	text, err := file.Sketch(answers)
	if err != nil {
		return usage("%w", err)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	out, err := os.OpenFile(name, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already: --force overwrites it", name)
	}
	if err != nil {
		return usage("%w", err)
	}
	_, err = out.Write(text)
	if err := errors.Join(err, out.Close()); err != nil {
		return usage("write %s: %w", name, err)
	}
	fmt.Fprintf(a.stdout, "wrote %s: edit it by its comments, then \"seatrial validate %s\"\n", name, name)
	return nil
}
