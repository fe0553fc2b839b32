package hoststoml_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/stretchr/testify/require"
)

// names returns what a directory holds, in string order.
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCertificatesAndKeysThatAreNoLongerReferredToGo(t *testing.T) {
	with := func(ca, client string) (rf hoststoml.RegistryFile, files []string) {
		rf = registry("a.io", "https://m.io")
		caName, clientName := hoststoml.ExtraName("ca.pem", []byte(ca)), hoststoml.ExtraName("client.pem", []byte(client))
		rf.Extra = hoststoml.Extra{caName: hoststoml.NewSecret(ca), clientName: hoststoml.NewSecret(client)}
		rf.File.Hosts[0].CA, rf.File.Hosts[0].Client = []string{caName}, []hoststoml.KeyPair{{Cert: clientName}}
		return rf, []string{caName, clientName}
	}
	old, oldFiles := with("CA 1", "key 1")
	next, nextFiles := with("CA 2", "key 2")
	none := registry("a.io", "https://m.io")
	// Of these, pullroute wrote none.
	others := map[string]string{"a.io/ca.crt": "x", "a.io/pullroute.pem": "x", "a.io/" + oldFiles[0] + ".d/x": "x"}

	for name, test := range map[string]struct {
		tree  hoststoml.Tree
		files []string
	}{
		"for others":                 {hoststoml.Tree{next}, nextFiles},
		"for none":                   {hoststoml.Tree{none}, nil},
		"beside another new setting": {hoststoml.Tree{next, registry("b.io", "https://m.io")}, nextFiles},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _, err := apply(t, others, hoststoml.Tree{}, hoststoml.Options{})
			require.NoError(t, err)
			node := open(t, dir)
			_, err = hoststoml.Tree{old}.Apply(context.Background(), node, hoststoml.Options{Overwrite: true})
			require.NoError(t, err)
			c, err := test.tree.Apply(context.Background(), node, hoststoml.Options{})
			require.NoError(t, err)

			want := append([]string{"ca.crt", "hosts.toml", oldFiles[0] + ".d", "pullroute.pem"}, test.files...)
			slices.Sort(want)
			require.Equal(t, want, names(t, filepath.Join(dir, "a.io")))
			require.Equal(t, []string{"beside a.io/" + "ca.crt", "beside a.io/" + oldFiles[0] + ".d", "beside a.io/pullroute.pem"}, kept(c))

			// containerd reads the directory at every pull: until the new hosts.toml stands, the old one needs its files.
			stands := slices.IndexFunc(c.Operations, func(o hoststoml.Operation) bool {
				return o.Kind == nodefiles.OperationRename && o.To == "a.io/hosts.toml"
			})
			var removed []string
			for i, o := range c.Operations {
				if o.Kind != nodefiles.OperationRemove {
					continue
				}
				require.Greater(t, i, stands)
				require.Equal(t, nodefiles.ActionRemove, o.Action)
				require.Equal(t, "a.io", o.Registry)
				removed = append(removed, o.Path)
			}
			require.ElementsMatch(t, []string{"a.io/" + oldFiles[0], "a.io/" + oldFiles[1]}, removed)

			again, err := test.tree.Apply(context.Background(), node, hoststoml.Options{})
			require.NoError(t, err)
			require.Empty(t, again.Operations)
		})
	}

	t.Run("but stay where stale files are kept", func(t *testing.T) {
		dir, _, err := apply(t, nil, hoststoml.Tree{old}, hoststoml.Options{})
		require.NoError(t, err)
		c, err := hoststoml.Tree{next}.Apply(context.Background(), open(t, dir), hoststoml.Options{KeepStale: true})
		require.NoError(t, err)
		want := slices.Concat([]string{"hosts.toml"}, oldFiles, nextFiles)
		slices.Sort(want)
		require.Equal(t, want, names(t, filepath.Join(dir, "a.io")))
		require.Equal(t, []string{"stale a.io/" + oldFiles[0], "stale a.io/" + oldFiles[1]}, kept(c))
	})
}

// Of HOST_PORT_ and HOST:PORT containerd reads the first that is there.
func TestAHiddenDirectoryOfAnotherHandIsToldFromOneThatDecides(t *testing.T) {
	const byHand, ours = "server = \"https://by-hand.io\"\n", "# " + hoststoml.Marker + "\n"
	tree := hoststoml.Tree{registry("a.io:5000", "https://m.io")}
	for name, test := range map[string]struct {
		files map[string]string
		tree  hoststoml.Tree
		o     hoststoml.Options
		want  []string
	}{
		"hidden by a file of the tree": {nil, tree, hoststoml.Options{}, []string{"hidden a.io:5000"}},
		"alone":                        {nil, nil, hoststoml.Options{}, []string{"foreign a.io:5000"}},
		"hidden by another hand's": {map[string]string{"a.io_5000_/hosts.toml": byHand}, nil, hoststoml.Options{},
			[]string{"hidden a.io:5000", "foreign a.io_5000_"}},
		"hidden by a file where the directory belongs": {map[string]string{"a.io_5000_": byHand}, nil, hoststoml.Options{},
			[]string{"hidden a.io:5000", "foreign a.io_5000_"}},
		"no longer hidden": {map[string]string{"a.io_5000_/hosts.toml": ours}, nil, hoststoml.Options{}, []string{"foreign a.io:5000"}},
		"hidden by what is kept": {map[string]string{"a.io_5000_/hosts.toml": ours}, nil, hoststoml.Options{KeepStale: true},
			[]string{"hidden a.io:5000", "stale a.io_5000_/hosts.toml"}},
		"hidden by a directory that stays": {map[string]string{"a.io_5000_/hosts.toml": ours, "a.io_5000_/ca.crt": "x"}, nil, hoststoml.Options{},
			[]string{"hidden a.io:5000", "directory a.io_5000_"}},
		"beside the same host with another port": {map[string]string{"a.io_5001_/hosts.toml": byHand}, nil, hoststoml.Options{},
			[]string{"foreign a.io:5000", "foreign a.io_5001_"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"a.io:5000/hosts.toml": byHand}
			for name, content := range test.files {
				files[name] = content
			}
			node, c, err := applyLinux(files, test.tree, test.o)
			require.NoError(t, err)
			require.Equal(t, test.want, kept(c))
			require.Contains(t, node.Files, "a.io:5000/hosts.toml")
		})
	}
}
