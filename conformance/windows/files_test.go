package windows

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// What was written and is read back says the same as what it was written from.
func TestATreeReadBackGivesTheSamePlans(t *testing.T) {
	s := random.New(t.Name())
	root := t.TempDir()
	for i := range random.Count(8_000) / 2 {
		conf := newConfiguration(t, s, filepath.Join(root, strconv.Itoa(i)))
		tree, findings, err := hoststoml.ReadTree(conf.dir)
		require.NoError(t, err)
		require.NoError(t, findings.Err())
		own := slices.DeleteFunc(slices.Clone(tree), func(f hoststoml.RegistryFile) bool { // those of other spellings are links
			return !slices.ContainsFunc(conf.tree, func(own hoststoml.RegistryFile) bool { return own.Host == f.Host })
		})
		if len(conf.tree) > 0 {
			require.Equal(t, conf.tree, own, describe(conf.rules))
		}
		table := here(tree.Table(conf.dir))
		for range 2 * pullsOfEach {
			image := reference(s, conf.rules)
			want, err := conf.table.Plan(image)
			require.NoError(t, err)
			got, err := table.Plan(image)
			require.NoError(t, err)
			require.Equal(t, attempts(want.Resolve), attempts(got.Resolve), "%s\n%s", image, describe(conf.rules))
			require.Equal(t, attempts(want.Pull), attempts(got.Pull), "%s\n%s", image, describe(conf.rules))
			require.Equal(t, want.References, got.References)
			require.True(t, strings.EqualFold(want.Scopes[0], got.Scopes[0]), "%q, %q", want.Scopes, got.Scopes)
		}
	}
}

// A source that is not in the file cannot be asked because of the file, whatever a client makes of it.
func TestTheFileOfANeverRegistryDoesNotNameIt(t *testing.T) {
	s := random.New(t.Name())
	for files := 0; files < random.Count(5_000); {
		conf := newConfiguration(t, s, "")
		for j, r := range conf.table.Registries() {
			if !r.Never {
				continue
			}
			files++
			self := world.WireLocation(r.Host)
			hub := strings.TrimPrefix(self, "registry-1.") // docker.io:4430 is another server
			if slices.ContainsFunc(r.Endpoints, func(e resolve.Endpoint) bool { return strings.Contains(world.WireLocation(e.Host), hub) }) {
				continue // a mirror on the same host, in a part of it that may be contacted, or on another port
			}
			for _, spelling := range []string{self, r.Host, hub} {
				require.NotContains(t, strings.ToLower(string(conf.tree[j].File.Bytes())), strings.ToLower(spelling), describe(conf.rules))
			}
		}
	}
}

// Parse also refuses what leaves the file readable, but a part of it useless. Whatever it says of such a
// file, the plan of a tree is what containerd 2.4 does with it.
func TestThePlanOfAFileThatParseRefusesIsWhatContainerdDoesWithIt(t *testing.T) {
	const mirror = "server = \"https://s.io\"\n[host.\"https://m.io\"]\n"
	for name, content := range map[string]string{
		"an IPv6 address, which 2.4 reads":           mirror + "[host.\"https://[::1]:5000\"]\n",
		"a quoted bracket in an unknown table":       mirror + "[foo.\"a]\"]\n",
		"a server that begins with http":             "server = \"httpbin.org\"\n[host.\"https://m.io\"]\n",
		"a host that begins with http":               mirror + "[host.\"httpbin.org\"]\n",
		"a capability only 1.6 and 1.7 stumble over": mirror + "capabilities = [\"pull\", \"resolve\", \"referrers\"]\n",
		"an escape in a table's name":                mirror + "[host.\"https://n\\u002eio\"]\n",
		"a byte-order mark, which 2.4 refuses":       "\ufeff" + mirror,
		"an unknown capability":                      mirror + "capabilities = [\"fetch\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := configPath(t, map[string]string{"quay.io": content})
			tree, _, err := hoststoml.ReadTree(dir)
			require.NoError(t, err)
			plan, err := here(tree.Table(dir)).Plan("quay.io/a:1")
			require.NoError(t, err)
			pull := containerd2.Client.Pull(context.Background(), world.New(), dir, "quay.io/a:1")
			require.Equal(t, pull.Trace(), locations(plan.Resolve), "of the real client, and of the plan")
		})
	}
}

// ConfigureHosts fails for a certificate that it cannot read, whichever host has it, and so does every pull.
func TestNothingIsPulledWhereACertificateIsMissing(t *testing.T) {
	for name, lines := range map[string]string{"a CA": "ca = 'gone.pem'", "a client": "client = [['gone.pem', 'gone.key']]"} {
		for _, text := range []string{
			"server = 'https://s.io'\n[host.'https://m.io']\n[host.'https://n.io']\n" + lines + "\n",
			lines + "\n[host.'https://m.io']\n",
		} {
			t.Run(name, func(t *testing.T) {
				dir := configPath(t, map[string]string{"quay.io": text})
				tree, _, err := hoststoml.ReadTree(dir)
				require.NoError(t, err)
				plan, err := tree.Table(dir).Plan("quay.io/a:1")
				require.NoError(t, err)
				require.Empty(t, plan.Resolve)
				require.Empty(t, plan.Pull)
				for _, c := range versions {
					pull := c.Pull(context.Background(), world.New(), dir, "quay.io/a:1")
					require.Error(t, pull.Err, c.Version)
					require.Empty(t, pull.Requests, c.Version)
				}
			})
		}
	}
}

// The directories of two hosts whose names differ in letter case are two on Linux, and each decides for its own.
func TestLetterCaseTellsTheFilesOfALinuxNodeApart(t *testing.T) {
	set := &mirrorset.Set{}
	set.ImageTagMirrorSets = []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "a"}, Spec: mirrorset.ImageTagMirrorSetSpec{
		ImageTagMirrors: []mirrorset.ImageMirrors{
			{Source: "quay.io", Mirrors: []string{"m.io"}}, {Source: "Quay.io", Mirrors: []string{"n.io"}},
			{Source: "aux.example.com", Mirrors: []string{"m.io"}}}}}}
	rules, err := set.Rules()
	require.NoError(t, err)
	tree, table, findings := hoststoml.Render(rules, hoststoml.RenderOptions{Platform: finding.Containerd})
	require.Len(t, tree, 3)
	for _, f := range findings {
		require.NotEqual(t, finding.CodeHostClash, f.Code)
		require.NotEqual(t, finding.CodeReservedName, f.Code)
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "case"), 0o755))
	if _, err := os.Stat(filepath.Join(dir, "CASE")); err == nil {
		t.Skip("this disk is none of a Linux node: it does not tell letter case apart")
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "case")))
	_, err = tree.WriteFor(finding.Containerd, dir)
	require.NoError(t, err)
	for _, image := range []string{"quay.io/a:1", "Quay.io/a:1", "aux.example.com/a:1"} {
		plan, err := table.Plan(image)
		require.NoError(t, err)
		require.Equal(t, finding.Containerd, plan.Platform)
		for _, c := range versions {
			pull := c.Pull(context.Background(), world.New(), dir, image)
			require.Equal(t, locations(plan.Resolve), pull.Trace(), "%s, containerd %s", image, c.Version)
		}
	}
}

// What lies beside the directories of a config_path is none of containerd's business.
func TestAStrayFileInTheTreeIsPassedOver(t *testing.T) {
	dir := configPath(t, map[string]string{"quay.io": "server = \"https://s.io\"\n[host.\"https://m.io\"]\n"})
	writeFile(t, filepath.Join(dir, "README.md"), "Do not edit.\n")
	pull := containerd2.Client.Pull(context.Background(), world.New(), dir, "quay.io/a:1")
	require.Equal(t, []string{"m.io/a", "s.io/a"}, pull.Trace())
	tree, _, err := hoststoml.ReadTree(dir)
	require.NoError(t, err)
	require.Len(t, tree, 1)
}
