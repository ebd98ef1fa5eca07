package main

import "golang.org/x/sys/unix"

// How this system is asked for a terminal's settings, and told.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)
