// Package bench measures pullroute side by side with what a user would pick instead, in one run over the same
// inputs. The metric "x" is how many times faster pullroute is.
package bench

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"go.podman.io/image/v5/docker/reference"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// beside measures own as the benchmark, and theirs beside it, by turns, so that both see the same machine. Of each the
// fastest batch counts: other programs on the machine only ever make one slower.
func beside(b *testing.B, peer string, theirs, own func()) {
	theirBatch, ownBatch := batch(theirs), batch(own)
	theirTime, ownTime := math.Inf(1), math.Inf(1)
	for range 7 {
		theirTime = min(theirTime, fastest(theirs, theirBatch))
		ownTime = min(ownTime, fastest(own, ownBatch))
	}
	b.ReportAllocs()
	for b.Loop() {
		own()
	}
	b.ReportMetric(ownTime, "fastest-ns")
	b.ReportMetric(theirTime, "fastest-ns-"+peer)
	b.ReportMetric(theirTime/ownTime, "x")
}

// batch returns how often f runs in about a millisecond, at least once.
func batch(f func()) (n int) {
	for n = 1; each(f, n)*float64(n) < 1e6; n *= 2 {
	}
	return n
}

// each returns the nanoseconds that f takes, over n runs.
func each(f func(), n int) float64 {
	start := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

// fastest returns the nanoseconds that f takes in the fastest of the batches that fit into 100 ms.
func fastest(f func(), n int) float64 {
	best := math.Inf(1)
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
		best = min(best, each(f, n))
	}
	return best
}

func rulesOf(b *testing.B, set *mirrorset.Set) *mirrorset.Rules {
	rules, err := set.Rules()
	if err != nil {
		b.Fatal(err)
	}
	return rules
}

func registriesConf(b *testing.B, set *mirrorset.Set) []byte {
	files, _ := render.Linux(rulesOf(b, set), nil)
	return files.Config.Bytes()
}

// BenchmarkRegistriesConf merges objects in memory and writes registries.conf, as MCO's library and encoder do
// it.
func BenchmarkRegistriesConf(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set := shapes.Sources(n)
			cluster := openshift.ClusterOf(set)
			mco := func() []byte {
				conf, err := openshift.MCO(openshift.MCOBase, cluster)
				if err != nil {
					b.Fatal(err)
				}
				return conf
			}
			if string(registriesConf(b, set)) != string(mco()) {
				b.Fatal("the files differ")
			}
			beside(b, "mco", func() { mco() }, func() { registriesConf(b, set) })
		})
	}
}

// BenchmarkHostsToml writes a hosts.toml for each of 97 registries, as WMCO's algorithm does it: "rules" from merged
// rules, which is as much as that algorithm does, with the findings of the platform; "objects" from objects, which
// are checked and merged first.
func BenchmarkHostsToml(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		set := shapes.Sources(n)
		digests, tags := openshift.ClusterOf(set).Items()
		tree := func(rules *mirrorset.Rules) (files int) {
			for _, rf := range render.Tree(rules) {
				if len(rf.File.Bytes()) > 0 {
					files++
				}
			}
			return files
		}
		rules := rulesOf(b, set)
		if theirs := openshift.WMCO(digests, tags); len(theirs) != tree(rules) {
			b.Fatalf("%d files and %d", len(theirs), tree(rules))
		}
		wmco := func() { openshift.WMCO(digests, tags) }
		b.Run(fmt.Sprintf("rules/%d", n), func(b *testing.B) { beside(b, "wmco", wmco, func() { tree(rules) }) })
		b.Run(fmt.Sprintf("objects/%d", n), func(b *testing.B) { beside(b, "wmco", wmco, func() { tree(rulesOf(b, set)) }) })
	}
}

// BenchmarkPlan asks where an image goes, as containers-image does it: find the registry, rewrite the
// reference for each location. As strings, references are parsed by both.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		set := shapes.Sources(n)
		table := resolve.NewLinuxTable(rulesOf(b, set))
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(dir)
		client, err := containersimage.LoadRegistries(dir, string(registriesConf(b, set)))
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		const images = 1000
		var texts [images]string
		var refs [images]resolve.Reference
		var theirRefs [images]reference.Named
		for i := range texts {
			source, _ := shapes.Source(i * 7919 % n)
			texts[i] = source + "/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			if refs[i], err = resolve.ParseReference(texts[i]); err != nil {
				b.Fatal(err)
			}
			if theirRefs[i], err = reference.ParseNormalizedNamed(texts[i]); err != nil {
				b.Fatal(err)
			}
		}
		theirs := func(named reference.Named, err error) {
			if places, fault := client.PullSources(named); err != nil || fault != nil || places != 3 {
				b.Fatal(places, err, fault)
			}
		}
		check := func(places int, err error) {
			if err != nil || places != 3 {
				b.Fatal(places, err)
			}
		}
		var i int
		next := func() int { i++; return i % images }
		b.Run(fmt.Sprintf("string/%d", n), func(b *testing.B) {
			beside(b, "containers-image", func() { theirs(reference.ParseNormalizedNamed(texts[next()])) },
				func() { p, err := table.Plan(texts[next()]); check(len(p.Pull), err) })
		})
		b.Run(fmt.Sprintf("parsed/%d", n), func(b *testing.B) {
			beside(b, "containers-image", func() { theirs(theirRefs[next()], nil) },
				func() { p, err := table.PlanReference(refs[next()]); check(len(p.Pull), err) })
		})
	}
}
