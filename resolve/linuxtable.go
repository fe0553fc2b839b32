package resolve

import (
	"maps"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// LinuxTable is what a Linux node knows: the content of its registries.conf. A pull is governed by the
// one entry with the longest prefix that matches its name.
//
// A table is made by [NewLinuxTable] or [LinuxTable.Edit] from rules, or by [LinuxTableOf] from a
// node's own file. It never changes, and may be asked from any number of goroutines. The zero
// value, and nil, is the table of an empty file: every image comes from its source, and names
// without a registry from nowhere.
type LinuxTable struct {
	// Findings are about the table. Those of the rules it was built from are not repeated.
	Findings finding.Findings

	entries  []LinuxEntry // in the order of the file
	search   []string     // tried, in order, for names without a registry
	override []string     // where it is not nil, replaces search
	mode     string       // short-name-mode
	aliases  map[string]string

	index       scopeMap[int] // the place of each prefix in entries; of two with one prefix the first
	dead        map[int]bool  // the others
	byCanonical scopeMap[int] // the same by prefixes in canonical form, where any entry is blocked
	wide        map[int]bool  // blocked entries that hold more than what may not be contacted
}

// LinuxConfig is what a registries.conf and its drop-ins say, to make a table of. Package
// registriesconf fills it.
type LinuxConfig struct {
	// Entries are in the order of the file. Of two with one prefix the first counts.
	Entries []LinuxEntry
	// SearchRegistries are tried, in order, for names without a registry.
	SearchRegistries []string
	// ShortNameMode is "permissive" (also where it is empty), "enforcing" or "disabled".
	ShortNameMode string
	// Aliases give names without a registry a full one, and win over search registries. The value is a
	// name without tag and digest.
	Aliases map[string]string
}

// LinuxTableOf returns the table of a node's own file. It shares nothing with c.
func LinuxTableOf(c LinuxConfig) *LinuxTable {
	t := &LinuxTable{
		entries: cloneEntries(c.Entries), search: slices.Clone(c.SearchRegistries), mode: c.ShortNameMode,
		aliases: maps.Clone(c.Aliases),
		index:   newScopeMap[int](len(c.Entries)),
	}
	for i := range t.entries {
		t.add(i)
	}
	t.indexBlocked()
	return t
}

// Entries returns a copy of the entries, in the order of the file.
func (t *LinuxTable) Entries() []LinuxEntry {
	if t == nil {
		return nil
	}
	return cloneEntries(t.entries)
}

// SearchRegistries returns the registries that are tried for names without one. MCO writes those of
// the rules to a file of their own, that overrides those of the base file; override is set for
// them.
func (t *LinuxTable) SearchRegistries() (hosts []string, override bool) {
	if t == nil {
		return nil, false
	}
	return slices.Clone(t.searchRegistries()), t.override != nil
}

// Aliases returns the full names that the file has for names without a registry.
func (t *LinuxTable) Aliases() map[string]string {
	if t == nil {
		return nil
	}
	return maps.Clone(t.aliases)
}

// LinuxEntry is one [[registry]] of a registries.conf.
type LinuxEntry struct {
	// Prefix is what names are matched against: a host, namespace or repository, or "*." and a host.
	Prefix string
	// Location replaces Prefix in the name where the registry itself is asked. It equals Prefix in every
	// file that MCO or pullroute writes; for a wildcard it is empty, and the name stays as it is.
	Location string
	// Mirrors are asked first, in order.
	Mirrors []LinuxMirror
	// Blocked forbids the registry itself, not its mirrors.
	Blocked bool
	// Insecure allows plain HTTP and unchecked certificates.
	Insecure bool
	// MirrorByDigestOnly leaves out every mirror for pulls by tag.
	MirrorByDigestOnly bool
	// NamespaceProxy is what the registry itself is told as the query parameter ns.
	NamespaceProxy string
	// Origins are the fields that made the entry what it is.
	Origins []finding.Origin
}

// elsewhere returns the location of an entry that leads to another than its prefix, and "" for others.
func (r *LinuxEntry) elsewhere() string {
	if r.Location == r.Prefix {
		return ""
	}
	return r.Location
}

// LinuxMirror is one [[registry.mirror]].
type LinuxMirror struct {
	Location string
	// Pull is the kind of pull that the mirror serves; empty where it serves both.
	Pull     mirrorset.Pull
	Insecure bool
	// NamespaceProxy is what the mirror is told as the query parameter ns.
	NamespaceProxy string
	Origins        []finding.Origin
}

// serves reports whether a mirror of r is used for a pull.
func (r *LinuxEntry) serves(m *LinuxMirror, byDigest bool) bool {
	switch {
	case r.MirrorByDigestOnly:
		return byDigest
	case m.Pull == mirrorset.ByDigest:
		return byDigest
	case m.Pull == mirrorset.ByTag:
		return !byDigest
	}
	return true
}

// defaultSearchRegistries are those of the registries.conf that MCO starts from.
var defaultSearchRegistries = []string{"registry.access.redhat.com", "docker.io"}

// indexBlocked makes the index of canonical forms. Without a blocked entry nobody asks it, and it
// stays empty.
func (t *LinuxTable) indexBlocked() {
	if !slices.ContainsFunc(t.entries, func(e LinuxEntry) bool { return e.Blocked }) {
		return
	}
	t.byCanonical = newScopeMap[int](len(t.entries))
	for i := range t.entries {
		r := &t.entries[i]
		if t.dead[i] || t.wide[i] {
			continue
		}
		// Of several spellings a blocked one counts, or else the first.
		for _, form := range canonicalForms(r.Prefix, r.Insecure) {
			if j, ok := t.byCanonical.get(form); !ok || r.Blocked && !t.entries[j].Blocked {
				t.byCanonical.set(form, i)
			}
		}
	}
}

// add puts entry i into the index. A second entry with its prefix is dead (sysregistriesv2,
// postProcessRegistries).
func (t *LinuxTable) add(i int) {
	prefix := t.entries[i].Prefix
	if _, ok := t.index.get(prefix); !ok {
		t.index.set(prefix, i)
		return
	}
	if t.dead == nil {
		t.dead = map[int]bool{}
	}
	t.dead[i] = true
}

// find returns the entry that governs a name; nil where none does.
func (t *LinuxTable) find(name string) *LinuxEntry {
	if t == nil {
		return nil
	}
	i, ok := t.index.findAsClient(name)
	if !ok {
		return nil
	}
	return &t.entries[i]
}

// Find returns a copy of the entry that governs a name (host/repository without tag and digest), or
// a scope, and false where none does.
func (t *LinuxTable) Find(name string) (LinuxEntry, bool) {
	if r := t.find(name); r != nil {
		return r.clone(), true
	}
	return LinuxEntry{}, false
}

// blocking returns the entry that forbids asking a location; nil where none does.
func (t *LinuxTable) blocking(location string) *LinuxEntry {
	if t.byCanonical.len() == 0 { // nothing is blocked
		return nil
	}
	if r := t.find(location); r != nil && r.Blocked {
		return r
	}
	return nil
}

// evaded returns the blocked prefix that would govern a location if the client compared names in
// canonical form, and that the location's own spelling escapes. An insecure location is asked by
// plain HTTP too.
func (t *LinuxTable) evaded(location string, insecure bool) string {
	if prefix := t.evadedBy(canonical(location), false); prefix != "" || !insecure {
		return prefix
	}
	return t.evadedBy(canonicalHTTP(location), true)
}

func (t *LinuxTable) evadedBy(form string, http bool) string {
	best := t.byCanonical.longest(form, func(i int) bool {
		return !(http && isWildcard(t.entries[i].Prefix)) // it covers every port: the form for HTTPS answers for it
	})
	for _, i := range best.values[:best.n] {
		if t.entries[i].Blocked {
			return t.entries[i].Prefix
		}
	}
	return ""
}

// searchRegistries returns the registries that are tried for names without one.
func (t *LinuxTable) searchRegistries() []string {
	if t.override != nil {
		return t.override
	}
	return t.search
}

// searchOrigin returns the field that names the search registries; empty where a base file does.
func (t *LinuxTable) searchOrigin() finding.Origin {
	if t.override == nil {
		return finding.Origin{}
	}
	return finding.Origin{Object: "Image/cluster", Field: "spec.registrySources.containerRuntimeSearchRegistries"}
}

// cloneEntries returns a copy that shares nothing that can be changed.
func cloneEntries(entries []LinuxEntry) []LinuxEntry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i] = entries[i].clone()
	}
	return entries
}

// clone returns a copy that shares nothing that can be changed.
func (r *LinuxEntry) clone() LinuxEntry {
	c := *r
	c.Mirrors, c.Origins = slices.Clone(r.Mirrors), slices.Clone(r.Origins)
	for i := range c.Mirrors {
		c.Mirrors[i].Origins = slices.Clone(c.Mirrors[i].Origins)
	}
	return c
}
