package mirrorset

import (
	"maps"
	"slices"
)

// PreferenceOrder merges lists of mirrors into one order that keeps the relative order of each list
// where that is possible. An edge leads from each item to the next of its list, and from the last item
// to source where the list does not hold it. The result leaves source out if it comes last, as it is
// asked last anyway. loop holds, in string order, the items that stood in a loop where the order of two
// lists could not both be kept; it is nil where every list's order is kept.
//
// The algorithm is that of github.com/openshift/runtime-utils, pkg/registries/topo.go, which MCO
// uses. A topological sort leaves open which loop to break, and where; nodes show what this
// algorithm does.
func PreferenceOrder(lists [][]string, source string) (order, loop []string) {
	if len(lists) == 1 && ownOrder(lists[0]) {
		order = slices.Clone(lists[0])
	} else {
		order, loop = newGraph(lists, source).sorted()
	}
	if n := len(order); n > 0 && order[n-1] == source {
		order = order[:n-1]
	}
	return order, loop
}

// short is how long a list may be that is searched and not indexed.
const short = 16

// ownOrder reports whether a list is its own order of preference, because it names nothing twice. Most
// sources have one such list, and making a graph of each breaks the floor of docs/performance.md.
func ownOrder(list []string) bool {
	first := indexOf(list)
	for i, name := range list {
		if at, _ := first(name); at < i {
			return false
		}
	}
	return true
}

// indexOf returns a function that returns the first place of a name in a list, where it has one.
func indexOf(list []string) func(name string) (int, bool) {
	if len(list) <= short {
		return func(name string) (int, bool) {
			i := slices.Index(list, name)
			return i, i >= 0
		}
	}
	places := make(map[string]int, len(list))
	for i, name := range list {
		if _, ok := places[name]; !ok {
			places[name] = i
		}
	}
	return func(name string) (int, bool) {
		i, ok := places[name]
		return i, ok
	}
}

// graph is a directed graph over names, its nodes numbered in string order.
type graph struct {
	names []string
	outs  [][]int // successors, in ascending order, each once
	ins   []int   // number of predecessors not yet put out
}

func newGraph(lists [][]string, source string) *graph {
	number := map[string]int{}
	for _, list := range lists {
		for _, name := range list {
			number[name] = 0
		}
	}
	number[source] = 0
	names := slices.Sorted(maps.Keys(number))
	for i, name := range names {
		number[name] = i
	}

	g := &graph{names: names, outs: make([][]int, len(names)), ins: make([]int, len(names))}
	edge := func(from, to string) {
		f, t := number[from], number[to]
		g.outs[f] = append(g.outs[f], t)
	}
	for _, list := range lists {
		for i := range len(list) - 1 {
			edge(list[i], list[i+1])
		}
		if len(list) > 0 && !slices.Contains(list, source) {
			edge(list[len(list)-1], source)
		}
	}
	for f, outs := range g.outs {
		slices.Sort(outs)
		g.outs[f] = slices.Compact(outs)
		for _, t := range g.outs[f] {
			g.ins[t]++
		}
	}
	return g
}

// sorted returns the names in topological order. loop holds both names of each edge that is not
// kept because a loop was broken.
func (g *graph) sorted() (order, loop []string) {
	used := make([]bool, len(g.names))
	position := make([]int, len(g.names))
	var queue []int
	for n, ins := range g.ins {
		if ins == 0 {
			queue = append(queue, n)
		}
	}
	broken := false
	for smallest := 0; len(order) < len(g.names); {
		var n int
		if len(queue) > 0 {
			n, queue = queue[0], queue[1:]
		} else {
			// Every node left has a predecessor left: a loop. Break it at the smallest unused node.
			for used[smallest] {
				smallest++
			}
			n, broken = smallest, true
		}
		used[n] = true
		position[n] = len(order)
		order = append(order, g.names[n])
		for _, t := range g.outs[n] {
			g.ins[t]--
			if g.ins[t] == 0 && !used[t] {
				queue = append(queue, t)
			}
		}
	}
	if !broken {
		return order, nil
	}
	for n, outs := range g.outs {
		for _, t := range outs {
			if position[t] <= position[n] { // this edge was not kept
				loop = append(loop, g.names[n], g.names[t])
			}
		}
	}
	slices.Sort(loop)
	return order, slices.Compact(loop)
}
