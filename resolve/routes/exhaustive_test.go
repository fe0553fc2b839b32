package routes

import (
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// The hosts, ports and paths that worlds and references are made of: ends that stand twice in a host, labels of one
// letter, Docker Hub's names, a host without a dot, another spelling.
var (
	worldHosts = []string{
		"a.org", "b.a.org", "c.b.a.org", "a.org.a.org", "x.a.orgs.a.org", "x.org.b.a.org", "m.io", "x.io", "docker.io", "registry-1.docker.io",
		"index.docker.io", "x.docker.io", "a.o", "x.a.o", "localhost", "plain", "A.org", "b.A.org", "m.io.m.io", "y.io", "o.io",
	}
	worldPorts      = []string{"", ":5", ":7", ":443"}
	worldComponents = []string{"a", "p", "q"}
	worldWildcards  = []string{"*.org", "*.a.org", "*.b.a.org", "*.io", "*.docker.io", "*.o", "*.A.org"}
)

func allPaths() []string { return pathsOf(4, worldComponents) }

// pathsOf returns all paths of up to so many components.
func pathsOf(depth int, components []string) (paths []string) {
	level := []string{""}
	for range depth {
		var next []string
		for _, path := range level {
			for _, c := range components {
				next = append(next, path+"/"+c)
			}
		}
		paths, level = append(paths, next...), next
	}
	return paths
}

// randomTable makes the table of a node's own file with a few entries over few names, so that mirrors lie in other
// entries.
func randomTable(rnd *rand.Rand) *resolve.LinuxTable {
	pick := func(from []string) string { return from[rnd.Intn(len(from))] }
	hosts := make([]string, 5)
	for i := range hosts {
		hosts[i] = pick(worldHosts)
	}
	path := func() string {
		path := ""
		for range rnd.Intn(3) {
			path += "/" + pick(worldComponents)
		}
		return path
	}
	place := func() string {
		port := ""
		if rnd.Intn(4) == 0 {
			port = pick(worldPorts)
		}
		return pick(hosts) + port + path()
	}
	var c resolve.LinuxConfig
	for range 1 + rnd.Intn(7) {
		e := resolve.LinuxEntry{Prefix: place(), Blocked: rnd.Intn(3) == 0, MirrorByDigestOnly: rnd.Intn(8) == 0}
		e.Location = e.Prefix
		switch rnd.Intn(5) {
		case 0:
			e.Prefix, e.Location = pick(worldWildcards), ""
		case 1:
			if rnd.Intn(3) == 0 {
				e.Location = place()
			}
		}
		for range rnd.Intn(4) {
			m := resolve.LinuxMirror{Location: place()}
			switch rnd.Intn(4) {
			case 0:
				m.Pull = mirrorset.ByDigest
			case 1:
				m.Pull = mirrorset.ByTag
			}
			e.Mirrors = append(e.Mirrors, m)
		}
		c.Entries = append(c.Entries, e)
	}
	for range rnd.Intn(4) {
		c.SearchRegistries = append(c.SearchRegistries, pick([]string{"docker.io", pick(hosts), pick(hosts) + pick(worldPorts)}))
	}
	if rnd.Intn(8) == 0 {
		c.ShortNameMode = "enforcing"
	}
	for range rnd.Intn(3) {
		if c.Aliases == nil {
			c.Aliases = map[string]string{}
		}
		c.Aliases[pick([]string{"a", "p", "p/q", "library/a", "q/a/p"})] = pick(hosts) + path() + "/a"
	}
	return resolve.LinuxTableOf(c)
}

// randomPolicy makes a policy.json over the names of the worlds.
func randomPolicy(rnd *rand.Rand) *policyjson.Policy {
	pick := func(from []string) string { return from[rnd.Intn(len(from))] }
	requirements := func() policyjson.Requirements {
		if rnd.Intn(2) == 0 {
			return policyjson.Requirements{{Type: policyjson.Reject}}
		}
		return policyjson.Requirements{{Type: policyjson.Accept}}
	}
	scopes := policyjson.Scopes{}
	for range rnd.Intn(5) {
		scope := pick(worldHosts) + pick(worldPorts)
		for range rnd.Intn(3) {
			scope += "/" + pick(worldComponents)
		}
		if rnd.Intn(4) == 0 {
			scope = pick(worldWildcards)
		}
		scopes[scope] = requirements()
	}
	return &policyjson.Policy{Default: requirements(), Transports: map[string]policyjson.Scopes{"docker": scopes}}
}

func judgedBy(table *resolve.LinuxTable, policy *policyjson.Policy) *Routes {
	named, scopes, _ := policy.ByName()
	return LinuxJudged(table, scopes, named.Apply)
}

// randomRoutes are those of a table, judged by a policy one time in three.
func randomRoutes(rnd *rand.Rand) (r *Routes, what func() string) {
	table := randomTable(rnd)
	if rnd.Intn(3) > 0 {
		return Linux(table), func() string { return describe(table) }
	}
	policy := randomPolicy(rnd)
	return judgedBy(table, policy), func() string { return describe(table) + string(policy.Bytes()) }
}

// world answers for references by the classes alone.
type world struct {
	*Routes
	cuts    [][]cut
	roots   []cut
	classes map[classKey][]Class
}

type classKey struct {
	kind        mirrorset.Pull
	hosts, path string
}

func newWorld(r *Routes) *world {
	w := &world{Routes: r, classes: map[classKey][]Class{}}
	for cuts := range r.hosts() {
		w.cuts, w.roots = append(w.cuts, cuts), append(w.roots, cuts[0])
	}
	for c := range r.Classes() {
		key := classKey{c.Kind, c.Pattern.Hosts, c.Pattern.Path}
		w.classes[key] = append(w.classes[key], c)
	}
	return w
}

// locations are what the class of a name asks, or nil and false where no class has the name. What is asked for a
// manifest only stands behind the word "refused". Of a name that is longer than the class allows tooLong is set.
func (w *world) locations(t *testing.T, name string, k int) (resolved, pull []string, tooLong, found bool) {
	host, path := network.SplitHost(name)
	at := w.find(host)
	if host == "" {
		at = len(w.list) - 1
	}
	cuts := w.cuts[at]
	i := 0
	for j := range cuts {
		if inside(path, cuts[j].path) && len(cuts[j].path) >= len(cuts[i].path) {
			i = j
		}
	}
	for {
		rest := path[len(cuts[i].path):]
		var matching []Class
		for _, c := range w.classes[classKey{kinds[k], w.list[at].pattern, cuts[i].path}] {
			if n := strings.Count(rest, "/"); n == 0 && c.Pattern.Exactly || n == 1 && c.Pattern.Below || n > 1 && c.Pattern.Deeper {
				matching = append(matching, c)
			}
		}
		if len(matching) > 1 {
			require.FailNow(t, "in more than one class", name)
		}
		if len(matching) == 1 {
			c := matching[0]
			_, port := splitPort(w.list[at].host)
			_, own := splitPort(host)
			tooLong = c.MaxRest > 0 && len(rest) > c.MaxRest+len(port)-len(own)
			pull = applied(c.Pull, name, rest, port, own)
			if c.Plan.Outcome == resolve.OutcomeRefused {
				pull = append(pull, "refused")
			}
			return applied(c.Resolve, name, rest, port, own), append(pull, applied(c.Asked, name, rest, port, own)...), tooLong, true
		}
		if i > 0 {
			i = cuts[i].parent
			continue
		}
		around := w.list[at].parent
		if around == at {
			return nil, nil, false, false
		}
		at = around
		cuts, i = w.cuts[at], 0
	}
}

func applied(steps []Step, name, rest, port, own string) (locations []string) {
	for _, s := range steps {
		if s.Itself {
			locations = append(locations, onTheWire(name))
			continue
		}
		host, path := network.SplitHost(s.Base)
		if base, ok := strings.CutSuffix(host, port); ok && port != "" && port != own {
			host = base + own
		}
		locations = append(locations, onTheWire(host+path+rest))
	}
	return locations
}

func wire(attempts []resolve.Attempt) (locations []string) {
	for _, a := range attempts {
		locations = append(locations, onTheWire(a.Location))
	}
	return locations
}

// fetched are the locations that an image is fetched from, and behind the word "refused" those that are asked for its
// manifest only.
func fetched(p *resolve.Plan) []string {
	locations := wire(p.Pull)
	if p.Outcome == resolve.OutcomeRefused {
		locations = append(append(locations, "refused"), wire(p.Asked)...)
	}
	return locations
}

// exists reports whether a name is one that classes hold; one without a registry starts with "/".
func exists(name string, kind mirrorset.Pull) bool {
	if short, ok := strings.CutPrefix(name, "/"); ok {
		return resolve.IsShortName(short + suffix(kind))
	}
	r, err := resolve.ParseReference(name + suffix(kind))
	return err == nil && r.Name() == name
}

// requireExact holds every name against its class.
func requireExact(t *testing.T, w *world, names []string, what func() string) (compared int) {
	for _, name := range names {
		for k, kind := range kinds {
			if !exists(name, kind) {
				continue
			}
			plan, err := w.sides[0].plan(strings.TrimPrefix(name, "/") + suffix(kind))
			if err != nil {
				continue
			}
			compared++
			gotResolve, gotPull, tooLong, found := w.locations(t, name, k)
			if found && tooLong {
				// The client stops the pull, or leaves out a full name of a name without a registry.
				if len(plan.Pull)+len(plan.Asked) > 0 && (name[0] != '/' || slices.Equal(fetched(&plan), gotPull)) {
					require.FailNow(t, "not too long", "%s by %s fetches %q\n%s", name, kind, fetched(&plan), what())
				}
				continue
			}
			if !found || !slices.Equal(wire(plan.Resolve), gotResolve) || !slices.Equal(fetched(&plan), gotPull) {
				require.FailNow(t, "not in its class", "%s by %s: in a class %v, which asks %q and fetches %q, and not %q and %q\n%s",
					name, kind, found, gotResolve, gotPull, wire(plan.Resolve), fetched(&plan), what())
			}
		}
	}
	return compared
}

// randomName is any name: of hosts, ports and components that worlds are made of and of others, some as long as names
// may be. One without a registry starts with "/".
func randomName(rnd *rand.Rand) string {
	pick := func(from ...string) string { return from[rnd.Intn(len(from))] }
	name := pick(worldHosts...)
	switch rnd.Intn(6) {
	case 0:
		name = pick("k.", "k.k.", "org.", "a.org.", "O.") + name
	case 1:
		name = pick("zz.org", "zz.io", "k.zz", "zz.a.org.b.a.org", "zz.docker.io.x.docker.io")
	case 2:
		name = ""
	}
	if name != "" && rnd.Intn(3) == 0 {
		name += pick(":5", ":7", ":443", ":80", ":5000", ":12345", ":07")
	}
	for range 1 + rnd.Intn(5) {
		name += "/" + pick("a", "p", "q", "a", "p", "q", "library", "zz", "p-q", "aa")
	}
	if rnd.Intn(8) == 0 {
		if more := 250 + rnd.Intn(8) - len(name) - rnd.Intn(2)*rnd.Intn(30); more > 1 {
			name += "/" + strings.Repeat("a", more-1)
		}
	}
	return name
}

// Each of many random references is in one class, however long it is, and goes where the class says.
func TestRandomReferencesAreInOneClassAndGoItsWay(t *testing.T) {
	compared := 0
	for i := range int64(count(1_000)) {
		rnd := rand.New(rand.NewSource(*seed + i))
		r, what := randomRoutes(rnd)
		names := make([]string, 1_000)
		for j := range names {
			names[j] = randomName(rnd)
		}
		compared += requireExact(t, newWorld(r), names, func() string { return what() + fmt.Sprint("seed ", *seed+i) })
	}
	t.Log(compared, "plans compared")
	require.Greater(t, compared, count(1_000_000))
}

func allNames() (names []string) {
	for _, host := range worldHosts {
		for _, port := range worldPorts {
			for _, path := range allPaths() {
				names = append(names, host+port+path)
			}
		}
	}
	return append(names, pathsOf(4, append([]string{"library", "foo.bar"}, worldComponents...))...)
}

// Every reference over a small alphabet is in exactly one class, and goes where the class says.
func TestEveryReferenceIsInOneClassAndGoesItsWay(t *testing.T) {
	names := allNames()
	compared := 0
	for i := range int64(count(2_000)) {
		rnd := rand.New(rand.NewSource(*seed + i))
		r, what := randomRoutes(rnd)
		w := newWorld(r)
		some := make([]string, sample(len(names)))
		for i, j := range rnd.Perm(len(names))[:len(some)] {
			some[i] = names[j]
		}
		compared += requireExact(t, w, some, func() string { return what() + fmt.Sprint("seed ", *seed+i) })
	}
	t.Log(compared, "plans compared")
}

var (
	long = flag.Bool("long", false, "compare all references of all worlds, see docs/full-runs.md")
	seed = flag.Int64("seed", 20261125, "the seed of the first world; each further world has the next")
)

// count returns how many of the full count of worlds a run makes.
func count(full int) int {
	if *long {
		return full
	}
	return full / 20
}

// sample returns how many references of a world a run looks at.
func sample(all int) int {
	if *long {
		return all
	}
	return all / 20
}

func describe(t *resolve.LinuxTable) string {
	var b strings.Builder
	for _, e := range t.Entries() {
		var mirrors []string
		for _, m := range e.Mirrors {
			mirrors = append(mirrors, m.Location+" "+string(m.Pull))
		}
		fmt.Fprintf(&b, "%s location %q blocked %v digests %v mirrors %q\n", e.Prefix, e.Location, e.Blocked, e.MirrorByDigestOnly, slices.Clip(mirrors))
	}
	search, _ := t.SearchRegistries()
	fmt.Fprintf(&b, "search %q aliases %q\n", search, t.Aliases())
	return b.String()
}

// changed returns routes that differ in little from those of a table and a policy, and often in nothing that matters.
func changed(rnd *rand.Rand, table *resolve.LinuxTable, policy *policyjson.Policy) (before, after *Routes, what string) {
	config := resolve.LinuxConfig{Entries: table.Entries(), Aliases: table.Aliases()}
	config.SearchRegistries, _ = table.SearchRegistries()
	newPolicy := policy
	switch rnd.Intn(8) {
	case 0: // an entry gone
		i := rnd.Intn(len(config.Entries))
		config.Entries = slices.Delete(config.Entries, i, i+1)
	case 1, 2: // an entry that does what the one around it does
		e := config.Entries[rnd.Intn(len(config.Entries))]
		if !strings.HasPrefix(e.Prefix, "*") && e.Prefix == e.Location {
			e.Prefix += "/p"
			e.Location = e.Prefix
			e.Mirrors = slices.Clone(e.Mirrors)
			for i := range e.Mirrors {
				e.Mirrors[i].Location += "/p"
			}
			config.Entries = append(config.Entries, e)
		}
	case 3:
		config.Entries[rnd.Intn(len(config.Entries))].Blocked = rnd.Intn(2) == 0
	case 4:
		config.Entries = randomTable(rnd).Entries()
	case 5:
		config.SearchRegistries = append(config.SearchRegistries, worldHosts[rnd.Intn(len(worldHosts))])
	case 6:
		config.Aliases = map[string]string{"p": "m.io/p"}
	case 7:
		newPolicy = randomPolicy(rnd)
	}
	other := resolve.LinuxTableOf(config)
	what = describe(table) + string(policy.Bytes()) + "\n" + describe(other) + string(newPolicy.Bytes())
	return judgedBy(table, policy), judgedBy(other, newPolicy), what
}

// Of two tables Diff is empty exactly when no reference goes another way.
func TestDiffIsEmptyExactlyWhenNothingDiffers(t *testing.T) {
	names := allNames()
	equal, unequal := 0, 0
	for i := range int64(count(2_000)) {
		rnd := rand.New(rand.NewSource(*seed + i))
		policy := &policyjson.Policy{Default: policyjson.Requirements{{Type: policyjson.Accept}}}
		if rnd.Intn(3) == 0 {
			policy = randomPolicy(rnd)
		}
		a, b, what := changed(rnd, randomTable(rnd), policy)
		differs := ""
		for _, i := range rnd.Perm(len(names))[:sample(len(names))] {
			for _, kind := range kinds {
				old, okOld := a.sides[0].route(names[i], "", kind)
				new, okNew := b.sides[0].route(names[i], "", kind)
				if okOld && okNew && !slices.Equal(fetched(&old.plan), fetched(&new.plan)) {
					differs = names[i]
				}
			}
		}
		changes := Diff(a, b)
		for _, c := range changes {
			require.Equal(t, c.Before.Image, c.After.Image)
			require.NotEqual(t, fetched(&c.Before), fetched(&c.After), c.Pattern)
		}
		if differs != "" {
			require.NotEmpty(t, changes, "seed %d: %s differs\n%s", *seed+i, differs, what)
			unequal++
		} else {
			equal++
		}
	}
	t.Log(unequal, "pairs with differences,", equal, "without")
	require.Greater(t, equal, 20)
	require.Greater(t, unequal, 20)
}

// A statement holds exactly when no reference contradicts it, and a counterexample is as small as any.
func TestAStatementHoldsExactlyWhenNoReferenceContradictsIt(t *testing.T) {
	names := allNames()
	holding, failing := 0, 0
	for i := range int64(count(400)) {
		rnd := rand.New(rand.NewSource(*seed + i))
		table := randomTable(rnd)
		policy := &policyjson.Policy{Default: policyjson.Requirements{{Type: policyjson.Accept}}}
		if rnd.Intn(4) == 0 {
			policy = randomPolicy(rnd)
		}
		scope := func() string {
			if rnd.Intn(4) == 0 {
				return worldWildcards[rnd.Intn(len(worldWildcards)-1)]
			}
			host, path := network.SplitHost(names[rnd.Intn(len(worldHosts)*len(worldPorts)*len(allPaths()))])
			for rnd.Intn(3) > 0 && path != "" {
				path = path[:strings.LastIndexByte(path, '/')]
			}
			return host + path
		}
		statements := []Statement{
			{Never: scope()}, {Never: scope(), Except: []string{scope()}}, {Images: scope(), Only: []string{scope(), scope()}},
			{Mirrored: scope()}, {Mirrored: scope(), By: mirrorset.ByDigest}, {Images: scope(), First: scope()},
		}
		if entries := table.Entries(); rnd.Intn(3) > 0 { // more of these are to hold
			e := entries[rnd.Intn(len(entries))]
			statements = append(statements, Statement{Never: e.Prefix}, Statement{Mirrored: e.Prefix}, Statement{Images: e.Prefix, Only: append(linuxEntry("", &e).bases, e.Prefix)})
			if len(e.Mirrors) > 0 {
				statements = append(statements, Statement{Images: e.Prefix, First: e.Mirrors[0].Location})
			}
		}
		r := judgedBy(table, policy)
		verdicts := Check(statements, r, nil)
		require.Len(t, verdicts, len(statements))
		smallest := make([]string, len(statements))
		for _, i := range rnd.Perm(len(names))[:sample(len(names))] {
			name := names[i]
			host, path := network.SplitHost(name)
			if onTheWire(name) != name && !strings.HasPrefix(name, "docker.io/") || host == "registry-1.docker.io" {
				continue
			}
			for _, kind := range kinds {
				route, ok := r.sides[0].route(name, "", kind)
				if !ok {
					continue
				}
				pull := wire(append(route.plan.Asked, route.plan.Pull...))
				for j, s := range statements {
					bad := false
					switch {
					case host == "" && s.Never == "":
					case s.Never != "":
						bad = slices.ContainsFunc(pull, func(l string) bool {
							return in(l, s.Never) && !slices.ContainsFunc(s.Except, func(e string) bool { return in(l, e) })
						})
					case s.Mirrored != "":
						bad = in(wireName(name), s.Mirrored) && (s.By == "" || s.By == kind) && !slices.ContainsFunc(route.plan.Pull, func(a resolve.Attempt) bool { return a.Role == resolve.RoleMirror })
					case s.First != "":
						if in(wireName(name), s.Images) {
							rest := path
							if !strings.HasPrefix(s.Images, "*") {
								_, scopePath := network.SplitHost(s.Images)
								rest = path[len(scopePath):]
							} else if _, port := splitPort(host); port != "" {
								rest = port + path
							}
							bad = len(route.plan.Pull) == 0 || pull[0] != wireName(s.First+rest)
						}
					default:
						bad = in(wireName(name), s.Images) && slices.ContainsFunc(pull, func(l string) bool { return !slices.ContainsFunc(s.Only, func(o string) bool { return in(l, o) }) })
					}
					// A name with a registry counts before one without.
					if old, _ := network.SplitHost(smallest[j]); bad && (smallest[j] == "" || old == "" && host != "" || (host == "") == (old == "") && len(name) < len(smallest[j])) {
						smallest[j] = name
					}
				}
			}
		}
		for j, v := range verdicts {
			what := fmt.Sprintf("seed %d: %s, against it %s\n%s%s", *seed+i, v.Statement, smallest[j], describe(table), policy.Bytes())
			if v.Empty {
				continue
			}
			if smallest[j] != "" {
				failing++
				require.False(t, v.Holds, what)
				name, _, _ := strings.Cut(strings.TrimSuffix(v.Counterexample.Reference, ":1"), "@")
				if host, _ := network.SplitHost(smallest[j]); host != "" {
					require.LessOrEqual(t, len(name), len(smallest[j]), what)
					require.False(t, resolve.IsShortName(v.Counterexample.Reference), what)
				}
			} else if v.Holds {
				holding++
			}
		}
	}
	require.Greater(t, holding, 20)
	require.Greater(t, failing, 20)
}

// in is within, over locations as the network sees them, said in another way.
func in(location, scope string) bool {
	if strings.HasPrefix(scope, "*.") {
		host := strings.Split(strings.Split(location, "/")[0], ":")[0]
		return strings.HasSuffix(strings.ToLower(host), strings.ToLower(scope[1:])) && host != scope[2:]
	}
	return strings.HasPrefix(location+"/", wireName(scope)+"/")
}

func wireName(name string) string { return onTheWire(name) }
