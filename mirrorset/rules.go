package mirrorset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/slab"
)

// Rules is what a set of objects asks for, platform-neutral: what package resolve turns into tables.
type Rules struct {
	// Rules are sorted: those for pulls by digest first, then those for pulls by tag, each by source.
	Rules []Rule
	// Insecure and Blocked are the scopes of the Image named cluster, in the order listed.
	Insecure, Blocked []Scope
	// SearchRegistries replaces the hosts that Linux nodes try for names without a registry; nil where
	// the Image does not say.
	SearchRegistries []string
	// TrustedCAs are the certificates that additionalTrustedCA of the Image named cluster leads to.
	TrustedCAs []TrustedCA
	// Findings holds everything that reading and validating noticed, and the loops of merging.
	Findings Findings
}

// Rule is what all entries of one source and kind of pull ask for together.
type Rule struct {
	Pull   Pull
	Source string
	// Never is set under NeverContactSource.
	Never bool
	// Mirrors are in the order of preference. The source may be among them, if not as the last.
	Mirrors []Mirror
	// Entries are the entries that the rule was merged from, ordered by object and place.
	Entries []*Entry
}

// Mirror is one mirror of a rule.
type Mirror struct {
	Location string
	// Origins are the places that name the mirror, in order; none for a source that a loop brought forward.
	Origins []Origin
}

// Rules validates the set and merges its entries.
//
// Where the API server or MCO refuses something the error is a *RefusedError that holds every refusal.
// The rules are returned all the same, for code that is to go on regardless: an entry without a valid
// source is left out, as is every invalid mirror, and where one source has both policies it is under
// NeverContactSource.
func (s *Set) Rules() (*Rules, error) {
	all := s.entries()
	findings := append(slices.Clone(s.Findings), s.validate(all)...)
	r := &Rules{
		Insecure: validScopes(s.scopes(listInsecure)),
		Blocked:  validScopes(s.scopes(listBlocked)),
	}
	var problems Findings
	r.TrustedCAs, problems = s.trustedCAs()
	findings = append(findings, problems...)
	for _, scope := range s.scopes(listSearch) {
		if validSearchRegistry(scope.Value) {
			r.SearchRegistries = append(r.SearchRegistries, scope.Value)
		}
	}

	valid := findings.Err() == nil // then nothing has to be looked at again
	usable := make([]*Entry, 0, len(all))
	never := map[string]bool{} // sources that any entry puts under NeverContactSource
	for _, e := range all {
		if !valid && !ValidSource(e.Source) {
			continue
		}
		if e.never() {
			never[e.Source] = true
		}
		mirrors := e.Mirrors
		if !valid {
			mirrors = usableMirrors(e)
		}
		if len(mirrors) < len(e.Mirrors) {
			// The refusal is reported. The copy keeps the policy even where no mirror is left.
			c := *e
			c.Mirrors, c.lines = mirrors, nil
			usable = append(usable, &c)
		} else if e.real() {
			usable = append(usable, e)
		}
	}
	count := 0
	for i, e := range usable {
		if i == 0 || compareRules(usable[i-1], e) != 0 {
			count++
		}
	}
	r.Rules = make([]Rule, 0, count)
	var memory mirrorMemory
	for len(usable) > 0 {
		first := usable[0]
		n := 1
		for n < len(usable) && compareRules(first, usable[n]) == 0 {
			n++
		}
		rule := Rule{Pull: first.Pull, Source: first.Source, Never: never[first.Source], Entries: usable[:n:n]}
		findings = append(findings, rule.merge(&memory)...)
		r.Rules = append(r.Rules, rule)
		usable = usable[n:]
	}
	r.Findings = findings.Sort()
	return r, r.Findings.Err()
}

// usableMirrors returns the mirrors that can be written. Under NeverContactSource the source is none.
func usableMirrors(e *Entry) []string {
	usable := e.Mirrors
	bad := func(m string) bool { return !ValidMirror(m) || e.never() && m == e.Source }
	if slices.ContainsFunc(usable, bad) {
		usable = slices.DeleteFunc(slices.Clone(usable), bad)
	}
	return usable
}

func validScopes(scopes []Scope) []Scope {
	return slices.DeleteFunc(scopes, func(s Scope) bool { return !ValidSource(s.Value) })
}

// mirrorMemory is what mirrors and their origins are made of.
type mirrorMemory struct {
	mirrors slab.Of[Mirror]
	origins slab.Of[Origin]
}

// merge fills the mirrors of a rule from its entries.
func (r *Rule) merge(memory *mirrorMemory) Findings {
	if len(r.Entries) == 1 && !repeats(r.Entries[0].Mirrors) {
		// One list is its own order; the graph would say the same.
		only := r.Entries[0]
		r.Mirrors = memory.mirrors.Make(len(only.Mirrors))
		for j, m := range only.Mirrors {
			if m != r.Source || j < len(only.Mirrors)-1 {
				r.Mirrors = append(r.Mirrors, Mirror{m, append(memory.origins.Make(1), only.MirrorOrigin(j))})
			}
		}
		return nil
	}
	lists := make([][]string, len(r.Entries))
	named := map[string]int{} // how often each mirror is
	for i, e := range r.Entries {
		lists[i] = e.Mirrors
		for _, m := range e.Mirrors {
			named[m]++
		}
	}
	order, loop := PreferenceOrder(lists, r.Source)
	place := make(map[string]int, len(order))
	r.Mirrors = memory.mirrors.Make(len(order))
	for i, m := range order {
		place[m] = i
		r.Mirrors = append(r.Mirrors, Mirror{Location: m})
		if n := named[m]; n > 0 {
			r.Mirrors[i].Origins = memory.origins.Make(n)
		}
	}
	for _, e := range r.Entries {
		for j, m := range e.Mirrors {
			if i, ok := place[m]; ok { // a source that comes last is left out
				r.Mirrors[i].Origins = append(r.Mirrors[i].Origins, e.MirrorOrigin(j))
			}
		}
	}
	if loop == nil {
		return nil
	}
	where := make([]string, 0, len(r.Entries))
	for _, e := range r.Entries {
		where = append(where, e.Origin.String())
	}
	return Findings{{
		Code: CodeOrderConflict, Severity: SeverityWarning, Origin: r.Entries[0].Origin, Value: r.Source,
		Message: fmt.Sprintf("the orders of %s cannot all be kept (%s); mirrors are tried in the order %s; state one order in one list",
			strings.Join(loop, ", "), strings.Join(where, "; "), strings.Join(order, ", ")),
	}}
}

// repeats reports whether a list holds an item twice.
func repeats(list []string) bool {
	if len(list) <= few {
		for i, s := range list {
			if slices.Contains(list[:i], s) {
				return true
			}
		}
		return false
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		seen[s] = true
	}
	return len(seen) < len(list)
}
