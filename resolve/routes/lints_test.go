package routes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// randomRules calls do with the rules of many clusters.
func randomRules(t *testing.T, full int, do func(rules *mirrorset.Rules, what string)) {
	s := random.New(*seed)
	s.Plain = true // other spellings of hosts are a matter of their own
	for range count(full) {
		rules, err := s.Set().Rules()
		if err != nil {
			continue
		}
		var b strings.Builder
		for _, r := range rules.Rules {
			fmt.Fprintf(&b, "%s by %s never %v mirrors", r.Source, r.Pull, r.Never)
			for _, m := range r.Mirrors() {
				fmt.Fprint(&b, " ", m.Location)
			}
			fmt.Fprintln(&b)
		}
		do(rules, b.String())
	}
}

func with(findings finding.Findings, code finding.Code) (values map[string]bool) {
	values = map[string]bool{}
	for _, f := range findings {
		if f.Code == code {
			values[f.Value] = true
		}
	}
	return values
}

// spillover says that a rule below a path leads other images of its registry elsewhere. The class of the registry says
// whether it does.
func TestSpilloverIsWhatTheClassOfTheRegistrySays(t *testing.T) {
	spilt, not := 0, 0
	randomRules(t, 4_000, func(rules *mirrorset.Rules, what string) {
		table := resolve.NewContainerdTable(rules)
		elsewhere := map[string]bool{} // hosts whose images are asked for at another place than their source
		for c := range Containerd(table).Classes() {
			for _, s := range c.Pull {
				elsewhere[c.Pattern.Hosts] = elsewhere[c.Pattern.Hosts] || !s.Itself
			}
		}
		reported := with(table.Findings, finding.CodeSpillover)
		for _, r := range rules.Rules {
			if host, path := network.SplitHost(r.Source); path != "" {
				require.Equal(t, elsewhere[host], reported[r.Source], "%s\n%s", r.Source, what)
				if reported[r.Source] {
					spilt++
				} else {
					not++
				}
			}
		}
	})
	t.Log(spilt, "rules spill over,", not, "do not")
	require.Greater(t, spilt, 100)
	require.Greater(t, not, 10)
}

// contains-forbidden says that an endpoint leads pulls to a source that may not be contacted. The statement about that
// source says so too, and where it does, a finding of the table names what leads there.
func TestContainsForbiddenIsWhatNeverSays(t *testing.T) {
	failing, holding := 0, 0
	randomRules(t, 4_000, func(rules *mirrorset.Rules, what string) {
		table := resolve.NewContainerdTable(rules)
		var statements []Statement
		for _, r := range rules.Rules {
			if r.Never && !strings.HasPrefix(r.Source, "*") {
				statements = append(statements, Statement{Never: r.Source})
			}
		}
		containing := with(table.Findings, finding.CodeContainsForbidden)
		inForbidden := with(table.Findings, finding.CodeForbiddenContact)
		for _, v := range Check(statements, nil, Containerd(table)) {
			if v.Holds {
				holding++
				for location := range containing {
					require.False(t, within(v.Statement.Never, location), "%s contains %s\n%s", location, v.Statement.Never, what)
				}
				continue
			}
			failing++
			said := false
			for location := range containing {
				said = said || within(v.Statement.Never, location)
			}
			for value := range inForbidden {
				said = said || within(value, v.Statement.Never) || within(v.Statement.Never, value)
			}
			require.True(t, said, "%s by %s, findings %v\n%s", v.Statement, v.Counterexample.Reference, table.Findings, what)
		}
	})
	t.Log(failing, "statements fail,", holding, "hold")
	require.Greater(t, failing, 20)
	require.Greater(t, holding, 20)
}
