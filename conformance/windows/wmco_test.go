package windows

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// setOf has entries in one object.
func setOf(entries []mirrorset.ImageMirrors, tags bool) *mirrorset.Set {
	set := &mirrorset.Set{}
	if tags {
		set.ImageTagMirrorSets = []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "x"}, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: entries}}}
	} else {
		set.ImageDigestMirrorSets = []mirrorset.ImageDigestMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "x"}, Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: entries}}}
	}
	return set
}

// rulesOf are the rules of entries that stand in one object.
func rulesOf(t testing.TB, entries []mirrorset.ImageMirrors, tags bool) *mirrorset.Rules {
	t.Helper()
	rules, err := setOf(entries, tags).Rules()
	require.NoError(t, err)
	return rules
}

// wmcoFiles are the files of WMCO for entries that stand in one object.
func wmcoFiles(entries []mirrorset.ImageMirrors, tags bool) map[string]string {
	return openshift.WMCO(openshift.ClusterOf(setOf(entries, tags)).Items())
}

// The faults of WMCO's files that a pull shows, each as the real client has it.
func TestWhatContainerdDoesWithWMCOsFilesAndWithOurs(t *testing.T) {
	const never = mirrorset.NeverContactSource
	entry := func(policy mirrorset.MirrorSourcePolicy, source string, mirrors ...string) mirrorset.ImageMirrors {
		return mirrorset.ImageMirrors{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}
	}
	digest := "@" + images[0].Manifest.Digest.String()
	for name, test := range map[string]struct {
		entries    []mirrorset.ImageMirrors
		tags       bool
		image      string
		wmco, ours []string
	}{
		"1. a policy that stands in the second entry of a registry is lost": {
			entries: []mirrorset.ImageMirrors{entry("", "quay.io/a", "m.io/a"), entry(never, "quay.io/b", "m.io/b")},
			image:   "quay.io/b" + digest,
			wmco:    []string{"m.io/b", "quay.io/b"}, ours: []string{"m.io/b"},
		},
		"2. two mirrors that are one endpoint make a file that is ignored": {
			entries: []mirrorset.ImageMirrors{entry(never, "quay.io/a", "m.io/a", "m.io")},
			image:   "quay.io/a/b" + digest,
			wmco:    []string{"quay.io/a/b"}, ours: []string{"m.io/a/b"},
		},
		"3. a mirror for digests resolves tags, as the server": {
			entries: []mirrorset.ImageMirrors{entry(never, "quay.io/a", "m.io/a")},
			image:   "quay.io/a:1",
			wmco:    []string{"m.io/a"}, ours: nil,
		},
		"4. the mirrors' order is that of the alphabet": {
			entries: []mirrorset.ImageMirrors{entry("", "quay.io/a", "z.io/a", "m.io/org/a", "b.io/a")},
			tags:    true,
			image:   "quay.io/a:1",
			wmco:    []string{"b.io/a", "m.io/org/a", "z.io/a", "quay.io/a"}, ours: []string{"z.io/a", "m.io/org/a", "b.io/a", "quay.io/a"},
		},
		"6. docker.io is asked as a mirror, where no registry answers": {
			entries: []mirrorset.ImageMirrors{entry("", "internal.io", "docker.io")},
			image:   "internal.io/library/a" + digest,
			wmco:    []string{"docker.io/library/a", "internal.io/library/a"}, ours: []string{"registry-1.docker.io/library/a", "internal.io/library/a"},
		},
		"6. docker.io is asked as the source, where no registry answers": {
			entries: []mirrorset.ImageMirrors{entry("", "docker.io", "m.io")},
			image:   "a" + digest,
			wmco:    []string{"m.io/library/a", "docker.io/library/a"}, ours: []string{"m.io/library/a", "registry-1.docker.io/library/a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := configPath(t, wmcoFiles(test.entries, test.tags))
			ours := t.TempDir()
			tree, table, _ := hoststoml.Render(rulesOf(t, test.entries, test.tags), hoststoml.RenderOptions{})
			table = here(table)
			_, err := tree.Write(ours)
			require.NoError(t, err)
			plan, err := table.Plan(test.image)
			require.NoError(t, err)
			for _, c := range versions {
				searched := func(dir string) []string {
					if p := c.Pull(context.Background(), world.New(), dir, test.image).Passes(); len(p) > 0 {
						return p[0].Locations
					}
					return nil
				}
				require.Equal(t, test.wmco, searched(theirs), "WMCO's, in %s", c.Version)
				require.Equal(t, test.ours, searched(ours), "ours, in %s", c.Version)
				planned := plan.Resolve
				if len(planned) == 0 {
					planned = plan.Pull
				}
				require.Equal(t, test.ours, locations(planned), "the plan")
			}
		})
	}
}

// 5. Neither ":" nor "*" can be in a file name on Windows, and there is no ".." or empty name either.
func TestEveryDirectoryOfATreeCanExistOnWindows(t *testing.T) {
	require.Contains(t, wmcoFiles([]mirrorset.ImageMirrors{{Source: "quay.io:8443", Mirrors: []string{"m.io"}}}, false), "quay.io:8443")
	require.Contains(t, wmcoFiles([]mirrorset.ImageMirrors{{Source: "*.example.org", Mirrors: []string{"m.io"}}}, false), "*.example.org")

	s := random.New(t.Name())
	ports := 0
	for range random.Count(5_000) {
		for _, f := range newConfiguration(t, s, "").tree {
			require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9.-]+(_[0-9]+_)?/hosts\.toml$`), f.Path())
			if strings.HasSuffix(filepath.Dir(f.Path()), "_") {
				ports++
			}
		}
	}
	require.Greater(t, ports, random.Count(2_000))
}

// 7. While WMCO replaces a tree, there is a time at which the directory is empty. What ours looks like
// meanwhile is in TestARegistryIsAlwaysGovernedByOneWholeFile.
func TestAnEmptiedTreeLeadsToTheSource(t *testing.T) {
	entries := []mirrorset.ImageMirrors{{Source: "quay.io/a", Mirrors: []string{"m.io/a"}, MirrorSourcePolicy: mirrorset.NeverContactSource}}
	dir := configPath(t, wmcoFiles(entries, false))
	image := "quay.io/a@" + images[0].Manifest.Digest.String()
	for _, c := range versions {
		require.NotContains(t, c.Pull(context.Background(), world.New(), dir, image).Trace(), "quay.io/a")
	}
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "quay.io")))
	for _, c := range versions {
		require.Contains(t, c.Pull(context.Background(), world.New(), dir, image).Trace(), "quay.io/a")
	}
}

// documented is the example of OpenShift's documentation of image mirroring on Windows nodes.
var documented = []mirrorset.ImageMirrors{
	{Source: "registry.access.redhat.com/ubi9/ubi-minimal", Mirrors: []string{"example.io/example/ubi-minimal", "example.com/example2/ubi-minimal"}, MirrorSourcePolicy: mirrorset.AllowContactingSource},
	{Source: "registry.redhat.io", Mirrors: []string{"mirror.example.com"}, MirrorSourcePolicy: mirrorset.NeverContactSource},
	{Source: "docker-mirror.internal", Mirrors: []string{"docker.io"}, MirrorSourcePolicy: mirrorset.AllowContactingSource},
}

// shownThere are the files in the form that the documentation shows for it.
var shownThere = map[string]string{
	"registry.access.redhat.com": "server = \"https://registry.access.redhat.com\"\n[host.\"https://example.com/example2\"]\n capabilities = [\"pull\"]\n[host.\"https://example.io/example\"]\n capabilities = [\"pull\"]\n",
	"registry.redhat.io":         "server = \"https://mirror.example.com\"\n[host.\"https://mirror.example.com\"]\n capabilities = [\"pull\"]\n",
	"docker-mirror.internal":     "server = \"https://docker-mirror.internal\"\n[host.\"https://docker.io\"]\n capabilities = [\"pull\"]\n",
}

func TestTheDocumentedExample(t *testing.T) {
	theirs, ours := configPath(t, shownThere), t.TempDir()
	_, err := render.Tree(rulesOf(t, documented, false)).Write(ours)
	require.NoError(t, err)

	digest := "@" + images[0].Manifest.Digest.String()
	// The images are where containerd can find them: below the mirror, under the whole path of the source.
	w := world.New()
	w.Websites = []string{"docker.io"}
	for _, location := range []string{"example.io/example/ubi9/ubi-minimal", "mirror.example.com/app", "registry-1.docker.io/library/busybox"} {
		put(w, location, images[0])
	}
	for _, c := range versions {
		pull := func(dir, image string) (clients.Pull, []string) {
			p := c.Pull(context.Background(), w, dir, image)
			if passes := p.Passes(); len(passes) > 0 {
				return p, passes[0].Locations
			}
			return p, nil
		}
		for _, test := range []struct {
			image        string
			theirs, ours []string
			served       [2]bool
		}{
			{ // /v2 has to stand before the mirror's own path, and the stated order of the mirrors counts
				image: "registry.access.redhat.com/ubi9/ubi-minimal" + digest,
				theirs: []string{"example.com/example2/v2/ubi9/ubi-minimal/manifests/" + digest[1:],
					"example.io/example/v2/ubi9/ubi-minimal/manifests/" + digest[1:], "registry.access.redhat.com/ubi9/ubi-minimal"},
				ours: []string{"example.io/example/ubi9/ubi-minimal"}, served: [2]bool{false, true},
			},
			{image: "registry.redhat.io/app" + digest, theirs: []string{"mirror.example.com/app"}, ours: []string{"mirror.example.com/app"}, served: [2]bool{true, true}},
			// What a tag stands for is asked of no mirror for digests.
			{image: "registry.redhat.io/app:1", theirs: []string{"mirror.example.com/app"}, served: [2]bool{true, false}},
			// docker.io answers nothing.
			{image: "docker-mirror.internal/library/busybox" + digest, theirs: []string{"docker.io/library/busybox", "docker-mirror.internal/library/busybox"}, ours: []string{"registry-1.docker.io/library/busybox"}, served: [2]bool{false, true}},
		} {
			p, asked := pull(theirs, test.image)
			require.Equal(t, test.theirs, asked, test.image)
			require.Equal(t, test.served[0], p.Err == nil, test.image)
			p, asked = pull(ours, test.image)
			require.Equal(t, test.ours, asked, test.image)
			require.Equal(t, test.served[1], p.Err == nil, test.image)
		}
	}
}

// The mirrors of the first entry do not end in the whole path of its source, so that containerd asks
// elsewhere than they say: the user is told.
func TestTheDocumentedExampleIsReportedAsInexact(t *testing.T) {
	table := here(resolve.NewContainerdTable(rulesOf(t, documented, false)))
	var inexact []string
	for _, f := range table.Findings {
		if f.Code == finding.CodeInexactMirror {
			inexact = append(inexact, f.Value)
		}
	}
	slices.SortFunc(inexact, cmp.Compare)
	require.Equal(t, []string{"example.com/example2/ubi-minimal", "example.io/example/ubi-minimal"}, inexact)
}
