package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	// A terminal that is closed must not leave anything broken either.
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	seatrial := newApp(realWorld(), os.Stdout, os.Stderr)
	os.Exit(seatrial.execute(context.Background(), signals, os.Args[1:]))
}
