package routes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
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
		require.False(t, c.Pattern.Exactly && !c.Pattern.Deeper, "%s: that nothing longer is a name needs no word", c.Pattern)
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
	// A mirror as long as its source takes every name.
	require.Empty(t, Check([]Statement{{Mirrored: "quay.io"}}, linux("quay.io -> mmmm.io"), nil)[0].Notes)
	// Of several limits the shortest name is told.
	r = linux("quay.io -> m.io/quayquay", "b.quay.io -> m.io/quayquayquay", "c.quay.io -> m.io/quay")
	v = Check([]Statement{{Mirrored: "*.io"}, {Mirrored: "*.quay.io"}}, r, nil)
	require.False(t, v[0].Holds)
	require.Empty(t, v[0].Notes, "a statement that does not hold says why, and nothing beyond")
	for last, want := range map[string]string{
		"m.io/quay":                         "242 characters behind quay.io ",
		"m.io/" + strings.Repeat("quay", 9): "214 characters behind quay.io/team ",
	} {
		r = linux("quay.io -> m.io/quayquay", "quay.io/team -> "+last)
		v = Check([]Statement{{Mirrored: "quay.io"}}, r, nil)
		require.True(t, v[0].Holds)
		require.Equal(t, []string{"with more than " + want + "a name is too long at a mirror, and the client stops the pull"}, v[0].Notes)
	}
}

// Names are made of labels that nothing uses: of one character, then of two, and so on.
func TestAFreshLabelIsTheShortestThatIsNotUsed(t *testing.T) {
	longer := func(n int) func(string) bool { return func(label string) bool { return len(label) < n } }
	for want, used := range map[string]func(string) bool{
		"a": longer(1), "aa": longer(2), "aaa": longer(3),
		"9":  func(label string) bool { return label < "9" || label > "9" && len(label) == 1 },
		"ba": func(label string) bool { return len(label) == 1 || label[0] == 'a' },
		"99": func(label string) bool { return label != "99" && len(label) < 3 },
	} {
		require.Equal(t, want, fresh(used))
	}
}

// What is spelled as a host in a table and is none has no names, and what a policy has as a scope and is none is in no name.
func TestWhatIsNoHostMakesNoClass(t *testing.T) {
	list := func(r *Routes) (all []string) {
		for c := range r.Classes() {
			var steps []string
			for _, s := range c.Pull {
				steps = append(steps, s.Base)
			}
			all = append(all, fmt.Sprint(c.Kind, " ", c.Pattern, " ", steps))
		}
		return all
	}
	config := resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "quay.io", Location: "quay.io", Mirrors: []resolve.LinuxMirror{{Location: "m.io"}}}}}
	want := list(Linux(resolve.LinuxTableOf(config)))
	odd := config
	for _, prefix := range []string{"", ":5000", "/x", "[::1]", "*.quay.io/a", "a b"} {
		odd.Entries = append(odd.Entries, resolve.LinuxEntry{Prefix: prefix, Location: prefix, Mirrors: []resolve.LinuxMirror{{Location: "*.m.io"}, {}}})
	}
	require.Equal(t, want, list(Linux(resolve.LinuxTableOf(odd))))
	judged := LinuxJudged(resolve.LinuxTableOf(config), []string{"", "*", "*.quay.io/a", "a b", "quay.io/a:1", "[::1]/x", "/x", ":1"}, func(p resolve.Plan) resolve.Plan { return p })
	require.Equal(t, want, list(judged))
}

// A port that only a mirror names is one of the host's other ports where they go the same way.
func TestAPortIsFoldedIntoThePortsOfItsHost(t *testing.T) {
	var got []string
	for c := range linux("quay.io -> m.io/q", "x.io -> quay.io:5000/y", "quay.io:6000 -> n.io").Classes() {
		if c.Kind == kinds[0] && strings.HasPrefix(c.Pattern.Hosts, "quay.io") {
			got = append(got, c.Pattern.String())
		}
	}
	require.Equal(t, []string{"quay.io", "quay.io:*", "quay.io:6000"}, got)
}

// A statement speaks of something where an entry, or a place that one leads to, meets its scope, and of nothing where no
// name is in the scope.
func TestAStatementIsEmptyWhereNothingSpeaksOfItsScope(t *testing.T) {
	r := linux("quay.io/team -> m.io/x", "*.wild.io -> n.io", "plain -> p.io")
	r.sides[0].judge([]string{"judged.io/a"}, func(p resolve.Plan) resolve.Plan { return p })
	for scope, empty := range map[string]bool{
		"quay.io/team": false, "quay.io": false, "quay.io/team/a": false, "quay.io/other": true, "Quay.io:443": false,
		"m.io": false, "m.io/x": false, "m.io/x/y": false, "m.io/y": true, "n.io/a": false,
		"*.wild.io": false, "wild.io": true, "a.wild.io": false, "*.a.wild.io": false, "*.io": false, "a.wild.io/b": false,
		"judged.io": false, "judged.io/a/b": false, "judged.io/b": true, "plain": true, "other.io": true,
	} {
		v := Check([]Statement{{Images: scope, Only: []string{scope, "m.io", "n.io", "*.io"}}}, r, nil)
		require.Equal(t, empty, v[0].Empty, scope)
		require.Equal(t, !empty, v[0].Holds, scope)
	}
}

// Changes are told by what they cost: new contacts, lost ones and refusals, all others; those of short names behind all.
func TestChangesAreToldByWhatTheyCost(t *testing.T) {
	refused := resolve.Plan{Outcome: resolve.OutcomeRefused}
	short := Pattern{Below: true, Deeper: true}
	host := Pattern{Hosts: "quay.io", Below: true, Deeper: true}
	ordered := [][]Change{ // each line alike
		{{Pattern: host, NewHosts: []string{"a"}}, {Pattern: host, NewHosts: []string{"a"}, LostHosts: []string{"b"}}, {Pattern: host, NewHosts: []string{"a"}, After: refused}},
		{{Pattern: host, LostHosts: []string{"b"}}, {Pattern: host, After: refused}, {Pattern: host, Before: refused, After: refused, LostHosts: []string{"b"}}},
		{{Pattern: host}, {Pattern: host, Before: refused}, {Pattern: host, Before: refused, After: refused}},
		{{Pattern: short, NewHosts: []string{"a"}}},
		{{Pattern: short, LostHosts: []string{"a"}}, {Pattern: short, After: refused}},
		{{Pattern: short}},
	}
	last := -1
	for _, line := range ordered {
		for i := range line {
			require.Equal(t, line[0].rank(), line[i].rank(), line[i])
		}
		require.Greater(t, line[0].rank(), last, line[0])
		last = line[0].rank()
	}
}

// The value of a finding is one word, and what is left of the pattern stands before its message.
func TestAFindingOfAnOperatorBeginsWithThePattern(t *testing.T) {
	before := resolve.Plan{Image: "quay.io/a:1", Pull: []resolve.Attempt{{Location: "quay.io/a"}}}
	after := resolve.Plan{Image: "quay.io/a:1", Pull: []resolve.Attempt{{Location: "m.io/a"}}}
	says := ": on nodes whose files WMCO writes, the image is asked for at m.io/a; with these files, the image is asked for at quay.io/a"
	for want, p := range map[string]Pattern{
		"quay.io by tag, such as quay.io/a:1":                             {Hosts: "quay.io", Below: true, Deeper: true},
		"quay.io/a exactly, by tag, such as quay.io/a:1":                  {Hosts: "quay.io", Path: "/a", Exactly: true},
		"quay.io/a exactly, and quay.io/a/*, by tag, such as quay.io/a:1": {Hosts: "quay.io", Path: "/a", Exactly: true, Below: true},
		"* short names, by tag, such as quay.io/a:1":                      {Below: true, Deeper: true},
		"a short names, exactly, by tag, such as quay.io/a:1":             {Path: "/a", Exactly: true},
	} {
		found := under(resolve.WMCO(nil), []Change{{Kind: mirrorset.ByTag, Pattern: p, Before: before, After: after}})
		require.Len(t, found, 1)
		require.Equal(t, want+says, found[0].Value+" "+found[0].Message)
	}

	// Both kinds are one finding where they go the same ways, and the worse of the two decides.
	both := []Change{{Kind: mirrorset.ByTag, Before: before, After: after}, {Kind: mirrorset.ByDigest, Before: before, After: after}}
	found := under(resolve.WMCO(nil), both)
	require.Len(t, found, 1)
	require.Equal(t, finding.SeverityWarning, found[0].Severity)
	require.Contains(t, found[0].Message, "short names, by tag and by digest, such as ")
	both[1].After = resolve.Plan{Pull: []resolve.Attempt{{Location: "n.io/a"}}}
	found = under(resolve.WMCO(nil), both)
	require.Len(t, found, 2)
	require.Contains(t, found[0].Message+found[1].Message, "by digest, such as ")
	require.Empty(t, under(resolve.WMCO(nil), []Change{{Before: before, After: before}}))

	order := func(kind mirrorset.Pull, first, second string, insecure bool) Change {
		return Change{Kind: kind, Before: resolve.Plan{Pull: []resolve.Attempt{{Location: first}, {Location: second}}},
			After: resolve.Plan{Pull: []resolve.Attempt{{Location: second, Insecure: insecure}, {Location: first}}}}
	}
	for _, worse := range []bool{false, true} {
		found = under(resolve.WMCO(nil), []Change{order(mirrorset.ByTag, "a.io/a", "b.io/a", false), order(mirrorset.ByDigest, "a.io/a", "b.io/a", worse)})
		require.Len(t, found, 1)
		require.Equal(t, map[bool]finding.Severity{false: finding.SeverityInfo, true: finding.SeverityWarning}[worse], found[0].Severity)
		found = under(resolve.WMCO(nil), []Change{order(mirrorset.ByTag, "a.io/a", "b.io/a", worse), order(mirrorset.ByDigest, "a.io/a", "b.io/a", false)})
		require.Equal(t, map[bool]finding.Severity{false: finding.SeverityInfo, true: finding.SeverityWarning}[worse], found[0].Severity)
	}
}

// Where MCO ends in an error there is one finding that says so, and a mirror that is the source in another spelling is asked
// for nothing.
func TestWhatMCOWritesIsComparedAsTheNetworkSeesIt(t *testing.T) {
	for text, want := range map[string]int{
		"- {source: '*.example.org', mirrors: [m.io]}\n- {source: a.example.org, mirrors: [a.example.org]}": 0,
		"- {source: quay.io, mirrors: ['Quay.io:443']}":                                                     0,
		"- {source: quay.io, mirrors: [m.io]}":                                                              1,
	} {
		set, err := mirrorset.Decode("m.yaml", strings.NewReader("kind: ImageDigestMirrorSet\napiVersion: config.openshift.io/v1\nmetadata: {name: d}\nspec:\n  imageDigestMirrors:\n  "+
			strings.ReplaceAll(text, "\n", "\n  ")+"\n---\nkind: ImageTagMirrorSet\napiVersion: config.openshift.io/v1\nmetadata: {name: t}\nspec:\n  imageTagMirrors:\n  "+
			"- {source: quay.io/b, mirrors: [n.io/b]}\n"))
		require.NoError(t, err)
		rules, err := set.Rules()
		require.NoError(t, err)
		require.Len(t, UnderMCO(resolve.NewLinuxTable(rules), resolve.MCO(rules)), want, text)
	}
	rules := &mirrorset.Rules{Rules: []mirrorset.Rule{{Source: "*.example.org", Pull: mirrorset.ByTag}}, Insecure: []mirrorset.Scope{{Value: "a.example.org"}}}
	found := UnderMCO(resolve.NewLinuxTable(rules), resolve.MCO(rules))
	require.Len(t, found, 1)
	require.Contains(t, found[0].Message, "MCO ends in an error over these objects and writes no file")
}

// The client finds a wildcard's host at its first place only, and hosts as they are spelled.
func TestNeverNamesWhatEvadesIt(t *testing.T) {
	v := Check([]Statement{{Never: "*.example.org"}, {Never: "quay.io:5000/a"}, {Never: "1.2.3.4"}}, linux("*.example.org -> blocked", "quay.io:5000/a -> blocked", "1.2.3.4 -> blocked"), nil)
	require.Equal(t, "a.example.org.example.org/a:1", v[0].Counterexample.Reference)
	require.True(t, v[1].Holds)
	require.Equal(t, []string{"the host spelled otherwise is another host to the client: Quay.io:5000/a/a:1 asks quay.io:5000/a"}, v[1].Notes)
	require.True(t, v[2].Holds)
	require.Empty(t, v[2].Notes, "an entry for a host governs its ports, and digits have no letter case")
	m := resolve.Endpoint{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanAll}
	files := resolve.ContainerdTableOf([]resolve.Registry{{Host: "1.2.3.4", Endpoints: []resolve.Endpoint{m}, Server: &m}})
	v = Check([]Statement{{Never: "1.2.3.4"}, {Never: "1.2.3.4", AnySpelling: true}, {Never: "1.2.3.4", Except: []string{"1.2.3.4/a"}}}, nil, Containerd(files))
	require.True(t, v[0].Holds)
	require.Equal(t, []string{"the host spelled otherwise is another host to the client: 1.2.3.4:443/a:1 asks 1.2.3.4"}, v[0].Notes)
	require.False(t, v[1].Holds)
	require.Equal(t, "1.2.3.4:443/a:1", v[1].Counterexample.Reference)
	require.True(t, v[2].Holds)
	require.Empty(t, v[2].Notes)
}

func TestAFreshPortIsTheFirstThatNothingNames(t *testing.T) {
	named := func(last int) []string {
		hosts := []string{"quay.io"}
		for n := 1; n <= last; n++ {
			hosts = append(hosts, fmt.Sprintf("quay.io:%d", n))
		}
		return hosts
	}
	for last, want := range map[int]string{0: ":1", 1: ":2", 79: ":81", 442: ":444"} { // 80 and 443 are no ports to the network
		require.Equal(t, want, freshPort(named(last)))
	}
}

// "foo.bar" is a name without a registry, and "foo.bar/a" is none.
func TestNamesWithoutARegistryEndWhereAHostBegins(t *testing.T) {
	var got []string
	table := linuxTable(resolve.LinuxConfig{SearchRegistries: []string{"quay.io"}, Aliases: map[string]string{"tool": "x.io/tool"}},
		"quay.io -> m.io/quayquay", "quay.io/foo.bar -> n.io/b")
	for c := range Linux(table).Classes() {
		if c.Pattern.Short() && c.Kind == kinds[0] {
			got = append(got, fmt.Sprint(c.Pattern, " up to ", c.MaxRest))
		}
	}
	require.Equal(t, []string{"short names * up to 242", "short names foo.bar exactly up to 0", "short names tool exactly up to 0"}, got)
}
