package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/testcontainers/testcontainers-go/log"
)

func main() {
	// What testcontainers says of each container would tear the live view apart;
	// its errors come back as errors.
	log.SetDefault(log.NewNoopLogger())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	seatrial := newApp(realWorld(), os.Stdout, os.Stderr)
	os.Exit(seatrial.execute(context.Background(), signals, os.Args[1:]))
}
