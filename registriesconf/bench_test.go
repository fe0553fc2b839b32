package registriesconf_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// BenchmarkRender merges objects in memory and writes the registries.conf.
func BenchmarkRender(b *testing.B) {
	shapes.Benchmark(b, func(rules *mirrorset.Rules) int {
		files, _, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
		return len(files.Config.Bytes())
	})
}
