package resolve

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// What a base file leads to under other names than the rules use is blocked where the client looks it up, and said.
func TestABaseFileLeadsToNoForbiddenHostUnderAnotherName(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{
		SearchRegistries: []string{"registry-1.docker.io", "Quay.io"},
		Aliases:          map[string]string{"foo": "registry-1.docker.io/library/foo", "bar": "ok.io/bar"},
		Entries: []LinuxEntry{
			{Prefix: "hub.internal", Location: "registry-1.docker.io"},
			{Prefix: "hub2.internal/x", Location: "registry-1.docker.io/library"},
			{Prefix: "q.internal", Location: "q.internal", Mirrors: []LinuxMirror{{Location: "quay.io:0443/secret"}}},
		},
	})
	table := base.Edit(newRules(t, "digest docker.io/library m.io/library never\ntag docker.io/library m.io/library never\n"+
		"digest quay.io m.io/q never\ntag quay.io m.io/q never"))
	requirePlans(t, table.Plan, []planCase{
		{"hub.internal/library/a:1", "", "no-location"}, {"hub.internal/org/a:1", "registry-1.docker.io/org/a", ""},
		{"hub2.internal/x/a:1", "", "no-location"},
		{"q.internal/a:1", "source", "mirror-blocked"},
		{"foo:1", "", "no-location"}, {"bar:1", "source", ""},
	})
	p, err := table.Plan("team/app:1")
	require.NoError(t, err)
	for _, a := range p.Pull {
		require.NotContains(t, strings.ToLower(a.Location), "quay.io", "the other spelling of a search registry is blocked")
	}
	var said []string
	for _, f := range table.Findings {
		if f.Code == finding.CodeMirrorBlocked || f.Code == finding.CodeNoLocation {
			said = append(said, f.Value)
		}
	}
	require.Subset(t, said, []string{"registry-1.docker.io", "hub2.internal/x"})
}

// An entry that the base file blocks governs the ports of its host: a mirror on one of them needs none of its own.
func TestAHostThatTheBaseFileBlocksIsNotBlockedAgainForAPort(t *testing.T) {
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
		{Prefix: "n.io", Location: "n.io", Blocked: true, Mirrors: []LinuxMirror{{Location: "n.io:5000"}}},
	}})
	table := base.Edit(newRules(t, "digest N.io:05000 m.io never\ntag N.io:05000 m.io never"))
	require.Len(t, table.Entries(), 2, "n.io and N.io:05000")
	requirePlans(t, table.Plan, []planCase{{"n.io:5000/a:1", "", "unwritable-location"}, {"n.io/a:1", "", "mirror-blocked no-location"}})

	// So does one that is blocked for the wildcard around it.
	base = LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
		{Prefix: "aa.x.io", Location: "aa.x.io"}, {Prefix: "q.io", Location: "q.io", Mirrors: []LinuxMirror{{Location: "aa.x.io:5000"}}},
	}})
	table = base.Edit(newRules(t, "digest *.x.io m.io never\ntag *.x.io m.io never"))
	var blocked []string
	for _, e := range table.Entries() {
		if e.Blocked {
			blocked = append(blocked, e.Prefix)
		}
	}
	require.Equal(t, []string{"*.x.io", "aa.x.io"}, slices.Sorted(slices.Values(blocked)))
	requirePlans(t, table.Plan, []planCase{{"q.io/a:1", "source", "mirror-blocked"}})
}

// A mirror that contains more forbidden scopes than are written one by one is blocked as a whole.
func TestAMirrorWithManyForbiddenScopesUnderAnotherSpellingIsBlocked(t *testing.T) {
	var rules strings.Builder
	for _, c := range "abcdefghijklmnopqrst" {
		rules.WriteString("digest quay.io/" + string(c) + " m.io/" + string(c) + " never\n")
	}
	rules.WriteString("digest other.io QUAY.io n.io\n")
	table := NewLinuxTable(newRules(t, rules.String()))
	require.Len(t, table.Entries(), 22, "one entry for the spelling")
	requirePlans(t, table.Plan, []planCase{
		{"other.io/a/x" + digestA, "n.io/a/x source", "mirror-blocked"}, {"other.io/zz" + digestA, "n.io/zz source", "mirror-blocked"},
		{"quay.io/zz" + digestA, "source", ""},
	})

	// A scope that a rule forbids and the Image blocks is one.
	rules.Reset()
	for _, c := range "abcdefghi" {
		rules.WriteString("digest quay.io/" + string(c) + " m.io/" + string(c) + " never\nblocked quay.io/" + string(c) + "\n")
	}
	rules.WriteString("digest other.io QUAY.io n.io\n")
	require.Len(t, NewLinuxTable(newRules(t, rules.String())).Entries(), 9+1+9, "one entry for each scope in each spelling")
}

func TestAnAllowRuleForAHostInsideAForbiddenWildcardOpensItsPorts(t *testing.T) {
	table := NewLinuxTable(newRules(t, "digest *.example.org m.io never\ndigest foo.example.org n.io\nblocked *.bad.io\ndigest a.bad.io n.io/bad never"))
	var said []string
	for _, f := range table.Findings {
		if f.Code == finding.CodeEvadesRule {
			said = append(said, f.Value)
		}
	}
	require.Equal(t, []string{"foo.example.org"}, said)
	requirePlans(t, table.Plan, []planCase{{"foo.example.org:5000/a" + digestA, "n.io:5000/a source", "evades-rule"}})
}

// What the reference itself says nobody can rewrite; a mirror can be forbidden.
func TestAMirrorOnAPortThatAnAllowRuleOpensIsBlocked(t *testing.T) {
	table := NewLinuxTable(newRules(t, "digest *.example.org m.io never\ndigest foo.example.org n.io\ndigest q.io foo.example.org:5000/a\ntag *.o.io m.io never\ntag a.o.io n.io\ntag q.io a.o.io:5000/a"))
	requirePlans(t, table.Plan, []planCase{
		{"q.io/x" + digestA, "source", "mirror-blocked"},
		{"q.io/x:1", "source", "mirror-blocked"},
	})
	e, ok := table.Find("foo.example.org:5000")
	require.True(t, ok && e.Blocked && e.Prefix == "foo.example.org:5000")
	e, _ = table.Find("a.o.io:5000")
	require.Equal(t, "*.o.io", e.Prefix, "the wildcard is as long as the entry, and wins")
}

// Host configured for its credential: the wildcard around it decides first.
func TestAConfiguredHostIsJudgedByTheWildcardsAroundIt(t *testing.T) {
	for rules, want := range map[string]string{
		"digest *.example.org m.io never":                 "https://m.io",
		"digest *.example.org foo.example.org never":      "blocked",
		"blocked *.example.org":                           "blocked",
		"digest *.example.org m.io":                       "https://foo.example.org",
		"digest quay.io m.io never":                       "https://foo.example.org",
		"digest FOO.example.org/x m.io/x never":           "https://m.io",
		"insecure *.example.org\nblocked foo.example.org": "blocked",
	} {
		table := NewContainerdTableFor(newRules(t, rules), ContainerdOptions{Configured: []string{"foo.example.org"}})
		var r Registry
		for _, candidate := range table.Registries() {
			if strings.EqualFold(candidate.Host, "foo.example.org") {
				r = candidate
			}
		}
		require.NotNil(t, r.Server, rules)
		if want == "blocked" {
			require.Equal(t, CanPush, r.Server.Capabilities, rules)
			for _, e := range r.Endpoints {
				require.Equal(t, CanPush, e.Capabilities, rules)
			}
			continue
		}
		require.Equal(t, want, strings.ToLower(r.Server.Scheme+"://"+r.Server.Host), rules)
	}
	table := NewContainerdTableFor(nil, ContainerdOptions{Configured: []string{"index.docker.io", "docker.io", "a/b", "", "p.io:5000"}})
	var hosts []string
	for _, r := range table.Registries() {
		hosts = append(hosts, r.Host)
	}
	require.Equal(t, []string{"docker.io", "p.io:5000"}, hosts)
}

// Names that no client takes cost nothing: a reference of 120,000 characters took 3.65 GB.
func TestNamesThatAreTooLongAreRefusedEarly(t *testing.T) {
	long := strings.Repeat("a.", 60_000) + "io"
	start := time.Now()
	for _, image := range []string{long + "/x:1", "quay.io/" + strings.Repeat("a/", 60_000) + "x", long, "quay.io/a:" + long} {
		_, err := ParseReference(image)
		require.ErrorContains(t, err, "no client takes more than 1024")
		require.Less(t, len(err.Error()), 300)
		_, err = NewLinuxTable(nil).Plan(image)
		require.Error(t, err)
		require.Less(t, len(err.Error()), 600)
	}
	_, err := (&mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "a"},
		Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{
			{Source: long, Mirrors: []string{"m.io"}}, {Source: "quay.io", Mirrors: []string{long}}, {Source: "*." + long, Mirrors: []string{"m.io"}},
		}},
	}}}).Rules()
	var refused *finding.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Findings, 3)
	for _, f := range refused.Findings {
		require.Equal(t, finding.Reader, f.RefusedBy)
		require.Contains(t, f.Message, "characters long")
		require.Less(t, len(f.String()), 500)
	}
	require.Less(t, time.Since(start), 30*time.Second)
}

// Under an insecure scope a rule for a host speaks for port 80 as well, by plain HTTP. That opens nothing for a host
// spelled with that port, which containerd asks by HTTPS.
func TestARuleForPlainHTTPOpensNothingForHTTPS(t *testing.T) {
	table := NewContainerdTable(newRules(t, "digest *.example.org x.y.example.org never\n"+
		"digest x.y.example.org/a/library quay.io/a/library\ninsecure x.y.example.org:443"))
	p, err := table.Plan("x.y.example.org:80/a/library" + digestA)
	require.NoError(t, err)
	require.Equal(t, "x.y.example.org:80/a/library", p.Pull[0].Location)
	require.Equal(t, finding.CodeWildcardUnused, p.Findings[0].Code, "%v", p.Findings)
}

// Each place of a base file is looked at by itself.
func TestEachLocationOfABaseFileIsKeptFromAForbiddenHost(t *testing.T) {
	for image, config := range map[string]LinuxConfig{
		"hub.internal/a/x:1": {Entries: []LinuxEntry{{Prefix: "hub.internal", Location: "QUAY.io"}}},
		"m.internal/a/x:1":   {Entries: []LinuxEntry{{Prefix: "m.internal", Location: "m.internal", Blocked: true, Mirrors: []LinuxMirror{{Location: "QUAY.io"}}}}},
		"a/x:1":              {SearchRegistries: []string{"QUAY.io"}},
		"tool:1":             {Aliases: map[string]string{"tool": "QUAY.io/a/tool"}},
	} {
		rules := newRules(t, "digest quay.io/a m.io/a never\ntag quay.io/a m.io/a never")
		p, err := LinuxTableOf(config).Plan(image)
		require.NoError(t, err)
		require.Len(t, p.Pull, 1, image)
		table := LinuxTableOf(config).Edit(rules)
		for _, f := range table.Findings { // what a base file holds has no place of its own
			require.NotEqual(t, "Image/cluster", f.Origin.Object)
		}
		p, err = table.Plan(image)
		require.NoError(t, err)
		require.Empty(t, p.Pull, image)
	}
}

// The client does not find *.io for a.io.b.io. A mirror there is blocked all the same, beside a part of it that has a rule of
// its own, and not where a rule allows the host.
func TestAMirrorBelowAWildcardThatTheClientDoesNotFindIsBlocked(t *testing.T) {
	both := func(rest string) string { return "digest " + rest + "\ntag " + rest + "\n" }
	never := both("*.io m.org never")
	for rules, want := range map[string]string{
		never + "tag q.org a.io.b.io/y":                                   "source",
		never + both("a.io.b.io/x m.org never") + "tag q.org a.io.b.io/y": "source",
		never + both("A.io.b.io m.org") + "tag q.org a.io.b.io/y":         "a.io.b.io/y/z source",
	} {
		p, err := NewLinuxTable(newRules(t, rules)).Plan("q.org/z:1")
		require.NoError(t, err)
		require.Equal(t, want, show(p), rules)
	}
}

// A rule that opens a part of what another forbids is told that one, whatever other spellings of its source allow.
func TestWhatOpensASourceNamesTheRuleThatForbidsIt(t *testing.T) {
	for rules, want := range map[string]string{
		"digest QUAY.io m.org\ntag quay.io m.org never\ntag quay.io/a n.org":    "quay.io/a ImageTagMirrorSet/1 is contacted, although it lies inside quay.io, for which ImageTagMirrorSet/1 ",
		"tag QUAY.io m.org never\ntag quay.io m.org never\ntag quay.io/a n.org": "quay.io/a ImageTagMirrorSet/0 is contacted, although it lies inside QUAY.io, for which ImageTagMirrorSet/0 ",
		"digest QUAY.io m.org never\ntag quay.io m.org\ndigest QUAY.io/a n.org": "QUAY.io/a ImageDigestMirrorSet/0 is contacted, although it lies inside QUAY.io, for which ImageDigestMirrorSet/0 ",
	} {
		var said []string
		for _, f := range NewLinuxTable(newRules(t, rules)).Findings {
			if f.Code == finding.CodeOpensNever {
				said = append(said, f.Value+" "+f.Related.Object+" "+f.Message)
			}
		}
		require.Len(t, said, 1)
		require.Contains(t, said[0], want)
	}
}

// By plain HTTP n.io is n.io:80 to the network: under an insecure scope what forbids one forbids the other.
func TestAMirrorAtThePortOfPlainHTTPIsKeptFromAForbiddenHost(t *testing.T) {
	for _, rules := range []string{
		"insecure n.io\ndigest n.io/a m.io never\ntag n.io/a m.io never\ntag q.org n.io:80/a/x", "insecure n.io\nblocked n.io/a\ntag q.org n.io:80/a/x",
	} {
		table := NewLinuxTable(newRules(t, rules))
		requirePlans(t, table.Plan, []planCase{{"q.org/z:1", "source", "mirror-blocked"}})
	}
	base := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
		{Prefix: "n.io/a", Location: "n.io/a", Insecure: true}, {Prefix: "n.io:80/a", Location: "n.io:80/a", Insecure: true},
	}})
	table := base.Edit(newRules(t, "digest n.io/a m.io never\ntag n.io/a m.io never\ntag q.org n.io:80/a/x"))
	requirePlans(t, table.Plan, []planCase{{"q.org/z:1", "source", "mirror-blocked"}})
}

// What evades a rule is told the rule's own spelling, and nothing is said of an entry that the client does not look at.
func TestAnEvadedEntryIsNamedAsTheRuleSpellsIt(t *testing.T) {
	table := NewLinuxTable(newRules(t, "digest quay.io/a m.io/a never\ntag quay.io/a m.io/a never\ntag x.io QUAY.io/a n.io"))
	p, err := table.Plan("Quay.io/a/app:1")
	require.NoError(t, err)
	require.Len(t, p.Findings, 1)
	require.Contains(t, p.Findings[0].Message, "is asked although quay.io/a is blocked")
	table = LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "quay.io", Location: "quay.io"}, {Prefix: "quay.io", Location: "quay.io", Blocked: true}}})
	requirePlans(t, table.Plan, []planCase{{"quay.io/a:1", "source", ""}, {"QUAY.io/a:1", "source", ""}})
}

// A mirror below a wildcard that the client finds for it needs no entry of its own.
func TestAMirrorBelowAWildcardThatTheClientFindsGetsNoEntry(t *testing.T) {
	for _, scope := range []string{"blocked *.org", "tag *.org m.io never\ndigest *.org m.io never"} {
		table := NewLinuxTable(newRules(t, scope+"\ntag q.io a.foo.org/x b.foo.org:5000"))
		var prefixes []string
		for _, e := range table.Entries() {
			prefixes = append(prefixes, e.Prefix)
		}
		require.ElementsMatch(t, []string{"*.org", "q.io"}, prefixes)
		requirePlans(t, table.Plan, []planCase{{"q.io/a:1", "source", "mirror-blocked mirror-blocked"}})
	}
}

// By plain HTTP n.io is asked at port 80, which another entry blocks under that name.
func TestALocationByPlainHTTPEvadesWhatIsBlockedAtPort80(t *testing.T) {
	for insecure, want := range map[bool]string{true: "evades-rule", false: ""} {
		table := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{
			{Prefix: "n.io", Location: "n.io", Insecure: insecure}, {Prefix: "n.io:80/a", Location: "n.io:80/a", Blocked: true},
		}})
		requirePlans(t, table.Plan, []planCase{{"n.io/a/x:1", "source", want}, {"n.io/b:1", "source", ""}})
	}
}

// A source that is spelled as no image is keeps nobody from the registry that it means. The tables say so, not only the
// plan of each image.
func TestAForbiddenHostInASpellingThatImagesDoNotHave(t *testing.T) {
	for _, test := range []struct{ rules, linux, windows, containerd string }{
		{"tag quay.io:443/a m.io/a never", "quay.io/a", "quay.io", "quay.io"},
		{"digest quay.io:0443/a m.io/a never\ntag quay.io:0443/a m.io/a never", "quay.io/a quay.io/a", "quay.io", "quay.io"},
		{"tag Quay.io/a m.io/a never", "quay.io/a", "", "quay.io"}, // on Windows both have one directory
		{"tag Quay.io/a m.io/a never\ntag quay.io/a m.io/a never", "", "", ""},
		{"tag Quay.io/a m.io/a", "", "", ""},
		{"tag quay.io m.io never", "", "", ""},
		{"tag quay.io:80 m.io never", "", "", ""}, // another server
		{"tag quay.io:443/a m.io/a never\ntag quay.io/b m.io/b", "quay.io/a", "", ""},
		{"tag index.docker.io:443/a m.io/a never", "", "docker.io", "docker.io"}, // Linux nodes search docker.io: it is blocked
		{"tag *.Example.org m.io never", "*.example.org", "", ""},                // of wildcards another finding speaks
		{"tag *.Example.org m.io never\nblocked *.org", "", "", ""},
		{"blocked quay.io:443", "quay.io", "quay.io", "quay.io"},
		{"blocked 127.1:5000/a", "127.0.0.1:5000/a", "", ""}, // which is too narrow for containerd
	} {
		rules := newRules(t, test.rules)
		of := func(findings finding.Findings) string {
			var values []string
			for _, f := range findings {
				if f.Code == finding.CodeEvadesRule {
					require.NotEmpty(t, f.Origin.Field, test.rules)
					values = append(values, f.Value)
				}
			}
			return strings.Join(values, " ")
		}
		require.Equal(t, test.linux, of(NewLinuxTable(rules).Findings), test.rules)
		require.Equal(t, test.windows, of(NewContainerdTable(rules).Findings), test.rules)
		require.Equal(t, test.containerd, of(NewContainerdTableFor(rules, ContainerdOptions{Platform: finding.Containerd}).Findings), test.rules)
	}
}
