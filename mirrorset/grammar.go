package mirrorset

import "strings"

// The grammar is that of the patterns in github.com/openshift/api, config/v1
// (zz_generated.crd-manifests, imagedigestmirrorsets). It is written out rather than compiled: the same
// pattern costs microseconds per value as a regular expression, and a test holds both against each other.

// ValidSource reports whether s may stand as a source: a location, or "*." and a host without port.
func ValidSource(s string) bool {
	if host, ok := strings.CutPrefix(s, "*."); ok {
		return validDomain(host)
	}
	return ValidMirror(s)
}

// ValidMirror reports whether s may stand as a mirror: host[:port] and zero or more "/component".
func ValidMirror(s string) bool {
	host, path := s, ""
	if i := strings.IndexByte(s, '/'); i >= 0 {
		host, path = s[:i], s[i:]
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		port := host[i+1:]
		if port == "" || digits(port) != len(port) {
			return false
		}
		host = host[:i]
	}
	if !validDomain(host) {
		return false
	}
	for path != "" {
		path = path[1:]
		end := strings.IndexByte(path, '/')
		if end < 0 {
			end = len(path)
		}
		if !validComponent(path[:end]) {
			return false
		}
		path = path[end:]
	}
	return true
}

// validDomain reports whether s is labels joined by dots: [a-zA-Z0-9] and inner '-', none empty.
func validDomain(s string) bool {
	edge := true // the next character begins a label
	for i := range len(s) {
		switch c := s[i]; {
		case alphanumeric(c), c >= 'A' && c <= 'Z':
			edge = false
		case edge, i == len(s)-1, c != '.' && c != '-':
			return false
		case c == '.':
			if s[i-1] == '-' {
				return false
			}
			edge = true
		}
	}
	return !edge
}

// validComponent reports whether s is runs of [a-z0-9] joined by one '.', one or two '_', or any
// number of '-'.
func validComponent(s string) bool {
	if s == "" || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); {
		c := s[i]
		if alphanumeric(c) {
			i++
			continue
		}
		run := 1
		for s[i+run] == c { // ends before len(s): the last byte is alphanumeric
			run++
		}
		i += run
		switch {
		case !alphanumeric(s[i]): // two separators of different kinds
			return false
		case c == '-', c == '.' && run == 1, c == '_' && run <= 2:
		default:
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// whyInvalid names what a person most likely wrote by mistake in a value that the grammar refuses.
func whyInvalid(s string) string {
	switch {
	case s == "":
		return "it is empty; name a host, namespace or repository such as quay.io/my-org"
	case strings.Contains(s, "://"):
		return "it has a URL scheme; write only host[:port]/path"
	case strings.Contains(s, "@"):
		return "it has a digest; rules are for repositories, write it without \"@…\""
	case strings.HasSuffix(s, "/"):
		return "it ends in a slash; remove it"
	case strings.ContainsAny(s, " \t\r\n"):
		return "it has white space in it"
	case strings.HasPrefix(s, "["):
		return "an IPv6 address cannot be written here; use a host name"
	case strings.HasPrefix(s, "*."):
		return "a wildcard is \"*.\" and a host, without port or path"
	case strings.Contains(s, "*"):
		return "a wildcard can only stand as \"*.\" at the beginning of a source"
	}
	host, path, _ := strings.Cut(s, "/")
	switch {
	case strings.Contains(path, ":"):
		return "it has a tag; rules are for repositories, write it without \":tag\""
	case strings.Contains(host, "_"):
		return "a host name has no underscore"
	case path != strings.ToLower(path):
		return "a path is written in lower case"
	case strings.Contains(host, ":") && path == "" && digits(host[strings.Index(host, ":")+1:]) == 0:
		return "a port is a number; a tag cannot be written here"
	}
	return "it is not host[:port][/component]…"
}
