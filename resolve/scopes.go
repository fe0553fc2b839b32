package resolve

import (
	"iter"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

// This file answers two questions for the whole package: which scopes enclose a name, and which of
// those that a table or a set holds wins. Tables, plans, policies and checks walk the hierarchy of
// scopes nowhere else.
//
// A scope is a host, a namespace, a repository, or a wildcard. registry.example.org:5000/team/app
// is enclosed by, in this order,
//
//	registry.example.org:5000/team/app   itself
//	registry.example.org:5000/team       its namespaces
//	registry.example.org:5000            its registry host
//	*.example.org                        wildcards that enclose the host, on every port
//	*.org
//
// The longest scope wins. Where a set holds registry.example.org:5000 and *.example.org, the former
// wins for this name (25 characters to 13). A wildcard can be as long as a plain scope, and no two
// plain scopes, and no two wildcards, that enclose one name are: *.example.org and a.example.org
// both have 13 characters. Each question says who wins then:
//
//   - for the client on Linux, and so for its table, the wildcard ([scopeMap.findAsClient]);
//   - for policies the one with NeverContactSource, and for blocked entries the blocked one: both are looked at
//     ([scopeMap.longest]).
//
// The client's own search differs from this in two more points, which findAsClient states.

// enclosingScope is a scope that encloses a name. text is a piece of the name, so that walking
// takes no memory: of the wildcard *.example.org it is ".example.org".
type enclosingScope struct {
	text     string
	wildcard bool
}

// String returns the scope as it is written.
func (s enclosingScope) String() string {
	if s.wildcard {
		return "*" + s.text
	}
	return s.text
}

// length returns the length of the scope as it is written.
func (s enclosingScope) length() int {
	if s.wildcard {
		return len(s.text) + 1
	}
	return len(s.text)
}

// enclosing returns every scope that encloses a name or a scope, itself first. Of plain scopes and
// of wildcards, longer ones come first; wildcards come last. A wildcard comes twice, first as plain
// text, which is no key of a [scopeMap].
func enclosing(name string) iter.Seq[enclosingScope] {
	return func(yield func(enclosingScope) bool) { walkScopes(name, yield) }
}

func walkScopes(name string, yield func(enclosingScope) bool) {
	host, _ := network.SplitHost(name)
	for end := len(name); ; end = strings.LastIndexByte(name[:end], '/') {
		if !yield(enclosingScope{text: name[:end]}) {
			return
		}
		if end <= len(host) {
			break
		}
	}
	domain := hostname(host)
	for {
		i := strings.IndexByte(domain, '.')
		if i < 0 || !yield(enclosingScope{text: domain[i:], wildcard: true}) {
			return
		}
		domain = domain[i+1:]
	}
}

// scopeMap holds a value for each of some scopes. What a lookup costs depends on the name, and not
// on the number of scopes. The zero value is empty.
type scopeMap[T any] struct {
	plain map[string]T
	wild  map[string]T // *.example.org under ".example.org"
}

// newScopeMap returns a map with room for a number of scopes.
func newScopeMap[T any](size int) scopeMap[T] {
	return scopeMap[T]{plain: make(map[string]T, size)}
}

func (m scopeMap[T]) len() int { return len(m.plain) + len(m.wild) }

// at returns the value of a scope that encloses a name.
func (m scopeMap[T]) at(s enclosingScope) (T, bool) {
	if s.wildcard {
		v, ok := m.wild[s.text]
		return v, ok
	}
	v, ok := m.plain[s.text]
	return v, ok
}

func (m scopeMap[T]) get(scope string) (T, bool) {
	if isWildcard(scope) {
		v, ok := m.wild[scope[1:]]
		return v, ok
	}
	v, ok := m.plain[scope]
	return v, ok
}

func (m *scopeMap[T]) set(scope string, v T) {
	into := &m.plain
	if isWildcard(scope) {
		into, scope = &m.wild, scope[1:]
	}
	if *into == nil {
		*into = map[string]T{}
	}
	(*into)[scope] = v
}

// around returns the scopes of the map that enclose a name, with their values, in the order of [enclosing].
func (m scopeMap[T]) around(name string) iter.Seq2[enclosingScope, T] {
	return func(yield func(enclosingScope, T) bool) {
		if m.len() == 0 {
			return // without a walk, as mostly
		}
		for s := range enclosing(name) {
			if v, ok := m.at(s); ok && !yield(s, v) {
				return
			}
		}
	}
}

// covers reports whether any of the scopes encloses a name.
func (m scopeMap[T]) covers(name string) bool {
	for range m.around(name) {
		return true
	}
	return false
}

// winners are the values of the longest scopes that enclose a name: none, one, or those of a plain
// scope and of a wildcard of the same length, in this order.
type winners[T any] struct {
	values [2]T
	n      int
}

// longest returns the values of the longest scopes that enclose a name, of those that count.
func (m scopeMap[T]) longest(name string, counts func(T) bool) (w winners[T]) {
	longest := 0
	for s, v := range m.around(name) {
		if s.length() < longest || !counts(v) {
			continue
		}
		if s.length() > longest {
			longest, w.n = s.length(), 0
		}
		w.values[w.n] = v
		w.n++
	}
	return w
}

// findAsClient returns the value of the scope that governs a name for the client on Linux: the
// longest; of two as long the wildcard, because the client goes through the scopes in string order
// and keeps the first of the greatest length (sysregistriesv2, findRegistryWithParsedConfig). It
// differs from the contract in two points:
//
//   - A plain host also matches where the port of the name begins: example.org matches example.org:5000/app. The
//     client calls this unintended (refMatchingPrefix) and does it.
//   - The client looks for the wildcard's host at its first place in the name (refMatchingSubdomainPrefix). So
//     *.example.org does not match a.example.org.example.org.
func (m scopeMap[T]) findAsClient(name string) (best T, found bool) {
	length := 0
	for s := range enclosing(name) { // not around, by which a plan takes an eighth more time
		if v, ok := m.at(s); ok && s.length() >= length && (!s.wildcard || s.isFirstIn(name)) {
			best, found, length = v, true, s.length()
		}
	}
	host, _ := network.SplitHost(name)
	if domain := hostname(host); len(domain) > length {
		if v, ok := m.plain[domain]; ok {
			return v, true
		}
	}
	return best, found
}

// isFirstIn reports whether the host of the wildcard stands in the name where the name's host ends,
// and nowhere before.
func (s enclosingScope) isFirstIn(name string) bool {
	host, _ := network.SplitHost(name)
	return strings.Index(name, s.text) == len(hostname(host))-len(s.text)
}

// scopeSet is a set of scopes, in the order in which they were added. The zero value is empty.
type scopeSet struct {
	places scopeMap[[]int] // of each scope in scopes
	scopes []string
}

func (s *scopeSet) add(scope string) {
	places, _ := s.places.get(scope)
	s.places.set(scope, append(places, len(s.scopes)))
	s.scopes = append(s.scopes, scope)
}

// cover returns the first scope that encloses a name, and "" where there is none.
func (s *scopeSet) cover(name string) string {
	for _, places := range s.places.around(name) {
		return s.scopes[places[0]]
	}
	return ""
}

func (s *scopeSet) covers(name string) bool { return s.places.covers(name) }

// all returns the places of the scopes that enclose a name, in the order in which they were added.
func (s *scopeSet) all(name string) (all []int) {
	for _, places := range s.places.around(name) {
		all = append(all, places...)
	}
	slices.Sort(all)
	return all
}
