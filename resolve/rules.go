package resolve

import (
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// complete returns rules as a Set makes them of rules that were built or changed by hand: without nil
// entries, and with Never where an entry says so. Nil becomes empty rules.
func complete(rules *mirrorset.Rules) *mirrorset.Rules {
	if rules == nil {
		return &mirrorset.Rules{}
	}
	isNil := func(e *mirrorset.Entry) bool { return e == nil }
	forbids := func(e *mirrorset.Entry) bool { return e != nil && e.Policy.Forbids() }
	incomplete := func(r mirrorset.Rule) bool {
		return slices.ContainsFunc(r.Entries, isNil) || !r.Never && slices.ContainsFunc(r.Entries, forbids)
	}
	if !slices.ContainsFunc(rules.Rules, incomplete) && !slices.ContainsFunc(rules.Unused, isNil) {
		return rules
	}
	c := *rules
	c.Rules = slices.Clone(rules.Rules)
	for i := range c.Rules {
		r := &c.Rules[i]
		r.Entries = slices.DeleteFunc(slices.Clone(r.Entries), isNil)
		r.Never = r.Never || slices.ContainsFunc(r.Entries, forbids)
	}
	c.Unused = slices.DeleteFunc(slices.Clone(rules.Unused), isNil)
	return &c
}

// ruleOrigin returns the origin of the first entry of a rule. A rule built by hand may have no entries.
func ruleOrigin(r *mirrorset.Rule) finding.Origin {
	if len(r.Entries) == 0 {
		return finding.Origin{}
	}
	return r.Entries[0].Origin
}

// firstOrigin returns the first of some origins, and the zero Origin where there is none.
func firstOrigin(origins []finding.Origin) finding.Origin {
	if len(origins) == 0 {
		return finding.Origin{}
	}
	return origins[0]
}
