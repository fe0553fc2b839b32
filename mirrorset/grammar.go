package mirrorset

import (
	"fmt"
	"strings"
)

// The grammar is that of the patterns in github.com/openshift/api, config/v1
// (zz_generated.crd-manifests, imagedigestmirrorsets). It is written out rather than compiled: the
// same pattern costs microseconds per value as a regular expression, and a test holds both against
// each other.

// maxLength is the most characters that a source, mirror or scope may have. The definitions set no
// limit, but a reference that any client takes is shorter (a DNS name has 253 characters, a
// repository 255), so nothing longer can mean anything.
const maxLength = 1024

// ValidSource reports whether s may stand as a source: a location, or "*." and a host without port,
// at most 1,024 characters.
func ValidSource(s string) bool {
	if host, ok := strings.CutPrefix(s, "*."); ok {
		return len(s) <= maxLength && validDomain(host)
	}
	return ValidMirror(s)
}

// ValidMirror reports whether s may stand as a mirror: host[:port] and zero or more "/component",
// at most 1,024 characters.
func ValidMirror(s string) bool {
	if len(s) > maxLength {
		return false
	}
	rest, ok := cutDomain(s)
	if !ok {
		return false
	}
	if port, hasPort := strings.CutPrefix(rest, ":"); hasPort {
		n := digits(port)
		if n == 0 {
			return false
		}
		rest = port[n:]
	}
	return validPath(rest)
}

// ValidHost reports whether s is a registry host: host[:port], a mirror without a path.
func ValidHost(s string) bool { return !strings.Contains(s, "/") && ValidMirror(s) }

// validPath reports whether s is zero or more "/component".
func validPath(s string) bool {
	for s != "" {
		component, ok := strings.CutPrefix(s, "/")
		if !ok {
			return false
		}
		if s, ok = cutComponent(component); !ok {
			return false
		}
	}
	return true
}

// validDomain reports whether s is labels joined by dots.
func validDomain(s string) bool {
	rest, ok := cutDomain(s)
	return ok && rest == ""
}

// cutDomain returns what follows the domain that s begins with: labels of [a-zA-Z0-9] and inner '-',
// joined by dots.
func cutDomain(s string) (rest string, ok bool) {
	for i := 0; ; i++ {
		for { // the pieces of a label between its '-'
			start := i
			for i < len(s) && class[s[i]] != 0 {
				i++
			}
			if i == start {
				return "", false
			}
			if i == len(s) || s[i] != '-' {
				break
			}
			for i < len(s) && s[i] == '-' {
				i++
			}
		}
		if i == len(s) || s[i] != '.' {
			return s[i:], true
		}
	}
}

// cutComponent returns what follows the path component that s begins with: runs of [a-z0-9] joined
// by one '.', one or two '_', or any number of '-'.
func cutComponent(s string) (rest string, ok bool) {
	for i := 0; ; {
		start := i
		for i < len(s) && class[s[i]] == lower {
			i++
		}
		if i == start {
			return "", false
		}
		if i == len(s) || s[i] == '/' {
			return s[i:], true
		}
		separator, start := s[i], i
		for i < len(s) && s[i] == separator {
			i++
		}
		switch n := i - start; {
		case separator == '-', separator == '.' && n == 1, separator == '_' && n <= 2:
		default:
			return "", false
		}
	}
}

// class tells letters and digits from all else.
var class = func() (class [256]uint8) {
	for c := range class {
		switch {
		case alphanumeric(byte(c)):
			class[c] = lower
		case c >= 'A' && c <= 'Z':
			class[c] = upper
		}
	}
	return class
}()

const (
	lower = 1 + iota // and digits
	upper
)

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// whyInvalid names what a person most likely wrote by mistake in a value that the grammar refuses.
// It is one list of mistakes, the likeliest first.
//
//gocyclo:ignore
func whyInvalid(s string) string {
	switch {
	case len(s) > maxLength:
		return fmt.Sprintf("it is %d characters long, and no client takes a name of more than %d", len(s), maxLength)
	case s == "":
		return "it is empty; name a host, namespace or repository such as quay.io/my-org"
	case strings.Contains(s, "{{") || strings.Contains(s, "${"):
		return "it is part of a template; render that first"
	case strings.ContainsAny(s, "<>"):
		return "it is a placeholder; write what \"<…>\" stands for"
	case strings.Contains(s, "://"):
		return "it has a URL scheme; write only host[:port]/path"
	case strings.Contains(s, "@") && !strings.Contains(s, "@sha"):
		return "it has a user name or a password; credentials belong in the pull secret, write only host[:port]/path"
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

// digits returns the length of the run of digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
