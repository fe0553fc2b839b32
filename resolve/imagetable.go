package resolve

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
)

// ImageTable is what a Linux node knows: the content of its registries.conf. A pull is governed by the
// one entry with the longest prefix that matches its name.
//
// A table is built once, by [NewImageTable], [ImageTable.Edit] or [ImageTable.Indexed], and from then on
// must not be changed; it may then be asked from any number of goroutines.
type ImageTable struct {
	// Registries are in the order of the file.
	Registries []ImageRegistry
	// SearchRegistries are tried, in order, for names without a registry.
	SearchRegistries []string
	// SearchOverride, where it is not nil, replaces SearchRegistries: MCO writes it to a file of its own.
	SearchOverride []string
	// ShortNameMode is "permissive" (also where it is empty), "enforcing" or "disabled".
	ShortNameMode string
	// Aliases give names without a registry a full one, and win over search registries. The value is a
	// name without tag and digest.
	Aliases map[string]string
	// Findings are about the table; those of the rules it was built from are not repeated.
	Findings mirrorset.Findings

	exact   map[string]int // prefix → index of Registries
	byWire  map[string]int // the same with prefixes as the network sees them
	blocked bool           // whether any entry is
}

// ImageRegistry is one [[registry]] of a registries.conf.
type ImageRegistry struct {
	// Prefix is what names are matched against: a host, namespace or repository, or "*." and a host.
	Prefix string
	// Location replaces Prefix in the name where the registry itself is asked. It equals Prefix in every
	// file that MCO or pullroute writes; for a wildcard it is empty, and the name stays as it is.
	Location string
	// Mirrors are asked first, in order.
	Mirrors []ImageMirror
	// Blocked forbids the registry itself, not its mirrors.
	Blocked bool
	// Insecure allows plain HTTP and unchecked certificates.
	Insecure bool
	// MirrorByDigestOnly leaves out every mirror for pulls by tag.
	MirrorByDigestOnly bool
	// Origins are the fields that made the entry what it is.
	Origins []mirrorset.Origin
}

// ImageMirror is one [[registry.mirror]].
type ImageMirror struct {
	Location string
	// Pull is the kind of pull that the mirror serves; empty where it serves both.
	Pull     mirrorset.Pull
	Insecure bool
	Origins  []mirrorset.Origin
}

// serves reports whether a mirror of r is used for a pull.
func (r *ImageRegistry) serves(m *ImageMirror, byDigest bool) bool {
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

// Indexed returns a table of the same content that is ready to be asked. Package registriesconf uses it
// for files; tables built from rules are ready already.
func (t ImageTable) Indexed() *ImageTable {
	t.exact = make(map[string]int, len(t.Registries))
	for i := range t.Registries {
		// Of two entries with one prefix the first wins (sysregistriesv2, postProcessRegistries).
		if _, ok := t.exact[t.Registries[i].Prefix]; !ok {
			t.exact[t.Registries[i].Prefix] = i
		}
	}
	t.indexWire()
	return &t
}

// indexWire fills what is only asked where something is blocked.
func (t *ImageTable) indexWire() {
	t.byWire, t.blocked = nil, slices.ContainsFunc(t.Registries, func(r ImageRegistry) bool { return r.Blocked })
	if !t.blocked {
		return
	}
	t.byWire = make(map[string]int, len(t.exact))
	for prefix, i := range t.exact {
		seen := wire(prefix)
		j, ok := t.byWire[seen]
		// Of several spellings a blocked one counts, and else the first.
		if a := t.Registries[i].Blocked; !ok || a && !t.Registries[j].Blocked || a == t.Registries[j].Blocked && i < j {
			t.byWire[seen] = i
		}
	}
}

// find returns the entry that governs name: the longest matching prefix; of two as long, the first in
// string order, which is the wildcard (sysregistriesv2, findRegistryWithParsedConfig: it goes through
// the prefixes in string order and keeps the first of the greatest length).
func (t *ImageTable) find(name string) *ImageRegistry {
	if len(t.exact) == 0 {
		return nil
	}
	best, length := -1, 0
	try := func(prefix string) {
		if i, ok := t.exact[prefix]; ok {
			best, length = i, len(prefix)
		}
	}
	host, _ := splitHost(name)
	for end := len(name); best < 0; end = strings.LastIndexByte(name[:end], '/') {
		try(name[:end])
		if end <= len(host) {
			break
		}
	}
	domain := hostname(host)
	if best < 0 && len(domain) < len(host) {
		// A prefix also ends where the port begins: example.com matches example.com:5000/x. The client
		// calls this unintended (refMatchingPrefix) and does it.
		try(domain)
	}
	for i := 0; i < len(domain); i++ {
		if domain[i] != '.' || len(domain)-i+1 < length {
			continue
		}
		j, ok := t.exact["*"+domain[i:]]
		// The client looks for the first place in the name where the wildcard's host stands
		// (refMatchingSubdomainPrefix). a.example.org.example.org is not matched by *.example.org.
		if ok && strings.Index(name, domain[i:]) == i {
			best = j
			break // the wildcards that follow are shorter
		}
	}
	if best < 0 {
		return nil
	}
	return &t.Registries[best]
}

// Find returns the entry that governs a name (host/repository without tag and digest), or a scope, and
// false where none does.
func (t *ImageTable) Find(name string) (ImageRegistry, bool) {
	if r := t.find(name); r != nil {
		return *r, true
	}
	return ImageRegistry{}, false
}

// blocking returns the entry that forbids asking a location; nil where none does.
func (t *ImageTable) blocking(location string) *ImageRegistry {
	if !t.blocked {
		return nil
	}
	if r := t.find(location); r != nil && r.Blocked {
		return r
	}
	return nil
}

// evaded returns the blocked prefix that would govern name if hosts were compared as the network sees
// them, where name's own spelling escapes it.
func (t *ImageTable) evaded(name string) string {
	if !t.blocked {
		return ""
	}
	var best *ImageRegistry
	length := 0
	ancestors(wire(name), func(scope string) bool {
		if i, ok := t.byWire[scope]; ok {
			r := &t.Registries[i]
			if len(scope) > length || len(scope) == length && r.Blocked {
				best, length = r, len(scope)
			}
		}
		return true
	})
	if best == nil || !best.Blocked {
		return ""
	}
	return best.Prefix
}

// searchRegistries returns the registries that are tried for names without one.
func (t *ImageTable) searchRegistries() []string {
	if t.SearchOverride != nil {
		return t.SearchOverride
	}
	return t.SearchRegistries
}

// clone returns a copy whose entries can be changed.
func (t *ImageTable) clone() ImageTable {
	c := *t
	c.Registries = slices.Clone(t.Registries)
	for i := range c.Registries {
		c.Registries[i].Mirrors = slices.Clone(c.Registries[i].Mirrors)
		c.Registries[i].Origins = slices.Clone(c.Registries[i].Origins)
	}
	return c
}
