package resolve

import (
	_ "crypto/sha256" // digests are checked by the algorithms that the clients know
	_ "crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
)

// Reference is one image reference, written out in full: host[:port]/repository with a tag or a
// digest, never with both. It is a small comparable value; the zero value names nothing.
type Reference struct {
	text string // host[:port]/repository:tag or host[:port]/repository@digest
	name int    // the length of host[:port]/repository
}

// ParseReference parses an image reference and writes it out as the kubelet's way into containerd
// does (ParseDockerRef of github.com/distribution/reference): Docker Hub's short names get their
// host, a tag beside a digest is dropped, and where there is neither the tag is "latest". The error
// says what is wrong with a reference that no client takes.
//
// A Linux node looks for the registry of a short name by itself: give [LinuxTable.Plan] such a name
// as it is.
func ParseReference(image string) (Reference, error) {
	if err := tooLong(image); err != nil {
		return Reference{}, err
	}
	if r, ok := plainReference(image); ok {
		return r, nil
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return Reference{}, referenceError(image, err)
	}
	name, separator, value := named.Name(), ":", "latest"
	if n, ok := named.(reference.Digested); ok {
		separator, value = "@", n.Digest().String()
	} else if n, ok := named.(reference.Tagged); ok {
		value = n.Tag()
	}
	return Reference{text: name + separator + value, name: len(name)}, nil
}

// String returns the reference: host[:port]/repository:tag or host[:port]/repository@digest.
func (r Reference) String() string { return r.text }

// Name returns host[:port]/repository.
func (r Reference) Name() string { return r.text[:r.name] }

// ByDigest reports whether the image is pulled by digest; by tag otherwise.
func (r Reference) ByDigest() bool { return r.name < len(r.text) && r.text[r.name] == '@' }

// suffix returns what follows the name: ":tag" or "@digest".
func (r Reference) suffix() string { return r.text[r.name:] }

// errNoReference is the error for the zero Reference.
var errNoReference = errors.New("is empty; make one with ParseReference")

// referenceError says what is wrong with a reference, and what is most likely meant.
func referenceError(image string, err error) error {
	hint := "write it as host[:port]/repository:tag or host[:port]/repository@sha256:…"
	name, afterAt, hasDigest := strings.Cut(image, "@")
	switch {
	case strings.TrimSpace(image) == "":
		return fmt.Errorf("image reference is empty: %s", hint)
	case strings.Contains(image, "://"):
		hint = "a reference has no URL scheme; remove " + shown.Value(image[:strings.Index(image, "://")+3])
	case strings.ContainsFunc(image, unicode.IsSpace):
		hint = "it has white space in it"
	case hasDigest:
		if derr := digest.Digest(afterAt).Validate(); derr != nil {
			hint = fmt.Sprintf("its digest is not one: %v; sha256 is followed by 64 lower-case hexadecimal digits", derr)
		}
	case strings.ToLower(name) != name:
		hint = "a repository name is in lower case; only the host and the tag may have capitals"
	}
	return &invalidReference{fmt.Sprintf(`image reference "%s": invalid reference format; %s`,
		shown.Location(image), hint), err}
}

// invalidReference is an error with a message of its own. The library's messages repeat the
// reference, and that may have a password in it.
type invalidReference struct {
	message string
	cause   error
}

func (e *invalidReference) Error() string { return e.message }
func (e *invalidReference) Unwrap() error { return e.cause }

// splitName splits an image into its name and what stands behind it: nothing, ":tag", "@digest" or both.
func splitName(image string) (name, suffix string) {
	name, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') { // else the port of a host
		name = name[:i]
	}
	return name, image[len(name):]
}

// linuxReference checks a reference against what containers-image takes.
func linuxReference(r Reference) error {
	if r.text == "" {
		return errNoReference
	}
	return linuxName(r.Name())
}

// linuxName checks a normalised name against what containers-image takes beyond
// github.com/distribution/reference (its own copy of that package, docker/reference, is older): the
// whole name is at most 255 characters, and the host has a dot, a port or is "localhost". The two
// packages take a_b.io/c for a name without a host.
func linuxName(name string) error {
	if len(name) > maxLinuxName {
		return fmt.Errorf("the name is %d characters long; containers-image takes %d", len(name), maxLinuxName)
	}
	if host, _ := network.SplitHost(name); !linuxHost(host) || strings.Contains(host, "_") {
		return fmt.Errorf("%q is not a registry host to containers-image: %s", host, noLinuxHost)
	}
	return nil
}

const noLinuxHost = "a host has a dot or a port, or is localhost, and has no underscore"

const maxLinuxName = 255

// maxReference is more than any client takes: a DNS name of 253 characters, a port, a repository of
// 255, a tag of 128 and a digest.
const maxReference = 1024

// tooLong returns an error for a text that is too long for a reference. It is called before
// anything else reads the text.
func tooLong(image string) error {
	if len(image) <= maxReference {
		return nil
	}
	begin := shown.Location(image) // before cutting: what follows tells which part is a password
	begin = strings.ToValidUTF8(begin[:min(len(begin), 60)], "")
	return fmt.Errorf(`image reference "%s"… is %d characters long; no client takes more than %d`, begin,
		len(image), maxReference)
}

func linuxHost(host string) bool {
	return (strings.ContainsAny(host, ".:") || host == "localhost") && !strings.HasPrefix(host, "[")
}

// IsShortName reports whether a Linux client looks for a registry to an image name
// (containers-image, pkg/shortnames, parseUnnormalizedShortName): its first part is no host by the
// grammar, or has neither dot nor colon and is not "localhost".
func IsShortName(image string) bool {
	name, _, _ := strings.Cut(image, "@")
	host, _, hasPath := strings.Cut(name, "/")
	if strings.HasPrefix(host, "[") {
		return false // an IPv6 address, which the client takes for no name at all
	}
	return !hasPath || !strings.ContainsAny(host, ".:") && host != "localhost" || !mirrorset.ValidMirror(host)
}
