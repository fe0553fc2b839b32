package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func rule(source string, never bool) mirrorset.Rule {
	return mirrorset.Rule{Pull: mirrorset.ByTag, Source: source, Never: never}
}

func TestTheLongestSourceAroundAPlaceDecides(t *testing.T) {
	c := contract.Of(&mirrorset.Rules{Rules: []mirrorset.Rule{
		rule("quay.io", true), rule("QUAY.io:0443/open", false), rule("quay.io/open/not", true),
		rule("*.example.org", true), rule("foo.example.org", false), rule("a.example.org", false), rule("b.example.org:5000", false),
		rule("n.io/a", true), rule("n.io:80", false), rule("p.io", true),
	}, Blocked: []mirrorset.Scope{{Value: "Blocked.io:443/x"}}}, func(location string) bool { return strings.HasPrefix(location, "n.io/") })
	for place, want := range map[string]string{
		"quay.io:443":               "quay.io",
		"quay.io:443/a":             "quay.io",
		"quay.io:5000/a":            "",
		"quay.io:443/open/a":        "",
		"quay.io:443/open/not/a":    "quay.io/open/not",
		"x.y.example.org:1/a":       "*.example.org",
		"foo.example.org:443/a":     "",
		"a.example.org:443/a":       "*.example.org", // as long
		"b.example.org:5000/a":      "",
		"b.example.org:443/a":       "*.example.org",
		"n.io:443/a":                "n.io/a",
		"n.io:80/a":                 "n.io/a", // asked by plain HTTP
		"n.io:80/b":                 "",
		"p.io:443/a":                "p.io",
		"p.io:80/a":                 "", // not asked by plain HTTP
		"blocked.io:443/x/y":        "Blocked.io:443/x",
		"blocked.io:443/xy":         "",
		"registry-1.docker.io:443/": "",
	} {
		require.Equal(t, want, c.Forbids(place), place)
	}
}

func TestAContactIsSaidByAFindingOfThatPlace(t *testing.T) {
	c := contract.Of(&mirrorset.Rules{Rules: []mirrorset.Rule{rule("quay.io/a", true), rule("n.io/a", true)}}, func(string) bool { return false })
	asked := []world.Request{
		{Scheme: "https", Host: "Quay.io", Path: "/v2/"}, // a ping, for the next
		{Scheme: "https", Host: "Quay.io", Path: "/v2/a/b/manifests/1"},
		{Scheme: "https", Host: "quay.io", Path: "/v2/c/manifests/1"},
	}
	require.Len(t, c.Contacts(asked), 1)
	for value, said := range map[string]bool{"Quay.io/a/b": true, "QUAY.io:0443/a/b": true, "quay.io/a": true, "quay.io/c": false, "m.io/a/b": false} {
		f := finding.Findings{{Code: finding.CodeEvadesRule, Value: value}}
		require.Equal(t, said, len(c.Unsaid("Quay.io/a/b:1", asked, f)) == 0, value)
		require.Len(t, c.Unsaid("other.io/a/b:1", asked, f), 1, "a mirror of another image")
		require.Len(t, c.Unsaid("", asked, f), 1, "what a short name stands for")
		f[0].Code = finding.CodeSpillover
		require.Len(t, c.Unsaid("Quay.io/a/b:1", asked, f), 1, "another code")
	}
	asked[1].Host = "quay.io"
	f := finding.Findings{{Code: finding.CodeEvadesRule, Value: "quay.io/a/b"}}
	require.Len(t, c.Unsaid("Quay.io/a/b:1", asked, f), 1, "spelled as the rule has it, it evades nothing")

	// n.io by plain HTTP is n.io; n.io:80 is another server, where n.io is never asked by plain HTTP.
	require.Len(t, c.Contacts([]world.Request{
		{Scheme: "http", Host: "n.io", Path: "/v2/a/b/manifests/1"}, {Scheme: "http", Host: "n.io:80", Path: "/v2/a/b/manifests/1"},
	}), 1)
}

// A wildcard hides an entry whose host has one letter more. Where that is only blocked, the finding about it is all there is;
// under NeverContactSource the wildcard has to be blocked.
func TestAHiddenEntrySaysContactsWithABlockedScopeOnly(t *testing.T) {
	never := rule("a.never.io", true)
	c := contract.Of(&mirrorset.Rules{Rules: []mirrorset.Rule{never}, Blocked: []mirrorset.Scope{{Value: "a.blocked.io"}}}, func(string) bool { return false })
	asked := func(host string) []world.Request {
		return []world.Request{{Scheme: "https", Host: host, Path: "/v2/x/manifests/1"}}
	}
	require.Empty(t, c.Unsaid("q.io/x:1", asked("a.blocked.io"), finding.Findings{{Code: finding.CodeHiddenEntry, Value: "a.blocked.io"}}))
	require.Len(t, c.Unsaid("q.io/x:1", asked("a.blocked.io"), finding.Findings{{Code: finding.CodeHiddenEntry, Value: "b.blocked.io"}}), 1)
	require.Len(t, c.Unsaid("q.io/x:1", asked("a.never.io"), finding.Findings{{Code: finding.CodeHiddenEntry, Value: "a.never.io"}}), 1)
}

func TestABlockedScopeInAnotherSpellingInsideAPartThatIsOpenAgainIsEvaded(t *testing.T) {
	c := contract.Of(&mirrorset.Rules{
		Rules:   []mirrorset.Rule{rule("never.io", true), rule("never.io/open", false)},
		Blocked: []mirrorset.Scope{{Value: "Never.io/open/b"}},
	}, func(string) bool { return false })
	asked := []world.Request{{Scheme: "https", Host: "never.io", Path: "/v2/open/b/manifests/1"}}
	require.Len(t, c.Contacts(asked), 1)
	require.Empty(t, c.Unsaid("never.io/open/b:1", asked, finding.Findings{{Code: finding.CodeEvadesRule, Value: "never.io/open/b"}}))
}

// An entry for a host governs its ports to the client, and no file names all ports.
func TestAHostThatIsOpenedOnEveryPortIsSaidOfMirrorsToo(t *testing.T) {
	c := contract.Of(&mirrorset.Rules{Rules: []mirrorset.Rule{rule("*.example.org", true), rule("a.example.org", false)}},
		func(string) bool { return false })
	asked := []world.Request{{Scheme: "https", Host: "a.example.org:5000", Path: "/v2/b/manifests/1"}}
	require.Len(t, c.Contacts(asked), 1)
	for value, said := range map[string]bool{"a.example.org": true, "a.example.org:5000/b": false, "example.org": false} {
		unsaid := c.Unsaid("other.io/b:1", asked, finding.Findings{{Code: finding.CodeEvadesRule, Value: value}})
		require.Equal(t, said, len(unsaid) == 0, value)
	}
}
