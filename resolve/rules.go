package resolve

import (
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// complete returns rules without nil entries, which rules built by hand may hold. Nil becomes empty
// rules.
func complete(rules *mirrorset.Rules) *mirrorset.Rules {
	if rules == nil {
		return &mirrorset.Rules{}
	}
	isNil := func(e *mirrorset.Entry) bool { return e == nil }
	if !slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool { return slices.ContainsFunc(r.Entries, isNil) }) {
		return rules
	}
	c := *rules
	c.Rules = slices.Clone(rules.Rules)
	for i := range c.Rules {
		c.Rules[i].Entries = slices.DeleteFunc(slices.Clone(c.Rules[i].Entries), isNil)
	}
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
