package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

type upFlags struct {
	pipeline string
	stack    string // that stands already
	detach   bool
	env      bool
	json     bool
}

const longUp = `Start SFTP, RabbitMQ, Postgres, Elasticsearch and the proxy without a pipeline, and print
their addresses on 127.0.0.1, for a pipeline that you start on this machine yourself.

Each service has two addresses. What leads through the tap is for the pipeline: faults on
connections and breakpoints act there, and what crosses it is seen. The direct one is to
look at what is there, with psql or a browser.

--env prints the first ones as lines for a .env file, under the names that a seatrial.yaml
may use; --pipeline has the services in the versions and with the tables, queues and folders
that its description asks for. Then "seatrial send" sends files and judges what comes of
them, and "seatrial inject" breaks something meanwhile.

The services stand until Ctrl-C, or with --detach until "seatrial down". --stack prints the
addresses of services that stand already, and starts none.`

func (a *app) upCommand() *cobra.Command {
	var flags upFlags
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the services for a pipeline on this machine, and print where they listen",
		Long:  longUp,
		Example: `  seatrial up
  seatrial up --detach --pipeline seatrial.yaml --env > .env
  seatrial up --stack k3v9x2 --env
  seatrial up --detach --json | jq -r '.services[] | select(.service == "postgres").tapped'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.env && flags.json {
				return usage("--env or --json: what is printed is either lines for a .env file or JSON")
			}
			if flags.stack != "" {
				return a.upAgain(cmd, flags)
			}
			if _, err := findPipeline(flags.pipeline); err != nil {
				return err
			}
			return a.up(cmd.Context(), flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.pipeline, "pipeline", harness.Reference, "the pipeline that is to run on this machine: reference, or the path of a seatrial.yaml")
	set.StringVar(&flags.stack, "stack", "", "print the addresses of the stack with this id, which stands already")
	set.BoolVar(&flags.detach, "detach", false, "return at once and leave the services standing")
	set.BoolVar(&flags.env, "env", false, "print what the pipeline needs as lines for a .env file")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

func (a *app) up(ctx context.Context, flags upFlags) error {
	a.live.Phase("starting services")
	standing, err := a.world.up(ctx, harness.Options{Keep: flags.detach, Pipeline: flags.pipeline, Attach: true, Watch: a.live})
	if err != nil {
		return fmt.Errorf("start services: %w", err)
	}
	if err := a.printServices(standing, flags); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if flags.detach {
		a.live.Say(fmt.Sprintf("stack %s stands: \"seatrial down %s\" stops it", standing.ID, standing.ID))
		return nil
	}
	a.live.Say("Ctrl-C stops them")
	<-ctx.Done()
	a.live.Phase("stopping services")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	if err := standing.down(stopping); err != nil {
		return &exitError{code: reports.ExitInfra, err: fmt.Errorf("stop services: %w (\"seatrial clean\" removes what is left)", err)}
	}
	// Ctrl-C is how this command is meant to end.
	return nil
}

// upAgain prints the addresses of a stack that stands.
func (a *app) upAgain(cmd *cobra.Command, flags upFlags) error {
	for _, name := range []string{"pipeline", "detach"} {
		if cmd.Flags().Changed(name) {
			return usage("--%s is for services that are started: those of --stack stand already", name)
		}
	}
	found, err := a.attachable(cmd.Context(), flags.stack)
	if err != nil {
		return err
	}
	standing, err := a.world.up(cmd.Context(), harness.Options{Stack: found.ID, Watch: a.live})
	if err != nil {
		return byHand(err)
	}
	return errors.Join(a.printServices(standing, flags), standing.down(cmd.Context()))
}

func (a *app) printServices(standing services, flags upFlags) error {
	a.live.Close()
	switch {
	case flags.json:
		return printJSON(a.stdout, standing)
	case flags.env:
		return printLines(a.stdout, environmentLines(standing.Environment))
	}
	pipeline := [][]string{{"SERVICE", "ADDRESS", "URL"}}
	look := [][]string{{"SERVICE", "ADDRESS", "USER", "PASSWORD", "URL"}}
	for _, s := range standing.Services {
		address, _, _ := parts(s.Tapped)
		pipeline = append(pipeline, []string{s.Service, address, s.Tapped})
		address, user, password := parts(s.URL)
		look = append(look, []string{s.Service, address, user, password, s.URL})
		if management := s.More["management"]; management != "" {
			look = append(look, []string{s.Service + " (management)", strings.TrimPrefix(management, "http://"), user, password, management})
		}
	}
	for _, block := range []struct {
		title string
		rows  [][]string
	}{{"For the pipeline, through the taps (--env prints them for a .env file):", pipeline}, {"\nTo look at what is there, past the taps:", look}} {
		if _, err := fmt.Fprintln(a.stdout, block.title); err != nil {
			return err
		}
		if err := printColumns(a.stdout, block.rows); err != nil {
			return err
		}
	}
	return nil
}

// environmentLines returns lines as shells and what reads .env files take them.
func environmentLines(env map[string]string) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		if strings.ContainsAny(value, " \t#'\"$`\\&;|<>()*") {
			value = strconv.Quote(value)
		}
		lines = append(lines, name+"="+value)
	}
	return lines
}

func printLines(w io.Writer, lines []string) error {
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// parts returns what a URL holds: host:port, user and password.
func parts(text string) (address, user, password string) {
	parsed, err := url.Parse(text)
	if err != nil {
		return "", "", ""
	}
	if parsed.User != nil {
		user = parsed.User.Username()
		password, _ = parsed.User.Password()
	}
	return parsed.Host, user, password
}
