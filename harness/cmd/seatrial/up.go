package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/reports"
)

func (a *app) upCommand() *cobra.Command {
	var detach, asJSON bool
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the services alone and print where they listen",
		Long: `Start SFTP, RabbitMQ, Postgres, Elasticsearch and the proxy without a pipeline and
print their addresses on 127.0.0.1. They stand until Ctrl-C, or with --detach until
"seatrial down".`,
		Example: `  seatrial up
  seatrial up --detach --json | jq -r '.services[] | select(.name == "postgres").url'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.up(cmd.Context(), detach, asJSON)
		},
	}
	command.Flags().BoolVar(&detach, "detach", false, "return at once and leave the services standing")
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) up(ctx context.Context, detach, asJSON bool) error {
	a.live.Phase("starting services")
	standing, err := a.world.up(ctx, detach, a.live)
	if err != nil {
		return fmt.Errorf("start services: %w", err)
	}
	if err := a.printServices(standing, asJSON); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if detach {
		a.live.Say("\"seatrial down\" stops them")
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

func (a *app) printServices(standing services, asJSON bool) error {
	a.live.Close()
	if asJSON {
		return printJSON(a.stdout, standing)
	}
	rows := [][]string{{"SERVICE", "ADDRESS", "USER", "PASSWORD", "URL"}}
	for _, s := range standing.Services {
		address, user, password := parts(s.URL)
		rows = append(rows, []string{s.Service, address, user, password, s.URL})
	}
	return printColumns(a.stdout, rows)
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
