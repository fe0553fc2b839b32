package linux

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// The first Apply over whatever MCO has written needs no option: a file that is, byte for byte, what pullroute would write
// of it counts as its own, and MCO's are.
func TestWhateverMCOWroteIsTakenOver(t *testing.T) {
	s := random.New(t.Name())
	taken := 0
	for range random.Count(2_000) {
		set := s.Set()
		rules, err := set.Rules()
		require.NoError(t, err)
		theirs, err := openshift.MCO(openshift.MCOBase, openshift.ClusterOf(set))
		if err != nil {
			continue // it writes nothing
		}
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, registriesconf.FileName), theirs, 0o644))
		files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
		if findings.Err() != nil {
			continue
		}
		node, err := nodefiles.OpenLocal(dir)
		require.NoError(t, err)
		change, err := files.Apply(t.Context(), node, registriesconf.Options{})
		require.NoError(t, err, "%s", theirs)
		require.Empty(t, change.Kept)
		require.NoError(t, node.Close())
		data, err := os.ReadFile(filepath.Join(dir, registriesconf.FileName))
		require.NoError(t, err)
		require.Equal(t, string(files.Config.Bytes()), string(data))
		taken++
	}
	require.Greater(t, taken, 50)
}
