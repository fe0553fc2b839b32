package resolve

import (
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// blockSpellings adds a blocked entry for every other spelling of what may not be contacted that
// the file itself leads to: by a mirror, by the location of an entry, by a search registry or by an
// alias. The client looks each location up by its spelling. Under NeverContactSource for quay.io/a,
// a mirror QUAY.io/a leads to the source; so does quay.io:0443/a, and registry.company.com under
// NeverContactSource for *.com, because the client looks for a wildcard's host at its first place
// in the name.
//
// For quay.io/a and the mirror QUAY.io/a/b the entry is QUAY.io/a; for the mirror QUAY.io, which
// contains quay.io/a, it is QUAY.io/a too. A mirror that contains many forbidden scopes is blocked
// as a whole, so that the file grows no faster than what it is made of.
func (b *imageBuilder) blockSpellings() {
	f := b.collectForbidden()
	if len(f.byHost) == 0 {
		return
	}
	for i := range b.table.entries {
		e := &b.table.entries[i]
		f.look(b, e.elsewhere(), e.Insecure, firstOrigin(e.Origins))
		for _, m := range e.Mirrors {
			f.look(b, m.Location, m.Insecure, firstOrigin(m.Origins))
		}
	}
	for i := range b.merged {
		for _, m := range b.merged[i].mirrors {
			f.look(b, m.Location, false, firstOrigin(m.Origins))
		}
	}
	for _, host := range b.table.searchRegistries() {
		f.look(b, host, false, b.table.searchOrigin())
	}
	for _, name := range slices.Sorted(maps.Keys(b.table.aliases)) {
		f.look(b, b.table.aliases[name], false, finding.Origin{})
	}
	prefixes := make([]string, 0, len(f.missing))
	for prefix := range f.missing {
		prefixes = append(prefixes, prefix)
	}
	slices.Sort(prefixes)
	for _, prefix := range prefixes {
		at := b.entry(prefix)
		if f.wide[prefix] {
			if b.table.wide == nil {
				b.table.wide = map[int]bool{}
			}
			b.table.wide[at] = true
		}
		e := &b.table.entries[at]
		e.Blocked = true
		if len(e.Origins) == 0 {
			e.Origins = []finding.Origin{f.missing[prefix]}
		}
	}
}

// forbiddenScopes are the sources under NeverContactSource and the blocked scopes, by host.
type forbiddenScopes struct {
	byHost    map[string][]forbiddenPath // by host or wildcard in canonical form; sorted by path
	wildcards map[string]bool            // as they are spelled
	missing   map[string]finding.Origin  // prefixes of entries to add
	wide      map[string]bool            // those of them that hold more than what is forbidden
}

type forbiddenPath struct {
	path   string // empty, or "/" and components
	origin finding.Origin
}

func (b *imageBuilder) collectForbidden() *forbiddenScopes {
	f := &forbiddenScopes{
		byHost: map[string][]forbiddenPath{}, wildcards: map[string]bool{},
		missing: map[string]finding.Origin{}, wide: map[string]bool{},
	}
	forbid := func(scope string, origin finding.Origin) {
		for _, form := range canonicalForms(scope, b.insecure.covers(scope)) {
			host, path := network.SplitHost(form)
			f.byHost[host] = append(f.byHost[host], forbiddenPath{path, origin})
		}
		if isWildcard(scope) {
			f.wildcards[scope] = true
		}
	}
	for i := range b.merged {
		if r := &b.merged[i]; r.Never {
			forbid(r.Source, ruleOrigin(r.Rule))
		}
	}
	for _, s := range b.rules.Blocked {
		forbid(s.Value, s.Origin)
	}
	for host, paths := range f.byHost {
		slices.SortStableFunc(paths, func(a, b forbiddenPath) int { return strings.Compare(a.path, b.path) })
		f.byHost[host] = slices.CompactFunc(paths, func(a, b forbiddenPath) bool { return a.path == b.path })
	}
	return f
}

// manyScopes is the number of forbidden scopes inside one location from which on it is blocked as a
// whole.
const manyScopes = 16

// look adds the entries that keep the client from what is forbidden inside a location, and from
// what encloses it. It reports a location of which some part stays open. What lies inside a
// forbidden scope, check reports.
func (f *forbiddenScopes) look(b *imageBuilder, location string, insecure bool, origin finding.Origin) {
	host, path := network.SplitHost(location)
	if !insecure {
		insecure = b.insecure.covers(location)
	}
	for _, form := range canonicalForms(host, insecure) {
		for scope := range enclosing(form + path) {
			if scope.wildcard {
				break // wildcards have no path; they are looked at below
			}
			if forbidden, ok := f.find(form, scope.text[len(form):]); ok {
				f.add(b, host+forbidden.path, forbidden.origin, insecure)
			}
		}
		contained := f.contained(form, path)
		if !b.spelledAsForbidden(host, contained) {
			if origin == (finding.Origin{}) { // what a base file holds has no place; the rule has
				origin = contained[0].origin
			}
			b.report(finding.CodeMirrorBlocked, finding.SeverityWarning, origin, location,
				"is not asked for the part of it that a rule forbids contacting: it spells the host in "+
					"another way, and that part is blocked under this spelling too; spell the host as the rule does")
		}
		if len(contained) > manyScopes {
			f.missing[location], f.wide[location] = contained[0].origin, true
			continue
		}
		for _, scope := range contained {
			f.add(b, host+scope.path, scope.origin, insecure)
		}
	}
	f.lookBelowWildcards(b, host, insecure)
}

// lookBelowWildcards adds an entry for a host below a forbidden wildcard, where the client does not
// find the wildcard's own entry.
func (f *forbiddenScopes) lookBelowWildcards(b *imageBuilder, host string, insecure bool) {
	if f.matchesWildcard(host) && !b.governsPort(host) {
		return // the client finds the wildcard's own entry
	}
	for scope := range enclosing(network.Host(host)) {
		if paths := f.byHost[scope.String()]; scope.wildcard && len(paths) > 0 {
			f.add(b, host, paths[0].origin, insecure)
		}
	}
}

// spelledAsForbidden reports whether the table has entries for forbidden scopes of a host under
// this spelling.
func (b *imageBuilder) spelledAsForbidden(host string, scopes []forbiddenPath) bool {
	return !slices.ContainsFunc(scopes, func(scope forbiddenPath) bool {
		_, ok := b.table.index.get(host + scope.path)
		return !ok
	})
}

// find returns the forbidden scope at a host and path.
func (f *forbiddenScopes) find(host, path string) (forbiddenPath, bool) {
	paths := f.byHost[host]
	i, ok := slices.BinarySearchFunc(paths, path, comparePath)
	if !ok {
		return forbiddenPath{}, false
	}
	return paths[i], true
}

func comparePath(p forbiddenPath, path string) int { return strings.Compare(p.path, path) }

// contained returns the forbidden scopes of a host that lie inside a path, and are not the path itself.
func (f *forbiddenScopes) contained(host, path string) []forbiddenPath {
	paths := f.byHost[host]
	first, _ := slices.BinarySearchFunc(paths, path+"/", comparePath)
	end := first
	for end < len(paths) && strings.HasPrefix(paths[end].path, path+"/") && end-first <= manyScopes {
		end++
	}
	return paths[first:end]
}

// add notes that a prefix needs an entry, unless it has one, which is checked by itself, or a more
// specific rule opens it again.
func (f *forbiddenScopes) add(b *imageBuilder, prefix string, origin finding.Origin, insecure bool) {
	if _, ok := b.table.index.get(prefix); ok || b.forbids(prefix, insecure) == "" {
		return
	}
	host, path := network.SplitHost(prefix)
	if name := hostname(host); path == "" && name != host {
		at, ok := b.table.index.get(name)
		if ok && (b.table.entries[at].Blocked || b.forbids(name, b.insecure.covers(name)) != "") {
			return // an entry for a host also governs its ports
		}
	}
	if _, ok := f.missing[prefix]; !ok {
		f.missing[prefix] = origin
	}
}

// governsPort reports whether the client takes the entry of a host without port for one with a
// port. That entry then wins over a wildcard that encloses both, unless it is no longer than the
// wildcard (see [LinuxTable.find]).
func (b *imageBuilder) governsPort(host string) bool {
	name := hostname(host)
	if _, ok := b.table.index.get(name); !ok || name == host {
		return false
	}
	_, asLong := b.table.index.get("*" + name[min(1, len(name)):])
	return !asLong
}

// matchesWildcard reports whether the client finds a forbidden wildcard that encloses a host: it
// looks for the wildcard's host at its first place in the name only (refMatchingSubdomainPrefix).
func (f *forbiddenScopes) matchesWildcard(host string) bool {
	for scope := range enclosing(host) {
		if scope.wildcard && f.wildcards[scope.String()] && scope.isFirstIn(host) {
			return true
		}
	}
	return false
}
