// Package random gives the comparisons their random configurations, and the flag that repeats a run.
package random

import (
	"flag"
	"fmt"
	"time"

	"github.com/pullroute/pullroute/internal/random"
)

// The seed is the same for every run: what lands is judged by what was changed, not by luck. Runs that look for more
// take one from the clock.
var seed = flag.Int64("seed", 20261125, "seed of the random comparisons; 0 takes one from the clock and prints it")

var (
	long = flag.Bool("long", false, "compare in full; without it every comparison makes a part of its count")
	part = flag.Int("part", 20, "what part a run without -long makes: a twentieth")
)

// Long says whether this is a full run.
func Long() bool { return *long }

// Count returns how many of something this run compares, given the number of a full run.
func Count(full int) int {
	if *long {
		return full
	}
	return (full + *part - 1) / *part
}

// Part says how much this run compares.
func Part() string {
	if *long {
		return "full counts"
	}
	return fmt.Sprintf("1/%d of the full counts", *part)
}

// Seed returns the seed of this run.
func Seed() int64 {
	if *seed == 0 {
		*seed = time.Now().UnixNano()
	}
	return *seed
}

// Digest is the digest that references by digest are given where the content does not matter.
const Digest = random.Digest

// Source is a stream of random configurations. Two streams of one seed and name are equal.
type Source = random.Source

// Hosts are the registry hosts that configurations and references are made of.
var Hosts = random.Hosts

// New returns the stream for one test.
func New(name string) *Source {
	h := Seed()
	for _, c := range []byte(name) {
		h = h*31 + int64(c)
	}
	return random.New(h)
}
