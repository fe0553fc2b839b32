package input

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// What a node does is that of the one file that the client makes of all of them; only where an entry
// stands is told file by file.
func TestATableOfLayersIsThatOfTheMergedFile(t *testing.T) {
	parse := func(text string) *registriesconf.Config {
		c, findings := registriesconf.Parse("f", []byte(text))
		require.NoError(t, findings.Err())
		return c
	}
	node := &Linux{Name: "registries.conf", ShortNameMode: "permissive",
		Main: parse(`unqualified-search-registries = ["a.io", "b.io"]
[aliases]
x = "quay.io/x"
[[registry]]
location = "quay.io/team/"
[[registry.mirror]]
location = "m.io/team"
pull-from-mirror = "digest-only"
[[registry]]
prefix = "*.example.org"
blocked = true
`), DropIns: []DropIn{
			{Origin: "1.conf", Config: parse("unqualified-search-registries = [\"c.io/\"]\n[aliases]\ny = \"quay.io/y\"\n")},
			{Origin: "2.conf", Config: parse(`[[registry]]
location = "quay.io/team"
insecure = true
namespace-proxy = "quay.io"
[[registry.mirror]]
location = "n.io/team"
insecure = true
[[registry]]
location = "b.io"
blocked = true
`)}}}
	table, merged := node.Table(), node.Config().Table(node.Name)
	nowhere := func(t *resolve.LinuxTable) []resolve.LinuxEntry {
		entries := t.Entries()
		for i := range entries {
			entries[i].Origins = nil
			for j := range entries[i].Mirrors {
				entries[i].Mirrors[j].Origins = nil
			}
		}
		return entries
	}
	require.Equal(t, nowhere(merged), nowhere(table))
	for _, image := range []string{"x", "y", "z", "quay.io/team/app:1", "a.example.org/b:1", "b.io/c:1",
		"quay.io/team/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		want, err := merged.Plan(image)
		require.NoError(t, err)
		got, err := table.Plan(image)
		require.NoError(t, err)
		for _, p := range []*resolve.Plan{&want, &got} {
			for i := range p.Pull {
				p.Pull[i].Origins = nil
			}
			for i := range p.Findings {
				p.Findings[i].Origin = finding.Origin{}
			}
		}
		require.Equal(t, want, got, image)
	}
}
