package routes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// Statements that are none are answered with their mistakes, others with what they say.
func TestStatementsAreReadOrRefusedInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/statements.txtar", func(t *testing.T, name, text string) string {
		statements, err := routes.ParseStatements("s.yaml", []byte(text))
		var b strings.Builder
		if err != nil {
			fmt.Fprintln(&b, err)
		}
		for _, s := range statements {
			fmt.Fprintf(&b, "%d: %s\n  %#v\n", s.Line, s.String(), fields(s))
		}
		return b.String()
	})
}

// fields is a Statement that prints its fields.
type fields routes.Statement

// A part holds manifests, a line "====", and statements; where a second such line follows, what stands behind it are
// manifests of a later day. It is answered with the verdicts, the classes and what the later day changes.
func TestRoutesAreToldInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/routes.txtar", func(t *testing.T, name, text string) string {
		parts := strings.Split(text, "====\n")
		rules, linux, containerd := routesOf(t, parts[0])
		statements, err := routes.ParseStatements("s.yaml", []byte(parts[1]))
		require.NoError(t, err)
		var b strings.Builder
		for _, v := range routes.Check(statements, linux, containerd) {
			fmt.Fprintf(&b, "%s %s holds=%t empty=%t\n", v.Platform, v.Statement, v.Holds, v.Empty)
			for _, n := range v.Notes {
				fmt.Fprintln(&b, "  note:", n)
			}
			if c := v.Counterexample; c != nil {
				fmt.Fprintf(&b, "  %s %s %s; other: %s\n", c.Reference, c.Why, planned(c.Plan), planned(c.Other))
				for _, o := range c.Origins {
					fmt.Fprintln(&b, "  origin:", o)
				}
			}
		}
		for _, r := range []*routes.Routes{linux, containerd} {
			for c := range r.Classes() {
				fmt.Fprintf(&b, "class %s %s %s: resolve %v pull %v asked %v, up to %d, %s\n", c.Platform, c.Kind, c.Pattern,
					steps(c.Resolve), steps(c.Pull), steps(c.Asked), c.MaxRest, c.Plan.Image)
			}
		}
		if len(parts) > 2 {
			_, linuxAfter, containerdAfter := routesOf(t, parts[2])
			changed := func(name string, changes []routes.Change) {
				for _, c := range changes {
					fmt.Fprintf(&b, "change %s %s %s: %s, now %s, new %v, lost %v\n", name, c.Kind, c.Pattern, planned(c.Before), planned(c.After), c.NewHosts, c.LostHosts)
				}
			}
			changed("linux", routes.Diff(linux, linuxAfter))
			changed("containerd", routes.Diff(containerd, containerdAfter))
			changed("platforms", routes.Diff(linuxAfter, containerdAfter))
		}
		for _, f := range append(routes.UnderMCO(resolve.NewLinuxTable(rules), resolve.MCO(rules)),
			routes.UnderWMCO(resolve.NewContainerdTable(rules), resolve.WMCO(rules))...) {
			fmt.Fprintln(&b, f)
		}
		return b.String()
	})
}

func routesOf(t *testing.T, manifests string) (*mirrorset.Rules, *routes.Routes, *routes.Routes) {
	set, err := mirrorset.Decode("m.yaml", strings.NewReader(manifests))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	table := resolve.NewLinuxTable(rules)
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.NoError(t, findings.Err())
	linux := routes.Linux(table)
	if files.Policy != nil {
		named, scopes, _ := files.Policy.ByName()
		linux = routes.LinuxJudged(table, scopes, named.Apply)
	}
	return rules, linux, routes.Containerd(resolve.NewContainerdTable(rules))
}

func planned(p resolve.Plan) string {
	if p.Image == "" {
		return "none"
	}
	list := func(attempts []resolve.Attempt) (out []string) {
		for _, a := range attempts {
			out = append(out, a.Location)
		}
		return out
	}
	return fmt.Sprintf("%s resolve %v pull %v asked %v %s", p.Image, list(p.Resolve), list(p.Pull), list(p.Asked), p.Outcome)
}

func steps(steps []routes.Step) (out []string) {
	for _, s := range steps {
		text := s.Base
		if s.Itself {
			text += "="
		}
		if s.Source {
			text += "!"
		}
		if s.Insecure {
			text += "~"
		}
		for _, o := range s.Origins {
			text += "<" + o.Field
		}
		out = append(out, text)
	}
	return out
}
