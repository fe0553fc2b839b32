package contract

import (
	"slices"
	"strings"

	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Names reports whether a finding about all images at once, such as mco-differs in lint, names an image:
// the value is a pattern of names, and the message begins with what more there is of the pattern and the
// kinds of pulls. It reads both as a person does. The name is written out in full, or has no registry;
// it has no tag and no digest.
func Names(f finding.Finding, name string, byDigest bool) bool {
	words, _, _ := strings.Cut(f.Message, ", such as ")
	kind := "by tag"
	if byDigest {
		kind = "by digest"
	}
	if !strings.Contains(words, kind) {
		return false
	}
	words, short := strings.CutPrefix(words, "short names, ")
	more, exactly := strings.CutPrefix(words, "exactly, ")
	if !exactly {
		return holds(f.Value, short, name)
	}
	if deeper, ok := strings.CutPrefix(more, "and "); ok {
		deeper, _, _ = strings.Cut(deeper, ", ")
		if holds(deeper, short, name) {
			return true
		}
	}
	return holds(f.Value+" exactly", short, name)
}

// Named reports whether one of the findings names an image, of which full is the reference that it stands
// for, or the first of them.
func Named(findings finding.Findings, image, full string) bool {
	name, byDigest := cutImage(image)
	if HasRegistry(name) {
		name, _ = cutImage(full)
	}
	return slices.ContainsFunc(findings, func(f finding.Finding) bool { return Names(f, name, byDigest) })
}

// Examples returns the image that such a finding gives as an example, and where it is about both kinds
// of pulls another one, of the other kind.
func Examples(f finding.Finding) []string {
	words, rest, _ := strings.Cut(f.Message, ", such as ")
	image, _, _ := strings.Cut(rest, ": ")
	name, byDigest := cutImage(image)
	switch {
	case !strings.HasSuffix(words, "by tag and by digest"):
		return []string{image}
	case byDigest:
		return []string{image, name + ":1"}
	}
	return []string{image, name + "@" + random.Digest}
}

// cutImage takes tag and digest off an image.
func cutImage(image string) (name string, byDigest bool) {
	name, _, byDigest = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name, byDigest
}

// holds reports whether a name is in a pattern: hosts and a path, and how deep below. short patterns are
// of names without a registry.
func holds(pattern string, short bool, name string) bool {
	host, path, _ := strings.Cut(name, "/")
	switch {
	case short == HasRegistry(name):
		return false
	case short && pattern == "*": // of more components too, unless those have a pattern of their own
		return true
	case short && pattern == "*/**":
		return path != ""
	case short:
		host, path, pattern = "", name, "/"+pattern
	}
	hosts, scope, _ := strings.Cut(pattern, "/")
	if !holdsHost(hosts, host) {
		return false
	}
	scope, exactly := strings.CutSuffix("/"+scope, " exactly")
	least, most := 0, 255 // components below the scope
	for _, depth := range []struct {
		text        string
		least, most int
	}{{"/*/**", 2, 255}, {"/**", 1, 255}, {"/*", 1, 1}} {
		if inside, ok := strings.CutSuffix(scope, depth.text); ok {
			scope, least, most = inside, depth.least, depth.most
			break
		}
	}
	if exactly {
		most = 0
	}
	below, ok := strings.CutPrefix("/"+path, strings.TrimSuffix(scope, "/"))
	deep := strings.Count(below, "/")
	return ok && (below == "" || below[0] == '/') && least <= deep && deep <= most
}

// holdsHost reports whether a host is in a set of hosts.
func holdsHost(hosts, host string) bool {
	if hosts == "*" || hosts == host {
		return true
	}
	if name, ok := strings.CutSuffix(hosts, ":*"); ok {
		plain, port, _ := strings.Cut(host, ":")
		return port != "" && holdsHost(name, plain)
	}
	if !strings.Contains(hosts, ":") {
		host, _, _ = strings.Cut(host, ":")
	}
	parts := strings.Split(hosts, "*") // "*.org.*.example.org": the begin of the end stands in it before
	last := parts[len(parts)-1]
	if parts[0] != "" || !strings.HasSuffix(host, last) {
		return false
	}
	return len(parts) == 2 || strings.Contains(strings.TrimSuffix(host, last)+".", parts[1])
}

// HasRegistry reports whether a name begins with a registry.
func HasRegistry(name string) bool {
	host, _, path := strings.Cut(name, "/")
	return path && (strings.ContainsAny(host, ".:") || host == "localhost" || strings.ToLower(host) != host)
}
