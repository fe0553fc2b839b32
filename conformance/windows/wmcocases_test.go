package windows

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
)

// A wmcoCase is one of the 36 cases of WMCO's own tests of its registry files (pkg/registries/registries_test.go of
// August 2026), as objects of a cluster. Names without a dot, which no image can have as its registry, end in .local.
type wmcoCase struct {
	name          string
	digests, tags []mirrorset.ImageMirrors // each in an object of its own
	// registries are those that WMCO's test expects: the mirrors of each, in order, with "+" behind one that
	// resolves tags; never first where the source is not contacted.
	registries map[string]string
	// refused says who refuses the case as it is written. It is then compared without schemes and tags.
	refused string
	// why says for what reason a pull goes another way with pullroute's files; empty where it does not.
	why string
}

const (
	redHat     = "registry.access.redhat.com"
	apiServer  = "the API server refuses a source with a scheme or a tag"
	bothFaces  = "MCO refuses a source with both policies"
	itsOrder   = "mirrors keep the order of their lists, and lists that say nothing of each other are merged as MCO does; WMCO sorts them"
	itsServer  = "the fallback under NeverContactSource is the last mirror, with its own capabilities; WMCO asks the first again, for everything"
	itsTags    = "a mirror for digests resolves no tag; as WMCO's fallback server it does"
	orderTwice = itsOrder + "; and " + itsTags
)

func mirrored(source string, mirrors ...string) mirrorset.ImageMirrors {
	return mirrorset.ImageMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: mirrorset.AllowContactingSource}
}

func neverMirrored(source string, mirrors ...string) mirrorset.ImageMirrors {
	return mirrorset.ImageMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: mirrorset.NeverContactSource}
}

type entries = []mirrorset.ImageMirrors

const (
	minimal = redHat + "/ubi9/ubi-minimal"
	release = "quay.io/openshift-release-dev/ocp-release"
)

var wmcoCases = []wmcoCase{
	{name: "merged objects: none"},
	{name: "merged objects: one for digests", digests: entries{mirrored("source1.local", "mirror1.local")},
		registries: map[string]string{"source1.local": "mirror1.local"}},
	{name: "merged objects: one for tags", tags: entries{mirrored("source2.local", "mirror2.local")},
		registries: map[string]string{"source2.local": "mirror2.local+"}},
	{name: "merged objects: one of each, a source with a scheme", refused: apiServer,
		digests: entries{mirrored("https://source1.local:5000", "mirror1.local")}, tags: entries{mirrored("source2.local", "mirror2.local")},
		registries: map[string]string{"source1.local:5000": "mirror1.local", "source2.local": "mirror2.local+"}},
	{name: "merged objects: overlapping, both policies in one registry", refused: apiServer, why: itsServer,
		digests: entries{mirrored("vmc.ci.openshift.org/ci-op/pipeline", "devcluster.openshift.com:5000/pipeline")},
		tags: entries{
			mirrored("docker://mcr.microsoft.com/oss/kubernetes/pause", "quay.io/testuser/oss/kubernetes/pause"),
			mirrored("mcr.microsoft.com/powershell", "quay.io/testuser/testnamespace/powershell"),
			mirrored("registry.k8s.io/sig-storage/csi-provisioner", "devcluster.openshift.com:5000/sig-storage/csi-provisioner"),
			mirrored(minimal, "devcluster.openshift.com:5000/ubi9/ubi-minimal"),
			neverMirrored(redHat+"/ubi8/ubi-minimal", "random.io/ubi8/ubi-minimal"),
		},
		registries: map[string]string{
			"mcr.microsoft.com": "quay.io/testuser+ quay.io/testuser/testnamespace+", redHat: "never devcluster.openshift.com:5000+ random.io+",
			"registry.k8s.io": "devcluster.openshift.com:5000+", "vmc.ci.openshift.org": "devcluster.openshift.com:5000",
		}},

	{name: "a file: no mirrors", digests: entries{mirrored(redHat + "/ubi9")}, registries: map[string]string{redHat: ""}},
	{name: "a file: one mirror for digests", digests: entries{mirrored(redHat, "example.io/example")},
		registries: map[string]string{redHat: "example.io/example"}},
	{name: "a file: one mirror for tags", tags: entries{mirrored(redHat, "example.io/example")},
		registries: map[string]string{redHat: "example.io/example+"}},
	{name: "a file: one mirror for digests, NeverContactSource", digests: entries{neverMirrored(redHat, "example.io/example")},
		registries: map[string]string{redHat: "never example.io/example"}, why: itsTags},
	{name: "a file: one mirror for tags, NeverContactSource", tags: entries{neverMirrored(redHat, "example.io/example")},
		registries: map[string]string{redHat: "never example.io/example+"}},
	{name: "a file: several mirrors with credentials", why: itsOrder,
		digests: entries{mirrored(redHat, "example.io/example", "mirror.example.com/redhat")}, tags: entries{mirrored(redHat, "mirror.example.net")},
		registries: map[string]string{redHat: "example.io/example mirror.example.com/redhat mirror.example.net+"}},
	{name: "a file: several mirrors with credentials, NeverContactSource", why: orderTwice,
		digests:    entries{neverMirrored(redHat, "example.io/example", "mirror.example.com/redhat")},
		tags:       entries{neverMirrored(redHat, "mirror.example.net")},
		registries: map[string]string{redHat: "never example.io/example mirror.example.com/redhat mirror.example.net+"}},

	{name: "merged sources: none"},
	{name: "merged sources: one source, several mirrors",
		digests: entries{mirrored(minimal, "example.io/example/ubi-minimal"), mirrored(minimal, "mirror.example.net/image")},
		tags:    entries{mirrored(minimal, "example.com/example/ubi-minimal"), mirrored(minimal, "mirror.example.com/redhat")},
		registries: map[string]string{
			redHat: "example.com/example+ example.io/example mirror.example.com/redhat+ mirror.example.net/image"}},
	{name: "merged sources: policies, without mirrors", refused: bothFaces,
		digests:    entries{neverMirrored(minimal), mirrored(minimal), mirrored(release), mirrored(release)},
		registries: map[string]string{redHat: "", "quay.io": ""}},
	{name: "merged sources: mirrors twice, one for tags", why: itsOrder,
		digests: entries{mirrored(minimal, "mirror.example.net/image", "mirror.example.com/redhat"), mirrored(minimal, "mirror.example.net/image")},
		tags:    entries{mirrored(minimal, "mirror.example.com/redhat")},
		registries: map[string]string{
			redHat: "mirror.example.com/redhat+ mirror.example.net/image"}},
	{name: "merged sources: several",
		digests: entries{mirrored(minimal, "mirror.example.com/redhat", "mirror.example.net/image"),
			mirrored(release, "mirror.registry.com:443/ocp/release")},
		registries: map[string]string{
			redHat: "mirror.example.com/redhat mirror.example.net/image", "quay.io": "mirror.registry.com:443/ocp/release"}},

	{name: "merged mirrors: none", digests: entries{mirrored(redHat)}, registries: map[string]string{redHat: ""}},
	{name: "merged mirrors: one and none", digests: entries{mirrored(redHat, "openshift.com"), mirrored(redHat)},
		registries: map[string]string{redHat: "openshift.com"}},
	{name: "merged mirrors: the same twice", digests: entries{mirrored(redHat, "openshift.com"), mirrored(redHat, "openshift.com")},
		registries: map[string]string{redHat: "openshift.com"}},
	{name: "merged mirrors: the same for digests and for tags",
		digests: entries{mirrored(redHat, "openshift.com")}, tags: entries{mirrored(redHat, "openshift.com")},
		registries: map[string]string{redHat: "openshift.com+"}},
	{name: "merged mirrors: two",
		digests: entries{mirrored(redHat, "redhat.com")}, tags: entries{mirrored(redHat, "openshift.com")},
		registries: map[string]string{redHat: "openshift.com+ redhat.com"}},
	{name: "merged mirrors: several", why: itsOrder, digests: entries{mirrored(redHat, "redhat.com")},
		tags:       entries{mirrored(redHat, "openshift.com", "example.test.io"), mirrored(redHat, "openshift.com", "example.test.io")},
		registries: map[string]string{redHat: "example.test.io+ openshift.com+ redhat.com"}},

	leftOf("the source itself", "example.com/path/to/resource", "example.com/path/to/resource", "example.com", ""),
	leftOf("another host", "example.com/path/to/resource", "example.org/path/to/resource", "example.org", ""),
	leftOf("a longer last component", "example.com/path/to/resource/x", "example.com/path/to/resourceax", "example.com/path/to/resourceax", ""),
	leftOf("tags that differ", "mcr.microsoft.com/powershell:lts-nanoserver-ltsc2022", "quay.io/powershell:23", "quay.io", apiServer),
	leftOf("another host, with a tag", "mcr.microsoft.com/powershell:lts-nanoserver-ltsc2022", "quay.io/powershell:lts-nanoserver-ltsc2022",
		"quay.io", apiServer),
	leftOf("one component before", "mcr.microsoft.com/powershell:lts-nanoserver-ltsc2022",
		"quay.io/random_namespace/powershell:lts-nanoserver-ltsc2022", "quay.io/random_namespace", apiServer),
	leftOf("two components before", "mcr.microsoft.com/windows/servercore:ltsc2022",
		"quay.io/mohashai/random_namespace/windows/servercore:ltsc2022", "quay.io/mohashai/random_namespace", apiServer),
	leftOf("components that match at the beginning", "foo1.local/fah/different/foo2", "foo1.local/fah/something/foo2", "foo1.local/fah/something", ""),
	leftOf("the same, with a longer source", "foo1.local/fah/hello/different/foo2", "foo1.local/fah/something/foo2", "foo1.local/fah/something", ""),
	leftOf("the same, with a longer mirror", "foo1.local/fah/different/foo2", "foo1.local/fah/hello/something/foo2",
		"foo1.local/fah/hello/something", ""),

	organization("registry.local/org"), organization("registry.local/org/sub_org"), organization("registry.local"),
}

// leftOf is a case about what is left of a mirror.
func leftOf(name, source, mirror, left, refused string) wmcoCase {
	host, _, _ := strings.Cut(source, "/")
	return wmcoCase{name: "what is left of a mirror: " + name, digests: entries{mirrored(source, mirror)},
		registries: map[string]string{host: left}, refused: refused}
}

// organization is a case about the path of an endpoint.
func organization(mirror string) wmcoCase {
	return wmcoCase{name: "the path of " + mirror, digests: entries{mirrored("quay.io", mirror)}, registries: map[string]string{"quay.io": mirror}}
}

// set returns the objects of a case, without what the API server refuses where that is asked for.
func (c *wmcoCase) set(mended bool) *mirrorset.Set {
	set := &mirrorset.Set{}
	mend := func(e mirrorset.ImageMirrors) entries {
		if mended && c.refused == apiServer {
			port := regexp.MustCompile(`:\d+$`)
			strip := func(s string) string {
				s = regexp.MustCompile(`^[a-z]+://`).ReplaceAllString(s, "")
				if at := strings.LastIndexByte(s, '/'); at >= 0 || !port.MatchString(s) {
					s = s[:at+1] + strings.Split(s[at+1:], ":")[0]
				}
				return s
			}
			e.Source, e.Mirrors = strip(e.Source), slices.Clone(e.Mirrors)
			for i := range e.Mirrors {
				e.Mirrors[i] = strip(e.Mirrors[i])
			}
		}
		return entries{e}
	}
	for i, e := range c.digests {
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, mirrorset.ImageDigestMirrorSet{
			Metadata: mirrorset.ObjectMeta{Name: fmt.Sprint("d", i)}, Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: mend(e)}})
	}
	for i, e := range c.tags {
		set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{
			Metadata: mirrorset.ObjectMeta{Name: fmt.Sprint("t", i)}, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: mend(e)}})
	}
	return set
}

// expected is what WMCO's test says that is asked for a repository of a registry, by digest and by tag.
func (c *wmcoCase) expected(host, path string) (byDigest, byTag []string) {
	list, never := strings.CutPrefix(c.registries[host], "never ")
	for _, m := range strings.Fields(list) {
		m, resolves := strings.CutSuffix(m, "+")
		byDigest = append(byDigest, m+"/"+path)
		if resolves {
			byTag = append(byTag, m+"/"+path)
		}
	}
	last := host + "/" + path
	if never {
		last = byDigest[0]
	}
	return slices.Compact(append(byDigest, last)), slices.Compact(append(byTag, last))
}

// Each case with WMCO's files and with pullroute's, in the real client: what WMCO's test expects, and whether pullroute
// asks the same.
func TestThe36CasesOfWMCO(t *testing.T) {
	require.Len(t, wmcoCases, 36)
	page, err := os.ReadFile("../../docs/from-wmco.md")
	require.NoError(t, err)
	for _, test := range wmcoCases {
		t.Run(test.name, func(t *testing.T) {
			says := "same"
			if test.why != "" {
				says = "another way: " + test.why
			}
			if test.refused != "" {
				says = test.refused + "; without it: " + says
				_, err := test.set(false).Rules()
				require.Error(t, err)
			}
			if test.refused == bothFaces {
				says = test.refused
			}
			assert.Contains(t, string(page), "| "+test.name+" | "+says+" |\n", "docs/from-wmco.md")

			set := test.set(true)
			theirs := configPath(t, openshift.WMCO(openshift.ClusterOf(set).Items()))
			rules, err := set.Rules()
			if test.refused == bothFaces {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
			ours := t.TempDir()
			_, err = tree.Write(ours)
			require.NoError(t, err)
			same := true
			for host := range test.registries {
				if runtime.GOOS == "windows" && strings.Contains(host, ":") {
					continue // theirs is a name that no Windows node can have
				}
				for _, e := range slices.Concat(test.digests, test.tags) {
					same = test.compare(t, theirs, ours, host, e.Source) && same
				}
			}
			require.Equal(t, test.why == "", same)
		})
	}
}

// compare asks the clients for an image of a source, where it is one of this registry, and reports whether both
// directories lead to the same.
func (c *wmcoCase) compare(t *testing.T, theirs, ours, host, source string) bool {
	source = strings.TrimPrefix(strings.TrimPrefix(source, "https://"), "docker://")
	path, ok := strings.CutPrefix(source+"/", host+"/")
	if !ok {
		return true
	}
	path = strings.Split(path+"img", ":")[0]
	digest := "@" + images[0].Manifest.Digest.String()
	same := true
	for _, v := range versions {
		asked := func(dir, image string) []string {
			if p := v.Pull(context.Background(), world.New(), dir, image).Passes(); len(p) > 0 {
				return slices.Compact(p[0].Locations)
			}
			return nil
		}
		image := host + "/" + path
		byDigest, byTag := c.expected(host, path)
		require.Equal(t, byDigest, asked(theirs, image+digest), "WMCO's, by digest, in %s", v.Version)
		require.Equal(t, byTag, asked(theirs, image+":1"), "WMCO's, by tag, in %s", v.Version)
		same = same && slices.Equal(byDigest, asked(ours, image+digest)) && slices.Equal(byTag, asked(ours, image+":1"))
	}
	return same
}
