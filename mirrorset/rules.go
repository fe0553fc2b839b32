package mirrorset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Rules is what a set of objects asks for, for every platform. Package resolve makes tables of it.
type Rules struct {
	// Rules are sorted: those for pulls by digest first, then those for pulls by tag, each by source.
	Rules []Rule
	// Unused are the valid entries that make no rule, because they name no mirror but their own source.
	Unused []*Entry
	// Insecure and Blocked are the scopes of the Image named cluster, in the order listed.
	Insecure, Blocked []Scope
	// Allowed are its scopes outside of which Linux nodes take no image, in the order listed; none
	// where every image is allowed. They become part of policy.json.
	Allowed []Scope
	// ClusterImagePolicies and ImagePolicies are those of the set, as they were read. They become
	// part of policy.json.
	ClusterImagePolicies []ClusterImagePolicy
	ImagePolicies        []ImagePolicy
	// SearchRegistries replaces the hosts that Linux nodes try for names without a registry; nil where
	// the Image does not say.
	SearchRegistries []string
	// ReleaseImage is that of the release payload, with the field of the ClusterVersion that names it;
	// its Value is empty where none does.
	ReleaseImage Scope
	// DisruptionPolicies are the entries for files of the MachineConfiguration named cluster.
	DisruptionPolicies []DisruptionPolicy
	// Rendered is the rendered MachineConfig that the files of the rules share with most else; the zero
	// value where the set has none.
	Rendered RenderedConfig
	// TrustedCAs are the certificates that additionalTrustedCA of the Image named cluster leads to.
	TrustedCAs []TrustedCA
	// Findings are those of reading and validating, and the loops that merging found.
	Findings finding.Findings
}

// Rule is the merged form of all entries of one source and kind of pull.
type Rule struct {
	Pull   Pull
	Source string
	// Never is set under NeverContactSource. Tables take it for set where the policy of an entry forbids
	// contacting the source, too.
	Never bool
	// Entries are the entries that the rule was merged from, ordered by object and place.
	Entries []*Entry
}

// Mirror is one mirror of a rule.
type Mirror struct {
	Location string
	// Origins are the places that name the mirror, in order. A source that stands here because a
	// loop was broken at it has none.
	Origins []finding.Origin
}

// Rules validates the set and merges its entries.
//
// Where the API server or MCO refuses something the error is a *RefusedError that holds every
// refusal. The rules are returned with it, for code that goes on in spite of the error. They leave
// out entries without a valid source, and invalid mirrors. A source with both policies, or with one that
// is neither of the two, is under NeverContactSource.
//
// A nil Set, as [ReadFiles] returns it beside an error of the file system, has no rules, and this is an error.
func (s *Set) Rules() (*Rules, error) {
	if s == nil {
		return &Rules{}, errNoSet
	}
	all := s.entries()
	findings := append(slices.Clone(s.Findings), s.validate(all)...)
	r := &Rules{
		Rules:    make([]Rule, 0, len(all)),
		Insecure: validScopes(s.scopes(listInsecure)),
		Blocked:  validScopes(s.scopes(listBlocked)),
		Allowed:  validScopes(s.scopes(listAllowed)),

		ClusterImagePolicies: s.ClusterImagePolicies,
		ImagePolicies:        s.ImagePolicies,

		ReleaseImage:       s.releaseImage(),
		DisruptionPolicies: s.DisruptionPolicies(),
		Rendered:           s.largestRest(),
	}
	var problems finding.Findings
	r.TrustedCAs, problems = s.trustedCAs()
	findings = append(findings, problems...)
	for _, scope := range s.scopes(listSearch) {
		if ValidHost(scope.Value) {
			r.SearchRegistries = append(r.SearchRegistries, scope.Value)
		}
	}

	never := map[string]bool{} // sources that any entry puts under NeverContactSource
	for _, e := range all {
		if e.Policy.Forbids() {
			never[e.Source] = true
		}
	}
	for _, given := range all {
		if !ValidSource(given.Source) {
			continue
		}
		e := given.usable()
		if e == given && !e.real() { // an entry with refused mirrors keeps its policy, even without any mirror
			r.Unused = append(r.Unused, e)
			continue
		}
		if n := len(r.Rules); n == 0 || r.Rules[n-1].Source != e.Source || r.Rules[n-1].Pull != e.Pull {
			r.Rules = append(r.Rules, Rule{Pull: e.Pull, Source: e.Source, Never: never[e.Source]})
		}
		rule := &r.Rules[len(r.Rules)-1]
		rule.Entries = append(rule.Entries, e)
	}
	for i := range r.Rules {
		findings = append(findings, r.Rules[i].checkOrder()...)
	}
	findings = append(findings, r.checkForeignLayers()...)
	r.Findings = findings.Sort()
	return r, r.Findings.Err()
}

var errNoSet = errors.New("there is no set of objects to make rules of: the error of reading it says why")

// usable returns the entry without the mirrors that are refused: the entry itself, or a copy. Under
// NeverContactSource the source itself is refused as a mirror.
func (e *Entry) usable() *Entry {
	bad := func(m string) bool { return !ValidMirror(m) || e.Policy.Forbids() && m == e.Source }
	if !slices.ContainsFunc(e.Mirrors, bad) {
		return e
	}
	c := *e
	c.Mirrors, c.named = nil, nil
	for i, m := range e.Mirrors {
		if !bad(m) {
			c.Mirrors, c.named = append(c.Mirrors, m), append(c.named, i)
		}
	}
	return &c
}

func validScopes(scopes []Scope) []Scope {
	return slices.DeleteFunc(scopes, func(s Scope) bool { return !ValidSource(s.Value) })
}

// checkOrder reports lists that contradict each other.
func (r *Rule) checkOrder() finding.Findings {
	order, loop := PreferenceOrder(r.lists(), r.Source)
	if loop == nil {
		return nil
	}
	where := make([]string, 0, len(r.Entries))
	for _, e := range r.Entries {
		where = append(where, e.Origin.String())
	}
	var other finding.Origin
	if len(r.Entries) > 1 {
		other = r.Entries[1].Origin
	}
	return finding.Findings{{
		Code: finding.CodeOrderConflict, Severity: finding.SeverityWarning, Origin: r.Entries[0].Origin, Value: r.Source,
		Related: other,
		Message: fmt.Sprintf("has its mirrors tried in the order %s; that breaks the order of a list: those of "+
			"%s contradict each other (%s); state one order in one list",
			strings.Join(order, ", "), strings.Join(loop, ", "), strings.Join(where, "; ")),
	}}
}

// lists returns the list of each entry. Entries built by hand may be nil.
func (r *Rule) lists() [][]string {
	lists := make([][]string, len(r.Entries))
	for i, e := range r.Entries {
		if e != nil {
			lists[i] = e.Mirrors
		}
	}
	return lists
}

// Mirrors returns the mirrors of the rule's entries in the order of preference. The source may be
// among them, but not as the last. Each call makes a new list.
func (r *Rule) Mirrors() []Mirror {
	order, _ := PreferenceOrder(r.lists(), r.Source)
	mirrors := make([]Mirror, len(order))
	for i, m := range order {
		mirrors[i].Location = m
	}
	place := indexOf(order)
	for n, list := range r.lists() {
		for j, m := range list {
			if i, ok := place(m); ok { // a source that comes last is left out
				mirrors[i].Origins = append(mirrors[i].Origins, r.Entries[n].MirrorOrigin(j))
			}
		}
	}
	return mirrors
}
