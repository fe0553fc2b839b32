package routes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// Change is a set of references that go another way than before.
type Change struct {
	Kind    mirrorset.Pull
	Pattern Pattern
	// Before and After are the plans of an example with the fewest characters.
	Before, After resolve.Plan
	// NewHosts are the registry hosts that are asked now and were not before; LostHosts those that
	// were and no longer are.
	NewHosts, LostHosts []string
}

// Diff returns the references that go another way in after than in before: those that newly contact
// a registry first, then those that lose one, then all others. Ways are compared as functions of
// the name, so an entry that does what the entry around it did is no change. The list is empty
// exactly when no reference with a registry goes another way. Both may be routes of any tables: of
// two times, of a file and its manifests, of two platforms.
func Diff(before, after *Routes) []Change {
	c := newCutter(nil, before.sides[0], after.sides[0])
	var changes []Change
	for g := range c.groups() {
		old, new := g.cell.routes[0][g.kind], g.cell.routes[1][g.kind]
		if alike(before, after, old, new) {
			continue
		}
		change := Change{Kind: kinds[g.kind], Pattern: g.pattern, Before: old.plan, After: new.plan}
		oldHosts, newHosts := askedHosts(old.plan), askedHosts(new.plan)
		change.NewHosts = without(newHosts, oldHosts)
		change.LostHosts = without(oldHosts, newHosts)
		changes = append(changes, change)
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			comparePaths(a.Pattern.Hosts+a.Pattern.Path, b.Pattern.Hosts+b.Pattern.Path),
			strings.Compare(string(b.Kind), string(a.Kind)), // by tag first
		)
	})
	return changes
}

// alike reports whether two routes are one. On one platform that includes where tags are resolved;
// between platforms only the locations that the image is fetched from can be compared.
func alike(before, after *Routes, a, b route) bool {
	if before.sides[0].platform != after.sides[0].platform {
		a.resolve, b.resolve = nil, nil
	}
	return sameRoute(a, b, unchanged)
}

func (c *Change) rank() int {
	switch {
	case len(c.NewHosts) > 0:
		return 0
	case len(c.LostHosts) > 0:
		return 1
	}
	return 2
}

// askedHosts returns the hosts that a plan asks, in order.
func askedHosts(p resolve.Plan) (hosts []string) {
	for _, attempts := range [2][]resolve.Attempt{p.Resolve, p.Pull} {
		for _, a := range attempts {
			host, _ := splitHost(onTheWire(a.Location))
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

func without(list, other []string) (rest []string) {
	for _, s := range list {
		if !slices.Contains(other, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
