package resolve_test

import (
	"fmt"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// manyRules returns n rules over 97 registries, half of them for tags.
func manyRules(tb testing.TB, n int) *mirrorset.Rules {
	set := &mirrorset.Set{}
	digests := mirrorset.ImageDigestMirrorSet{Metadata: mirrorset.ObjectMeta{Name: "d"}}
	tags := mirrorset.ImageTagMirrorSet{Metadata: mirrorset.ObjectMeta{Name: "t"}}
	for i := range n {
		path := fmt.Sprintf("/org%d/repo%d", i%1000, i)
		e := mirrorset.ImageMirrors{
			Source:  fmt.Sprintf("registry%d.example.com%s", i%97, path),
			Mirrors: []string{"mirror.corp" + path, "backup.corp" + path},
		}
		if i%2 == 0 {
			digests.Spec.ImageDigestMirrors = append(digests.Spec.ImageDigestMirrors, e)
		} else {
			tags.Spec.ImageTagMirrors = append(tags.Spec.ImageTagMirrors, e)
		}
	}
	set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, digests)
	set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, tags)
	rules, err := set.Rules()
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

// images returns references into the sources of manyRules.
func images(n int) []string {
	all := make([]string, 1000)
	for i := range all {
		j := i * 7919 % n
		all[i] = fmt.Sprintf("registry%d.example.com/org%d/repo%d/app:1.%d", j%97, j%1000, j, i)
	}
	return all
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		rules := manyRules(b, n)
		refs := images(n)
		linux := resolve.NewImageTable(rules)
		b.Run(fmt.Sprintf("linux/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if p, err := linux.Plan(refs[i%len(refs)]); err != nil || len(p.Pull) == 0 {
					b.Fatal(err, p)
				}
			}
		})
	}
	rules := manyRules(b, 10_000)
	refs := images(10_000)
	windows := resolve.NewRegistryTable(rules)
	b.Run("windows/10000", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if p, err := windows.Plan(refs[i%len(refs)]); err != nil || len(p.Pull) == 0 {
				b.Fatal(err, p)
			}
		}
	})
}
