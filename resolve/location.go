package resolve

import "strings"

// dockerHub is the host that answers for Docker Hub. References and rules say docker.io; index.docker.io
// is its older name (github.com/distribution/reference, normalize.go). containers-image and containerd
// both ask this host for docker.io.
const dockerHub = "registry-1.docker.io"

// wireHost returns host as the network sees it, so that two spellings of one host compare equal: Docker
// Hub under its one name, letters in lower case, the default port of HTTPS left out.
func wireHost(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	if host == "docker.io" || host == "index.docker.io" {
		return dockerHub
	}
	return host
}

// wire returns a location or scope as the network sees it. Paths are case-sensitive and stay.
func wire(location string) string {
	host, rest := splitHost(location)
	if seen := wireHost(host); seen != host {
		return seen + rest
	}
	return location // most are spelled so already
}

// contacted returns location as it is asked for: as it is spelled, with Docker Hub under the name that
// answers.
func contacted(location string) string {
	if rest, ok := strings.CutPrefix(location, "docker.io"); ok && (rest == "" || rest[0] == '/') {
		return dockerHub + rest
	}
	return location
}

// splitHost splits a location or scope into host[:port] and the rest, which is empty or starts with "/".
func splitHost(location string) (host, rest string) {
	if i := strings.IndexByte(location, '/'); i >= 0 {
		return location[:i], location[i:]
	}
	return location, ""
}

// hostname returns a host without its port.
func hostname(host string) string {
	if i := strings.IndexByte(host, ':'); i >= 0 {
		return host[:i]
	}
	return host
}

// isWildcard reports whether a scope is "*." and a host.
func isWildcard(scope string) bool { return strings.HasPrefix(scope, "*.") }

// rest returns what follows scope in a name that lies inside it. For a wildcard that is what follows the
// host, a port included.
func rest(name, scope string) string {
	if isWildcard(scope) {
		host, path := splitHost(name)
		return host[len(hostname(host)):] + path
	}
	return name[len(scope):]
}

// ancestors calls yield with every scope that a name or scope lies inside, itself first: the contract's
// matching, at component boundaries, wildcards covering subdomains of any depth on any port. Of plain
// scopes and of wildcards, longer ones come first. It stops when yield returns false.
func ancestors(name string, yield func(scope string) bool) {
	host, _ := splitHost(name)
	for end := len(name); ; end = strings.LastIndexByte(name[:end], '/') {
		if !yield(name[:end]) {
			return
		}
		if end <= len(host) {
			break
		}
	}
	domain := hostname(host)
	if isWildcard(domain) {
		domain = domain[2:] // *.a.example.org lies inside *.example.org; itself it was yielded above
	}
	for {
		i := strings.IndexByte(domain, '.')
		if i < 0 {
			return
		}
		domain = domain[i+1:]
		if !yield("*." + domain) {
			return
		}
	}
}

// scopeSet is a set of scopes to be asked what lies inside them.
type scopeSet map[string]bool

// cover returns a scope of the set that name lies inside, and "" where there is none.
func (s scopeSet) cover(name string) (found string) {
	if len(s) == 0 {
		return ""
	}
	ancestors(name, func(scope string) bool {
		if s[scope] {
			found = scope
		}
		return found == ""
	})
	return found
}

func (s scopeSet) covers(name string) bool { return s.cover(name) != "" }

// policies answers which policy governs a location, as the network sees it: that of the most specific
// rules around it, for each kind of pull, Never winning where they differ.
type policies map[string]policy

// policy is what the rules of one source, in all its spellings, say: for each kind of pull whether there
// is a rule, and whether one forbids contacting the source.
type policy struct {
	rule, never [2]bool
}

// forbids returns the source under NeverContactSource that a location may not be contacted for, and ""
// where there is none.
func (p policies) forbids(location string) string {
	if len(p) == 0 {
		return ""
	}
	var best [2]struct {
		scope string
		never bool
	}
	ancestors(wire(location), func(scope string) bool {
		at, ok := p[scope]
		for kind := range best {
			b := &best[kind]
			switch {
			case !ok || !at.rule[kind] || len(scope) < len(b.scope):
			case len(scope) > len(b.scope):
				b.scope, b.never = scope, at.never[kind]
			default: // a wildcard as long as a plain scope
				b.never = b.never || at.never[kind]
			}
		}
		return true
	})
	for _, b := range best {
		if b.never {
			return b.scope
		}
	}
	return ""
}
