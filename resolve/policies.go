package resolve

import (
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
)

// policies answers which policy governs a location in canonical form: that of the most specific
// rules that enclose it, for each kind of pull, NeverContactSource winning where two as long
// differ.
type policies struct {
	bySource scopeMap[*policy] // by source in canonical form
	all      []*policy
}

// policy is what the rules of one source, in all its spellings, say: for each kind of pull whether
// there is a rule, and whether one forbids contacting the source.
type policy struct {
	source      string
	plain       bool // by plain HTTP alone, the form of an insecure source
	rule, never [len(pulls)]bool
	by          *mirrorset.Rule // the first that forbids it
}

// forbids reports whether a rule of either kind says NeverContactSource.
func (p *policy) forbids() bool { return p.never[0] || p.never[1] }

// newPolicies collects what the rules say of each source. A source that insecure holds for is asked
// by plain HTTP too, and so counts in both forms.
func newPolicies(rules *mirrorset.Rules, insecure func(source string) bool) policies {
	if !slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool { return r.Never }) {
		return policies{} // nothing is forbidden
	}
	p := policies{bySource: newScopeMap[*policy](len(rules.Rules))}
	for i := range rules.Rules {
		r := &rules.Rules[i]
		for form, source := range canonicalForms(r.Source, insecure(r.Source)) {
			said, ok := p.bySource.get(source)
			if !ok {
				said = &policy{source: source, plain: true}
				p.bySource.set(source, said)
				p.all = append(p.all, said)
			}
			said.plain = said.plain && form > 0 // the second form is that of plain HTTP
			kind := kindOf(r.Pull)
			said.rule[kind] = true
			said.never[kind] = said.never[kind] || r.Never
			if r.Never && said.by == nil {
				said.by = r
			}
		}
	}
	return p
}

// opened returns the rule under NeverContactSource of whose source another rule, which allows contact,
// opens a part again; nil where it opens nothing. The longest source around that of the rule is the
// one that counts.
func (p policies) opened(r *mirrorset.Rule) *mirrorset.Rule {
	form, kind := canonical(r.Source), kindOf(r.Pull)
	around := p.bySource.longest(form, func(said *policy) bool { return said.rule[kind] && said.source != form })
	for _, said := range around.values[:around.n] {
		if said.never[kind] {
			return said.by
		}
	}
	return nil
}

// forbids returns the source under NeverContactSource that a location may not be contacted for by
// HTTPS, or by plain HTTP, and "" where there is none.
func (p policies) forbids(location string, http bool) string {
	form := canonical(location)
	if http {
		form = canonicalHTTP(location)
	}
	return p.forbidsForm(form, func(said *policy, _ int) bool {
		return !(http && isWildcard(said.source)) // a wildcard covers every port: the form for HTTPS answers for it
	})
}

// forbidsHTTPS is forbids for a request that is made by HTTPS. What a rule opens at port 80 because its
// source is insecure, it opens for plain HTTP.
func (p policies) forbidsHTTPS(location string) string {
	return p.forbidsForm(canonical(location), func(said *policy, kind int) bool {
		return !said.plain || said.never[kind]
	})
}

// forbidsForm returns the source under NeverContactSource that governs a location in canonical form,
// among those that count.
func (p policies) forbidsForm(form string, counts func(said *policy, kind int) bool) string {
	for kind := range pulls {
		best := p.bySource.longest(form, func(said *policy) bool { return said.rule[kind] && counts(said, kind) })
		for _, said := range best.values[:best.n] {
			if said.never[kind] {
				return best.values[0].source
			}
		}
	}
	return ""
}
