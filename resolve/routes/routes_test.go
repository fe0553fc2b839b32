package routes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

func TestTheWorkedExampleHasTheClassesThatThePackageCommentShows(t *testing.T) {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "quay.io", Location: "quay.io", Mirrors: []resolve.LinuxMirror{{Location: "m.io"}, {Location: "n.io/q"}}},
		{Prefix: "m.io/secret", Location: "m.io/secret", Blocked: true},
		{Prefix: "quay.io/own", Location: "quay.io/own"},
	}})
	var got []string
	for c := range routes.Linux(table).Classes() {
		if c.Kind == mirrorset.ByDigest {
			got = append(got, fmt.Sprint(c.Pattern, " <- ", bases(c.Pull)))
		}
	}
	require.Equal(t, []string{
		"* <- [itself]",
		"m.io/secret <- []",
		"quay.io <- [m.io n.io/q itself]",
		"quay.io/own <- [itself]",
		"quay.io/secret <- [n.io/q/secret itself]",
		"quay.io:* <- []",
		"short names * <- []",
	}, got)
}

func bases(steps []routes.Step) []string {
	list := []string{}
	for _, s := range steps {
		if s.Itself {
			list = append(list, "itself")
		} else {
			list = append(list, s.Base)
		}
	}
	return list
}

// n.io/quayquay is longer than quay.io: with 243 characters behind it a name is too long there, and the pull stops.
func TestAClassSaysHowLongANameMayBe(t *testing.T) {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "quay.io", Location: "quay.io", Mirrors: []resolve.LinuxMirror{{Location: "n.io/quayquay"}}},
		{Prefix: "long.example.org", Location: "long.example.org", Mirrors: []resolve.LinuxMirror{{Location: "m.io/a"}}},
	}})
	limits := map[string]int{}
	for c := range routes.Linux(table).Classes() {
		limits[c.Pattern.Hosts] = c.MaxRest
	}
	require.Equal(t, map[string]int{"*": 0, "quay.io": 242, "quay.io:*": 0, "long.example.org": 0, "long.example.org:*": 0, "": 0}, limits)
	for rest, asked := range map[int]int{242: 2, 243: 0} {
		p, err := table.Plan("quay.io/" + strings.Repeat("a", rest-1) + ":1")
		require.NoError(t, err)
		require.Len(t, p.Pull, asked)
	}
}

// A file of containerd speaks for one host as it is spelled, without ports, and for all its paths alike.
func TestContainerdHasAClassForEachFile(t *testing.T) {
	table := resolve.ContainerdTableOf([]resolve.Registry{
		{Host: "quay.io", Endpoints: []resolve.Endpoint{
			{Scheme: "https", Host: "m.io", Root: "/v2/org", Capabilities: resolve.CanPull},
			{Scheme: "https", Host: "n.io", Root: "/v2", Capabilities: resolve.CanPull | resolve.CanResolve},
		}},
		{Host: "quay.io:5000", Endpoints: []resolve.Endpoint{{Scheme: "https", Host: "m.io", Root: "/v2/org", Capabilities: resolve.CanPull}}},
	})
	got := map[string][]string{}
	for c := range routes.Containerd(table).Classes() {
		got[fmt.Sprint(c.Kind, " ", c.Pattern)] = append(bases(c.Resolve), append([]string{"|"}, bases(c.Pull)...)...)
	}
	require.Equal(t, map[string][]string{
		"tag *":               {"itself", "|", "itself"},
		"digest *":            {"|", "itself"},
		"tag quay.io":         {"n.io", "itself", "|", "m.io/org", "n.io", "itself"},
		"digest quay.io":      {"|", "m.io/org", "n.io", "itself"},
		"tag quay.io:5000":    {"itself", "|", "m.io/org", "itself"},
		"digest quay.io:5000": {"|", "m.io/org", "itself"},
	}, got)
}

// The example of *.org has a label that is no other host's in any letter case: to the network a.org would be A.org.
func TestTheExampleOfAWildcardIsNoMirrorInAnotherSpelling(t *testing.T) {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "*.org", Mirrors: []resolve.LinuxMirror{{Location: "A.org"}}},
	}})
	for c := range routes.Linux(table).Classes() {
		if c.Pattern.Hosts == "*.org:*" {
			require.Equal(t, []string{"A.org:1", "itself"}, bases(c.Pull))
			require.NotEqual(t, "a.org:1/a:1", c.Plan.Image)
			return
		}
	}
	require.Fail(t, "no class *.org:*")
}

// What _default says holds for ports that no file names too.
func TestThePortsOfAHostAreInTheClassOfDefault(t *testing.T) {
	mirror := []resolve.Endpoint{{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanPull | resolve.CanResolve}}
	table := resolve.ContainerdTableOf([]resolve.Registry{
		{Host: "_default", Endpoints: mirror},
		{Host: "quay.io", Endpoints: []resolve.Endpoint{{Scheme: "https", Host: "n.io", Root: "/v2", Capabilities: resolve.CanPull}}},
	})
	var got []string
	for c := range routes.Containerd(table).Classes() {
		if c.Kind == mirrorset.ByDigest {
			got = append(got, fmt.Sprint(c.Pattern, " <- ", bases(c.Pull)))
		}
	}
	require.Equal(t, []string{"* <- [m.io itself]", "m.io <- [itself]", "quay.io <- [n.io itself]"}, got)
}

func ExampleCheck() {
	never := &mirrorset.Rules{Rules: []mirrorset.Rule{{Source: "quay.io", Pull: mirrorset.ByDigest, Never: true}}}
	_, table, _ := registriesconf.Render(never, registriesconf.RenderOptions{})
	for _, v := range routes.Check([]routes.Statement{{Never: "quay.io"}, {Mirrored: "quay.io/team"}}, routes.Linux(table), nil) {
		fmt.Println(v.Statement, v.Holds)
		if v.Counterexample != nil {
			fmt.Println(" ", v.Counterexample.Reference, v.Counterexample.Why)
		}
	}
	// Output:
	// never: quay.io true
	// mirrored: quay.io/team false
	//   quay.io/team:1 no mirror serves it
}
