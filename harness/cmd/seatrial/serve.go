package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports/serve"
)

// served is what serve prints with --json.
type served struct {
	URL  string `json:"url"`
	Key  string `json:"key"` // of pages that take part in game days: URL#key=KEY
	Out  string `json:"out"`
	Runs int    `json:"runs"`
}

func (a *app) serveCommand() *cobra.Command {
	var out string
	var port int
	var asJSON bool
	command := &cobra.Command{
		Use:   "serve",
		Short: "Show all stored runs in a page on this machine, until Ctrl-C",
		Long: `Show all stored runs below a folder, those of soaks, matrices and sweeps too, in a page
on 127.0.0.1: list, filter, compare, and a run that is under way as it goes on. Prints the
address of the page and answers until Ctrl-C. Nothing in the folders is changed.

A game day that goes on in a terminal (seatrial gameday) can be watched and worked from its
page, from the preflight to the scorecard: go and no-go, marks, notes, the abort. That needs
the key behind the # of the printed address; a page that was opened without it looks on.
What a game day hides from those who respond, no page shows before the debrief.

The page is not for other machines, but reading needs no password: whoever can log in to this
one can read the runs while it stands.`,
		Example: `  seatrial serve
  seatrial serve --out reports/out/sweep-20261121-153000 --port 8080`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), out, port, asJSON)
		},
	}
	set := command.Flags()
	set.StringVar(&out, "out", harness.DefaultOut, "folder below which runs are looked for")
	set.IntVar(&port, "port", 0, "port to listen on; 0: any that is free")
	set.BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) serve(ctx context.Context, out string, port int, asJSON bool) error {
	if port < 0 || port > 65535 {
		return usage("--port %d: give one from 1 to 65535, or 0 for any that is free", port)
	}
	info, err := os.Stat(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("--out %s: there is no such folder: name the one below which runs are stored, or make a run first", out)
	case err != nil:
		return usage("--out %s: %w", out, err)
	case !info.IsDir():
		return usage("--out %s is a file: name the folder below which runs are stored", out)
	}
	listener, err := listen(port)
	if err != nil {
		return err
	}
	defer listener.Close()
	a.idle.Store(true)
	a.live.Phase("looking through " + out)
	server, err := serve.Open(filepath.Clean(out))
	if err != nil {
		return usage("--out %s: %w", out, err)
	}
	defer server.Close()
	if err := a.printServed(served{"http://" + listener.Addr().String() + "/", server.Key(), out, server.Runs()}, asJSON); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	a.live.Say(quantity(server.Runs(), "run") + " so far; Ctrl-C ends the page")
	if err := server.Serve(ctx, listener); err != nil {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil // Ctrl-C is how this command is meant to end
}

// listen takes a port of this machine that no other machine can reach.
func listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, usage("--port %d is taken by another program (another seatrial serve?): name another one, or leave it out for any that is free", port)
	case errors.Is(err, os.ErrPermission):
		return nil, usage("--port %d may not be used by this user: name one from 1024 on, or leave it out for any that is free", port)
	case err != nil:
		return nil, fmt.Errorf("listen on 127.0.0.1: %w", err)
	}
	return listener, nil
}

func (a *app) printServed(s served, asJSON bool) error {
	a.live.Close()
	if asJSON {
		return printJSON(a.stdout, s)
	}
	_, err := fmt.Fprintln(a.stdout, s.URL+"#key="+s.Key)
	return err
}
