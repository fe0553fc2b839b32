package linux

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// newSet builds objects from lines:
//
//	digest SOURCE MIRROR… [never]
//	tag SOURCE MIRROR… [never]
//	blocked SCOPE
//	insecure SCOPE
//
// Each line of the first two is an object of its own.
func newSet(t *testing.T, text string) *mirrorset.Set {
	t.Helper()
	set := &mirrorset.Set{}
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		entry := mirrorset.ImageMirrors{Source: words[1]}
		for _, w := range words[2:] {
			if w == "never" {
				entry.MirrorSourcePolicy = mirrorset.NeverContactSource
			} else {
				entry.Mirrors = append(entry.Mirrors, w)
			}
		}
		meta := mirrorset.ObjectMeta{Name: fmt.Sprint("o", i)}
		switch words[0] {
		case "digest":
			set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
				Metadata: meta, Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{entry}}})
		case "tag":
			set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{
				Metadata: meta, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{entry}}})
		case "blocked":
			image.Spec.RegistrySources.BlockedRegistries = append(image.Spec.RegistrySources.BlockedRegistries,
				words[1])
		case "insecure":
			image.Spec.RegistrySources.InsecureRegistries = append(image.Spec.RegistrySources.InsecureRegistries, words[1])
		default:
			t.Fatalf("line %q", line)
		}
	}
	set.Images = []mirrorset.Image{image}
	return set
}

// baseFile returns a registries.conf as somebody might have put it on a node. Each scope and each
// location has one entry.
func baseFile(s *random.Source) []byte {
	c := &registriesconf.Config{ShortNameMode: s.Pick("", "", "enforcing", "permissive")}
	if s.Intn(4) > 0 {
		c.UnqualifiedSearchRegistries = []string{s.Host(), "docker.io"}[s.Intn(2):]
	}
	if s.Intn(4) == 0 {
		c.CredentialHelpers = []string{"containers-auth.json", "secretservice"}
	}
	if s.Intn(4) == 0 {
		c.Aliases = map[string]string{"ubi9": "registry.access.redhat.com/ubi9", "a/b": s.Host() + "/a/b",
			"z": s.Host() + "/a/z", "none": ""}
	}
	taken := map[string]bool{}
	for range s.Intn(4) {
		r := registriesconf.Registry{Location: s.Scope(), Blocked: s.Intn(4) == 0, Insecure: s.Intn(4) == 0}
		switch {
		case strings.HasPrefix(r.Location, "*."):
			r.Prefix, r.Location = r.Location, ""
		case s.Intn(4) == 0:
			r.Prefix = s.Scope()
		case s.Intn(4) == 0:
			r.Prefix = r.Location
		}
		if taken[r.Scope()] || taken[r.Location] {
			continue
		}
		taken[r.Scope()], taken[r.Location] = true, true
		r.MirrorByDigestOnly = s.Intn(6) == 0
		for range s.Intn(6) - 3 {
			m := registriesconf.Mirror{Location: s.Location(), Insecure: s.Intn(4) == 0}
			if !r.MirrorByDigestOnly {
				m.PullFromMirror = registriesconf.PullFromMirror(s.Pick("", "", "all", "digest-only", "tag-only"))
			}
			r.Mirrors = append(r.Mirrors, m)
		}
		c.Registries = append(c.Registries, r)
	}
	return c.Bytes()
}
