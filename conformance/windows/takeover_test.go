package windows

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/nodefiles"
)

// The first Apply over whatever WMCO has written for a cluster leaves pullroute's files and no others.
func TestWhateverWMCOWroteIsTakenOver(t *testing.T) {
	s := random.New(t.Name())
	files := 0
	for range random.Count(2_000) {
		set := s.Set()
		rules, err := set.Rules()
		require.NoError(t, err)
		theirs := openshift.WMCO(openshift.ClusterOf(set).Items())
		for dir := range theirs {
			if _, ok := hoststoml.HostFromDir(dir); !ok || runtime.GOOS == "windows" && strings.Contains(dir, ":") {
				delete(theirs, dir) // *.host, which no Windows node can have
			}
		}
		files += len(theirs)
		dir := configPath(t, theirs)
		tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
		node, err := nodefiles.OpenLocal(dir)
		require.NoError(t, err)
		change, err := tree.Apply(t.Context(), node, hoststoml.Options{TakeOverWMCO: true})
		require.NoError(t, err)
		require.Empty(t, change.Kept)
		again, err := tree.Apply(t.Context(), node, hoststoml.Options{})
		require.NoError(t, err)
		require.Empty(t, again.Operations)
		require.NoError(t, node.Close())
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, len(tree))
		for _, rf := range tree {
			require.FileExists(t, filepath.Join(dir, filepath.FromSlash(rf.Path())))
		}
	}
	require.Greater(t, files, random.Count(2_000)/2)
}
