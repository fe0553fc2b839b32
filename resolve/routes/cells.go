package routes

import (
	"iter"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
)

// depth says which names below a cut a cell holds.
type depth uint8

const (
	exactly depth = iota // the name of the cut itself
	below                // one component more, off every other cut
	deeper               // two components or more, off every other cut
	depths
)

// cut is a path at which a table begins to lead names elsewhere.
type cut struct {
	point  int
	path   string // empty, or "/" and components
	parent int    // the cut around it on the same host, in the list of cuts of that host; the host itself has none
	// entries are, by side, those that govern the names of the cut; nil where none does.
	entries []*entry
	// alike is set where the cells are one function of the name: one of them is asked then, and
	// speaks for all.
	alike bool
	// cells are the names of the cut by depth, and what the sides say to each kind of pull.
	cells [depths]cell
}

// cell is a set of names that nothing tells apart, by one example.
type cell struct {
	name   string // the example
	beyond string // the end of the name that follows the cut
	// routes are, by side and kind of pull, where the example leads; exists is false where no such
	// name is.
	routes [][len(kinds)]route
	exists [len(kinds)]bool
}

var kinds = [...]mirrorset.Pull{mirrorset.ByTag, mirrorset.ByDigest}

// cutter cuts the names of some tables.
type cutter struct {
	sides  []*side
	scopes []string // that questions name: they are cuts as well
	// wireScopes are the same as the network sees them, sorted.
	wireScopes []string
	*points
}

func newCutter(scopes []string, sides ...*side) *cutter {
	c := &cutter{sides: sides, scopes: scopes, points: newPoints(sides, scopes)}
	for _, scope := range scopes {
		c.wireScopes = append(c.wireScopes, onTheWire(scope))
	}
	slices.SortFunc(c.wireScopes, comparePaths)
	return c
}

// hosts yields the cuts of each point, the host itself first and each cut after the one around it.
// What a point is part of comes before it.
func (c *cutter) hosts() iter.Seq[[]cut] {
	return func(yield func([]cut) bool) {
		scopes := map[string][]string{} // paths by host
		for _, scope := range c.scopes {
			host, path := network.SplitHost(scope)
			scopes[host] = append(scopes[host], path)
		}
		for i := range c.list {
			if !yield(c.cuts(i, scopes)) {
				return
			}
		}
	}
}

// cuts returns the cuts of a point.
func (c *cutter) cuts(at int, scopes map[string][]string) []cut {
	host := c.list[at].host
	var paths []string
	entries := make([]map[string]*entry, len(c.sides)) // by path
	if host == "" {
		paths = c.shortPaths(scopes)
	} else {
		paths = c.paths(host, scopes, entries)
	}
	slices.SortFunc(paths, comparePaths)
	paths = slices.Compact(paths)

	cuts := make([]cut, 0, len(paths))
	var parent int
	for i, path := range paths {
		for i > 0 && !inside(path, cuts[parent].path) { // the host itself holds all
			parent = cuts[parent].parent
		}
		var next map[string]bool // components that lead to other cuts
		for _, other := range paths[i+1:] {
			rest, ok := strings.CutPrefix(other, path+"/")
			if !ok {
				break
			}
			if next == nil {
				next = map[string]bool{}
			}
			first, _, _ := strings.Cut(rest, "/")
			next[first] = true
		}
		here := cut{point: at, path: path, parent: parent, entries: make([]*entry, len(c.sides))}
		for s := range c.sides {
			if here.entries[s] = entries[s][path]; here.entries[s] == nil && i > 0 {
				here.entries[s] = cuts[parent].entries[s]
			}
		}
		cuts = append(cuts, c.ask(here, next))
		parent = i
	}
	return cuts
}

// paths returns the paths at which a host is cut, in no order and some twice, and fills in the
// entries by side and path.
func (c *cutter) paths(host string, scopes map[string][]string, entries []map[string]*entry) []string {
	paths := append([]string{""}, scopes[host]...)
	for i, s := range c.sides {
		paths = append(paths, s.judged[host]...)
		around := s.around(host)
		entries[i] = make(map[string]*entry, len(around))
		for j := range around {
			e := &around[j]
			if entries[i][e.path] == nil {
				entries[i][e.path] = e
			}
			paths = append(paths, e.path)
			for _, base := range e.bases {
				s.flipsBelow(base, func(rest string) { paths = append(paths, e.path+rest) })
				c.scopesBelow(base, func(rest string) { paths = append(paths, e.path+rest) })
			}
		}
	}
	return paths
}

// shortPaths returns the paths at which names without a registry are cut: those of the search
// registries, and the aliases. On Docker Hub such a name of one component is inside /library.
func (c *cutter) shortPaths(scopes map[string][]string) []string {
	paths := []string{""}
	for _, s := range c.sides {
		for _, alias := range s.aliases {
			paths = append(paths, "/"+alias)
		}
		for _, host := range s.search {
			on := c.paths(host, scopes, make([]map[string]*entry, len(c.sides)))
			c.scopesBelow(host, func(rest string) { on = append(on, rest) })
			for _, path := range on {
				paths = append(paths, path)
				if inLibrary, ok := strings.CutPrefix(path, "/library/"); ok && isHub(host) {
					paths = append(paths, "/"+inLibrary)
				}
			}
		}
	}
	return paths
}

// scopesBelow calls yield with what follows base in each scope inside it.
func (c *cutter) scopesBelow(base string, yield func(rest string)) {
	base = onTheWire(base) + "/"
	i, _ := slices.BinarySearchFunc(c.wireScopes, base, comparePaths)
	for ; i < len(c.wireScopes) && strings.HasPrefix(c.wireScopes[i], base); i++ {
		yield(c.wireScopes[i][len(base)-1:])
	}
}

// ask asks all sides for each cell of a cut.
func (c *cutter) ask(at cut, next map[string]bool) cut {
	component := "/a"
	if next["a"] {
		component = "/" + fresh(func(s string) bool { return next[s] })
	}
	host := c.list[at.point].host
	at.alike = host != "docker.io" && host != "" && !slices.ContainsFunc(at.entries,
		func(e *entry) bool { return e != nil && e.shallow(at.path) })
	var asked *cell
	for d, beyond := range [...]string{"", component, component + "/a"} {
		switch {
		case d == int(exactly) && at.path == "": // a registry by itself is no name
			at.cells[d] = cell{name: host, beyond: beyond}
		case at.alike && asked != nil:
			at.cells[d] = *asked
		default:
			at.cells[d] = c.askOne(host+at.path+beyond, beyond)
			asked = &at.cells[d]
		}
	}
	return at
}

// askOne asks all sides for a name.
func (c *cutter) askOne(name, beyond string) cell {
	made := cell{name: name, beyond: beyond, routes: make([][len(kinds)]route, len(c.sides))}
	for k, kind := range kinds {
		made.exists[k] = true
		for i, s := range c.sides {
			var ok bool
			made.routes[i][k], ok = s.route(name, beyond, kind)
			made.exists[k] = made.exists[k] && ok
		}
	}
	return made
}

// shallow reports whether names at a path may be led to what is no repository to the client: a registry
// by itself, or one component on docker.io.
func (e *entry) shallow(path string) bool {
	return slices.ContainsFunc(e.bases, func(base string) bool {
		host, rest := network.SplitHost(base + path[len(e.path):])
		return rest == "" || isHub(host)
	})
}

// around returns the entries that govern names of a host, as far as they begin there: those of the
// host, and the one that governs the host itself, which may be a wildcard or an entry without the
// host's port. That port is then handed on.
func (s *side) around(host string) []entry {
	entries := s.entries[host]
	scope, e, ok := s.govern(host)
	if !ok || scope == host {
		return entries
	}
	if name, port := splitPort(host); scope == name || strings.HasPrefix(scope, "*") {
		for i := range e.bases {
			e.bases[i] += port // with a path before it no reference can be written, and the client stops
		}
		for k := range e.longest {
			if e.longest[k] > 0 {
				e.longest[k] += len(port)
			}
		}
	}
	return append([]entry{e}, entries...) // before an entry of the host that a wildcard as long as it wins over
}

// inside reports whether a path is another one, or lies inside it.
func inside(path, other string) bool {
	return strings.HasPrefix(path, other) && (len(path) == len(other) || path[len(other)] == '/')
}

// onTheWire returns a location as the network sees it.
func onTheWire(location string) string {
	host, path := network.SplitHost(location)
	if wire := network.Host(host); wire != host {
		return wire + path
	}
	return location
}
