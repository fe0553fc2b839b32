package resolve

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
)

// scopeIndex finds the scopes that a name lies inside, with one lookup for each scope that could be there:
// what a lookup costs depends on the name, not on how many scopes there are. Values are places in a list of the
// index's owner.
//
// Names are given in two pieces, what a rule says and what follows, and are put together on the stack: asking
// takes no memory. They are bytes inside, because a map is asked with string(bytes) without a copy.
type scopeIndex struct {
	plain map[string]int
	wild  map[string]int // *.example.org under ".example.org", which is a piece of each name inside it
}

// maxStackName is enough for every name that a client takes; longer ones take memory.
const maxStackName = 320

func newScopeIndex(size int) scopeIndex {
	return scopeIndex{plain: make(map[string]int, size), wild: map[string]int{}}
}

func (x scopeIndex) get(scope string) (int, bool) {
	if isWildcard(scope) {
		i, ok := x.wild[scope[1:]]
		return i, ok
	}
	i, ok := x.plain[scope]
	return i, ok
}

func (x scopeIndex) set(scope string, i int) {
	if isWildcard(scope) {
		x.wild[scope[1:]] = i
	} else {
		x.plain[scope] = i
	}
}

// around calls yield with the value and the length of every scope that a name lies inside, itself first: the
// contract's matching, as [ancestors] has it, and in its order. It stops when yield returns false.
func (x scopeIndex) around(name []byte, yield func(i, length int) bool) {
	host := name
	if i := bytes.IndexByte(name, '/'); i >= 0 {
		host = name[:i]
	}
	for end := len(name); ; end = bytes.LastIndexByte(name[:end], '/') {
		if i, ok := x.plain[string(name[:end])]; ok && !yield(i, end) {
			return
		}
		if end <= len(host) {
			break
		}
	}
	if len(x.wild) == 0 {
		return
	}
	domain := host
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		domain = host[:i]
	}
	if bytes.HasPrefix(host, []byte("*.")) {
		if i, ok := x.wild[string(host[1:])]; ok && !yield(i, len(host)) {
			return
		}
		domain = domain[2:]
	}
	for {
		i := bytes.IndexByte(domain, '.')
		if i < 0 {
			return
		}
		if j, ok := x.wild[string(domain[i:])]; ok && !yield(j, len(domain)-i+1) {
			return
		}
		domain = domain[i+1:]
	}
}

// covers reports whether a name lies inside any scope.
func (x scopeIndex) covers(name string) (covered bool) {
	var space [maxStackName]byte
	x.around(append(space[:0], name...), func(int, int) bool {
		covered = true
		return false
	})
	return covered
}

// sourceIndex is the index of the sources of rules. It is made when a plan asks for it: files need none.
type sourceIndex struct {
	sources []string
	once    sync.Once
	index   scopeIndex
}

func newSourceIndex(rules *mirrorset.Rules) *sourceIndex {
	x := &sourceIndex{sources: make([]string, len(rules.Rules))}
	for i := range rules.Rules {
		x.sources[i] = rules.Rules[i].Source
	}
	return x
}

// covers reports whether a name lies inside any source.
func (x *sourceIndex) covers(name string) bool {
	x.once.Do(func() {
		x.index = newScopeIndex(len(x.sources))
		for i, source := range x.sources {
			x.index.set(source, i)
		}
	})
	return x.index.covers(name)
}

// appendCanonical appends a name, in two pieces, as the network sees it when it is asked by HTTPS, or by plain HTTP;
// see [canonical].
func appendCanonical(dst []byte, base, rest string, http bool) []byte {
	if strings.IndexByte(base, '/') < 0 && rest != "" && rest[0] != '/' {
		base, rest = base+rest, "" // a port follows
	}
	host, path := splitHost(base)
	seen := network.Host(host)
	if http {
		seen = network.HTTPHost(host)
	}
	return append(append(append(dst, seen...), path...), rest...)
}

// scopeSet is a set of scopes to be asked what lies inside them.
type scopeSet struct {
	index  scopeIndex // the last place of each in scopes
	scopes []string
	before []int // for each of scopes the place of the same scope before it, or -1
}

func newScopeSet(scopes ...string) *scopeSet {
	s := &scopeSet{index: newScopeIndex(len(scopes))}
	for _, scope := range scopes {
		s.add(scope)
	}
	return s
}

func (s *scopeSet) add(scope string) {
	same, ok := s.index.get(scope)
	if !ok {
		same = -1
	}
	s.index.set(scope, len(s.scopes))
	s.scopes, s.before = append(s.scopes, scope), append(s.before, same)
}

// cover returns the first scope that a name, given in two pieces, lies inside, and "" where there is none.
func (s *scopeSet) cover(base, rest string) (found string) {
	if s == nil || len(s.scopes) == 0 {
		return ""
	}
	var space [maxStackName]byte
	s.index.around(append(append(space[:0], base...), rest...), func(i, _ int) bool {
		found = s.scopes[i]
		return false
	})
	return found
}

func (s *scopeSet) covers(name string) bool { return s.cover(name, "") != "" }

// all returns the places of the scopes that a name lies inside, in the order of adding.
func (s *scopeSet) all(name string) (places []int) {
	s.index.around([]byte(name), func(i, _ int) bool {
		for ; i >= 0; i = s.before[i] {
			places = append(places, i)
		}
		return true
	})
	slices.Sort(places)
	return places
}

// policies answers which policy governs a location, as the network sees it: that of the most specific
// rules around it, for each kind of pull, Never winning where they differ.
type policies struct {
	index scopeIndex
	all   []policy
}

// policy is what the rules of one source, in all its spellings, say: for each kind of pull whether there
// is a rule, and whether one forbids contacting the source.
type policy struct {
	source      string
	rule, never [2]bool
}

// newPolicies collects what each source's rules say, sources as the network sees them: those that insecure holds
// for are asked by plain HTTP too.
func newPolicies(rules *mirrorset.Rules, insecure func(source string) bool) policies {
	if !slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool { return r.Never }) {
		return policies{} // nothing is forbidden
	}
	p := policies{newScopeIndex(len(rules.Rules)), make([]policy, 0, len(rules.Rules))}
	for i := range rules.Rules {
		r := &rules.Rules[i]
		for _, source := range canonicalForms(r.Source, insecure(r.Source)) {
			at, ok := p.index.get(source)
			if !ok {
				at = len(p.all)
				p.index.set(source, at)
				p.all = append(p.all, policy{source: source})
			}
			kind := kindOf(r.Pull)
			p.all[at].rule[kind] = true
			p.all[at].never[kind] = p.all[at].never[kind] || r.Never
		}
	}
	return p
}

// forbids returns the source under NeverContactSource that a location, given in two pieces, may not be
// contacted for by HTTPS, or by plain HTTP, and "" where there is none.
func (p policies) forbids(base, rest string, http bool) string {
	if len(p.all) == 0 {
		return ""
	}
	var best [2]struct {
		source string
		never  bool
	}
	var space [maxStackName]byte
	p.index.around(appendCanonical(space[:0], base, rest, http), func(i, length int) bool {
		at := &p.all[i]
		for kind := range best {
			b := &best[kind]
			switch {
			case http && isWildcard(at.source): // covers every port: the form by HTTPS says it already
			case !at.rule[kind] || length < len(b.source):
			case length > len(b.source):
				b.source, b.never = at.source, at.never[kind]
			default: // a wildcard as long as a plain scope
				b.never = b.never || at.never[kind]
			}
		}
		return true
	})
	for _, b := range best {
		if b.never {
			return b.source
		}
	}
	return ""
}

// guard tells hosts on which something is forbidden from all others, so that a location on one of those need
// not be looked at any further.
type guard struct {
	hosts map[string]bool // without ports, as the network sees them
	wild  map[string]bool // *.example.org as ".example.org"
}

// add puts a forbidden scope under guard.
func (g *guard) add(scope string) {
	if g.hosts == nil {
		g.hosts, g.wild = map[string]bool{}, map[string]bool{}
	}
	host, _ := splitHost(scope)
	if isWildcard(host) {
		g.wild[strings.ToLower(host[1:])] = true
		return
	}
	g.hosts[hostname(network.Host(host))] = true
	g.hosts[hostname(strings.ToLower(host))] = true // docker.io:5000 is no Docker Hub
}

// on reports whether something may be forbidden on the host of a location.
func (g *guard) on(location string) bool {
	if g.hosts == nil {
		return false
	}
	host, _ := splitHost(location)
	domain := hostname(network.Host(host))
	if g.hosts[domain] {
		return true
	}
	for len(g.wild) > 0 {
		i := strings.IndexByte(domain, '.')
		if i < 0 {
			break
		}
		if g.wild[domain[i:]] {
			return true
		}
		domain = domain[i+1:]
	}
	return false
}
