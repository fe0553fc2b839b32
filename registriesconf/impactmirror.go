package registriesconf

import (
	"fmt"
	"slices"
	"strconv"
)

// mirrors compares the mirrors of two registries of one prefix. It pairs each new mirror with the
// old one that it continues, which tells what changed. It looks each one up as MCO does, which
// tells what drains.
func (c *comparison) mirrors(oldAt, newAt int, old, new Registry) {
	if equalRegistries(old, new) {
		return // MCO does not look into a registry that is as it was
	}
	m := mirrorComparison{comparison: c, old: old, new: new, oldAt: oldAt, newAt: newAt,
		before: byLocation(old.Mirrors)}
	pairs, paired := pairMirrors(old.Mirrors, new.Mirrors, m.before)
	after := byLocation(new.Mirrors)
	for i := range old.Mirrors {
		if !paired[i] {
			m.removed(i, after)
		}
	}
	var kept []int
	for i := range new.Mirrors {
		at, ok := pairs[i]
		if !ok {
			m.added(i)
			continue
		}
		m.pulls(i, old.Mirrors[at])
		m.settings(i, old.Mirrors[at])
		kept = append(kept, at)
	}
	if !slices.IsSorted(kept) {
		c.add(Difference{Code: MirrorOrder, Field: registryField(newAt) + ".mirror", Scope: new.Scope(),
			Old: describeMirrors(old.Mirrors), New: describeMirrors(new.Mirrors),
			Message: "are tried in another order, which MCO does not compare: no drain"})
	}
}

// A mirrorComparison compares the mirrors of two registries of one prefix.
type mirrorComparison struct {
	*comparison
	old, new     Registry
	oldAt, newAt int              // where they stand in their files
	before       map[string][]int // the old mirrors of each location
}

// removed reports that an old mirror is gone.
func (c *mirrorComparison) removed(i int, after map[string][]int) {
	m, scope := c.old.Mirrors[i], c.old.Scope()
	d := Difference{Code: MirrorRemoved, Field: mirrorField(c.oldAt, i), Scope: scope, Mirror: m.Location,
		Old: m.describe()}
	if left := after[m.Location]; left == nil {
		d.Drains = true
		d.Message = "is no longer a mirror of " + scope + planDrain
	} else {
		d.Message = fmt.Sprintf("is no longer a mirror of %s for such pulls (%s), but still listed (%s), "+
			"which is enough for MCO: no drain",
			scope, m.PullFromMirror.describe(), c.new.Mirrors[left[0]].PullFromMirror.describe())
	}
	c.add(d)
}

// difference returns one that is about a new mirror.
func (c *mirrorComparison) difference(i int, code DifferenceCode, setting string) Difference {
	return Difference{Code: code, Field: mirrorField(c.newAt, i) + setting, Scope: c.new.Scope(),
		Mirror: c.new.Mirrors[i].Location}
}

// first returns what MCO compares a new mirror with: the first old one of its location, nil where
// there is none.
func (c *mirrorComparison) first(i int) *Mirror {
	if at := c.before[c.new.Mirrors[i].Location]; at != nil {
		return &c.old.Mirrors[at[0]]
	}
	return nil
}

// drains reports whether MCO drains for a new mirror.
func (c *mirrorComparison) drains(i int) bool {
	pull, was := c.new.Mirrors[i].PullFromMirror, c.first(i)
	switch {
	case pull == PullDigestOnly:
		return false
	case was == nil:
		return !c.new.MirrorByDigestOnly
	}
	return pull != was.PullFromMirror
}

// added reports a mirror that continues no old one.
func (c *mirrorComparison) added(i int) {
	m, scope := c.new.Mirrors[i], c.new.Scope()
	d := c.difference(i, MirrorAdded, "")
	d.New, d.Drains = m.describe(), c.drains(i)
	switch {
	case d.Drains:
		d.Message = fmt.Sprintf("is a new mirror of %s and not digest-only (%s); make it so (an "+
			"ImageDigestMirrorSet) where that is enough, or plan the drain",
			scope, m.PullFromMirror.describe())
	case c.first(i) != nil && m.PullFromMirror != PullDigestOnly:
		d.Message = "is listed once more as a mirror of " + scope + ": no drain"
	default:
		d.Message = "is a new mirror of " + scope + " for pulls by digest alone: no drain"
	}
	c.add(d)
}

// pulls compares the pulls that a mirror serves with those of the mirror that it continues. Where
// they are the same, MCO may still see a change: it compares the mirror with the first old one of
// its location.
func (c *mirrorComparison) pulls(i int, like Mirror) {
	m, scope, drains := c.new.Mirrors[i], c.new.Scope(), c.drains(i)
	from, to := like.PullFromMirror.describe(), m.PullFromMirror.describe()
	if like.PullFromMirror == m.PullFromMirror {
		if drains {
			was := c.first(i).PullFromMirror
			reason := c.difference(i, MirrorRepeated, ".pull-from-mirror")
			reason.Old, reason.New, reason.Drains = string(was), string(m.PullFromMirror), true
			reason.Message = fmt.Sprintf("is a mirror of %s twice, and MCO compares this listing (%s) "+
				"with the first of the old file (%s), so that every change of the registry drains; "+
				"name another location for one of the two, or plan the drain", scope, to, was.describe())
			c.because(reason)
		}
		return
	}
	d := c.difference(i, MirrorChanged, ".pull-from-mirror")
	d.Old, d.New, d.Drains = string(like.PullFromMirror), string(m.PullFromMirror), drains
	byDigestOnly := c.old.MirrorByDigestOnly || c.new.MirrorByDigestOnly
	switch {
	case drains && like.PullFromMirror.bothKinds() && m.PullFromMirror.bothKinds() && !byDigestOnly:
		d.Message = fmt.Sprintf("is spelled otherwise (%s, was %s); it means the same to the client, but not "+
			"to MCO", to, from) + planDrain
	case drains:
		d.Message = fmt.Sprintf("serves other pulls of %s (%s, was %s)", scope, to, from) + planDrain
	case m.PullFromMirror == PullDigestOnly:
		d.Message = fmt.Sprintf("serves other pulls of %s (%s, was %s); MCO lets every change to "+
			"digest-only pass: no drain", scope, to, from)
	default:
		d.Message = fmt.Sprintf("serves other pulls of %s (%s, was %s), but was listed so before as well: no "+
			"drain", scope, to, from)
	}
	c.add(d)
}

// settings reports what else differs between a mirror and the one that it continues.
func (c *mirrorComparison) settings(i int, like Mirror) {
	m := c.new.Mirrors[i]
	for _, s := range []struct{ name, before, after string }{
		{"insecure", strconv.FormatBool(like.Insecure), strconv.FormatBool(m.Insecure)},
		{"namespace-proxy", like.NamespaceProxy, m.NamespaceProxy},
	} {
		if s.before != s.after {
			d := c.difference(i, MirrorChanged, "."+s.name)
			d.Old, d.New = s.before, s.after
			d.Message = "is not compared by MCO: no drain; it holds for pulls from the reload on"
			c.add(d)
		}
	}
}

// pairMirrors returns, by the index of a new mirror, that of the old one that it continues: one of
// the same location, and of those that serve the same pulls if there is one left; and which of the
// old ones are continued.
func pairMirrors(old, new []Mirror, before map[string][]int) (pairs map[int]int, paired []bool) {
	pairs, paired = map[int]int{}, make([]bool, len(old))
	for _, samePulls := range []bool{true, false} {
		for i, m := range new {
			if _, done := pairs[i]; done {
				continue
			}
			for _, j := range before[m.Location] {
				if !paired[j] && (!samePulls || old[j].PullFromMirror == m.PullFromMirror) {
					pairs[i], paired[j] = j, true
					break
				}
			}
		}
	}
	return pairs, paired
}

// byLocation returns where the mirrors of each location are. MCO finds the first.
func byLocation(mirrors []Mirror) map[string][]int {
	at := make(map[string][]int, len(mirrors))
	for i, m := range mirrors {
		at[m.Location] = append(at[m.Location], i)
	}
	return at
}
