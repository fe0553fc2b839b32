package resolve

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// randomRules merges random objects.
func randomRules(t testing.TB, r *random.Source) *mirrorset.Rules {
	rules, err := r.Set().Rules()
	require.NoError(t, err)
	return rules
}

// randomImage returns a random reference.
func randomImage(r *random.Source) string {
	return r.Name() + r.Pick("", ":1", digestA, ":1"+digestA)
}

// mayContact answers from the rules themselves, without any table, whether a location may be contacted:
// not where, for a kind of pull, the rules with the longest source around it say NeverContactSource.
func mayContact(rules *mirrorset.Rules, location string) bool {
	for _, pull := range pulls {
		longest, never := -1, false
		for _, r := range rules.Rules {
			if r.Pull != pull || !inside(canonical(location), canonical(r.Source)) {
				continue
			}
			if n := len(canonical(r.Source)); n > longest {
				longest, never = n, r.Never
			} else if n == longest {
				never = never || r.Never
			}
		}
		if never {
			return false
		}
	}
	return true
}

// inside is the matching of the contract, the slow way.
func inside(name, scope string) bool {
	if base, ok := strings.CutPrefix(scope, "*"); ok {
		host, _ := network.SplitHost(name)
		return strings.HasSuffix(hostname(host), base) || name == scope
	}
	return name == scope || strings.HasPrefix(name, scope+"/")
}

func TestNeverContactSourceMeansNever(t *testing.T) {
	w := random.New(1)
	forbidden, reported := 0, 0
	for range 3000 {
		rules := randomRules(t, w)
		tables := map[finding.Platform]func(string) (Plan, error){
			finding.Linux:   NewLinuxTable(rules).Plan,
			finding.Windows: NewContainerdTable(rules, "foo.example.org", "a.example.org").Plan,
			finding.Containerd: NewContainerdTableFor(rules, ContainerdOptions{Platform: finding.Containerd,
				Named: []string{"foo.example.org", "a.example.org"}}).Plan,
		}
		for range 5 {
			image := randomImage(w)
			for platform, plan := range tables {
				p, err := plan(image)
				require.NoError(t, err)
				for _, a := range slices.Concat(p.Resolve, p.Pull) {
					if mayContact(rules, a.Location) {
						continue
					}
					// Only what the clients cannot be kept from is left: an image spelled so that it
					// evades the rule, and with containerd an endpoint that contains the source, and a wildcard
					// around a host that nobody named. Each is said.
					said := slices.ContainsFunc(p.Findings, func(f finding.Finding) bool {
						return f.Code == finding.CodeEvadesRule || platform.ReadsHosts() &&
							(f.Code == finding.CodeForbiddenContact || f.Code == finding.CodeWildcardUnused)
					})
					require.True(t, said, "%s: plan of %s holds %s\n%v", platform, image, a.Location, describe(rules))
					if p.Findings[0].Code == finding.CodeEvadesRule {
						require.False(t, slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
							return r.Never && !isWildcard(r.Source) && len(p.References) == 1 && contacted(p.References[0]) == p.References[0] && inside(a.Location, r.Source)
						}), "%s: %s evades no rule, but its plan holds %s\n%v", platform, image, a.Location, describe(rules))
					}
					reported++
				}
				forbidden++
			}
		}
	}
	require.Greater(t, reported, 10)
	require.Greater(t, forbidden, 10000)
}

func describe(rules *mirrorset.Rules) string {
	var b strings.Builder
	for _, r := range rules.Rules {
		fmt.Fprintf(&b, "%s %s never=%t", r.Pull, r.Source, r.Never)
		for _, m := range r.Mirrors() {
			b.WriteString(" " + m.Location)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "blocked %v insecure %v", rules.Blocked, rules.Insecure)
	return b.String()
}

// contract is the platform-neutral plan, straight from the rules: section by section what the API's
// documentation says.
func contract(rules *mirrorset.Rules, r Reference) []string {
	pull := mirrorset.ByTag
	if r.ByDigest() {
		pull = mirrorset.ByDigest
	}
	var best *mirrorset.Rule
	for i := range rules.Rules {
		rule := &rules.Rules[i]
		if rule.Pull == pull && inside(r.Name(), rule.Source) && (best == nil || len(rule.Source) > len(best.Source)) {
			best = rule
		}
	}
	var locations []string
	if best != nil {
		for _, m := range best.Mirrors() {
			locations = append(locations, m.Location+rest(r.Name(), best.Source))
		}
	}
	return append(locations, r.Name())
}

func TestLinuxFollowsTheContract(t *testing.T) {
	w := random.New(2)
	compared := 0
	for range 3000 {
		rules := randomRules(t, w)
		table := NewLinuxTable(rules)
		for range 5 {
			r, err := ParseReference(randomImage(w))
			require.NoError(t, err)
			if table.quirk(r.Name()) {
				continue // the client's matching is not the contract's
			}
			var want []string
			unwritten := false
			for _, location := range contract(rules, r) {
				unwritten = unwritten || unwritable(location) != ""
				if e, ok := table.Find(location); ok && e.Blocked {
					continue
				}
				if n := len(want); n == 0 || want[n-1] != contacted(location) {
					want = append(want, contacted(location))
				}
			}
			if unwritten {
				want = nil
			}
			p, err := table.Plan(r.String())
			require.NoError(t, err)
			var got []string
			for _, a := range p.Pull {
				got = append(got, a.Location)
			}
			require.Equal(t, want, got, "%s\n%s", r, describe(rules))
			if len(got) > 1 {
				compared++
			}
		}
	}
	require.Greater(t, compared, 500)
}

// quirk reports whether the client matches a name otherwise than the contract: at the port of a plain
// host, by a wildcard as long as a plain source, or not by a wildcard whose host stands earlier in the name too.
func (t *LinuxTable) quirk(name string) bool {
	if slices.ContainsFunc(t.entries, func(r LinuxEntry) bool {
		return isWildcard(r.Prefix) && inside(name, r.Prefix) && strings.Count(name, r.Prefix[1:]) > 1
	}) {
		return true
	}
	e := t.find(name)
	if e == nil {
		return false
	}
	return !inside(name, e.Prefix) || isWildcard(e.Prefix) && slices.ContainsFunc(t.entries, func(r LinuxEntry) bool {
		return len(r.Prefix) == len(e.Prefix) && !isWildcard(r.Prefix) && inside(name, r.Prefix)
	})
}

func TestFindIsTheClientsSearch(t *testing.T) {
	w := random.New(3)
	hits := 0
	for range 2000 {
		var table LinuxConfig
		for range 1 + w.Intn(6) {
			table.Entries = append(table.Entries, LinuxEntry{Prefix: w.Scope()})
		}
		indexed := LinuxTableOf(table)
		for range 10 {
			name := w.Location()
			want := slowFind(table.Entries, name)
			got, ok := indexed.Find(name)
			require.Equal(t, want != "", ok, "%s in %v", name, table.Entries)
			require.Equal(t, want, got.Prefix, "%s in %v", name, table.Entries)
			if ok {
				hits++
			}
		}
	}
	require.Greater(t, hits, 1000)
}

// slowFind goes through all prefixes, as sysregistriesv2's findRegistryWithParsedConfig does.
func slowFind(registries []LinuxEntry, name string) string {
	var prefixes []string
	for _, r := range registries {
		prefixes = append(prefixes, r.Prefix)
	}
	slices.Sort(prefixes)
	best := ""
	for _, prefix := range prefixes {
		end := len(prefix)
		if isWildcard(prefix) {
			i := strings.Index(name, prefix[1:])
			if i < 0 || strings.Contains(name[:i], "/") {
				continue
			}
			end = i + len(prefix) - 1
		} else if !strings.HasPrefix(name, prefix) {
			continue
		}
		if (end == len(name) || strings.ContainsRune("/:@", rune(name[end]))) && len(prefix) > len(best) {
			best = prefix
		}
	}
	return best
}

func TestAnExactPairAsksTheSameLocationOnBothPlatforms(t *testing.T) {
	w := random.New(4)
	compared := 0
	for range 20000 {
		source := w.Scope()
		mirror := w.Location()
		if _, path := network.SplitHost(source); w.Intn(2) == 0 && !isWildcard(source) {
			mirror += path
		}
		_, path := network.SplitHost(source)
		location, exact := endpoint(path, mirror)
		if !exact {
			continue
		}
		// A repository inside the source, on a host without a port that the source does not have.
		host, path := network.SplitHost(source)
		if isWildcard(source) {
			host = "foo" + source[1:]
		}
		repository := strings.TrimPrefix(path+w.Pick("/x", "/x/y", ""), "/")
		if repository == "" {
			continue
		}
		e := newEndpoint(location)
		name := host + "/" + repository
		require.Equal(t, canonical(mirror+rest(name, source)), canonical(e.Location(repository)), "%s to %s", source, mirror)
		compared++
	}
	require.Greater(t, compared, 5000)
}

// But for names of devices, and for hosts whose names differ in letter case, nodes with containerd are alike; and nothing
// that is said of those with Linux speaks of Windows.
func TestNodesWithContainerdOnLinuxAndOnWindowsPullAlike(t *testing.T) {
	r := random.New(1729)
	compared, mixed := 0, 0
	for range 2000 {
		rules := randomRules(t, r)
		windows := NewContainerdTable(rules)
		linux := NewContainerdTableFor(rules, ContainerdOptions{Platform: finding.Containerd})
		require.Equal(t, finding.Containerd, linux.Platform())
		for _, f := range linux.Findings {
			require.Equal(t, finding.Containerd, f.Platform)
			require.NotContains(t, strings.ToLower(f.Message), "windows")
		}
		for _, registry := range windows.Registries() {
			if len(registry.Spellings) > 0 {
				mixed++
				for _, host := range append(registry.Spellings, registry.Host) {
					if own, ok := linux.Find(host); ok { // one that needs a file has its own
						require.Equal(t, host, own.Host)
						require.Empty(t, own.Spellings)
					}
				}
			}
		}
		image := randomImage(r)
		on, err := windows.Plan(image)
		require.NoError(t, err)
		host, _, _ := strings.Cut(on.References[0], "/")
		if file, ok := windows.Find(host); ok && (len(file.Spellings) > 0 || file.Host != host) {
			continue
		}
		plan, err := linux.Plan(image)
		require.NoError(t, err)
		require.Equal(t, finding.Containerd, plan.Platform)
		require.Equal(t, on.Resolve, plan.Resolve, image)
		require.Equal(t, on.Pull, plan.Pull, image)
		compared++
	}
	require.Greater(t, compared, 1000)
	require.NotZero(t, mixed)
}

func TestTheOrderOfObjectsNeverChangesATable(t *testing.T) {
	w := random.New(5)
	for range 300 {
		set := w.Set()
		rules, err := set.Rules()
		require.NoError(t, err)
		linux, windows := NewLinuxTable(rules), NewContainerdTable(rules)
		slices.Reverse(set.ImageDigestMirrorSets)
		slices.Reverse(set.ImageTagMirrorSets)
		rules, err = set.Rules()
		require.NoError(t, err)
		require.Equal(t, linux, NewLinuxTable(rules))
		require.Equal(t, windows, NewContainerdTable(rules))
	}
}

// checkReference holds a reference against what the kubelet's way in makes of it.
func checkReference(t *testing.T, image string) {
	named, err := reference.ParseDockerRef(image)
	r, ownErr := ParseReference(image)
	require.Equal(t, err == nil, ownErr == nil, "%q: %v, %v", image, err, ownErr)
	if err != nil {
		require.Zero(t, r)
		return
	}
	_, digested := named.(reference.Digested)
	require.Equal(t, named.String(), r.String())
	require.Equal(t, named.Name(), r.Name())
	require.Equal(t, digested, r.ByDigest())
	if linuxReference(r) == nil {
		require.Empty(t, unwritable(r.Name()), "the name of %q need not be looked at again", image)
	}
}

var oddReferences = []string{
	"busybox", "a/b:1", "index.docker.io/a", "docker.io/a:1" + digestA, "A/b", "localhost/a", "[::1]/a", "[::1]:5000/a:x", "a:5000", "a.b:5000", ":1", "a.b/:1", "/:1", "@",
	"a@sha256:00", "a@md5:00", "", "a:", "a" + strings.Repeat("/a", 200), "quay.io/a@sha512:" + strings.Repeat("a", 128), "quay.io/a@sha256:" + strings.Repeat("A", 64),
}

func TestAReferenceIsWhatTheKubeletsWayMakesOfIt(t *testing.T) {
	w := random.New(8)
	for range 3000 {
		checkReference(t, randomImage(w))
	}
	for _, image := range oddReferences {
		checkReference(t, image)
	}
	plain := 0
	for range 20000 {
		image := w.Pick("", "a", "a", "A", strings.Repeat("b", 64), "localhost", "quay.io", "Quay.io", "quay.io:5000", "quay.io:", "localhost", "localhost:1", "docker.io", "index.docker.io", "x.docker.io", "docker.io:80", "a_b.io", "a..b", "-a.io", "[::1]:2")
		for range w.Intn(4) {
			image += w.Pick("/", "/a", "/a", "/b2", "/A", "/a__b", "/a___b", "/a.b", "/a..b", "/a-", "/a--b", "/"+strings.Repeat("c", 120))
		}
		image += w.Pick("", "", ":", ":1", ":1", ":v1.2-x_Y", ":-1", ":.1", ":a/b", ":é", ":"+strings.Repeat("t", 128), ":"+strings.Repeat("t", 129)) +
			w.Pick("", "", "", digestA, digestA, digestA[1:], strings.ToUpper(digestA), digestA[:70], digestA+"0", digestA+digestA, "@sha512:"+strings.Repeat("0", 128))
		checkReference(t, image)
		if _, ok := plainReference(image); ok {
			plain++
		}
	}
	require.Greater(t, plain, 400)
}

// What most images are named does not take the library's microseconds and memory: a plan of a string has a floor.
func TestMostReferencesAreReadWithoutTheLibrary(t *testing.T) {
	for _, image := range []string{
		"busybox", "team/app", "a/b/c:1", "localhost/a", "localhost:5000/a:1", "quay.io/a", "quay.io:5000/a" + digestA, "Quay.io/a:1" + digestA,
		"docker.io/a/b", "docker.io/library/a/b", "index.docker.io:80/a", "quay.io/a:_0123456789.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"quay.io/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"quay.io/a:" + strings.Repeat("t", 128), "quay.io/" + strings.Repeat("a/", 123) + "a", strings.Repeat("b", 64) + "/a", strings.Repeat("b", 65),
	} {
		r, ok := plainReference(image)
		require.True(t, ok, image)
		want, err := reference.ParseDockerRef(image)
		require.NoError(t, err)
		require.Equal(t, want.String(), r.String())
	}
	// One that is written out in full is taken as it is.
	for _, image := range []string{"quay.io/a:1", "quay.io/a" + digestA} {
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = plainReference(image) }), image)
	}
}

// Whoever branches on what is wrong with a reference finds the library's error behind this one's words.
func TestTheErrorOfAReferenceIsThatOfTheLibrary(t *testing.T) {
	_, err := ParseReference("quay.io/a:")
	require.ErrorIs(t, err, reference.ErrReferenceInvalidFormat)
}

func TestANameWithoutAHostHasNoPlanOnLinuxUnlessItIsLookedFor(t *testing.T) {
	r, err := ParseReference("a_b.io/c:1")
	require.NoError(t, err)
	table := LinuxTableOf(LinuxConfig{SearchRegistries: []string{"quay.io"}})
	_, err = table.PlanReference(r)
	require.ErrorContains(t, err, `"a_b.io" is not a registry host`)
	p, err := table.Plan("a_b.io/c:1")
	require.NoError(t, err)
	require.Equal(t, []string{"quay.io/a_b.io/c:1"}, p.References)
}

func FuzzReference(f *testing.F) {
	for _, image := range oddReferences {
		f.Add(image)
	}
	f.Add("quay.io/a" + digestA)
	f.Add("quay.io:5000/a/b_c:v1.2-x")
	f.Fuzz(checkReference)
}

func TestAWildcardThatIsALocationStopsThePull(t *testing.T) {
	// Of a registry without a prefix the location is the prefix, so that a file can say this.
	table := LinuxTableOf(LinuxConfig{Entries: []LinuxEntry{{Prefix: "*.example.org", Location: "*.example.org"}}})
	p, err := table.Plan("a.example.org/app:1")
	require.NoError(t, err)
	require.Empty(t, p.Pull)
	require.Len(t, p.Findings, 1)
	require.Equal(t, finding.CodeUnwritable, p.Findings[0].Code)
}

func TestAPlanTakesFourPiecesOfMemory(t *testing.T) {
	set, err := mirrorset.Decode("rules.yaml", strings.NewReader(`
kind: ImageDigestMirrorSet
apiVersion: config.openshift.io/v1
metadata: {name: digests}
spec:
  imageDigestMirrors:
  - {source: quay.io/a, mirrors: [m.corp/a, docker.io/mirrored, "quay.io/b"], mirrorSourcePolicy: NeverContactSource}
  - {source: "*.a-domain-with-quite-a-long-name.example.org", mirrors: [m.corp]}
  - {source: docker.io/library, mirrors: [m.corp/hub/library, quay.io/hub/library]}
---
kind: ImageTagMirrorSet
apiVersion: config.openshift.io/v1
metadata: {name: tags}
spec:
  imageTagMirrors:
  - {source: docker.io/library, mirrors: [m.corp/hub/library]}
  - {source: quay.io/b, mirrors: [m.corp/b]}
  - {source: plain.io/x, mirrors: [near.corp/x, m.corp/x]}
---
kind: Image
apiVersion: config.openshift.io/v1
metadata: {name: cluster}
spec: {registrySources: {blockedRegistries: [m.corp/secret, docker.io/evil, "*.bad.example"]}}
`))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	linux, windows := NewLinuxTable(rules), NewContainerdTable(rules)
	for image, want := range map[string]int{ // attempts on Linux
		"quay.io/a/app" + digestA: 3, "quay.io/b:1": 2, "busybox:1": 2, "busybox" + digestA: 3, "other.io/x:1": 1,
		"foo.bar.a-domain-with-quite-a-long-name.example.org/team/app" + digestA: 2,
	} {
		r, err := ParseReference(image)
		require.NoError(t, err)
		p, err := linux.PlanReference(r)
		require.NoError(t, err)
		require.Len(t, p.Pull, want, image)
	}

	// A plan without findings takes one piece each for its references, its attempts and their locations, and on
	// Windows one more for the attempts to resolve a tag.
	for _, image := range []string{"plain.io/x/app:1", "plain.io/x/app" + digestA, "other.io/x:1"} {
		r, err := ParseReference(image)
		require.NoError(t, err)
		for platform, plan := range map[finding.Platform]func(Reference) (Plan, error){finding.Linux: linux.PlanReference, finding.Windows: windows.PlanReference} {
			p, err := plan(r)
			require.NoError(t, err)
			require.Empty(t, p.Findings)
			require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = plan(r) }), 4.0, "%s on %s", image, platform)
		}
	}
}

func FuzzPlan(f *testing.F) {
	for _, s := range []string{"quay.io/a:1", "busybox", "quay.io/a" + digestA, "", "A/b", "a:5000", "x.example.org:80/y", "[::1]/a", "localhost/a@sha256:", "docker.io/a"} {
		f.Add(s, int64(1))
	}
	f.Fuzz(func(t *testing.T, image string, seed int64) {
		rules := randomRules(t, random.New(seed))
		for _, plan := range []func(string) (Plan, error){NewLinuxTable(rules).Plan, NewContainerdTable(rules).Plan} {
			p, err := plan(image)
			if err != nil {
				require.NotEmpty(t, err.Error())
				require.Empty(t, p.Pull)
				continue
			}
			if len(p.Pull) == 0 {
				require.NotEmpty(t, p.Findings, "an empty plan is explained")
			}
			for _, a := range slices.Concat(p.Resolve, p.Pull) {
				require.Contains(t, a.Location, "/")
			}
		}
	})
}

// TestWhatOpensASourceAgainIsReported takes each rule that allows contact out: where its source could
// then not be contacted, and can with it, the finding is there, unless an entry says that it is meant.
func TestWhatOpensASourceAgainIsReported(t *testing.T) {
	w := random.New(15)
	reported, silent := 0, 0
	for range 3000 {
		rules := randomRules(t, w)
		rules.Blocked = nil // what is blocked is not opened
		opens := map[string]bool{}
		for _, f := range NewLinuxTable(rules).Findings {
			if f.Code == finding.CodeOpensNever {
				opens[f.Origin.String()] = true
			}
		}
		for i := range rules.Rules {
			r := &rules.Rules[i]
			without := *rules
			without.Rules = slices.DeleteFunc(slices.Clone(rules.Rules), func(o mirrorset.Rule) bool {
				return o.Pull == r.Pull && canonical(o.Source) == canonical(r.Source)
			})
			meant := slices.ContainsFunc(r.Entries, func(e *mirrorset.Entry) bool { return e.Policy != "" })
			want := !r.Never && !meant && mayContact(rules, r.Source) && !mayContact(&without, r.Source)
			for _, e := range r.Entries {
				require.Equal(t, want, opens[e.Origin.String()], "%s by %s\n%s", r.Source, r.Pull, describe(rules))
			}
			if want {
				reported++
			} else {
				silent++
			}
		}
	}
	require.Greater(t, reported, 100)
	require.Greater(t, silent, 1000)
}
