package clients_test

import (
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
)

const (
	never = configv1.NeverContactSource
	allow = configv1.AllowContactingSource
)

func idms(source string, policy configv1.MirrorSourcePolicy, mirrors ...configv1.ImageMirror) *configv1.ImageDigestMirrorSet {
	return &configv1.ImageDigestMirrorSet{Spec: configv1.ImageDigestMirrorSetSpec{
		ImageDigestMirrors: []configv1.ImageDigestMirrors{{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}},
	}}
}

func itms(source string, policy configv1.MirrorSourcePolicy, mirrors ...configv1.ImageMirror) *configv1.ImageTagMirrorSet {
	return &configv1.ImageTagMirrorSet{Spec: configv1.ImageTagMirrorSetSpec{
		ImageTagMirrors: []configv1.ImageTagMirrors{{Source: source, Mirrors: mirrors, MirrorSourcePolicy: policy}},
	}}
}

func digestRules(sets ...*configv1.ImageDigestMirrorSet) openshift.Cluster {
	return openshift.Cluster{IDMS: sets}
}

// attempts is what a node with MCO's file does.
func attempts(t *testing.T, c openshift.Cluster, ref string) string {
	t.Helper()
	conf, err := openshift.MCO(openshift.MCOBase, c)
	require.NoError(t, err)
	list, err := load(t, string(conf)).Attempts(ref)
	require.NoError(t, err)
	var got []string
	for _, a := range list {
		location := a.Location
		if a.Insecure {
			location += "(insecure)"
		}
		if a.Blocked {
			location = "!" + location
		}
		got = append(got, location)
	}
	return strings.Join(got, " ")
}

func TestMCOWrites(t *testing.T) {
	conf, err := openshift.MCO(openshift.MCOBase, digestRules(
		idms("registry.redhat.io", never, "mirror.example.com"),
		idms("*.example.org", "", "mirror.example.com/wild"),
	))
	require.NoError(t, err)
	require.Equal(t, `unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
short-name-mode = ""

[[registry]]
  prefix = "*.example.org"

  [[registry.mirror]]
    location = "mirror.example.com/wild"
    pull-from-mirror = "digest-only"

[[registry]]
  prefix = ""
  location = "registry.redhat.io"
  blocked = true

  [[registry.mirror]]
    location = "mirror.example.com"
    pull-from-mirror = "digest-only"
`, string(conf))

	conf, err = openshift.MCO(openshift.MCOBase, openshift.Cluster{
		Insecure: []string{"m.io"}, Blocked: []string{"bad.io"},
		ITMS: []*configv1.ImageTagMirrorSet{itms("quay.io", "", "m.io/t")},
		IDMS: []*configv1.ImageDigestMirrorSet{idms("quay.io", "", "m.io/d")},
	})
	require.NoError(t, err)
	require.Equal(t, openshift.MCOBase+`
[[registry]]
  prefix = ""
  location = "quay.io"

  [[registry.mirror]]
    location = "m.io/d"
    insecure = true
    pull-from-mirror = "digest-only"

  [[registry.mirror]]
    location = "m.io/t"
    insecure = true
    pull-from-mirror = "tag-only"

[[registry]]
  prefix = ""
  location = "bad.io"
  blocked = true

[[registry]]
  prefix = ""
  location = "m.io"
  insecure = true
`, string(conf))

	conf, err = openshift.MCOSearchRegistries([]string{"a.io", "b.io"})
	require.NoError(t, err)
	require.Equal(t, "unqualified-search-registries = [\"a.io\", \"b.io\"]\nshort-name-mode = \"\"\n", string(conf))
}

// The faults that pullroute does not share.
func TestMCOFaults(t *testing.T) {
	t.Run("never is not carried into a nested scope", func(t *testing.T) {
		c := digestRules(idms("registry.redhat.io", never, "m.io"))
		c.Insecure = []string{"registry.redhat.io/ubi9"}
		require.Equal(t, "m.io/ubi8 !registry.redhat.io/ubi8", attempts(t, c, byDigest("registry.redhat.io/ubi8")))
		require.Equal(t, "m.io/ubi9/x registry.redhat.io/ubi9/x(insecure)", attempts(t, c, byDigest("registry.redhat.io/ubi9/x")))
	})
	t.Run("a wildcard source with a nested scope ends in an error", func(t *testing.T) {
		c := digestRules(idms("*.example.org", "", "m.io"))
		c.Insecure = []string{"foo.example.org"}
		_, err := openshift.MCO(openshift.MCOBase, c)
		require.ErrorContains(t, err, "internal error")
	})
	t.Run("kinds shadow each other", func(t *testing.T) {
		c := digestRules(idms("quay.io/a", "", "d.io/a"))
		c.ITMS = []*configv1.ImageTagMirrorSet{itms("quay.io/a/b", "", "t.io/b")}
		require.Equal(t, "quay.io/a/b", attempts(t, c, byDigest("quay.io/a/b")))
	})
	t.Run("carried mirrors are not held against the insecure scopes", func(t *testing.T) {
		c := digestRules(idms("quay.io", "", "m.io"))
		c.Insecure = []string{"m.io/a", "quay.io/a"}
		require.Equal(t, "m.io/a/x quay.io/a/x(insecure)", attempts(t, c, byDigest("quay.io/a/x")))
	})
	t.Run("a nested scope gets the mirrors of the least specific source", func(t *testing.T) {
		c := digestRules(idms("quay.io", "", "m1.io"), idms("quay.io/a", "", "m2.io/a"))
		c.Insecure = []string{"quay.io/a/b"}
		require.Equal(t, "m2.io/a/c quay.io/a/c", attempts(t, c, byDigest("quay.io/a/c")))
		require.Equal(t, "m1.io/a/b quay.io/a/b(insecure)", attempts(t, c, byDigest("quay.io/a/b")))
	})
	t.Run("a nested scope gets digest mirrors of one source and no tag mirrors of another", func(t *testing.T) {
		c := digestRules(idms("quay.io/a", "", "d.io/a"))
		c.ITMS = []*configv1.ImageTagMirrorSet{itms("quay.io", "", "t.io")}
		c.Insecure = []string{"quay.io/a/b"}
		require.Equal(t, "d.io/a/b quay.io/a/b(insecure)", attempts(t, c, byDigest("quay.io/a/b")))
		require.Equal(t, "quay.io/a/b(insecure)", attempts(t, c, "quay.io/a/b:1"))
	})
	t.Run("a wildcard source with a source inside it that has mirrors is fine", func(t *testing.T) {
		c := digestRules(idms("*.example.org", "", "m.io"), idms("foo.example.org", "", "n.io"))
		c.Insecure = []string{"foo.example.org"}
		require.Equal(t, "n.io/x foo.example.org/x(insecure)", attempts(t, c, byDigest("foo.example.org/x")))
	})
}

func TestMCOOrdersMirrors(t *testing.T) {
	order := func(sets ...*configv1.ImageDigestMirrorSet) string {
		return attempts(t, digestRules(sets...), byDigest("q.io/x"))
	}
	require.Equal(t, "a.io/x b.io/x c.io/x q.io/x", order(idms("q.io", "", "b.io", "c.io"), idms("q.io", "", "a.io", "b.io")))
	require.Equal(t, "a.io/x b.io/x q.io/x", order(idms("q.io", "", "a.io", "b.io"), idms("q.io", "", "b.io", "a.io")), "a loop")
	require.Equal(t, "a.io/x q.io/x b.io/x q.io/x", order(idms("q.io", "", "a.io", "q.io", "b.io")), "the source in the list")
	require.Equal(t, "q.io/x", order(idms("q.io", never, "q.io")), "no rule")
}
