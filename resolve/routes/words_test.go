package routes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

func TestAPatternIsToldInAFewWords(t *testing.T) {
	for want, p := range map[string]routes.Pattern{
		"quay.io/team":                                {Hosts: "quay.io", Path: "/team", Exactly: true, Below: true, Deeper: true},
		"quay.io/team exactly":                        {Hosts: "quay.io", Path: "/team", Exactly: true},
		"quay.io/team/*":                              {Hosts: "quay.io", Path: "/team", Below: true},
		"quay.io/team/*/**":                           {Hosts: "quay.io", Path: "/team", Deeper: true},
		"quay.io/team/**":                             {Hosts: "quay.io", Path: "/team", Below: true, Deeper: true},
		"quay.io/team exactly, and quay.io/team/*":    {Hosts: "quay.io", Path: "/team", Exactly: true, Below: true},
		"quay.io/team exactly, and quay.io/team/*/**": {Hosts: "quay.io", Path: "/team", Exactly: true, Deeper: true},
		"quay.io":                  {Hosts: "quay.io", Below: true, Deeper: true},
		"quay.io/*":                {Hosts: "quay.io", Below: true},
		"quay.io/*/**":             {Hosts: "quay.io", Deeper: true},
		"short names *":            {Below: true, Deeper: true},
		"short names */**":         {Deeper: true},
		"short names team":         {Path: "/team", Exactly: true, Below: true, Deeper: true},
		"short names team/**":      {Path: "/team", Below: true, Deeper: true},
		"short names team exactly": {Path: "/team", Exactly: true},
	} {
		require.Equal(t, want, p.String())
		require.Equal(t, p.Hosts == "", p.Short())
	}
}

func TestAStatementAboutAReferenceThatIsNoneDoesNotHold(t *testing.T) {
	linux := routes.Linux(resolve.NewLinuxTable(nil))
	verdicts := routes.Check([]routes.Statement{{Image: "quay.io/A", Linux: []string{}}, {Same: "quay.io"}, {Image: "quay.io/a", Windows: []string{}}}, linux, nil)
	require.Len(t, verdicts, 1, "what no platform can tell has no verdict")
	require.False(t, verdicts[0].Holds)
	require.Equal(t, `image reference "quay.io/A": invalid reference format; a repository name is in lower case; only the host and the tag may have capitals`, verdicts[0].Counterexample.Why)
	require.Empty(t, routes.Check([]routes.Statement{{Never: "quay.io"}}, nil, nil))
}

func TestALoopOverClassesMayStop(t *testing.T) {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "quay.io/a", Location: "m.io"}, {Prefix: "quay.io", Location: "m.io"}}})
	all := 0
	for range routes.Linux(table).Classes() {
		all++
	}
	for stop := range all {
		n := 0
		for range routes.Linux(table).Classes() {
			if n++; n > stop {
				break
			}
		}
		require.Equal(t, stop+1, n)
	}
}

// What an entry sends to another place by digest alone, by tag alone or for both kinds is so in its class.
func TestMirrorsForOneKindOfPullAreInItsClass(t *testing.T) {
	mirrors := []resolve.LinuxMirror{{Location: "d.io", Pull: mirrorset.ByDigest}, {Location: "t.io", Pull: mirrorset.ByTag}, {Location: "b.io"}}
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "quay.io", Location: "l.io", Mirrors: mirrors}, {Prefix: "q.io", Location: "q.io", Mirrors: mirrors, MirrorByDigestOnly: true}}})
	got := map[string][]string{}
	for c := range routes.Linux(table).Classes() {
		if p := c.Pattern.String(); p == "quay.io" || p == "q.io" {
			got[string(c.Kind)+" "+p] = bases(c.Pull)
		}
	}
	require.Equal(t, map[string][]string{
		"digest quay.io": {"d.io", "b.io", "l.io"}, "tag quay.io": {"t.io", "b.io", "l.io"},
		"digest q.io": {"d.io", "t.io", "b.io", "itself"},
	}, got)
}
