package shapes

import (
	"fmt"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
)

// Benchmark merges objects in memory and renders the rules, for every shape and size.
func Benchmark(b *testing.B, render func(*mirrorset.Rules) (written int)) {
	for _, shape := range All {
		for _, n := range shape.Sizes {
			b.Run(fmt.Sprintf("%s/%d", shape.Name, n), func(b *testing.B) {
				set := shape.Set(n)
				b.ReportAllocs()
				for b.Loop() {
					rules, err := set.Rules()
					if err != nil {
						b.Fatal(err)
					}
					if render(rules) == 0 {
						b.Fatal("nothing written")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
			})
		}
	}
}
