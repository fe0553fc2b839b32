package registriesconf_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// registry returns a [[registry]] with mirrors "location kind", or lines that are settings of it.
func registry(location string, mirrors ...string) string {
	text := fmt.Sprintf("[[registry]]\nlocation = %q\n", location)
	slices.SortStableFunc(mirrors, func(a, b string) int { // settings stand before the first mirror
		return strings.Count(b, "=") - strings.Count(a, "=")
	})
	for _, m := range mirrors {
		if strings.Contains(m, "=") {
			text += m + "\n"
			continue
		}
		name, kind, _ := strings.Cut(m, " ")
		text += fmt.Sprintf("[[registry.mirror]]\nlocation = %q\n", name)
		if kind != "" {
			text += fmt.Sprintf("pull-from-mirror = %q\n", kind)
		}
	}
	return text
}

func TestImpact(t *testing.T) {
	const digestOnly = "mirror-by-digest-only = true"
	for _, test := range []struct {
		name     string
		old, new string
		changes  []string // code and field
		reasons  []string // of which these drain
	}{
		{name: "nothing changes", old: registry("a.io", "m.io digest-only"), new: registry("a.io", "m.io digest-only")},

		{"a search registry is appended",
			`unqualified-search-registries = ["a.io"]`, `unqualified-search-registries = ["a.io", "b.io"]`,
			[]string{"search-registry-added unqualified-search-registries[1]"}, nil},
		{"the first search registry is removed, so that both places change",
			`unqualified-search-registries = ["a.io", "b.io"]`, `unqualified-search-registries = ["b.io"]`,
			[]string{"search-registry-changed unqualified-search-registries[0]", "search-registry-removed unqualified-search-registries[1]"},
			[]string{"search-registry-changed unqualified-search-registries[0]", "search-registry-removed unqualified-search-registries[1]"}},

		{"settings of the file that MCO does not compare",
			"short-name-mode = \"enforcing\"\n[aliases]\nx = \"a.io/x\"\ny = \"a.io/y\"\n",
			"credential-helpers = [\"h\"]\nadditional-layer-store-auth-helper = \"h\"\n[aliases]\ny = \"\"\n",
			[]string{"setting-changed credential-helpers", "setting-changed short-name-mode", "setting-changed additional-layer-store-auth-helper",
				"setting-changed aliases.x", "setting-changed aliases.y"}, nil},

		{"a registry with digest-only mirrors is added", "", registry("a.io", "m.io digest-only", "n.io digest-only"),
			[]string{"registry-added registry[0]"}, nil},
		{"a registry without mirrors is added", "", registry("a.io"),
			[]string{"registry-added registry[0]"}, []string{"registry-added registry[0]"}},
		{"a blocked registry is added", "", registry("a.io", "blocked = true"),
			[]string{"registry-added registry[0]"}, []string{"registry-added registry[0]"}},
		{"a blocked registry with digest-only mirrors is added", "", registry("a.io", "blocked = true", "m.io digest-only"),
			[]string{"registry-added registry[0]"}, nil},
		{"a registry with any mirror for tags is added", "", registry("a.io", "m.io digest-only", "n.io tag-only"),
			[]string{"registry-added registry[0]"}, []string{"registry-added registry[0]"}},
		{"mirror-by-digest-only does for a new registry without mirrors", "", registry("a.io", digestOnly),
			[]string{"registry-added registry[0]"}, nil},
		{"mirror-by-digest-only does not do for a new registry with mirrors", "", registry("a.io", digestOnly, "m.io"),
			[]string{"registry-added registry[0]"}, []string{"registry-added registry[0]"}},
		{"a registry is removed", registry("a.io", "m.io digest-only"), "",
			[]string{"registry-removed registry[0]"}, []string{"registry-removed registry[0]"}},

		{"flags of a registry", registry("a.io"), registry("a.io", "blocked = true", "insecure = true"),
			[]string{"registry-changed registry[0].blocked", "registry-changed registry[0].insecure"},
			[]string{"registry-changed registry[0].blocked", "registry-changed registry[0].insecure"}},
		{"a prefix that is the location, spelled out", registry("a.io"), registry("a.io", `prefix = "a.io"`),
			[]string{"registry-changed registry[0].prefix"}, []string{"registry-changed registry[0].prefix"}},
		{"another location under the same prefix", registry("b.io", `prefix = "a.io"`), registry("c.io", `prefix = "a.io"`),
			[]string{"registry-changed registry[0].location"}, []string{"registry-changed registry[0].location"}},
		{"settings of registries and mirrors that MCO does not compare",
			registry("a.io", digestOnly, "m.io"), registry("a.io", `namespace-proxy = "x"`, "m.io") + "insecure = true\nnamespace-proxy = \"y\"\n",
			[]string{"registry-changed registry[0].mirror-by-digest-only", "registry-changed registry[0].namespace-proxy",
				"mirror-changed registry[0].mirror[0].insecure", "mirror-changed registry[0].mirror[0].namespace-proxy"}, nil},

		{"a digest-only mirror is added", registry("a.io", "m.io digest-only"), registry("a.io", "n.io digest-only", "m.io digest-only"),
			[]string{"mirror-added registry[0].mirror[0]"}, nil},
		{"mirrors for tags are added", registry("a.io", "m.io digest-only"), registry("a.io", "m.io digest-only", "n.io tag-only", "o.io all", "p.io"),
			[]string{"mirror-added registry[0].mirror[1]", "mirror-added registry[0].mirror[2]", "mirror-added registry[0].mirror[3]"},
			[]string{"mirror-added registry[0].mirror[1]", "mirror-added registry[0].mirror[2]", "mirror-added registry[0].mirror[3]"}},
		{"a mirror is added to a registry that is mirror-by-digest-only", registry("a.io", digestOnly, "m.io"), registry("a.io", digestOnly, "m.io", "n.io"),
			[]string{"mirror-added registry[0].mirror[1]"}, nil},
		{"a mirror is replaced, and each half is told", registry("a.io", "m.io tag-only"), registry("a.io", "n.io tag-only"),
			[]string{"mirror-removed registry[0].mirror[0]", "mirror-added registry[0].mirror[0]"},
			[]string{"mirror-removed registry[0].mirror[0]", "mirror-added registry[0].mirror[0]"}},
		{"mirrors change to digest-only", registry("a.io", "m.io tag-only", "n.io"), registry("a.io", "m.io digest-only", "n.io digest-only"),
			[]string{"mirror-changed registry[0].mirror[0].pull-from-mirror", "mirror-changed registry[0].mirror[1].pull-from-mirror"}, nil},
		{"mirrors change from digest-only", registry("a.io", "m.io digest-only", "n.io"), registry("a.io", "m.io", "n.io all"),
			[]string{"mirror-changed registry[0].mirror[0].pull-from-mirror", "mirror-changed registry[0].mirror[1].pull-from-mirror"},
			[]string{"mirror-changed registry[0].mirror[0].pull-from-mirror", "mirror-changed registry[0].mirror[1].pull-from-mirror"}},
		{"mirrors in another order", registry("a.io", "m.io digest-only", "n.io tag-only"), registry("a.io", "n.io tag-only", "m.io digest-only"),
			[]string{"mirror-order registry[0].mirror"}, nil},
		{"registries in another order", registry("a.io") + registry("b.io"), registry("b.io") + registry("a.io"),
			[]string{"registry-order registry"}, nil},

		{"a location for both kinds does not drain while its registry is as it was",
			registry("a.io", "m.io digest-only", "m.io tag-only"), registry("a.io", "m.io digest-only", "m.io tag-only") + registry("b.io", "m.io digest-only"),
			[]string{"registry-added registry[1]"}, nil},
		{"a location for both kinds drains with any change of its registry",
			registry("a.io", "m.io digest-only", "m.io tag-only"), registry("a.io", "m.io digest-only", "n.io digest-only", "m.io tag-only"),
			[]string{"mirror-added registry[0].mirror[1]"}, []string{"mirror-repeated registry[0].mirror[2].pull-from-mirror"}},
		{"the second listing of a location is added", registry("a.io", "m.io digest-only"), registry("a.io", "m.io digest-only", "m.io tag-only"),
			[]string{"mirror-added registry[0].mirror[1]"}, []string{"mirror-added registry[0].mirror[1]"}},
		{"the second listing of a location is removed", registry("a.io", "m.io digest-only", "m.io tag-only"), registry("a.io", "m.io digest-only"),
			[]string{"mirror-removed registry[0].mirror[1]"}, nil},
		{"the first listing of a location is removed", registry("a.io", "m.io digest-only", "m.io tag-only"), registry("a.io", "m.io tag-only"),
			[]string{"mirror-removed registry[0].mirror[0]"}, []string{"mirror-repeated registry[0].mirror[0].pull-from-mirror"}},

		{"of registries with one prefix MCO compares the last", registry("a.io", "m.io digest-only") + registry("a.io", "n.io digest-only"),
			registry("a.io", "o.io tag-only") + registry("a.io", "n.io digest-only"),
			[]string{"registry-repeated registry[0]"}, nil},
		{"a dead registry of the same prefix is added", registry("a.io", "m.io digest-only"), registry("a.io", "m.io digest-only") + registry("a.io"),
			[]string{"mirror-removed registry[0].mirror[0]", "registry-repeated registry[0]"}, []string{"mirror-removed registry[0].mirror[0]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			impact := registriesconf.Impact(parsed(t, test.old), parsed(t, test.new))
			require.Equal(t, test.changes, fields(impact.Differences))
			require.Equal(t, test.reasons, fields(impact.Reasons))
			require.Equal(t, len(test.reasons) > 0, impact.Drain)
			require.False(t, impact.Reboot)
			for _, c := range impact.Differences {
				require.Equal(t, !c.Drains, strings.Contains(c.String(), "no drain") || strings.Contains(c.String(), "not drained"), c.String())
			}
		})
	}
}

func parsed(t *testing.T, text string) *registriesconf.Config {
	t.Helper()
	c, findings := registriesconf.Parse("registries.conf", []byte(text))
	require.NoError(t, findings.Err())
	return c
}

func fields(changes []registriesconf.Difference) []string {
	var s []string
	for _, c := range changes {
		s = append(s, string(c.Code)+" "+c.Field)
	}
	return s
}

func TestImpactTakesNilForTheAbsentFile(t *testing.T) {
	require.Empty(t, registriesconf.Impact(nil, nil).Differences)
	require.Equal(t, "no drain: nothing changes", registriesconf.Impact(nil, &registriesconf.Config{}).String())
	require.True(t, registriesconf.Impact(registriesconf.Default(), nil).Drain)
}

func TestADropInReboots(t *testing.T) {
	none := registriesconf.Impact(nil, nil)
	a := &registriesconf.Config{UnqualifiedSearchRegistries: []string{"a.io"}}
	b := &registriesconf.Config{UnqualifiedSearchRegistries: []string{"b.io"}}
	for _, test := range []struct {
		old, new       *registriesconf.Config
		before, after  string
		field, message string
	}{
		{nil, a, "", "a.io", "unqualified-search-registries", "is new"},
		{a, b, "a.io", "b.io", "unqualified-search-registries", "changes"},
		{b, nil, "b.io", "", "unqualified-search-registries", "is gone"},
		{nil, &registriesconf.Config{}, "", "", "", "is new"},
	} {
		impact := none.WithDropIn(registriesconf.SearchDropIn, test.old, test.new)
		require.True(t, impact.Drain && impact.Reboot)
		require.Equal(t, impact.Differences, impact.Reasons)
		require.Len(t, impact.Reasons, 1)
		r := impact.Reasons[0]
		require.Equal(t, []any{registriesconf.DropInChanged, registriesconf.SearchDropIn, test.field, test.before, test.after},
			[]any{r.Code, r.File, r.Field, r.Old, r.New})
		require.Contains(t, r.Message, test.message)
	}
	require.Equal(t, none, none.WithDropIn(registriesconf.SearchDropIn, a, a))
	require.Equal(t, none, none.WithDropIn(registriesconf.SearchDropIn, nil, nil))
	require.Empty(t, none.Differences, "WithDropIn changed its receiver")
	require.Equal(t, registriesconf.SearchDropIn+": \"\": is new; MCO drains and reboots for every file of registries.conf.d: leave it as it is, "+
		"give it a nodeDisruptionPolicy, or plan the reboots [drop-in-changed]", none.WithDropIn(registriesconf.SearchDropIn, nil, &registriesconf.Config{}).Differences[0].String())
}

// What is added to one impact is not in another that was made of the same.
func TestImpactsOfOneChangeStayApart(t *testing.T) {
	with := func(n registriesconf.NodeImpact, name string) []registriesconf.NodeImpact {
		return []registriesconf.NodeImpact{
			n.WithFile("/etc/"+name, nil, []byte("x")), n.WithDropIn("registries.conf.d/"+name, nil, &registriesconf.Config{}),
		}
	}
	var hosts []string
	for i := range 9 {
		hosts = append(hosts, fmt.Sprintf("r%d.io", i))
		n := registriesconf.Impact(searching(hosts...), nil)
		a := with(n, "a")
		b := with(n, "b")
		for i := range a {
			require.Contains(t, a[i].Differences[len(hosts)].File, "/a")
			require.Contains(t, a[i].Reasons[len(hosts)].File, "/a")
			require.Contains(t, b[i].Differences[len(hosts)].File, "/b")
		}
	}
}

// A file may hold what belongs into no log: user information in a location, and characters that a terminal acts on.
func TestAnImpactShowsNoSecret(t *testing.T) {
	const secret, mirror = "https://user:geheim@a.io\x1b[31m", "https://user:geheim@m.io\x1b[31m"
	config := func(kinds ...registriesconf.PullFromMirror) *registriesconf.Config {
		c := &registriesconf.Config{UnqualifiedSearchRegistries: []string{secret}, CredentialHelpers: []string{secret}, ShortNameMode: secret,
			Aliases: map[string]string{secret: secret}, Registries: []registriesconf.Registry{{Prefix: secret, Location: mirror, NamespaceProxy: secret}}}
		for _, kind := range kinds {
			c.Registries[0].Mirrors = append(c.Registries[0].Mirrors, registriesconf.Mirror{Location: mirror, PullFromMirror: kind, NamespaceProxy: secret})
		}
		return c
	}
	both := config(registriesconf.PullDigestOnly, registriesconf.PullTagOnly)
	changed := config(registriesconf.PullDigestOnly, registriesconf.PullTagOnly)
	changed.Registries[0].NamespaceProxy = "x"
	for _, n := range []registriesconf.NodeImpact{
		registriesconf.Impact(nil, both), registriesconf.Impact(both, nil), registriesconf.Impact(config(), both), registriesconf.Impact(both, config()), registriesconf.Impact(both, changed),
		registriesconf.Impact(both, config(registriesconf.PullTagOnly)),
	} {
		require.NotEmpty(t, n.Reasons)
		data, err := json.Marshal(n)
		require.NoError(t, err)
		printed := fmt.Sprintf("%s %+v %s", data, n, n.Verdict())
		require.NotContains(t, printed, "geheim")
		require.NotContains(t, printed, "\x1b")
	}
}

func TestImpactMarshalsEmptyListsAsLists(t *testing.T) {
	data, err := json.Marshal(registriesconf.Impact(nil, nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"changes": [], "drain": false, "reboot": false, "actions": [], "reasons": []}`, string(data))
}

// safe is MCO's rule as semantics.md states it, each sentence by itself and only for a yes or no.
func safe(old, new *registriesconf.Config) bool {
	judged := func(c *registriesconf.Config) map[string]registriesconf.Registry {
		m := map[string]registriesconf.Registry{}
		for _, r := range c.Registries {
			m[r.Scope()] = r // the last
		}
		return m
	}
	find := func(r registriesconf.Registry, location string) (registriesconf.Mirror, bool) {
		i := slices.IndexFunc(r.Mirrors, func(m registriesconf.Mirror) bool { return m.Location == location })
		if i < 0 {
			return registriesconf.Mirror{}, false
		}
		return r.Mirrors[i], true
	}
	n := len(old.UnqualifiedSearchRegistries)
	if len(new.UnqualifiedSearchRegistries) < n || !slices.Equal(new.UnqualifiedSearchRegistries[:n], old.UnqualifiedSearchRegistries) {
		return false
	}
	before, after := judged(old), judged(new)
	for scope, o := range before {
		r, ok := after[scope]
		if !ok {
			return false
		}
		if fmt.Sprint(o) == fmt.Sprint(r) {
			continue
		}
		if o.Prefix != r.Prefix || o.Location != r.Location || o.Blocked != r.Blocked || o.Insecure != r.Insecure {
			return false
		}
		for _, m := range o.Mirrors {
			if _, ok := find(r, m.Location); !ok {
				return false
			}
		}
		for _, m := range r.Mirrors {
			was, ok := find(o, m.Location)
			if m.PullFromMirror == registriesconf.PullDigestOnly || ok && was.PullFromMirror == m.PullFromMirror || !ok && r.MirrorByDigestOnly {
				continue
			}
			return false
		}
	}
	for scope, r := range after {
		if _, ok := before[scope]; ok {
			continue
		}
		if len(r.Mirrors) == 0 && !r.MirrorByDigestOnly {
			return false
		}
		for _, m := range r.Mirrors {
			if m.PullFromMirror != registriesconf.PullDigestOnly {
				return false
			}
		}
	}
	return true
}

// fewNames returns a file over so few names that two of them have most in common, with repeated
// registries and mirrors.
func fewNames(r *rand.Rand) *registriesconf.Config {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	c := &registriesconf.Config{ShortNameMode: pick("", "", "", "enforcing")}
	for range r.IntN(3) {
		c.UnqualifiedSearchRegistries = append(c.UnqualifiedSearchRegistries, pick("a.io", "a.io", "b.io"))
	}
	for range r.IntN(3) {
		reg := registriesconf.Registry{
			Prefix: pick("", "", "", "a.io"), Location: pick("a.io", "b.io"),
			Blocked: r.IntN(8) == 0, Insecure: r.IntN(8) == 0, MirrorByDigestOnly: r.IntN(4) == 0, NamespaceProxy: pick("", "", "", "ns"),
		}
		for range r.IntN(4) {
			reg.Mirrors = append(reg.Mirrors, registriesconf.Mirror{
				Location: pick("m.io", "n.io", "o.io"), Insecure: r.IntN(8) == 0,
				PullFromMirror: registriesconf.PullFromMirror(pick("", "all", "digest-only", "digest-only", "digest-only", "tag-only")),
			})
		}
		c.Registries = append(c.Registries, reg)
	}
	return c
}

// edited returns a copy of c with a few things changed.
func edited(r *rand.Rand, c *registriesconf.Config) *registriesconf.Config {
	other := fewNames(r)
	e := *c
	if r.IntN(4) == 0 {
		e.UnqualifiedSearchRegistries = append(slices.Clone(c.UnqualifiedSearchRegistries), other.UnqualifiedSearchRegistries...)
	}
	e.Registries = slices.Clone(c.Registries)
	for i := range e.Registries {
		e.Registries[i].Mirrors = slices.Clone(c.Registries[i].Mirrors)
	}
	for _, from := range other.Registries {
		if len(e.Registries) == 0 || r.IntN(3) == 0 {
			e.Registries = append(e.Registries, from)
			continue
		}
		to := &e.Registries[r.IntN(len(e.Registries))]
		if len(from.Mirrors) > 0 {
			to.Mirrors = slices.Insert(to.Mirrors, r.IntN(len(to.Mirrors)+1), from.Mirrors[0])
		} else if len(to.Mirrors) > 0 {
			to.Mirrors = slices.Delete(to.Mirrors, 0, 1)
		}
	}
	return &e
}

func TestImpactDrainsWhereTheRuleSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	verdicts := map[string]int{}
	for i := range 12000 {
		old := fewNames(r)
		new := edited(r, old)
		if i%3 == 0 {
			new = fewNames(r)
		}
		impact := registriesconf.Impact(old, new)
		where := func() string { return fmt.Sprintf("%s\nto\n%s\n%s", old.Bytes(), new.Bytes(), impact) }
		if impact.Drain == safe(old, new) {
			t.Fatal(where())
		}
		// A drain has a reason, each change that drains is one, and what does not change costs nothing.
		if impact.Drain != (len(impact.Reasons) > 0) || len(impact.Differences) == 0 && impact.Drain {
			t.Fatal(where())
		}
		reasons := slices.DeleteFunc(slices.Clone(impact.Reasons), func(c registriesconf.Difference) bool { return c.Code == registriesconf.MirrorRepeated })
		draining := slices.DeleteFunc(slices.Clone(impact.Differences), func(c registriesconf.Difference) bool { return !c.Drains })
		if !slices.Equal(draining, reasons) {
			t.Fatal(where())
		}
		if string(old.Bytes()) == string(new.Bytes()) && len(impact.Differences) > 0 {
			t.Fatal(where())
		}
		verdicts[impact.Verdict()]++
	}
	require.Len(t, verdicts, 3)
	for verdict, n := range verdicts {
		require.Greater(t, n, 500, verdict)
	}
}

// What Impact does not list does not change any pull.
func TestImpactListsEveryDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 5))
	same, sorted := 0, func(c *registriesconf.Config) []string {
		at := map[string]int{}
		var s []string
		for _, reg := range c.Registries { // the order among others means nothing
			s = append(s, fmt.Sprintf("%s %d %+v", reg.Scope(), at[reg.Scope()], reg))
			at[reg.Scope()]++
		}
		slices.Sort(s)
		return append(s, c.ShortNameMode, fmt.Sprint(c.UnqualifiedSearchRegistries))
	}
	for range 12000 {
		old := fewNames(r)
		new := edited(r, old)
		if len(registriesconf.Impact(old, new).Differences) == 0 {
			require.Equal(t, sorted(old), sorted(new))
			same++
		}
	}
	require.Greater(t, same, 500)
}

// file returns the file that MCO is to write for a set of objects, and its rules; nil where the set is
// refused.
func file(set *mirrorset.Set) (*registriesconf.Config, *mirrorset.Rules) {
	rules, err := set.Rules()
	if err != nil {
		return nil, nil
	}
	files, _, _ := registriesconf.Render(rules, registriesconf.RenderOptions{})
	return files.Config, rules
}

// documented reports whether the documented statements about objects are meant for a set: no kinds nest,
// that is, no source of one kind is inside, or is, one of the other, and so inherits its mirrors or its
// policy. Blocked and insecure scopes are to be apart from all sources for the same reason, and a source
// must not be its own mirror: whether it stays in the merged list depends on the other lists. *.docker.io
// has docker.io inside under another name, which is then blocked by itself where a mirror uses it.
func documented(rules *mirrorset.Rules) bool {
	inside := func(a, b string) bool {
		if base, ok := strings.CutPrefix(b, "*"); ok {
			host, _, _ := strings.Cut(strings.TrimPrefix(a, "*"), "/")
			return strings.HasSuffix(host, base)
		}
		return a == b || strings.HasPrefix(a, b+"/")
	}
	nest := func(a, b string) bool { return inside(a, b) || inside(b, a) }
	if slices.ContainsFunc(rules.Blocked, func(s mirrorset.Scope) bool { return s.Value == "*.docker.io" }) {
		return false
	}
	for i, r := range rules.Rules {
		if r.Source == "*.docker.io" || slices.ContainsFunc(r.Mirrors(), func(m mirrorset.Mirror) bool { return m.Location == r.Source }) {
			return false
		}
		for j, other := range rules.Rules {
			wildcard := strings.HasPrefix(r.Source, "*.") || strings.HasPrefix(other.Source, "*.")
			if nest(r.Source, other.Source) && (r.Pull != other.Pull || wildcard && i != j) {
				return false
			}
		}
		for _, scope := range slices.Concat(rules.Blocked, rules.Insecure) {
			if nest(r.Source, scope.Value) {
				return false
			}
		}
	}
	return true
}

// serves returns what rules ask of a node, one line for each mirror of a source and kind.
func serves(rules *mirrorset.Rules) map[string]bool {
	all := map[string]bool{}
	for _, r := range rules.Rules {
		for _, m := range r.Mirrors() {
			all[fmt.Sprintf("%s %s %s never=%t", r.Pull, r.Source, m.Location, r.Never)] = true
		}
	}
	return all
}

// lacks reports whether a has a line that b has not.
func lacks(b, a map[string]bool) bool {
	for line := range a {
		if !b[line] {
			return true
		}
	}
	return false
}

// TestTheDocumentedStatementsAreConsequences takes one object away from random sets, puts it back and
// changes it.
func TestTheDocumentedStatementsAreConsequences(t *testing.T) {
	source := random.New(5)
	source.Plain = true
	checked := map[string]int{}
	for range 5000 {
		full := source.Set()
		kind := source.Pick("ImageDigestMirrorSet", "ImageContentSourcePolicy", "ImageTagMirrorSet")
		without := *full
		var ok bool
		switch kind {
		case "ImageDigestMirrorSet":
			without.ImageDigestMirrorSets, ok = butFirst(full.ImageDigestMirrorSets)
		case "ImageTagMirrorSet":
			without.ImageTagMirrorSets, ok = butFirst(full.ImageTagMirrorSets)
		case "ImageContentSourcePolicy":
			without.ImageContentSourcePolicies, ok = butFirst(full.ImageContentSourcePolicies)
		}
		if !ok {
			continue
		}
		old, oldRules := file(&without)
		new, newRules := file(full)
		if old == nil || new == nil || !documented(newRules) {
			continue
		}
		expect := func(want, drain bool, what string) {
			if drain != want {
				t.Fatalf("%s an %s drains: %t\n%s\nto\n%s", what, kind, drain, old.Bytes(), new.Bytes())
			}
		}
		created, deleted := registriesconf.Impact(old, new), registriesconf.Impact(new, old)

		// Creating an object changes the file where it asks for something that nobody asked for.
		if !lacks(serves(oldRules), serves(newRules)) {
			expect(false, created.Drain, "creating") // nothing changes but the order
			expect(false, deleted.Drain, "deleting")
			continue
		}
		expect(kind == "ImageTagMirrorSet", created.Drain, "creating")
		expect(true, deleted.Drain, "deleting")
		checked[kind]++
	}
	for _, kind := range []string{"ImageDigestMirrorSet", "ImageContentSourcePolicy", "ImageTagMirrorSet"} {
		require.Greater(t, checked[kind], 100, kind)
	}
}

func butFirst[T any](objects []T) ([]T, bool) {
	if len(objects) == 0 {
		return nil, false
	}
	return objects[1:], true
}

// TestAnyOtherChangeDrains compares random sets with one object replaced: the node is drained unless the
// change is one of the three exceptions, the order of mirrors, or a mirror that became digest-only.
func TestAnyOtherChangeDrains(t *testing.T) {
	source := random.New(6)
	source.Plain = true
	drains, exceptions := 0, 0
	for range 2000 {
		a, b := source.Set(), source.Set()
		changed := *a
		switch source.Intn(3) {
		case 0:
			changed.ImageDigestMirrorSets = b.ImageDigestMirrorSets
		case 1:
			changed.ImageTagMirrorSets = b.ImageTagMirrorSets
		case 2:
			more := b.ImageDigestMirrorSets
			for i := range more {
				more[i].Metadata.Name += "-more"
			}
			changed.ImageDigestMirrorSets = slices.Concat(a.ImageDigestMirrorSets, more)
		}
		old, _ := file(a)
		new, _ := file(&changed)
		if old == nil || new == nil || repeats(old) || repeats(new) {
			continue
		}
		undone := undoExceptions(old, new)
		drain := registriesconf.Impact(old, new).Drain
		if drain != (normal(old) != normal(undone)) {
			t.Fatalf("drain: %t\n%s\nto\n%s", drain, old.Bytes(), new.Bytes())
		}
		if drain {
			drains++
		} else if string(old.Bytes()) != string(new.Bytes()) {
			exceptions++
		}
	}
	require.Greater(t, drains, 300)
	require.Greater(t, exceptions, 100)
}

// repeats reports whether any registry lists a location twice, for both kinds.
func repeats(c *registriesconf.Config) bool {
	return slices.ContainsFunc(c.Registries, func(r registriesconf.Registry) bool {
		seen := map[string]bool{}
		for _, m := range r.Mirrors {
			if seen[m.Location] {
				return true
			}
			seen[m.Location] = true
		}
		return false
	})
}

// undoExceptions takes out of new what may be added to old without a drain, and what may become of its
// mirrors.
func undoExceptions(old, new *registriesconf.Config) *registriesconf.Config {
	before := map[string]registriesconf.Registry{}
	for _, r := range old.Registries {
		before[r.Scope()] = r
	}
	digestOnly := func(m registriesconf.Mirror) bool { return m.PullFromMirror == registriesconf.PullDigestOnly }
	u := *new
	u.UnqualifiedSearchRegistries = slices.Clone(old.UnqualifiedSearchRegistries)
	u.Registries = nil
	for _, r := range new.Registries {
		o, ok := before[r.Scope()]
		others := slices.DeleteFunc(slices.Clone(r.Mirrors), digestOnly)
		if !ok && len(r.Mirrors) > 0 && len(others) == 0 {
			continue
		}
		var mirrors []registriesconf.Mirror
		for _, m := range r.Mirrors {
			i := slices.IndexFunc(o.Mirrors, func(was registriesconf.Mirror) bool { return was.Location == m.Location })
			if digestOnly(m) && i < 0 {
				continue
			}
			if i >= 0 {
				m.Insecure = o.Mirrors[i].Insecure
				if digestOnly(m) {
					m.PullFromMirror = o.Mirrors[i].PullFromMirror
				}
			}
			mirrors = append(mirrors, m)
		}
		r.Mirrors = mirrors
		u.Registries = append(u.Registries, r)
	}
	return &u
}

// normal writes a file without regard to the order of registries and mirrors.
func normal(c *registriesconf.Config) string {
	lines := map[string]bool{}
	for _, r := range c.Registries {
		mirrors := r.Mirrors
		r.Mirrors = nil
		lines[fmt.Sprintf("%+v", r)] = true
		for _, m := range mirrors {
			lines[fmt.Sprintf("%+v %+v", r, m)] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "\n")
}
