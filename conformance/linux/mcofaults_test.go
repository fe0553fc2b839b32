package linux

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/registriesconf"
)

// One case for each fault of MCO: what the real client does with MCO's file, and with ours. Traces are of
// pulls in a world where only the source has the image.
func TestWhereMCOIsWrongAndWeAreNot(t *testing.T) {
	row := newRow(t, containersImage, "pulls with MCO's file where it is wrong, and with ours")
	p := newProxy(t)
	byDigest := "@" + image.Manifest.Digest.String()
	for _, test := range []struct {
		fault        fault
		base, rules  string
		image        string
		theirs, ours string // traces
		insecureOnly string // a location that only speaks plain HTTP, and has the image
		theirError   string // of writing or loading the file
	}{
		{
			fault: neverNotCarried,
			rules: "digest registry.redhat.io m.io never\ninsecure registry.redhat.io/ubi9", image: "registry.redhat.io/ubi9/x" + byDigest,
			theirs: "m.io/ubi9/x registry.redhat.io/ubi9/x", ours: "m.io/ubi9/x",
		}, {
			fault: wildcardNested,
			rules: "digest *.example.org m.io\ninsecure foo.example.org", image: "foo.example.org/x" + byDigest,
			theirError: "internal error", ours: "m.io/x foo.example.org/x",
		}, {
			fault: kindsShadow,
			rules: "digest quay.io/a d.io/a\ntag quay.io/a/b t.io/b", image: "quay.io/a/b" + byDigest,
			theirs: "quay.io/a/b", ours: "d.io/a/b quay.io/a/b",
		}, {
			fault: severalSources,
			rules: "digest quay.io m1.io\ndigest quay.io/a m2.io/a\ninsecure quay.io/a/b", image: "quay.io/a/b" + byDigest,
			theirs: "m1.io/a/b quay.io/a/b", ours: "m2.io/a/b quay.io/a/b",
		}, {
			fault: severalSources, // of one kind each: the other kind is left without mirrors
			rules: "digest quay.io/a d.io/a\ntag quay.io t.io\ninsecure quay.io/a/b", image: "quay.io/a/b:1",
			theirs: "quay.io/a/b", ours: "t.io/a/b quay.io/a/b",
		}, {
			fault: insecureNotCarried,
			rules: "digest quay.io m.io\ninsecure m.io/a\ninsecure quay.io/a", image: "quay.io/a/x" + byDigest, insecureOnly: "m.io/a/x",
			theirs: "m.io quay.io/a/x", ours: "m.io/a/x",
		}, {
			fault: otherSpelling,
			rules: "digest quay.io/a m.io/a never\ndigest other.io QUAY.io/a n.io/a", image: "other.io/x" + byDigest,
			theirs: "quay.io/a/x", ours: "n.io/a/x other.io/x",
		}, {
			fault: otherSpelling, // Docker Hub by the name that it is contacted by
			rules: "digest docker.io/team m.io/team never\ndigest other.io registry-1.docker.io/team n.io/a", image: "other.io/x" + byDigest,
			theirs: "registry-1.docker.io/team/x", ours: "n.io/a/x other.io/x",
		}, {
			fault: hiddenByWildcard,
			rules: "digest *.example.org m.io/w\ndigest a.example.org m.io/a never", image: "a.example.org/x" + byDigest,
			theirs: "m.io/w/x a.example.org/x", ours: "m.io/w/x",
		}, {
			fault: baseMirrors, // the tag mirrors of the base file do not stand in for those of the digest rule
			base:  "[[registry]]\nlocation = \"quay.io/a\"\n[[registry.mirror]]\nlocation = \"t.io/a\"\npull-from-mirror = \"tag-only\"\n",
			rules: "digest quay.io d.io", image: "quay.io/a" + byDigest,
			theirs: "quay.io/a", ours: "d.io/a quay.io/a",
		}, {
			fault: baseDigestOnly,
			base:  "[[registry]]\nlocation = \"quay.io\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"d.io\"\n",
			rules: "tag quay.io t.io", image: "quay.io/a:1",
			theirError: "mirror-by-digest-only", ours: "t.io/a quay.io/a",
		}, {
			fault: baseLocation,
			base:  "[[registry]]\nprefix = \"alias.io\"\nlocation = \"quay.io\"\n",
			rules: "digest quay.io d.io never", image: "quay.io/a" + byDigest,
			theirError: "conflicting 'blocked' setting", ours: "d.io/a",
		},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			set := newSet(t, test.rules)
			rules, err := set.Rules()
			require.NoError(t, err)
			base := registriesconf.Default()
			if test.base != "" {
				base, _ = registriesconf.Parse("base", []byte(test.base))
			}
			require.Contains(t, compare(base, rules).faults, test.fault)

			name, _, _ := strings.Cut(strings.TrimSuffix(test.image, ":1"), "@")
			w := world.New()
			w.Put(onTheWire(name), "1", image)
			w.Put("quay.io/a/x", "1", image) // the sources that are reached by other names
			w.Put("registry-1.docker.io/team/x", "1", image)
			if test.insecureOnly != "" {
				w.Put(test.insecureOnly, "1", image)
				w.Registry(hostOf(test.insecureOnly)).PlainHTTP = true
			}
			p.Use(w)
			row.Configurations++

			files, _ := render.Linux(rules, base)
			ours := files.Config.Bytes()
			client, err := containersimage.LoadRegistries(t.TempDir(), string(ours))
			require.NoError(t, err)
			require.Equal(t, test.ours, strings.Join(trace(client.Pull(context.Background(), p, test.image).Requests), " "), "%s", ours)
			row.Pulls++

			theirs, err := openshift.MCO(string(base.Bytes()), openshift.ClusterOf(set))
			if err == nil {
				client, err = containersimage.LoadRegistries(t.TempDir(), string(theirs))
			}
			if test.theirError != "" {
				require.ErrorContains(t, err, test.theirError)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.theirs, strings.Join(trace(client.Pull(context.Background(), p, test.image).Requests), " "), "%s", theirs)
			row.Pulls++
		})
	}
}
