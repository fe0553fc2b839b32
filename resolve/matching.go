package resolve

import (
	"cmp"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
)

// Matching returns the rules whose source encloses an image, for its kind of pull, the most
// specific first: that one applies on Linux, and the others lose to it. On Windows all of them
// apply, and with them every other rule of the registry. image is written out in full as containerd
// does it.
func Matching(rules *mirrorset.Rules, image string) ([]*mirrorset.Rule, error) {
	rules = complete(rules)
	r, err := ParseReference(image)
	if err != nil {
		return nil, err
	}
	pull := mirrorset.ByTag
	if r.ByDigest() {
		pull = mirrorset.ByDigest
	}
	enclosingIt := map[string]bool{}
	for scope := range enclosing(r.Name()) {
		enclosingIt[scope.String()] = true
	}
	var matching []*mirrorset.Rule
	for i := range rules.Rules {
		if rule := &rules.Rules[i]; rule.Pull == pull && enclosingIt[rule.Source] {
			matching = append(matching, rule)
		}
	}
	slices.SortStableFunc(matching, func(a, b *mirrorset.Rule) int { return cmp.Compare(len(b.Source), len(a.Source)) })
	return matching, nil
}
