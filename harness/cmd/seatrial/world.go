package main

import (
	"context"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/cost"
	"github.com/seatrial/seatrial/harness/internal/doctor"
	"github.com/seatrial/seatrial/harness/internal/verify"
	"github.com/seatrial/seatrial/reports"
)

// world is what the commands act on. real.go fills it with the harness; tests
// fill it with fakes.
type world struct {
	scenarios func() []harness.Scenario
	getenv    func(name string) string

	open    func(ctx context.Context, options harness.Options) (session, error)
	recheck func(dir string) (reports.Run, error)

	// find lists the stacks on the engine, whoever started them; remove takes
	// one away, and what was still broken in it goes with it.
	find   func(ctx context.Context) ([]harness.Found, error)
	remove func(ctx context.Context, id string) error
	// rollBack takes back what a dead run owes on a stack that still stands.
	rollBack func(ctx context.Context, dir string, progress func(string)) (harness.RolledBack, error)
	verify   func(ctx context.Context, request verify.Request) (verify.Result, error)
	// up starts the services for a pipeline that runs on this machine, inject breaks
	// something there, sendFiles drops files of one's own.
	up        func(ctx context.Context, options harness.Options) (services, error)
	inject    func(ctx context.Context, options harness.InjectOptions) (harness.Injected, error)
	sendFiles func(ctx context.Context, stack, out string, paths []string) (harness.SentFiles, error)

	examine func(ctx context.Context) doctor.Report

	benchStack func(ctx context.Context, rounds int, progress func(string)) (cost.Stack, error)
	benchTap   func(ctx context.Context, rounds int, progress func(string)) (cost.Tap, error)

	listImages   func(ctx context.Context) ([]storedImage, error)
	ensureImages func(ctx context.Context, kinds []string, progress func(string)) ([]reports.Image, error)
	removeImages func(ctx context.Context, refs ...string) ([]string, error)
	imageKinds   []string
}

// session is a stack that stays warm from run to run.
type session interface {
	Run(ctx context.Context, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error)
	Close(ctx context.Context) error
}

// services are a stack that was started without a pipeline.
type services struct {
	ID       string            `json:"id"`
	Services []harness.Address `json:"services"`
	// Environment is what a pipeline on this machine needs, by the names that a
	// seatrial.yaml may use.
	Environment map[string]string `json:"environment"`
	down        func(ctx context.Context) error
}

// storedImage is an image that is on the engine.
type storedImage struct {
	Kind    string `json:"kind"` // a service, "base", or the name of a program
	Ref     string `json:"ref"`
	Origin  string `json:"origin"` // "local" or "built"
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Bytes   int64  `json:"bytes"`
	Current bool   `json:"current"` // a run would take it
}

// originBuilt marks images that were built here.
const originBuilt = "built"
