package main

import "math/rand/v2"

// randomSeed returns a seed that a person can type and that every JSON reader
// holds exactly.
func randomSeed() uint64 { return 1 + rand.Uint64N(999_999_999) }
