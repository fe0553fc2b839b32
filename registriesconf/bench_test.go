package registriesconf_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// BenchmarkRender merges objects in memory and writes the registries.conf.
func BenchmarkRender(b *testing.B) {
	shapes.Benchmark(b, func(rules *mirrorset.Rules) int {
		return len(registriesconf.FromTable(registriesconf.Default(), resolve.NewLinuxTable(rules)).Bytes())
	})
}
