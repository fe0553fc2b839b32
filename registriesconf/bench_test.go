package registriesconf_test

import (
	"fmt"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// sources returns a set of n sources over 97 registries, one object each.
func sources(n int) *mirrorset.Set {
	set := &mirrorset.Set{}
	for i := range n {
		path := fmt.Sprintf("/org%d/repo%d", i%1000, i)
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
			Metadata: mirrorset.ObjectMeta{Name: fmt.Sprintf("m%d", i)},
			Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{{
				Source:  fmt.Sprintf("registry%d.example.com%s", i%97, path),
				Mirrors: []string{"mirror.corp" + path, "backup.corp" + path},
			}}},
		})
	}
	return set
}

// BenchmarkRender merges objects in memory and writes the registries.conf.
func BenchmarkRender(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set := sources(n)
			b.ReportAllocs()
			for b.Loop() {
				rules, err := set.Rules()
				if err != nil {
					b.Fatal(err)
				}
				if len(registriesconf.FromTable(registriesconf.Default(), resolve.NewImageTable(rules)).Bytes()) == 0 {
					b.Fatal("nothing written")
				}
			}
		})
	}
}
