package routes

import (
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Routes are the routes of one table. They are made by [Linux] or [Containerd], share nothing that
// changes, and may be asked from any number of goroutines.
type Routes struct {
	*cutter
}

// Linux returns the routes of a Linux node.
func Linux(t *resolve.LinuxTable) *Routes { return &Routes{newCutter(nil, linuxSide(t))} }

// Containerd returns the routes of a node with containerd.
func Containerd(t *resolve.ContainerdTable) *Routes {
	return &Routes{newCutter(nil, containerdSide(t))}
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
	// Plan is that of an example with the fewest characters.
	Plan resolve.Plan
	// MaxRest is how many characters of a name may follow the pattern's scope: with more of them a
	// step is longer than a reference may be, and the client stops the pull. 0 stands for no such
	// limit beside that of the name itself.
	MaxRest int
}

// Pattern is a set of names: hosts, a path below them, and how deep below.
type Pattern struct {
	// Hosts is one host as it is spelled, or a set: "*.example.org" are the hosts below
	// example.org, "quay.io:*" the names with any port, "*" every host. "*.org.*.example.org" are
	// hosts that a client does not match with *.org, because its end stands in them twice. A set
	// holds no host for which there is a pattern of its own.
	Hosts string
	// Path is empty, or "/" and components.
	Path string
	// Exactly, Below and Deeper say which names are in the pattern: the repository at Path itself,
	// those one component longer, and all others inside it.
	Exactly, Below, Deeper bool
}

// String returns the pattern: "quay.io/team" with all that is inside it, "quay.io/team exactly",
// "quay.io/team/*" for names one component longer, "quay.io/team/*/**" for longer ones, and
// "quay.io/team/**" for both.
func (p Pattern) String() string {
	scope := p.Hosts + p.Path
	switch {
	case p.Below && p.Deeper && (p.Exactly || p.Path == ""):
		return scope
	case p.Below && p.Deeper:
		return scope + "/**"
	case p.Exactly && p.Below:
		return scope + " exactly, and " + scope + "/*"
	case p.Exactly && p.Deeper:
		return scope + " exactly, and " + scope + "/*/**"
	case p.Below:
		return scope + "/*"
	case p.Deeper:
		return scope + "/*/**"
	}
	return scope + " exactly"
}

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
// out of it. Each such reference is in exactly one class: that of the most specific pattern. Work
// is done as the loop goes on.
func (r *Routes) Classes() iter.Seq[Class] {
	return func(yield func(Class) bool) {
		for g := range r.groups() {
			route := g.cell.routes[0][g.kind]
			class := Class{Platform: r.sides[0].platform, Kind: kinds[g.kind], Pattern: g.pattern,
				Resolve: route.resolve, Pull: route.pull, Plan: route.plan, MaxRest: r.maxRest(g)}
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
		j := slices.IndexFunc(groups, func(g group) bool { return c.sameRoutes(g.cell, cell, k, unchanged) })
		if j < 0 {
			j = len(groups)
			groups = append(groups, group{at: at, kind: k, cell: cell, pattern: Pattern{Hosts: c.list[at.point].pattern, Path: at.path}})
		}
		groups[j].pattern.add(depth(d))
	}
	return groups
}

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
	if at.parent >= 0 {
		around := &cuts[at.parent]
		rest := at.path[len(around.path):]
		outer := deeper
		if d == exactly && strings.Count(rest, "/") == 1 {
			outer = below
		}
		return c.sameRoutes(&around.cells[outer], own, k, func(base string) string { return base + rest })
	}
	parent := c.list[at.point].parent
	if parent < 0 {
		return false
	}
	_, from := splitPort(c.list[parent].host)
	_, to := splitPort(c.list[at.point].host)
	return c.sameRoutes(&roots[parent].cells[d], own, k, func(base string) string {
		host, path := splitHost(base)
		if name, ok := strings.CutSuffix(host, from); ok { // a port that is handed on
			return name + to + path
		}
		return base
	})
}

// sameRoutes reports whether two cells are the same function of the name, on every side.
func (c *cutter) sameRoutes(a, b *cell, k int, rename func(string) string) bool {
	if !a.exists[k] || !b.exists[k] {
		return false
	}
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
			if a[i].Itself != b[i].Itself || a[i].Insecure != b[i].Insecure || !a[i].Itself && place(rename(a[i].Base)) != place(b[i].Base) {
				return false
			}
		}
		return true
	}
	return same(a.pull, b.pull) && same(a.resolve, b.resolve)
}

// place is onTheWire, but for what a hosts.toml calls docker.io: that is asked as it is, and is no
// registry.
func place(location string) string {
	if host, _ := splitHost(location); host == "docker.io" {
		return location
	}
	return onTheWire(location)
}

// maxRest returns the MaxRest of a group: it asks for longer and longer names, where a base is
// longer than the scope.
func (r *Routes) maxRest(g group) int {
	side, host, path := r.sides[0], r.list[g.at.point].host, g.at.path
	e := g.at.entries[0]
	longer := e != nil && slices.ContainsFunc(e.bases, func(base string) bool { return len(base)-len(e.path) > len(host) })
	beyond := g.cell.beyond
	if beyond == "" { // a group with this very name holds longer ones as well, or has no rest
		beyond = g.at.cells[below].beyond
		longer = longer && g.pattern.Below
	}
	if !longer {
		return 0
	}
	most := maxName - len(host) - len(path)
	fits := func(rest int) bool {
		long := beyond + strings.Repeat("a", rest-len(beyond))
		got, ok := side.route(host+path+long, long, kinds[g.kind])
		return ok && sameRoute(g.cell.routes[0][g.kind], got, unchanged)
	}
	if most < len(beyond) || fits(most) {
		return 0
	}
	return sort.Search(most, func(rest int) bool { return rest >= len(beyond) && !fits(rest) }) - 1
}

// maxName is how long a name may be (github.com/distribution/reference, NameTotalLengthMax).
const maxName = 255
