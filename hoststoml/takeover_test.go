package hoststoml_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/stretchr/testify/require"
)

const ofWMCO = `server = "https://quay.io/v2"

override_path = true

[host."https://m.io/v2"]
  capabilities = ["pull"]
  override_path = true

[host."https://n.io:5000/v2/org"]
  capabilities = ["pull", "resolve"]
  override_path = true
  [host."https://n.io:5000/v2/org".header]
    authorization = "Basic dXNlcjpwYXNz"
`

// lookedAt is a node that is looked at after each call that changes it.
type lookedAt struct {
	nodefiles.Transport
	look func()
}

func (w lookedAt) Rename(ctx context.Context, from, to string) error {
	defer w.look()
	return w.Transport.Rename(ctx, from, to)
}

func (w lookedAt) Remove(ctx context.Context, name string) error {
	defer w.look()
	return w.Transport.Remove(ctx, name)
}

func (w lookedAt) WriteFile(ctx context.Context, name string, data []byte, mode os.FileMode) error {
	defer w.look()
	return w.Transport.WriteFile(ctx, name, data, mode)
}

func TestFilesOfWMCOAreTakenOver(t *testing.T) {
	files := map[string]string{
		"quay.io/hosts.toml": ofWMCO, "gone.io/hosts.toml": ofWMCO, "empty.io/hosts.toml": "",
		"by-hand.io/hosts.toml": "# mine\n" + ofWMCO, "other.io/hosts.toml": "server = \"https://other.io\"\nca = \"ca.pem\"\n",
		"old.io/hosts.toml": "server = \"https://old.io\"\n\n[host.\"https://m.io/a\"]\n  capabilities = [\"pull\"]\n",
	}
	tree := hoststoml.Tree{registry("quay.io", "https://m.io"), registry("old.io", "https://m.io"), registry("by-hand.io", "https://m.io")}

	_, c, err := apply(t, files, tree, hoststoml.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.Equal(t, []string{
		"conflict by-hand.io/hosts.toml", "foreign empty.io", "foreign gone.io", "conflict old.io/hosts.toml", "foreign other.io",
		"conflict quay.io/hosts.toml",
	}, kept(c))

	o := hoststoml.Options{TakeOverWMCO: true}
	dir, c, err := apply(t, files, tree, o)
	require.ErrorIs(t, err, nodefiles.ErrConflict, "what another hand wrote stays")
	require.Equal(t, []string{"conflict by-hand.io/hosts.toml", "foreign other.io"}, kept(c))
	for _, host := range []string{"quay.io", "old.io"} {
		data, err := os.ReadFile(filepath.Join(dir, host, "hosts.toml"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(data), "# "+hoststoml.Marker), "it carries the marker, and needs the option no more")
	}
	require.NoDirExists(t, filepath.Join(dir, "gone.io"))
	require.NoDirExists(t, filepath.Join(dir, "empty.io"))

	again, err := tree.Apply(t.Context(), open(t, dir), hoststoml.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.Empty(t, again.Operations)
}

// At every moment quay.io has WMCO's file or the new one, whole.
func TestATakeOverHasNoGap(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs.d")
	local, err := faults.NewLocal(dir, faults.Case{Node: map[string]string{"quay.io/hosts.toml": ofWMCO}})
	require.NoError(t, err)
	defer local.Close()
	tree := hoststoml.Tree{registry("a.io", "https://m.io"), registry("quay.io", "https://m.io")}
	want := string(tree[1].File.Bytes())
	looks, news := 0, 0
	_, err = tree.Apply(t.Context(), lookedAt{local, func() {
		data, err := os.ReadFile(filepath.Join(dir, "quay.io", "hosts.toml"))
		require.NoError(t, err)
		require.Contains(t, []string{ofWMCO, want}, string(data))
		looks++
		if string(data) == want {
			news++
		}
	}}, hoststoml.Options{TakeOverWMCO: true})
	require.NoError(t, err)
	require.Positive(t, news)
	require.Greater(t, looks, news)
}

func TestASourceHasNoCredentialWhereNoneIsWanted(t *testing.T) {
	set, err := mirrorset.Decode("x.yaml", strings.NewReader(`apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: x}
spec:
  imageDigestMirrors:
  - {source: quay.io/team, mirrors: [m.io/team, quay.io/copy/team]}
  - {source: n.io/team, mirrors: [quay.io/team], mirrorSourcePolicy: NeverContactSource}
`))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	secret := secretOf(t, "quay.io", "m.io", "n.io", "quay.io/copy")
	for _, without := range []bool{false, true} {
		tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{PullSecret: secret, NoSourceCredentials: without})
		has := map[string]bool{}
		for _, rf := range tree {
			has[rf.Host+" server"] = len(rf.File.Header) > 0
			for _, host := range rf.File.Hosts {
				has[rf.Host+" "+host.URL] = len(host.Header) > 0
			}
		}
		require.True(t, has["quay.io https://m.io/v2"] || has["quay.io https://m.io"], has)
		require.True(t, has["n.io https://quay.io"], "there it is a mirror")
		require.True(t, has["n.io server"], "the mirror again")
		require.Equal(t, !without, has["quay.io server"])
		require.Equal(t, !without, has["quay.io https://quay.io/v2/copy"])
		for _, f := range findings {
			require.NotContains(t, f.Message, "is not used")
		}
	}
}
