package hoststoml_test

import (
	"fmt"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/resolve"
)

// BenchmarkRender merges objects in memory and writes the hosts.toml of every registry.
func BenchmarkRender(b *testing.B) {
	for _, shape := range shapes.All {
		for _, n := range shape.Sizes {
			b.Run(fmt.Sprintf("%s/%d", shape.Name, n), func(b *testing.B) {
				set := shape.Set(n)
				b.ReportAllocs()
				for b.Loop() {
					rules, err := set.Rules()
					if err != nil {
						b.Fatal(err)
					}
					written := 0
					for _, rf := range hoststoml.FromTable(resolve.NewRegistryTable(rules)) {
						written += len(rf.File.Bytes())
					}
					if written == 0 {
						b.Fatal("nothing written")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/source")
			})
		}
	}
}
