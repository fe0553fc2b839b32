package resolve_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/reference"

	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// manyRules returns n rules over 97 registries.
func manyRules(tb testing.TB, n int) *mirrorset.Rules {
	rules, err := shapes.Sources(n).Rules()
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

// images returns references into the sources of manyRules, in no order.
func images(n int) []string {
	all := make([]string, 1000)
	for i := range all {
		source, _ := shapes.Source(i * 7919 % n)
		all[i] = source + "/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	}
	return all
}

// BenchmarkPlan asks for plans, of references as strings, with a registry and without, and as parsed ones. The metric
// "ns-over-parsing" is what a plan of a string costs beyond parsing it with github.com/distribution/reference:
// both by turns, and the median of the differences.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		rules := manyRules(b, n)
		linux, windows := resolve.NewLinuxTable(rules), resolve.NewContainerdTable(rules)
		texts := images(n)
		refs, short := make([]resolve.Reference, len(texts)), make([]string, len(texts))
		for i := range refs {
			refs[i], _ = resolve.ParseReference(texts[i])
			short[i] = fmt.Sprintf("team%d/app:1", i)
		}
		for _, c := range []struct {
			name string
			ask  func(i int) int // answers with the number of attempts
		}{
			{"linux/string", func(i int) int { p, _ := linux.Plan(texts[i]); return len(p.Pull) }},
			{"linux/short", func(i int) int { p, _ := linux.Plan(short[i]); return len(p.Pull) }},
			{"linux/parsed", func(i int) int { p, _ := linux.PlanReference(refs[i]); return len(p.Pull) }},
			{"windows/string", func(i int) int { p, _ := windows.Plan(texts[i]); return len(p.Pull) }},
			{"windows/short", func(i int) int { p, _ := windows.Plan(short[i]); return len(p.Pull) }},
			{"windows/parsed", func(i int) int { p, _ := windows.PlanReference(refs[i]); return len(p.Pull) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if c.ask(i%len(refs)) == 0 {
						b.Fatal("nothing is asked")
					}
				}
				switch {
				case strings.HasSuffix(c.name, "string"):
					b.ReportMetric(overParsing(texts, func(i int) { c.ask(i) }), "ns-over-parsing")
				case strings.HasSuffix(c.name, "short"):
					b.ReportMetric(overParsing(short, func(i int) { c.ask(i) }), "ns-over-parsing")
				}
			})
		}
	}
}

// overParsing returns by how many nanoseconds plan takes longer than parsing a text does.
func overParsing(texts []string, plan func(i int)) float64 {
	each := func(f func(i int)) float64 {
		start := time.Now()
		for i := range texts {
			f(i)
		}
		return float64(time.Since(start).Nanoseconds()) / float64(len(texts))
	}
	var differences []float64
	for range 51 {
		parsing := each(func(i int) { _, _ = reference.ParseDockerRef(texts[i]) })
		differences = append(differences, each(plan)-parsing)
	}
	slices.Sort(differences)
	return differences[len(differences)/2]
}

// BenchmarkConcurrent asks one table from as many goroutines as there are cores (-cpu 1,2,4), while nothing
// changes, and while the table is replaced over and over by one swap of a pointer.
func BenchmarkConcurrent(b *testing.B) {
	const n = 10_000
	rules := manyRules(b, n)
	texts := images(n)
	refs := make([]resolve.Reference, len(texts))
	for i := range refs {
		refs[i], _ = resolve.ParseReference(texts[i])
	}
	ask := func(b *testing.B, current *atomic.Pointer[resolve.LinuxTable]) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if p, err := current.Load().PlanReference(refs[i%len(refs)]); err != nil || len(p.Pull) != 3 {
					b.Error("another number of places")
					return
				}
			}
		})
	}
	var current atomic.Pointer[resolve.LinuxTable]
	current.Store(resolve.NewLinuxTable(rules))
	b.Run("unchanged", func(b *testing.B) { ask(b, &current) })
	b.Run("replaced", func(b *testing.B) {
		tables := []*resolve.LinuxTable{resolve.NewLinuxTable(rules), resolve.NewLinuxTable(rules)}
		stop, stopped := make(chan struct{}), make(chan int)
		go func() {
			swaps := 0
			for tick := time.NewTicker(100 * time.Microsecond); ; swaps++ {
				select {
				case <-stop:
					stopped <- swaps
					return
				case <-tick.C:
					current.Store(tables[swaps%2])
				}
			}
		}()
		ask(b, &current)
		close(stop)
		b.ReportMetric(float64(<-stopped), "swaps")
	})
}
