package resolve

import (
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
)

// plainReference reads the references that most images have, without
// github.com/distribution/reference: a name that is written out in full or is one of Docker Hub's
// short ones (normalize.go, splitDockerDomain), with a tag, a sha256 digest, both or neither. ok is
// false for all others; those the library reads. A test holds both against each other.
//
// The library takes several microseconds for such a reference, more than all else in a plan.
// Without this function a plan of a string takes 12 allocations, and not 3 (docs/performance.md,
// "Tricks, tried without").
func plainReference(image string) (r Reference, ok bool) {
	image = withDockerHub(image)
	name, text, ok := cutSuffix(image)
	if !ok {
		return Reference{}, false
	}
	host, path := network.SplitHost(name)
	switch {
	case path == "", !strings.ContainsAny(host, ".:") && host != "localhost", len(name) > maxLinuxName,
		!mirrorset.ValidMirror(name):
		return Reference{}, false
	case host == "index.docker.io", host == "docker.io" && strings.LastIndexByte(path, '/') == 0: // written otherwise
		return Reference{}, false
	}
	return Reference{text: text, name: len(name)}, true
}

// withDockerHub writes out a name of Docker Hub in full, and returns all others as they are.
func withDockerHub(image string) string {
	const identifier = 64 // hexadecimal digits by themselves, which are no name
	first, _, more := strings.Cut(image, "/")
	switch {
	case !more && len(image) != identifier:
		return "docker.io/library/" + image
	case !strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first:
		return "docker.io/" + image
	}
	return image
}

// cutSuffix returns the name of an image, and its text with one suffix: the digest, the tag, or the
// tag "latest". ok is false where a suffix is none, or a digest is of another algorithm.
func cutSuffix(image string) (name, text string, ok bool) {
	name, digest, hasDigest := strings.Cut(image, "@")
	tagged := name
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') { // else the port of a host
		if !plainTag(name[i+1:]) {
			return "", "", false
		}
		name = name[:i]
	}
	switch hex, isSHA256 := strings.CutPrefix(digest, "sha256:"); {
	case hasDigest && !(isSHA256 && len(hex) == 64 && plainHex(hex)):
		return "", "", false
	case hasDigest && len(name) < len(tagged):
		return name, name + "@" + digest, true // the digest says it all
	case hasDigest || len(name) < len(tagged):
		return name, image, true
	}
	return name, image + ":latest", true
}

func plainHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// plainTag reports whether s is a tag by the grammar of github.com/distribution/reference (regexp.go).
func plainTag(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case i > 0 && (c == '.' || c == '-'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= 128
}
