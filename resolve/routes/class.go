package routes

import (
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Routes are the routes of one table. They are made by [Linux] or [Containerd], share nothing that
// changes, and may be asked from any number of goroutines. The zero value, and nil, are those of an
// empty file: every image comes from its source.
type Routes struct {
	*cutter
}

// made returns routes that can be asked.
func (r *Routes) made() *Routes {
	if r == nil || r.cutter == nil {
		return Linux(nil)
	}
	return r
}

// Linux returns the routes of a Linux node.
func Linux(t *resolve.LinuxTable) *Routes { return &Routes{newCutter(nil, linuxSide(t))} }

// Containerd returns the routes of a node with containerd.
func Containerd(t *resolve.ContainerdTable) *Routes {
	return &Routes{newCutter(nil, containerdSide(t))}
}

// LinuxJudged returns the routes of a Linux node whose policy.json judges what is fetched: apply
// says what becomes of a plan, by the names of its references without their tags and digests, and
// scopes are those by which it tells names apart (package policyjson has both, Policy.ByName).
func LinuxJudged(t *resolve.LinuxTable, scopes []string, apply func(resolve.Plan) resolve.Plan) *Routes {
	s := linuxSide(t)
	s.judge(scopes, apply)
	return &Routes{newCutter(nil, s)}
}

// Class is a set of references that all go the same way: of one kind, with names of one pattern
// that no pattern inside it holds as well.
type Class struct {
	Platform finding.Platform
	Kind     mirrorset.Pull
	Pattern  Pattern
	// Resolve are the steps that turn a tag into a digest; empty on Linux, and for pulls by digest.
	Resolve []Step
	// Pull are the steps that fetch the image. Where both are empty nothing of the class can be
	// pulled; the findings of Plan say why.
	Pull []Step
	// Asked are the steps that are asked for the manifest of an image which policy.json refuses then.
	Asked []Step
	// Plan is that of an example with the fewest characters.
	Plan resolve.Plan
	// MaxRest is how many characters of a name may follow the pattern's scope: with more of them a
	// step is longer than a reference may be, and the client stops the pull, or leaves out the full
	// name in question of a name without a registry. 0 stands for no such limit beside that of the
	// name itself. A port of any length counts as that of the example, and a name without a registry with
	// the slash before it in its full names.
	MaxRest int
}

// Pattern is a set of names: hosts, a path below them, and how deep below.
type Pattern struct {
	// Hosts is one host as it is spelled, or a set: "*.example.org" are the hosts below
	// example.org, "quay.io:*" the names with any port, "*" every host. "*.org.*.example.org" are
	// hosts that a client does not match with *.org, because its end stands in them twice. A set
	// holds no host for which there is a pattern of its own. It is empty for names without a
	// registry, of which Path is the begin.
	Hosts string
	// Path is empty, or "/" and components.
	Path string
	// Exactly, Below and Deeper say which names are in the pattern: the repository at Path itself,
	// those one component longer, and all others inside it.
	Exactly, Below, Deeper bool
}

// String returns the pattern: "quay.io/team" with all that is inside it, "quay.io/team exactly",
// "quay.io/team/*" for names one component longer, "quay.io/team/*/**" for longer ones, and
// "quay.io/team/**" for both. Names without a registry are "short names team" and so on, "short
// names *" for all of them, or where longer ones have a pattern of their own, "short names */**",
// for those of one component.
func (p Pattern) String() string {
	scope := p.Hosts + p.Path
	switch {
	case p.Short() && p.Path == "" && p.Below:
		return shortNames + "*"
	case p.Short() && p.Path == "":
		return shortNames + "*/**"
	case p.Short():
		scope = shortNames + p.Path[1:]
	}
	inside := scope + p.depth()
	switch {
	case inside == scope && !p.Below:
		return scope + " exactly"
	case p.Exactly && inside != scope:
		return scope + " exactly, and " + inside
	}
	return inside
}

// depth says which of the names beyond the scope are in the pattern; empty for all, and for none.
func (p Pattern) depth() string {
	switch {
	case p.Below && p.Deeper && !p.Exactly && p.Path != "": // a host by itself is no repository
		return "/**"
	case p.Below && !p.Deeper:
		return "/*"
	case p.Deeper && !p.Below:
		return "/*/**"
	}
	return ""
}

const shortNames = "short names "

// Step is one place that every reference of a class is asked at.
type Step struct {
	// Base is a location, and what follows the pattern's scope in the name is appended to it. Where
	// the client hands the port of the name on, the port is that of the example.
	Base string
	// Itself is set where the location is the name itself; Base is then that of the example.
	Itself bool
	// Source is set for the registry that the name has.
	Source bool
	// Insecure is set where the location is asked without a look at its certificate, or by plain HTTP.
	Insecure bool
	// Origins are the fields that name the location.
	Origins []finding.Origin
}

// Classes yields the classes of all references whose names exist, a set of hosts before those taken
// out of it, and names without a registry last. Each such reference is in exactly one class: that of the
// most specific pattern. Work is done as the loop goes on.
func (r *Routes) Classes() iter.Seq[Class] {
	r = r.made()
	return func(yield func(Class) bool) {
		for g := range r.groups() {
			route := g.cell.routes[0][g.kind]
			class := Class{Platform: r.sides[0].platform, Kind: kinds[g.kind], Pattern: g.pattern,
				Resolve: route.resolve, Pull: route.pull, Asked: route.asked, Plan: route.plan, MaxRest: r.maxRest(g)}
			if !yield(class) {
				return
			}
		}
	}
}

// group is a set of names that every side leads one way: the cells of one cut that are alike.
type group struct {
	at      *cut
	kind    int
	cell    *cell // the first of them
	pattern Pattern
}

// groups yields the groups of all names, as far as they are not folded into what is around them.
func (c *cutter) groups() iter.Seq[group] {
	return func(yield func(group) bool) {
		roots := make([]cut, 0, len(c.list))
		for cuts := range c.hosts() {
			roots = append(roots, cuts[0])
			for i := range cuts {
				for k := range kinds {
					for _, g := range c.groupsAt(cuts, i, k, roots) {
						if !yield(g) {
							return
						}
					}
				}
			}
		}
	}
}

// groupsAt returns the groups that begin at a cut.
func (c *cutter) groupsAt(cuts []cut, i, k int, roots []cut) []group {
	at := &cuts[i]
	var groups []group
	for d := range at.cells {
		cell := &at.cells[d]
		if !cell.exists[k] || c.folded(cuts, i, depth(d), k, roots) {
			continue
		}
		j := slices.IndexFunc(groups, func(g group) bool {
			return at.alike ||
				c.sameRoutes(g.cell, cell, k, unchanged)
		})
		if j < 0 {
			j = len(groups)
			groups = append(groups, group{at: at, kind: k, cell: cell,
				pattern: Pattern{Hosts: c.list[at.point].pattern, Path: at.path}})
		}
		groups[j].pattern.add(depth(d))
	}
	return groups
}

// Short reports whether the names have no registry. To the client such a name is a list of full
// names: of the one that the file has for it, or of one in each search registry.
func (p *Pattern) Short() bool { return p.Hosts == "" }

func (p *Pattern) add(d depth) {
	switch d {
	case exactly:
		p.Exactly = true
	case below:
		p.Below = true
	case deeper:
		p.Deeper = true
	}
}

// folded reports whether a cell is the same function of the name as the cell around it.
func (c *cutter) folded(cuts []cut, i int, d depth, k int, roots []cut) bool {
	at := &cuts[i]
	own := &at.cells[d]
	if at.path != "" {
		around := &cuts[at.parent]
		rest := at.path[len(around.path):]
		outer := deeper
		if d == exactly && strings.Count(rest, "/") == 1 {
			outer = below
		}
		return c.sameRoutes(&around.cells[outer], own, k, func(base string) string { return base + rest }) &&
			c.sameLimits(around, &around.cells[outer], at, own, k, len(rest))
	}
	parent := c.list[at.point].parent
	if parent == at.point {
		return false
	}
	_, from := splitPort(c.list[parent].host)
	_, to := splitPort(c.list[at.point].host)
	return c.sameRoutes(&roots[parent].cells[d], own, k, func(base string) string {
		host, path := network.SplitHost(base)
		if name, ok := strings.CutSuffix(host, from); ok && from != "" { // a port that is handed on
			return name + to + path
		}
		return base
	}) && c.sameLimits(&roots[parent], &roots[parent].cells[d], at, own, k, len(to)-len(from))
}

// sameLimits reports whether names of a cell are as long as those of the cell around it may be, on
// every side; longer says how much longer what the client writes down is.
func (c *cutter) sameLimits(around *cut, outer *cell, at *cut, own *cell, k, longer int) bool {
	for side := range c.sides {
		if r := &own.routes[side][k]; len(r.pull)+len(r.asked) == 0 {
			continue
		}
		longest := c.longest(at)
		if min(longest, c.limit(around, outer, side, k)-longer) != min(longest, c.limit(at, own, side, k)) {
			return false
		}
	}
	return true
}

// sameRoutes reports whether two cells are the same function of the name, on every side.
func (c *cutter) sameRoutes(a, b *cell, k int, rename func(string) string) bool {
	for i := range c.sides {
		if !sameRoute(a.routes[i][k], b.routes[i][k], rename) {
			return false
		}
	}
	return true
}

func unchanged(base string) string { return base }

// sameRoute reports whether two routes ask the same places in the same way; rename turns a base of the first into
// one of the second.
func sameRoute(a, b route, rename func(string) string) bool {
	same := func(a, b []Step) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i].Itself != b[i].Itself || a[i].Insecure != b[i].Insecure ||
				!a[i].Itself && network.Place(rename(a[i].Base)) != network.Place(b[i].Base) {
				return false
			}
		}
		return true
	}
	return same(a.pull, b.pull) && same(a.resolve, b.resolve) && same(a.asked, b.asked)
}

// maxRest returns the MaxRest of a group on the first side.
func (c *cutter) maxRest(g group) int {
	r, p := &g.cell.routes[0][g.kind], g.pattern
	if len(r.pull)+len(r.asked) == 0 || !p.Below && !p.Deeper {
		return 0
	}
	if limit := c.limit(g.at, g.cell, 0, g.kind); limit < c.longest(g.at) {
		return limit
	}
	return 0
}

// longest returns how many characters can follow a cut in a name.
func (c *cutter) longest(at *cut) int {
	p := &c.list[at.point]
	if strings.HasPrefix(p.pattern, "*") {
		return maxName - len(at.path) // the hosts are of any length
	}
	return maxName - len(p.host) - len(at.path)
}

// limit returns how many characters may follow a cut, so that all that the client writes down is a
// reference; of a cell of names without a registry, so that all full names lead where they do.
func (c *cutter) limit(at *cut, in *cell, side, k int) int {
	if in.short() {
		return c.shortLimit(at, in, side, k)
	}
	e := at.entries[side]
	if e == nil {
		return noLimit
	}
	return maxName - e.longest[k] - (len(at.path) - len(e.path))
}

// shortLimit asks for longer and longer names.
func (c *cutter) shortLimit(at *cut, in *cell, side, k int) int {
	if in.beyond == "" { // the name of the cut itself has no rest; those around it tell
		in = &at.cells[below]
	}
	limit := len(in.beyond) + sort.Search(maxName-len(at.path)-len(in.beyond), func(more int) bool {
		long := in.beyond + strings.Repeat("a", more)
		got, ok := c.sides[side].route(at.path+long, long, kinds[k])
		return !ok || !sameRoute(in.routes[side][k], got, unchanged)
	}) - 1
	long := in.beyond + strings.Repeat("a", limit+1-len(in.beyond))
	if _, ok := c.sides[side].route(at.path+long, long, kinds[k]); !ok {
		return noLimit // there are no longer names
	}
	return limit
}

// maxName is how long a name may be (github.com/distribution/reference, NameTotalLengthMax).
const maxName = 255

const noLimit = maxName * maxName
