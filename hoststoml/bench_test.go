package hoststoml_test

import (
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// BenchmarkRender merges objects in memory and writes the hosts.toml of every registry.
func BenchmarkRender(b *testing.B) {
	shapes.Benchmark(b, func(rules *mirrorset.Rules) (written int) {
		for _, rf := range hoststoml.FromTable(resolve.NewContainerdTable(rules)) {
			written += len(rf.File.Bytes())
		}
		return written
	})
}
