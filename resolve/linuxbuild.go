package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// NewLinuxTable builds the table of a Linux node from rules, on the registries.conf that MCO starts
// from: no registries, and names without a registry are searched on registry.access.redhat.com and
// docker.io.
func NewLinuxTable(rules *mirrorset.Rules) *LinuxTable {
	return (&LinuxTable{search: defaultSearchRegistries}).Edit(rules)
}

// Edit returns the table of a file that holds what t holds and what rules ask for beside it, as MCO
// edits the registries.conf of a node: entries of t keep their place and what they say, and get the
// mirrors and flags of the rules added. t is left as it is.
//
// The order of entries is MCO's: those of t, then the sources of rules for digests, then those for
// tags, then blocked scopes, then insecure ones. Only the entry with the longest prefix governs a
// pull, so each entry is made to hold all that the rules say of its prefix: a kind of pull without
// a rule of its own gets the mirrors of the most specific rule that encloses it; a prefix under
// NeverContactSource by any rule that encloses it, and inside a blocked scope, is blocked; inside
// an insecure scope it is insecure, as are mirrors.
//
// Edit of nil edits the empty table; nil rules ask for nothing.
func (t *LinuxTable) Edit(rules *mirrorset.Rules) *LinuxTable {
	if t == nil {
		t = &LinuxTable{}
	}
	rules = complete(rules)
	b := newImageBuilder(t, rules)
	b.addEntries()
	b.blockSpellings()
	b.govern()
	b.addMirrors()
	b.block()
	b.blockHiding()
	b.markInsecure()
	built := &b.table
	built.indexBlocked()
	b.check()
	built.Findings = b.findings.Sort()
	return built
}

type imageBuilder struct {
	table    LinuxTable
	rules    *mirrorset.Rules
	merged   []mergedRule // the rules of rules, in the same order, with their mirrors
	at       []int        // for each rule the place of its source's entry
	governs  []governors  // for each entry the rules that govern it
	policies policies
	blocked  scopeSet // blocked scopes in canonical form
	insecure scopeSet // insecure scopes as they are spelled, because the client compares spellings
	findings finding.Findings
}

// mergedRule is a rule and its mirrors.
type mergedRule struct {
	*mirrorset.Rule
	mirrors []mirrorset.Mirror
}

// The kinds of pull, in the order that a registry lists their mirrors in.
var pulls = [...]mirrorset.Pull{mirrorset.ByDigest, mirrorset.ByTag}

func newImageBuilder(t *LinuxTable, rules *mirrorset.Rules) *imageBuilder {
	b := &imageBuilder{
		table: LinuxTable{entries: cloneEntries(t.entries), search: t.search, mode: t.mode, aliases: t.aliases},
		rules: rules, at: make([]int, 0, len(rules.Rules)),
	}
	for _, s := range rules.Insecure {
		b.insecure.add(s.Value)
	}
	asksInsecure := func(scope string) bool {
		base := t.find(scope)
		return b.insecure.covers(scope) || base != nil && base.Insecure
	}
	b.policies = newPolicies(rules, asksInsecure)
	for _, s := range rules.Blocked {
		for _, form := range canonicalForms(s.Value, asksInsecure(s.Value)) {
			b.blocked.add(form)
		}
	}
	added := len(rules.Rules) + len(rules.Blocked) + len(rules.Insecure)
	b.table.entries = slices.Grow(b.table.entries, added)
	b.table.index, b.table.dead = newScopeMap[int](len(t.entries)+added), nil
	if rules.SearchRegistries != nil {
		b.table.override = slices.Clone(rules.SearchRegistries)
	}
	for i := range t.entries {
		b.table.add(i)
	}
	b.merged = make([]mergedRule, len(rules.Rules))
	for i := range rules.Rules {
		r := &rules.Rules[i]
		b.merged[i] = mergedRule{r, r.Mirrors()}
	}
	return b
}

// entry returns the place of the entry for a prefix, and adds one where there is none.
func (b *imageBuilder) entry(prefix string) int {
	i, ok := b.table.index.get(prefix)
	if !ok {
		i = len(b.table.entries)
		b.table.index.set(prefix, i)
		r := LinuxEntry{Prefix: prefix, Location: prefix}
		if isWildcard(prefix) {
			r.Location = ""
		}
		b.table.entries = append(b.table.entries, r)
	}
	return i
}

func (b *imageBuilder) addEntries() {
	for i := range b.rules.Rules {
		r := &b.rules.Rules[i]
		at := b.entry(r.Source)
		b.at = append(b.at, at)
		e := &b.table.entries[at]
		for _, from := range r.Entries {
			e.Origins = append(e.Origins, from.Origin)
		}
	}
	for _, scopes := range [][]mirrorset.Scope{b.rules.Blocked, b.rules.Insecure} {
		for _, s := range scopes {
			e := &b.table.entries[b.entry(s.Value)]
			e.Origins = append(e.Origins, s.Origin)
		}
	}
}

// govern finds the rules that govern each entry, for each kind of pull.
func (b *imageBuilder) govern() {
	own := make([]governors, len(b.table.entries)) // the rules whose source is the entry's prefix
	var given [len(pulls)]bool                     // the kinds that have rules at all
	for i := range b.rules.Rules {
		r := &b.merged[i]
		own[b.at[i]][kindOf(r.Pull)], given[kindOf(r.Pull)] = r, true
	}
	b.governs = slices.Clone(own)
	for i := range own {
		for kind := range pulls {
			if given[kind] && own[i][kind] == nil {
				b.governs[i][kind] = b.enclosingRule(own, b.table.entries[i].Prefix, kind)
			}
		}
	}
}

// governors are rules, one for each kind of pull or nil.
type governors [len(pulls)]*mergedRule

// kindOf returns the place of a kind in pulls.
func kindOf(p mirrorset.Pull) int {
	if p == pulls[0] {
		return 0
	}
	return 1
}

// enclosingRule returns the rule with the longest source that encloses a prefix; of two as long,
// the wildcard, as at a pull. Each source is the prefix of an entry, which own has the rules of.
func (b *imageBuilder) enclosingRule(own []governors, prefix string, kind int) *mergedRule {
	best := b.table.index.longest(prefix, func(j int) bool { return own[j][kind] != nil })
	if best.n == 0 {
		return nil
	}
	return own[best.values[best.n-1]][kind]
}

// addMirrors gives every entry the mirrors of the rule that governs it, for each kind that the
// file's own mirrors do not serve already.
func (b *imageBuilder) addMirrors() {
	for i := range b.table.entries {
		e := &b.table.entries[i]
		if b.table.dead[i] {
			continue
		}
		own := e.Mirrors
		byDigestOnly := e.MirrorByDigestOnly
		for kind, pull := range pulls {
			r := b.governs[i][kind]
			if r == nil || r.Source != e.Prefix && slices.ContainsFunc(own, func(m LinuxMirror) bool {
				return m.Pull == pull || m.Pull == "" && (pull == mirrorset.ByDigest || !byDigestOnly)
			}) {
				continue
			}
			after := rest(e.Prefix, r.Source)
			if isWildcard(e.Prefix) {
				after = "" // the client appends what follows the host
			}
			if e.MirrorByDigestOnly {
				// The client refuses a file with both this setting and a kind of pull on a mirror. The
				// kind "digest" on each mirror means the same.
				e.MirrorByDigestOnly = false
				for j := range own {
					own[j].Pull = mirrorset.ByDigest
				}
			}
			e.Mirrors = slices.Grow(e.Mirrors, len(r.mirrors))
			for _, m := range r.mirrors {
				e.Mirrors = append(e.Mirrors, LinuxMirror{Location: m.Location + after, Pull: pull, Origins: m.Origins})
			}
		}
	}
}

// block sets the flag where a rule that encloses a prefix forbids contacting it, or a scope blocks it.
func (b *imageBuilder) block() {
	for i := range b.table.entries {
		e := &b.table.entries[i]
		// The client looks a location up among the prefixes before it asks, so the prefix decides.
		// An entry of the base file may have another location. That location counts too, because
		// the client refuses a file in which one location is blocked in one entry and not in
		// another.
		insecure := e.Insecure || b.insecure.covers(e.Prefix)
		if b.forbids(e.Prefix, insecure) != "" || b.forbidsTarget(e.elsewhere(), insecure) {
			e.Blocked = true
		}
		digest, tag := b.governs[i][kindOf(mirrorset.ByDigest)], b.governs[i][kindOf(mirrorset.ByTag)]
		if !b.table.dead[i] && digest != nil && tag != nil && digest.Never != tag.Never {
			never, allow := digest, tag
			if tag.Never {
				never, allow = tag, digest
			}
			b.findings = append(b.findings, finding.Finding{
				Code: finding.CodePolicyShared, Severity: finding.SeverityWarning, Platform: finding.Linux,
				Origin: ruleOrigin(allow.Rule), Related: ruleOrigin(never.Rule), Value: e.Prefix,
				Message: fmt.Sprintf("is not contacted for pulls by %s either, though this entry allows "+
					"it; NeverContactSource of %s for pulls by %s (%s) holds here too, and a registry is "+
					"blocked for both kinds",
					allow.Pull, never.Source, never.Pull, ruleOrigin(never.Rule)),
			})
		}
	}
}

// forbidsTarget reports whether an entry that leads to a location is blocked for it: under
// NeverContactSource, or where the location has a blocked entry of its own.
func (b *imageBuilder) forbidsTarget(location string, insecure bool) bool {
	if b.policies.forbids(location, false) != "" || insecure && b.policies.forbids(location, true) != "" {
		return true
	}
	i, ok := b.table.index.get(location)
	return ok && (b.table.entries[i].Blocked || b.forbids(location, insecure) != "")
}

// forbids returns the source under NeverContactSource, or the blocked scope, that a location lies
// inside, in canonical form; "" where there is none.
func (b *imageBuilder) forbids(location string, insecure bool) string {
	if source := b.policies.forbids(location, false); source != "" {
		return source
	}
	if insecure {
		if source := b.policies.forbids(location, true); source != "" {
			return source
		}
	}
	for _, form := range canonicalForms(location, insecure) {
		if scope := b.blocked.cover(form); scope != "" {
			return scope
		}
	}
	return ""
}

// blockHiding finds the entries that can never govern a pull, because a wildcard as long as their prefix
// matches all that they match and wins: *.example.org over a.example.org. Where such an entry forbids
// contacting its source, the wildcard has to.
func (b *imageBuilder) blockHiding() {
	for i := range b.table.entries {
		e := &b.table.entries[i]
		label, domain, _ := strings.Cut(e.Prefix, ".")
		if b.table.dead[i] || len(label) != 1 || label == "*" { // no wildcard has a port or a path
			continue
		}
		j, ok := b.table.index.wild["."+domain]
		if !ok {
			continue
		}
		wildcard := &b.table.entries[j]
		message := fmt.Sprintf("has no effect: %s is as long, and the client prefers it; its mirrors are used "+
			"for %s", wildcard.Prefix, e.Prefix)
		if b.policies.forbids(e.Prefix, false) != "" {
			wildcard.Blocked = true
			message += fmt.Sprintf(", and %s is blocked as a whole so that %s is never contacted",
				wildcard.Prefix, e.Prefix)
		} else if e.Blocked && !wildcard.Blocked {
			message += ", and " + e.Prefix + " is not blocked; block the wildcard, or a longer name"
		}
		f := finding.Finding{
			Code: finding.CodeHiddenEntry, Severity: finding.SeverityWarning, Platform: finding.Linux,
			Origin: firstOrigin(e.Origins), Related: firstOrigin(wildcard.Origins), Value: e.Prefix, Message: message,
		}
		b.findings = append(b.findings, f)
	}
}

// markInsecure marks every entry and every mirror inside an insecure scope.
func (b *imageBuilder) markInsecure() {
	if len(b.rules.Insecure) == 0 {
		return
	}
	for i := range b.table.entries {
		e := &b.table.entries[i]
		e.Insecure = e.Insecure || b.insecure.covers(e.Prefix)
		for j := range e.Mirrors {
			m := &e.Mirrors[j]
			m.Insecure = m.Insecure || b.insecure.covers(m.Location)
		}
	}
}
