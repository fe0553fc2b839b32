package routes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
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
// a registry first, then those that lose one or are now refused, then all others. Ways are compared as functions of
// the name, so an entry that does what the entry around it did is no change. Names without a
// registry stand last, in the same order. The list is empty exactly when no reference goes another
// way. Both may be routes of any tables: of
// two times, of a file and its manifests, of two platforms.
func Diff(before, after *Routes) []Change {
	before, after = before.made(), after.made()
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

// The ranks of changes, which are told in this order.
const (
	contactsMore = iota
	contactsLess
	contactsOthers
	allRanks // those of names without a registry follow
)

func (c *Change) rank() int {
	rank := contactsOthers
	switch {
	case len(c.NewHosts) > 0:
		rank = contactsMore
	case len(c.LostHosts) > 0, c.Before.Outcome == "" && c.After.Outcome != "":
		rank = contactsLess
	}
	if c.Pattern.Short() {
		rank += allRanks
	}
	return rank
}

// askedHosts returns the hosts that a plan asks, in order.
func askedHosts(p resolve.Plan) (hosts []string) {
	for _, a := range slices.Concat(p.Resolve, p.Asked, p.Pull) {
		host, _ := network.SplitHost(onTheWire(a.Location))
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
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
