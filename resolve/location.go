package resolve

import (
	"strings"

	"github.com/pullroute/pullroute/internal/network"
)

// canonical returns the canonical form of a location or scope: the one that the network knows it by
// when it is asked by HTTPS. Spellings of one host have one form. Paths are case-sensitive and
// stay.
func canonical(location string) string {
	host, rest := network.SplitHost(location)
	if form := network.Host(host); form != host {
		return form + rest
	}
	return location // most are spelled so already
}

// canonicalHTTP returns the same for plain HTTP, whose default port is another.
func canonicalHTTP(location string) string {
	host, rest := network.SplitHost(location)
	return network.HTTPHost(host) + rest
}

// canonicalForms returns the canonical forms of a location or scope. An insecure one has two, as it
// is asked by HTTPS and by plain HTTP.
func canonicalForms(location string, insecure bool) []string {
	forms := []string{canonical(location)}
	if insecure {
		if http := canonicalHTTP(location); http != forms[0] {
			forms = append(forms, http)
		}
	}
	return forms
}

// contacted returns location as it is asked for: as it is spelled, with Docker Hub under the name that
// answers.
func contacted(location string) string {
	if rest, ok := strings.CutPrefix(location, "docker.io"); ok && (rest == "" || rest[0] == '/') {
		return network.DockerHub + rest
	}
	return location
}

// hostname returns a host without its port.
func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

// isWildcard reports whether a scope is "*." and a host.
func isWildcard(scope string) bool { return strings.HasPrefix(scope, "*.") }

// rest returns what follows scope in a name that lies inside it. For a wildcard that is what follows the
// host, a port included.
func rest(name, scope string) string {
	if isWildcard(scope) {
		host, _ := network.SplitHost(name)
		return name[len(hostname(host)):]
	}
	return name[len(scope):]
}
