package routes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// linux makes the routes of entries that are written as "prefix -> mirror mirror", with "blocked" for a mirror of an entry
// that is blocked, and "at location" for one that has another location.
func linux(entries ...string) *Routes {
	return Linux(linuxTable(resolve.LinuxConfig{}, entries...))
}

func linuxTable(c resolve.LinuxConfig, entries ...string) *resolve.LinuxTable {
	for _, text := range entries {
		prefix, rest, _ := strings.Cut(text, " -> ")
		e := resolve.LinuxEntry{Prefix: prefix, Location: prefix}
		if strings.HasPrefix(prefix, "*") {
			e.Location = ""
		}
		fields := strings.Fields(rest)
		for i := 0; i < len(fields); i++ {
			switch fields[i] {
			case "blocked":
				e.Blocked = true
			case "at":
				i++
				e.Location = fields[i]
			default:
				e.Mirrors = append(e.Mirrors, resolve.LinuxMirror{Location: fields[i]})
			}
		}
		c.Entries = append(c.Entries, e)
	}
	return resolve.LinuxTableOf(c)
}

// Each row is a table and the names that go wrong where one cut is left out.
func TestEachCutIsNeeded(t *testing.T) {
	long := strings.Repeat("a", 230)
	for cut, row := range map[string]struct {
		entries, names []string
	}{
		"a wildcard takes a host only where its end first stands at the end": {
			[]string{"*.org -> m.io", "*.a.org -> n.io"},
			[]string{"x.b.org/p", "x.org.b.org/p", "x.a.org/p", "x.org.a.org/p", "x.a.org.a.org/p", "x.orgs.a.org/p"},
		},
		"of nested wildcards the longest that takes the host counts": {
			[]string{"*.org -> m.io", "*.a.org -> n.io", "*.b.a.org -> o.io"},
			[]string{"x.a.org.b.a.org/p", "x.org.b.a.org/p", "x.b.a.org.b.a.org/p", "k.b.a.org/p", "x.org.a.org/p", "b.a.org/p"},
		},
		"a wildcard whose end repeats itself": {
			[]string{"*.a.b.a.b -> m.io", "*.b.a.b -> n.io", "*.a.b -> o.io", "*.b -> q.io"},
			[]string{"x.a.b.a.b/p", "x.a.b.x.a.b.a.b/p", "x.b.a.b.a.b/p", "x.a.b.a.b.a.b/p", "x.b.a.b/p", "x.a.b/p", "x.b/p", "x.b.x.b/p"},
		},
		"a mirror below a wildcard is the source there": {
			[]string{"*.io -> m.io n.io"},
			[]string{"m.io/p", "n.io/p", "x.io/p", "m.io:5/p"},
		},
		"Docker Hub's two hosts are one to the network": {
			[]string{"*.io -> docker.io", "*.docker.io -> registry-1.docker.io"},
			[]string{"docker.io/a/p", "registry-1.docker.io/p", "registry-1.docker.io/a/p", "x.docker.io/a/p", "x.io/a/p", "x.io/p"},
		},
		"docker.io is registry-1.docker.io": {
			[]string{"*.io -> registry-1.docker.io"},
			[]string{"docker.io/a/p", "x.io/a/p"},
		},
		"registry-1.docker.io is docker.io": {
			[]string{"*.docker.io -> docker.io"},
			[]string{"registry-1.docker.io/a/p", "x.docker.io/a/p"},
		},
		"docker.io has no repositories of one component": {
			[]string{"docker.io -> m.io/hub", "docker.io/library -> m.io/library"},
			[]string{"docker.io/a/p", "docker.io/library/p", "docker.io/library/p/q"},
		},
		"a host of one letter that is dead gives no limit of length": {
			[]string{"a.d -> m.io/quayquay", "*.d -> n.io", "a.d/x -> o.io/x"},
			[]string{"a.d/p", "a.d/" + long, "a.d/" + long + "aaaaaaaaaaaaaaaaaaaa", "b.d/" + long},
		},
		"a host of one letter before a wildcard as long is dead, but not its paths and ports": {
			[]string{"a.d -> m.io", "*.d -> n.io", "a.d/x -> o.io", "a.d:5 -> q.io"},
			[]string{"a.d/p", "a.d/x", "a.d/x/p", "a.d:5/p", "a.d:7/p", "b.d/p", "b.d:5/p"},
		},
		"a blocked scope inside a mirror is carried back": {
			[]string{"quay.io -> m.io n.io/q", "m.io/secret -> blocked", "m.io/secret/open ->", "n.io/q/own/x -> blocked"},
			[]string{"quay.io/a", "quay.io/secret", "quay.io/secret/a", "quay.io/secret/open", "quay.io/secret/open/a", "quay.io/secrets", "quay.io/own", "quay.io/own/x/a"},
		},
		"an open scope inside a blocked mirror is carried back": {
			[]string{"quay.io -> m.io", "m.io -> blocked", "m.io/open/a ->"},
			[]string{"quay.io/a", "quay.io/open", "quay.io/open/a", "quay.io/open/a/b", "quay.io/open/b"},
		},
		"a flip that sorts apart from what it is inside": {
			[]string{"quay.io -> m.io/a", "m.io/a/b -> blocked", "m.io/a-b -> blocked", "m.io/a.b/c -> blocked"},
			[]string{"quay.io/b", "quay.io/b/c", "quay.io/-b", "quay.io/c"},
		},
		"a scope that sorts between another and what is inside it": {
			[]string{"quay.io/a -> m.io", "quay.io/a-b -> n.io", "quay.io/a.b -> o.io", "m.io/a -> blocked"},
			[]string{"quay.io/a/a", "quay.io/a/a/c", "quay.io/a/c", "quay.io/a-b", "quay.io/a.b/c", "quay.io/b"},
		},
		"a place that is longer than its source stops long names": {
			[]string{"quay.io -> m.io/quayquay", "long.example.org -> m.io"},
			[]string{"quay.io/" + long, "quay.io/" + long + "aaaaaaaaaaa", "quay.io/" + long + "aaaaaaaaaaaa", "quay.io/" + long + "aaaaaaaaaaaaa", "long.example.org/" + long},
		},
		"below a wildcard the rest has a limit of its own": {
			[]string{"*.a.org -> m.io/quayquay"},
			[]string{"x.a.org/" + long, "x.a.org/" + long + "aaaaaaaaa", "x.a.org/" + long + "aaaaaaaaaaa", "x.a.org/" + long + "aaaaaaaaaaaa", "x.a.org/" + long + "aaaaaaaaaaaaa"},
		},
		"an entry that does what the one around it does, but for how long names may be": {
			[]string{"quay.io -> m.io n.io/a-long-name-that-is-blocked", "n.io/a-long-name-that-is-blocked -> blocked", "quay.io/p -> m.io/p"},
			[]string{"quay.io/a", "quay.io/p/a", "quay.io/a/" + long, "quay.io/p/" + long},
		},
		"one component is no repository on docker.io": {
			[]string{"a.org -> docker.io", "b.org/x -> docker.io/x", "c.org -> docker.io/x"},
			[]string{"a.org/p", "a.org/p/q", "a.org/p/q/r", "b.org/x", "b.org/x/p", "b.org/x/p/q", "c.org/p", "c.org/p/q"},
		},
		"a registry by itself is no repository": {
			[]string{"a.org/p -> m.io", "b.org -> m.io", "c.org/p/q -> m.io docker.io"},
			[]string{"a.org/p", "a.org/p/q", "a.org/p/q/r", "b.org/p", "c.org/p/q", "c.org/p/q/r", "c.org/p/q/r/s"},
		},
		"a port is handed on to a mirror that is a registry": {
			[]string{"h.org -> m.io", "m.io:5/p -> blocked"},
			[]string{"h.org/p", "h.org:5/p", "h.org:5/p/q", "h.org:5/q", "h.org:6/p", "m.io:5/p", "m.io/p"},
		},
		"a port is handed on below a wildcard too, and is none for a mirror with a path or a port": {
			[]string{"*.org -> m.io", "*.net -> m.io n.io/x", "*.com -> m.io:7", "m.io:5/p -> blocked"},
			[]string{"h.org:5/p", "h.org:6/p", "h.net/p", "h.net:5/p", "h.com/p", "h.com:5/p"},
		},
		"a host is another in another spelling": {
			[]string{"a.org -> m.io", "A.org/p -> n.io", "*.A.org -> o.io", "*.org -> q.io"},
			[]string{"a.org/p", "A.org/p", "A.org/q", "x.A.org/p", "x.a.org/p", "X.A.org/p", "X.a.org/p"},
		},
		"another location than the prefix": {
			[]string{"quay.io -> at m.io/q", "m.io/q/secret -> blocked", "quay.io/team -> n.io at quay.io", "x.io -> blocked at y.io"},
			[]string{"quay.io/a", "quay.io/secret", "quay.io/secret/a", "quay.io/team/a", "quay.io/team", "x.io/a"},
		},
	} {
		t.Run(cut, func(t *testing.T) {
			compared := requireExact(t, newWorld(linux(row.entries...)), row.names, func() string { return strings.Join(row.entries, "\n") })
			require.Greater(t, compared, len(row.names))
		})
	}
}

// The smallest reference that a wildcard does not take has its end once more, and no label between.
func TestACounterexampleBelowAWildcardIsTheSmallest(t *testing.T) {
	v := Check([]Statement{{Never: "*.b.a.org"}}, linux("*.org -> blocked"), nil)
	require.Equal(t, "c.org.b.a.org/a:1", v[0].Counterexample.Reference)
}

// patterns are those of the changes by tag.
func patterns(changes []Change) (list []string) {
	for _, c := range changes {
		if c.Kind == kinds[0] {
			list = append(list, c.Pattern.String())
		}
	}
	return list
}

// Between two tables a wildcard of one tells hosts of the other apart.
func TestTwoTablesAreCutByTheHostsOfBoth(t *testing.T) {
	// x.org.a.org is taken by *.a.org only, x.a.org by both.
	require.Equal(t, []string{"*.org", "*.org:*"}, patterns(Diff(linux("*.org -> m.io", "*.a.org -> m.io"), linux())))
	require.Equal(t, []string{"*.org.*.a.org", "*.org.*.a.org:*"}, patterns(Diff(linux("*.org -> m.io"), linux("*.org -> m.io", "*.a.org -> m.io"))))
	// a.d is the same in both, whatever wins in one table.
	require.Equal(t, []string{"*.d", "*.d:*"}, patterns(Diff(linux("a.d -> m.io"), linux("*.d -> m.io"))))
	require.Empty(t, Diff(linux("a.d -> m.io", "*.d -> n.io"), linux("*.d -> n.io")))
	// An entry that repeats the one around it is no change, one that stops a flip is.
	require.Empty(t, Diff(linux("quay.io -> m.io"), linux("quay.io -> m.io", "quay.io/a -> m.io/a")))
	require.Equal(t, []string{"m.io/a", "quay.io/a"}, patterns(Diff(linux("quay.io -> m.io"), linux("quay.io -> m.io", "m.io/a -> blocked"))))
}

// Names that do not exist are in no class: each example is the name that it seems.
func TestNamesThatDoNotExistAreInNoClass(t *testing.T) {
	r := linux("docker.io -> m.io", "index.docker.io -> n.io", "plain -> m.io", "docker.io/library -> o.io", "m.io/"+strings.Repeat("a", 250)+" -> blocked")
	for c := range r.Classes() {
		if c.Pattern.Short() {
			continue
		}
		require.NotEqual(t, "index.docker.io", c.Pattern.Hosts)
		require.NotEqual(t, "plain", c.Pattern.Hosts)
		parsed, err := resolve.ParseReference(c.Plan.Image)
		require.NoError(t, err)
		require.Equal(t, c.Plan.Image, parsed.String())
		require.LessOrEqual(t, len(parsed.Name()), 255)
		if c.Pattern.Hosts == "docker.io" && c.Pattern.Path == "" {
			require.Equal(t, "docker.io/*/**", c.Pattern.String(), "docker.io/a is docker.io/library/a")
		}
	}
}

// A name without a registry is the list of its full names, or the alias of that very name.
func TestNamesWithoutARegistryAreListsOfFullNames(t *testing.T) {
	table := linuxTable(resolve.LinuxConfig{
		SearchRegistries: []string{"quay.io", "docker.io"}, Aliases: map[string]string{"tool": "x.io/team/tool", "library/c": "quay.io/c"},
	}, "quay.io/team -> m.io/team", "docker.io/library/b -> o.io/b", "x.io/team/tool -> n.io/tool")
	names := []string{"/a", "/b", "/b/b", "/library/b", "/library/c", "/library/a", "/team", "/team/a", "/team/a/b", "/tool", "/tool/a", "/library", "/foo.bar"}
	compared := requireExact(t, newWorld(Linux(table)), names, func() string { return "" })
	require.Equal(t, 2*len(names), compared)
	var got []string
	for c := range Linux(table).Classes() {
		if c.Pattern.Short() && c.Kind == kinds[0] {
			var list []string
			for _, s := range c.Pull {
				list = append(list, s.Base)
			}
			got = append(got, fmt.Sprint(c.Pattern, " <- ", list))
		}
	}
	require.Equal(t, []string{
		"short names * <- [quay.io registry-1.docker.io/library]",
		"short names */** <- [quay.io registry-1.docker.io]",
		"short names b exactly <- [quay.io/b o.io/b registry-1.docker.io/library/b]",
		"short names library/b <- [quay.io/library/b o.io/b registry-1.docker.io/library/b]",
		"short names library/c exactly <- [quay.io/c]",
		"short names team exactly <- [m.io/team quay.io/team registry-1.docker.io/library/team]",
		"short names team/** <- [m.io/team quay.io/team registry-1.docker.io/team]",
		"short names tool exactly <- [n.io/tool x.io/team/tool]",
	}, got)
}

// An alias may lead where no name with a registry does, by another spelling of the host.
func TestNeverIsAboutNamesWithoutARegistryToo(t *testing.T) {
	table := linuxTable(resolve.LinuxConfig{Aliases: map[string]string{"tool": "Quay.io/tool"}}, "quay.io -> blocked")
	v := Check([]Statement{{Never: "quay.io"}, {Never: "quay.io", Except: []string{"quay.io/tool"}}}, Linux(table), nil)
	require.False(t, v[0].Holds)
	require.Equal(t, "tool:1", v[0].Counterexample.Reference)
	require.Equal(t, "asks Quay.io/tool", v[0].Counterexample.Why)
	require.True(t, v[1].Holds)

	// The same of a search registry, at the scope of the statement.
	table = linuxTable(resolve.LinuxConfig{SearchRegistries: []string{"Quay.io"}}, "quay.io -> blocked")
	v = Check([]Statement{{Never: "quay.io/team"}}, Linux(table), nil)
	require.Equal(t, "team:1", v[0].Counterexample.Reference)

	// A name with a registry is the counterexample where there is one.
	table = linuxTable(resolve.LinuxConfig{SearchRegistries: []string{"quay.io"}})
	v = Check([]Statement{{Never: "quay.io"}}, Linux(table), nil)
	require.Equal(t, "quay.io/a:1", v[0].Counterexample.Reference)
}

// policy.json judges the name of the image, not that of the mirror, after the manifest was fetched.
func TestPolicyJSONCutsAndJudgesClasses(t *testing.T) {
	policy, findings := policyjson.Parse("policy.json", []byte(`{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {
		"quay.io/bad": [{"type": "reject"}], "quay.io/bad/good": [{"type": "insecureAcceptAnything"}], "m.io": [{"type": "reject"}],
		"*.corp": [{"type": "reject"}], "only.io/x": [{"type": "reject"}], "quay.io/a:1": [{"type": "reject"}]}}}`))
	require.NoError(t, findings.Err())
	named, names, references := policy.ByName()
	require.Equal(t, []string{"*.corp", "m.io", "only.io/x", "quay.io/bad", "quay.io/bad/good"}, names)
	require.Equal(t, []string{"quay.io/a:1"}, references)
	r := LinuxJudged(linuxTable(resolve.LinuxConfig{}, "quay.io -> m.io"), names, named.Apply)
	var refused []string
	for c := range r.Classes() {
		if c.Plan.Outcome == resolve.OutcomeRefused && c.Kind == kinds[0] {
			refused = append(refused, c.Pattern.String())
			require.Empty(t, c.Pull)
			require.NotEmpty(t, c.Asked)
		}
	}
	require.Equal(t, []string{"*.corp", "*.corp:*", "m.io", "only.io/x", "quay.io/bad"}, refused)
	verdicts := Check([]Statement{{Never: "m.io"}, {Mirrored: "quay.io"}, {Mirrored: "quay.io/bad/good"}, {Images: "quay.io", First: "m.io"}, {Images: "quay.io/bad", Only: []string{"m.io"}}}, r, nil)
	var got []string
	for _, v := range verdicts {
		text := fmt.Sprint(v.Holds)
		if v.Counterexample != nil {
			text += " " + v.Counterexample.Reference + " " + v.Counterexample.Why
		}
		got = append(got, text)
	}
	require.Equal(t, []string{
		"false m.io/a:1 asks m.io/a",
		"false quay.io/bad:1 policy.json refuses it",
		"true",
		"false quay.io/bad:1 policy.json refuses it",
		"false quay.io/bad:1 asks quay.io/bad",
	}, got)
	require.Equal(t, finding.Linux, verdicts[0].Platform)
}

// A limit of length is a note, never a failure.
func TestALimitOfLengthIsANote(t *testing.T) {
	r := linux("quay.io -> m.io/quayquay")
	v := Check([]Statement{{Mirrored: "quay.io"}, {Images: "quay.io", First: "m.io/quayquay"}, {Images: "quay.io", Only: []string{"m.io", "quay.io"}}}, r, nil)
	for _, v := range v {
		require.True(t, v.Holds)
	}
	require.Equal(t, []string{"with more than 242 characters behind quay.io a name is too long at a mirror, and the client stops the pull"}, v[0].Notes)
	require.Equal(t, v[0].Notes, v[1].Notes)
	require.Empty(t, v[2].Notes)
}
