package resolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func TestScenarios(t *testing.T) {
	owned := func(name string) bool {
		return strings.HasSuffix(name, "/findings.txt") || strings.HasSuffix(name, "/plans.txt")
	}
	scenario.Run(t, owned, func(t *testing.T, s *scenario.Scenario) map[string]string {
		rules, _, ok := s.Rules(t)
		if !ok {
			return nil
		}
		base, problems := registriesconf.Default(), error(nil)
		if text := s.Text("base.conf"); text != "" {
			parsed, findings := registriesconf.Parse("base.conf", []byte(text))
			base, problems = parsed, findings.Err()
		}
		require.NoError(t, problems)
		linux := base.Table("base.conf").Edit(rules)
		windows := resolve.NewContainerdTable(rules, s.Lines("hosts")...)
		return map[string]string{
			"linux/findings.txt":   scenario.Text(linux.Findings),
			"linux/plans.txt":      plans(t, linux.Plan, s.Lines("images")),
			"windows/findings.txt": scenario.Text(windows.Findings),
			"windows/plans.txt":    plans(t, windows.Plan, s.Lines("images")),
		}
	})
}

// plans writes the plan of each image: a line per attempt with the fields that name it, then the findings.
func plans(t *testing.T, plan func(string) (resolve.Plan, error), images []string) string {
	var b strings.Builder
	for _, image := range images {
		p, err := plan(image)
		require.NoError(t, err)
		fmt.Fprintln(&b, image)
		for _, phase := range []struct {
			name     string
			attempts []resolve.Attempt
		}{{"resolve", p.Resolve}, {"pull", p.Pull}} {
			for _, a := range phase.attempts {
				line := fmt.Sprintf("  %-7s %s %s", phase.name, a.Role, a.Location)
				for _, o := range a.Origins {
					line += " <- " + o.String()
				}
				fmt.Fprintln(&b, line)
			}
		}
		for _, f := range p.Findings {
			fmt.Fprintln(&b, "  "+f.String())
		}
	}
	return b.String()
}
