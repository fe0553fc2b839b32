package resolve_test

import (
	"fmt"
	"testing"

	"github.com/distribution/reference"
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

// BenchmarkPlan asks for plans, of references as strings and as parsed ones, and for the attempts alone.
// Parsing alone is what github.com/distribution/reference takes.
func BenchmarkPlan(b *testing.B) {
	b.Run("parsing alone", func(b *testing.B) {
		all := images(100)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := reference.ParseDockerRef(all[i%len(all)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{100, 10_000, 100_000} {
		rules := manyRules(b, n)
		linux, windows := resolve.NewImageTable(rules), resolve.NewRegistryTable(rules)
		texts := images(n)
		refs := make([]resolve.Reference, len(texts))
		for i := range refs {
			refs[i], _ = resolve.ParseReference(texts[i])
		}
		for _, c := range []struct {
			name string
			ask  func(i int) int // answers with the number of attempts
		}{
			{"linux/string", func(i int) int { p, _ := linux.Plan(texts[i]); return len(p.Pull) }},
			{"linux/parsed", func(i int) int { p, _ := linux.PlanReference(refs[i]); return len(p.Pull) }},
			{"linux/append", func(i int) int { return len(linux.AppendPull(steps[:0], refs[i])) }},
			{"windows/string", func(i int) int { p, _ := windows.Plan(texts[i]); return len(p.Pull) }},
			{"windows/parsed", func(i int) int { p, _ := windows.PlanReference(refs[i]); return len(p.Pull) }},
			{"windows/append", func(i int) int {
				return len(windows.AppendPull(steps[:0], refs[i])) + len(windows.AppendResolve(steps[:0], refs[i]))
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if c.ask(i%len(refs)) == 0 {
						b.Fatal("nothing is asked")
					}
				}
			})
		}
	}
}

// steps is reused, as a caller who asks at every pull would.
var steps = make([]resolve.Step, 0, 64)
