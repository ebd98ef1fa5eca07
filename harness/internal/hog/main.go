// Hog takes memory inside a container until the kernel kills the container's
// main process. It is copied into the container and started there as root, so
// that it works in images that have no shell.
//
// It marks process 1 as the kernel's first choice, then allocates and touches
// memory without end; the container's memory limit makes that end soon. A
// hog that is itself chosen has failed, and the caller sees process 1 alive.
//
// The one argument is how many bytes it may take at most (the container's
// limit and something above it): it must not eat the machine where no limit is in force.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const chunk = 8 << 20

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: hog BYTES")
		os.Exit(2)
	}
	most, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "hog:", err)
		os.Exit(2)
	}
	if err := os.WriteFile("/proc/1/oom_score_adj", []byte("1000"), 0); err != nil {
		fmt.Fprintln(os.Stderr, "hog: mark process 1 for the kernel:", err)
		os.Exit(1)
	}
	// Refused without CAP_SYS_RESOURCE where the value was higher before;
	// process 1 is still the better choice then.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	var held [][]byte
	for len(held)*chunk < most {
		block := make([]byte, chunk)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		held = append(held, block)
	}
	fmt.Fprintf(os.Stderr, "hog: took %d bytes and nothing was killed: is the memory limit in force?\n", most)
	os.Exit(3)
}
