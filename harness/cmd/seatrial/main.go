package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	seatrial := newApp(realWorld(), os.Stdout, os.Stderr)
	os.Exit(seatrial.execute(context.Background(), signals, os.Args[1:]))
}
