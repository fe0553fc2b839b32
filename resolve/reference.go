package resolve

import (
	_ "crypto/sha256" // digests are checked by the algorithms that the clients know
	_ "crypto/sha512"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/pullroute/pullroute/mirrorset"
)

// ref is one reference as a client uses it.
type ref struct {
	name   string // host/repository
	tag    string // empty where there is a digest
	digest string
}

func (r ref) String() string {
	if r.digest != "" {
		return r.name + "@" + r.digest
	}
	return r.name + ":" + r.tag
}

func (r ref) byDigest() bool { return r.digest != "" }

// parseReference normalises a reference as the kubelet's way into containerd does (ParseDockerRef of
// github.com/distribution/reference): Docker Hub's short names are written out, a tag beside a digest is
// dropped, and where there is neither the tag is "latest".
func parseReference(image string) (ref, error) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return ref{}, referenceError(image, err)
	}
	r := ref{name: named.Name()}
	switch n := named.(type) {
	case reference.Digested:
		if err := n.Digest().Validate(); err != nil {
			return ref{}, referenceError(image, err)
		}
		r.digest = n.Digest().String()
	case reference.Tagged:
		r.tag = n.Tag()
	}
	return r, nil
}

// referenceError says what is wrong with a reference, and what is most likely meant.
func referenceError(image string, err error) error {
	hint := "write it as host[:port]/repository:tag or host[:port]/repository@sha256:…"
	name, afterAt, hasDigest := strings.Cut(image, "@")
	switch {
	case strings.TrimSpace(image) == "":
		return fmt.Errorf("image reference is empty: %s", hint)
	case strings.Contains(image, "://"):
		hint = "a reference has no URL scheme; remove " + image[:strings.Index(image, "://")+3]
	case strings.TrimSpace(image) != image || strings.ContainsAny(image, " \t\r\n"):
		hint = "it has white space in it"
	case hasDigest:
		if derr := digest.Digest(afterAt).Validate(); derr != nil {
			hint = fmt.Sprintf("its digest %q is not one: %v; sha256 is followed by 64 lower-case hexadecimal digits", afterAt, derr)
		}
	case strings.ToLower(name) != name:
		hint = "a repository name is in lower case; only the host and the tag may have capitals"
	}
	return fmt.Errorf("image reference %q: %w; %s", image, err, hint)
}

// linuxName checks a normalised name against what containers-image takes beyond
// github.com/distribution/reference (its own copy of that package, docker/reference, is older): the whole
// name is at most 255 characters, and the host has a dot, a port or is "localhost".
func linuxName(name string) error {
	if len(name) > maxLinuxName {
		return fmt.Errorf("the name is %d characters long; containers-image takes %d", len(name), maxLinuxName)
	}
	if host, _ := splitHost(name); !linuxHost(host) {
		return fmt.Errorf("%q is not a registry host to containers-image: a host has a dot or a port, or is localhost", host)
	}
	return nil
}

const maxLinuxName = 255

func linuxHost(host string) bool {
	return (strings.ContainsAny(host, ".:") || host == "localhost") && !strings.HasPrefix(host, "[")
}

// isShortName reports whether a Linux client looks for a registry to an image name (containers-image,
// pkg/shortnames, parseUnnormalizedShortName): its first part is no host by the grammar, or has neither dot
// nor colon and is not "localhost".
func isShortName(image string) bool {
	name, _, _ := strings.Cut(image, "@")
	host, _, hasPath := strings.Cut(name, "/")
	if strings.HasPrefix(host, "[") {
		return false // an IPv6 address, which the client takes for no name at all
	}
	return !hasPath || !strings.ContainsAny(host, ".:") && host != "localhost" || !mirrorset.ValidMirror(host)
}
