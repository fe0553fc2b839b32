package contract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestAFindingNamesThePatternAndTheKind(t *testing.T) {
	for _, test := range []struct {
		words, pattern string
		in, beside     []string
	}{
		{"", "quay.io/team", []string{"quay.io/team", "quay.io/team/a/b"}, []string{"quay.io/teams", "quay.io:443/team", "team"}},
		{"", "quay.io", []string{"quay.io/a", "quay.io/a/b"}, []string{"m.io/a", "quay.io:443/a"}},
		{"exactly, ", "quay.io/team", []string{"quay.io/team"}, []string{"quay.io/team/a"}},
		{"", "quay.io/team/*", []string{"quay.io/team/a"}, []string{"quay.io/team", "quay.io/team/a/b"}},
		{"", "quay.io/team/**", []string{"quay.io/team/a", "quay.io/team/a/b"}, []string{"quay.io/team"}},
		{"exactly, and quay.io/team/*/**, ", "quay.io/team", []string{"quay.io/team", "quay.io/team/a/b"}, []string{"quay.io/team/a"}},
		{"", "quay.io/*/**", []string{"quay.io/a/b"}, []string{"quay.io/a"}},
		{"", "*.example.org", []string{"a.example.org/b", "a.b.example.org:5000/b"}, []string{"example.org/b"}},
		{"", "*.example.org:5000", []string{"a.example.org:5000/b"}, []string{"a.example.org/b", "a.example.org:50/b"}},
		{"", "quay.io:*", []string{"quay.io:443/b"}, []string{"quay.io/b"}},
		{"", "*.org.*.example.org", []string{"a.org.b.example.org/a", "a.org.example.org/a"}, []string{"a.example.org/a"}},
		{"", "*", []string{"quay.io/a"}, []string{"a"}},
		{"short names, ", "*", []string{"a", "a/b"}, []string{"quay.io/a"}},
		{"short names, ", "*/**", []string{"a/b"}, []string{"a"}},
		{"short names, ", "a", []string{"a", "a/b"}, []string{"b", "quay.io/a"}},
		{"short names, exactly, ", "a", []string{"a"}, []string{"a/b"}},
	} {
		f := finding.Finding{Value: test.pattern, Message: test.words + "by tag, such as x.io/y:latest: it is so"}
		for _, name := range test.in {
			require.True(t, Names(f, name, false), "%s in %s", name, test.pattern)
			require.False(t, Names(f, name, true), "%s in %s", name, test.pattern)
		}
		for _, name := range test.beside {
			require.False(t, Names(f, name, false), "%s in %s", name, test.pattern)
		}
	}
	of := finding.Finding{Value: "x.io:5/y", Message: "by tag and by digest, such as x.io:5/y:latest: it is so"}
	require.Equal(t, []string{"x.io:5/y:latest", "x.io:5/y@" + random.Digest}, Examples(of))
	require.True(t, Named(finding.Findings{of}, "x.io:5/y/z@"+random.Digest, "x.io:5/y/z@"+random.Digest))
}
