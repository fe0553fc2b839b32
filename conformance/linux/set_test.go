package linux_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
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
			image.Spec.RegistrySources.BlockedRegistries = append(image.Spec.RegistrySources.BlockedRegistries, words[1])
		case "insecure":
			image.Spec.RegistrySources.InsecureRegistries = append(image.Spec.RegistrySources.InsecureRegistries, words[1])
		default:
			t.Fatalf("line %q", line)
		}
	}
	set.Images = []mirrorset.Image{image}
	return set
}
