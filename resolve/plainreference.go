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
	name, suffix := splitName(image)
	tag, digest, hasDigest := strings.Cut(suffix, "@")
	host, path := network.SplitHost(name)
	switch {
	case path == "", !strings.ContainsAny(host, ".:") && host != "localhost", len(name) > maxLinuxName,
		!mirrorset.ValidMirror(name), tag != "" && !plainTag(tag[1:]), hasDigest && !plainDigest(digest):
		return Reference{}, false
	case host == "index.docker.io", host == "docker.io" && strings.LastIndexByte(path, '/') == 0: // written otherwise
		return Reference{}, false
	case suffix == "":
		image += ":latest"
	case tag != "" && hasDigest:
		image = name + "@" + digest // which says it all
	}
	return Reference{text: image, name: len(name)}, true
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

// plainDigest reports whether s is a digest by sha256.
func plainDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}

// plainTag reports whether s is a tag by the grammar of github.com/distribution/reference (regexp.go).
func plainTag(s string) bool {
	const word = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= 128 && strings.TrimLeft(s, ".-") == s && strings.Trim(s, word+".-") == ""
}
