package main

import (
	"context"
	"os"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/cost"
	"github.com/seatrial/seatrial/harness/internal/doctor"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/verify"
	"github.com/seatrial/seatrial/scenarios"
)

// realWorld is the harness as the commands use it.
func realWorld() world {
	return world{
		scenarios:    scenarios.All,
		getenv:       os.Getenv,
		open:         open,
		recheck:      harness.Recheck,
		find:         harness.Stacks,
		remove:       harness.Clean,
		rollBack:     harness.Rollback,
		verify:       verify.Run,
		up:           startServices,
		inject:       harness.Inject,
		sendFiles:    harness.SendFiles,
		examine:      doctor.Examine,
		benchStack:   cost.MeasureStack,
		benchTap:     cost.MeasureTap,
		listImages:   listImages,
		ensureImages: ensureImages,
		removeImages: image.Remove,
		imageKinds:   imageKinds(),
	}
}

// open keeps a failed harness from becoming a session that is not nil.
func open(ctx context.Context, options harness.Options) (session, error) {
	h, err := harness.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// startServices opens a harness for the sake of its services.
func startServices(ctx context.Context, options harness.Options) (services, error) {
	h, err := harness.Open(ctx, options)
	if err != nil {
		return services{}, err
	}
	return services{ID: h.StackID(), Services: h.Addresses(), Environment: h.Environment(), down: h.Close}, nil
}
