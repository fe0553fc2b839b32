package registriesconf_test

import (
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/stretchr/testify/require"
)

func TestScenarios(t *testing.T) {
	owned := func(name string) bool {
		return strings.HasPrefix(name, "linux/registries.") || name == "linux/policy.json" || name == "linux/policy-findings.txt" || strings.HasPrefix(name, "linux/"+registriesconf.NamespacesBelow)
	}
	scenario.Run(t, owned, func(t *testing.T, s *scenario.Scenario) map[string]string {
		rules, _, ok := s.Rules(t)
		if !ok {
			return nil
		}
		o := registriesconf.RenderOptions{BaseName: "base.conf"}
		if text := s.Text("base.conf"); text != "" {
			parsed, findings := registriesconf.Parse("base.conf", []byte(text))
			require.NoError(t, findings.Err())
			o.Base = parsed
		}
		rendered, table, _ := registriesconf.Render(rules, o)
		require.Empty(t, rendered.Config.Validate())
		_, findings := policyjson.Render(rules, policyjson.RenderOptions{Base: o.Base.Table(o.BaseName)})
		files := map[string]string{"linux/policy-findings.txt": scenario.Text(findings), "linux/registries.conf": string(rendered.Config.Bytes())}
		if rendered.Search != nil {
			files["linux/"+registriesconf.SearchDropIn] = string(rendered.Search.Bytes())
		}
		for _, file := range rendered.Policies.List() {
			name := strings.NewReplacer(policyjson.NamespacesDir, registriesconf.NamespacesBelow, policyjson.Containers+"/", "").Replace(file.Path)
			files["linux/"+name] = strings.TrimSuffix(string(file.Data), "\n") + "\n" // policy.json ends without one
		}

		// The way back: a node with these files answers as the table does.
		node := rendered.Effective().Table("registries.conf")
		for _, image := range s.Lines("images") {
			want, err := table.Plan(image)
			require.NoError(t, err)
			got, err := node.Plan(image)
			require.NoError(t, err)
			require.Equal(t, len(want.Pull), len(got.Pull), image)
			for i := range want.Pull {
				require.Equal(t, want.Pull[i].Location, got.Pull[i].Location, image)
				require.Equal(t, want.Pull[i].Role, got.Pull[i].Role, image)
			}
		}
		return files
	})
}
