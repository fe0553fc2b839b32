package hoststoml_test

import (
	"strings"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/resolve"
	"github.com/stretchr/testify/require"
)

func TestScenarios(t *testing.T) {
	owned := func(name string) bool {
		return strings.HasPrefix(name, "windows/") && strings.HasSuffix(name, "/"+hoststoml.FileName)
	}
	scenario.Run(t, owned, func(t *testing.T, s *scenario.Scenario) map[string]string {
		rules, _, ok := s.Rules(t)
		if !ok {
			return nil
		}
		tree, table, _ := hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: s.Lines("hosts")})
		files := map[string]string{}
		for _, rf := range tree {
			require.Empty(t, rf.File.Validate())
			files["windows/"+rf.Path()] = string(rf.File.Bytes())
		}

		// The way back: a node with these files answers as the table does.
		dir := t.TempDir()
		stale, err := tree.Write(dir)
		require.NoError(t, err)
		require.Empty(t, stale)
		read, findings, err := hoststoml.ReadTree(dir)
		require.NoError(t, err)
		require.Empty(t, findings)
		require.Equal(t, len(tree), len(read))
		node := read.Table(dir)
		for _, image := range s.Lines("images") {
			want, err := table.Plan(image)
			require.NoError(t, err)
			got, err := node.Plan(hoststoml.AsWindowsFinds(table, image))
			require.NoError(t, err)
			require.Equal(t, locations(want.Resolve), locations(got.Resolve), image)
			require.Equal(t, locations(want.Pull), locations(got.Pull), image)
		}
		return files
	})
}

func locations(attempts []resolve.Attempt) []string {
	var all []string
	for _, a := range attempts {
		all = append(all, string(a.Role)+" "+a.Location)
	}
	return all
}
