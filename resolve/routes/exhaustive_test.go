package routes

import (
	"flag"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
	"github.com/stretchr/testify/require"
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

func allPaths() (paths []string) {
	level := []string{""}
	for range 4 {
		var next []string
		for _, path := range level {
			for _, c := range worldComponents {
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
	return resolve.LinuxTableOf(c)
}

// world answers for references by the classes alone.
type world struct {
	*Routes
	cuts    [][]cut
	roots   []cut
	classes map[string][]Class
}

func newWorld(r *Routes) *world {
	w := &world{Routes: r, classes: map[string][]Class{}}
	for cuts := range r.hosts() {
		w.cuts, w.roots = append(w.cuts, cuts), append(w.roots, cuts[0])
	}
	for c := range r.Classes() {
		key := fmt.Sprint(c.Kind, c.Pattern.Hosts, c.Pattern.Path)
		w.classes[key] = append(w.classes[key], c)
	}
	return w
}

// locations are what the class of a name asks, or nil and false where no class has the name.
func (w *world) locations(t *testing.T, name string, k int) (resolve, pull []string, found bool) {
	host, path := splitHost(name)
	at := w.find(host)
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
		for _, c := range w.classes[fmt.Sprint(kinds[k], w.list[at].pattern, cuts[i].path)] {
			if n := strings.Count(rest, "/"); n == 0 && c.Pattern.Exactly || n == 1 && c.Pattern.Below || n > 1 && c.Pattern.Deeper {
				matching = append(matching, c)
			}
		}
		require.LessOrEqual(t, len(matching), 1, "%s is in more than one class", name)
		if len(matching) == 1 {
			c := matching[0]
			_, port := splitPort(w.list[at].host)
			_, own := splitPort(host)
			return applied(c.Resolve, name, rest, port, own), applied(c.Pull, name, rest, port, own), true
		}
		if i = cuts[i].parent; i >= 0 {
			continue
		}
		if at = w.list[at].parent; at < 0 {
			return nil, nil, false
		}
		cuts, i = w.cuts[at], 0
	}
}

func applied(steps []Step, name, rest, port, own string) (locations []string) {
	for _, s := range steps {
		if s.Itself {
			locations = append(locations, onTheWire(name))
			continue
		}
		host, path := splitHost(s.Base)
		if base, ok := strings.CutSuffix(host, port); ok && port != own {
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

// requireExact holds every name against its class.
func requireExact(t *testing.T, w *world, names []string, what func() string) (compared int) {
	for _, name := range names {
		for k, kind := range kinds {
			r, err := resolve.ParseReference(name + suffix(kind))
			if err != nil || r.Name() != name {
				continue
			}
			plan, err := w.sides[0].plan(name + suffix(kind))
			if err != nil {
				continue
			}
			compared++
			gotResolve, gotPull, found := w.locations(t, name, k)
			require.True(t, found, "%s is in no class\n%s", name, what())
			require.Equal(t, wire(plan.Resolve), gotResolve, "resolve of %s %s\n%s", name, kind, what())
			require.Equal(t, wire(plan.Pull), gotPull, "pull of %s %s\n%s", name, kind, what())
		}
	}
	return compared
}

func allNames() (names []string) {
	for _, host := range worldHosts {
		for _, port := range worldPorts {
			for _, path := range allPaths() {
				names = append(names, host+port+path)
			}
		}
	}
	return names
}

// Every reference over a small alphabet is in exactly one class, and goes where the class says.
func TestEveryReferenceIsInOneClassAndGoesItsWay(t *testing.T) {
	names := allNames()
	compared := 0
	for seed := range int64(count(2_000)) {
		rnd := rand.New(rand.NewSource(seed))
		table := randomTable(rnd)
		w := newWorld(Linux(table))
		some := make([]string, sample(len(names)))
		for i, j := range rnd.Perm(len(names))[:len(some)] {
			some[i] = names[j]
		}
		compared += requireExact(t, w, some, func() string { return describe(table) + fmt.Sprint("seed ", seed) })
	}
	t.Log(compared, "plans compared")
}

var long = flag.Bool("long", false, "compare all references of all worlds, see docs/full-runs.md")

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
	return b.String()
}

// Of two tables Diff is empty exactly when no reference goes another way.
func TestDiffIsEmptyExactlyWhenNothingDiffers(t *testing.T) {
	names := allNames()
	equal, changed := 0, 0
	for seed := range int64(count(400)) {
		rnd := rand.New(rand.NewSource(seed))
		before := randomTable(rnd)
		entries := before.Entries()
		switch rnd.Intn(5) { // most are to differ in little
		case 0: // an entry gone
			i := rnd.Intn(len(entries))
			entries = slices.Delete(entries, i, i+1)
		case 1: // an entry that does what the one around it does
			e := entries[rnd.Intn(len(entries))]
			if !strings.HasPrefix(e.Prefix, "*") && e.Prefix == e.Location {
				e.Prefix += "/p"
				e.Location = e.Prefix
				for i := range e.Mirrors {
					e.Mirrors[i].Location += "/p"
				}
				entries = append(entries, e)
			}
		case 2:
			entries[rnd.Intn(len(entries))].Blocked = rnd.Intn(2) == 0
		case 3:
			entries = randomTable(rnd).Entries()
		}
		after := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: entries})
		a, b := Linux(before), Linux(after)
		differs := ""
		for _, i := range rnd.Perm(len(names))[:sample(len(names))] {
			for _, kind := range kinds {
				old, okOld := a.sides[0].route(names[i], "", kind)
				new, okNew := b.sides[0].route(names[i], "", kind)
				if okOld && okNew && !slices.Equal(wire(old.plan.Pull), wire(new.plan.Pull)) {
					differs = names[i]
				}
			}
		}
		changes := Diff(a, b)
		for _, c := range changes {
			require.Equal(t, c.Before.Image, c.After.Image)
			require.NotEqual(t, wire(c.Before.Pull), wire(c.After.Pull), c.Pattern)
		}
		if differs != "" {
			require.NotEmpty(t, changes, "seed %d: %s differs\n%s\n%s", seed, differs, describe(before), describe(after))
			changed++
		} else {
			equal++
		}
	}
	require.Greater(t, equal, 5)
	require.Greater(t, changed, 5)
}

// A statement holds exactly when no reference contradicts it, and a counterexample is as small as any.
func TestAStatementHoldsExactlyWhenNoReferenceContradictsIt(t *testing.T) {
	names := allNames()
	holding, failing := 0, 0
	for seed := range int64(count(400)) {
		rnd := rand.New(rand.NewSource(seed))
		table := randomTable(rnd)
		scope := func() string {
			if rnd.Intn(4) == 0 {
				return worldWildcards[rnd.Intn(len(worldWildcards)-1)]
			}
			name := names[rnd.Intn(len(names))]
			host, path := splitHost(name)
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
			statements = append(statements, Statement{Never: e.Prefix}, Statement{Mirrored: e.Prefix}, Statement{Images: e.Prefix, Only: append(linuxBases(&e), e.Prefix)})
			if len(e.Mirrors) > 0 {
				statements = append(statements, Statement{Images: e.Prefix, First: e.Mirrors[0].Location})
			}
		}
		r := Linux(table)
		verdicts := Check(statements, r, nil)
		require.Len(t, verdicts, len(statements))
		smallest := make([]string, len(statements))
		for _, i := range rnd.Perm(len(names))[:sample(len(names))] {
			name := names[i]
			host, path := splitHost(name)
			if onTheWire(name) != name && !strings.HasPrefix(name, "docker.io/") || host == "registry-1.docker.io" {
				continue
			}
			for _, kind := range kinds {
				route, ok := r.sides[0].route(name, "", kind)
				if !ok {
					continue
				}
				pull := wire(route.plan.Pull)
				for j, s := range statements {
					bad := false
					switch {
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
								_, scopePath := splitHost(s.Images)
								rest = path[len(scopePath):]
							} else if _, port := splitPort(host); port != "" {
								rest = port + path
							}
							bad = len(pull) == 0 || pull[0] != wireName(s.First+rest)
						}
					default:
						bad = in(wireName(name), s.Images) && slices.ContainsFunc(pull, func(l string) bool { return !slices.ContainsFunc(s.Only, func(o string) bool { return in(l, o) }) })
					}
					if bad && (smallest[j] == "" || len(name) < len(smallest[j])) {
						smallest[j] = name
					}
				}
			}
		}
		for j, v := range verdicts {
			what := fmt.Sprintf("seed %d: %s, against it %s\n%s", seed, v.Statement, smallest[j], describe(table))
			if v.Empty {
				continue
			}
			if smallest[j] != "" {
				failing++
				require.False(t, v.Holds, what)
				name, _, _ := strings.Cut(strings.TrimSuffix(v.Counterexample.Reference, ":1"), "@")
				require.LessOrEqual(t, len(name), len(smallest[j]), what)
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
