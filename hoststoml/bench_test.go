package hoststoml_test

import (
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
)

// BenchmarkRender merges objects in memory and writes the hosts.toml of every registry.
func BenchmarkRender(b *testing.B) {
	shapes.Benchmark(b, func(rules *mirrorset.Rules) (written int) {
		tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
		for _, rf := range tree {
			written += len(rf.File.Bytes())
		}
		return written
	})
}
