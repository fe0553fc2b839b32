// Package bench measures pullroute side by side with what a user would pick instead, in one run over the same
// inputs. The metric "x" is how many times faster pullroute is.
package bench

import (
	"fmt"
	"os"
	"slices"
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

// beside measures own as the benchmark, and theirs beside it: in rounds, so that both see the same machine, of
// which the median counts. What counts is the time of the processor, of all threads of the process, and not that of
// the clock: other programs on the machine then change it little.
func beside(b *testing.B, peer string, theirs, own func()) {
	theirs()
	own()
	const rounds = 7
	var theirTimes, ownTimes []float64
	for range rounds {
		theirTimes = append(theirTimes, each(theirs))
		ownTimes = append(ownTimes, each(own))
	}
	slices.Sort(theirTimes)
	slices.Sort(ownTimes)
	b.ReportAllocs()
	for b.Loop() {
		own()
	}
	b.ReportMetric(ownTimes[rounds/2], "cpu-ns/op")
	b.ReportMetric(theirTimes[rounds/2], "cpu-ns/op-"+peer)
	b.ReportMetric(theirTimes[rounds/2]/ownTimes[rounds/2], "x")
}

// each returns the nanoseconds of processor time that f takes, over at least 100 ms.
func each(f func()) float64 {
	start := processorTime()
	for n := 1; ; n++ {
		f()
		if passed := processorTime() - start; passed > 100*time.Millisecond {
			return float64(passed.Nanoseconds()) / float64(n)
		}
	}
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
