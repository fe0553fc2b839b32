package random

import (
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
)

// Shrink returns a smaller set that still fails: one from which no entry, mirror or scope can be
// left out.
func Shrink(set *mirrorset.Set, fails func(*mirrorset.Set) bool) *mirrorset.Set {
	for {
		smaller := smallerSets(set)
		i := slices.IndexFunc(smaller, fails)
		if i < 0 {
			return set
		}
		set = smaller[i]
	}
}

// smallerSets returns every set with one thing less.
func smallerSets(set *mirrorset.Set) (smaller []*mirrorset.Set) {
	for i, o := range set.ImageDigestMirrorSets {
		for _, entries := range smallerEntries(o.Spec.ImageDigestMirrors) {
			s := *set
			s.ImageDigestMirrorSets = slices.Clone(set.ImageDigestMirrorSets)
			if s.ImageDigestMirrorSets[i].Spec.ImageDigestMirrors = entries; len(entries) == 0 {
				s.ImageDigestMirrorSets = slices.Delete(s.ImageDigestMirrorSets, i, i+1)
			}
			smaller = append(smaller, &s)
		}
	}
	for i, o := range set.ImageTagMirrorSets {
		for _, entries := range smallerEntries(o.Spec.ImageTagMirrors) {
			s := *set
			s.ImageTagMirrorSets = slices.Clone(set.ImageTagMirrorSets)
			if s.ImageTagMirrorSets[i].Spec.ImageTagMirrors = entries; len(entries) == 0 {
				s.ImageTagMirrorSets = slices.Delete(s.ImageTagMirrorSets, i, i+1)
			}
			smaller = append(smaller, &s)
		}
	}
	for i := range set.ImageContentSourcePolicies {
		s := *set
		s.ImageContentSourcePolicies = slices.Delete(slices.Clone(set.ImageContentSourcePolicies), i, i+1)
		smaller = append(smaller, &s)
	}
	for i := range set.Images {
		lists := func(r *mirrorset.RegistrySources) []*[]string {
			return []*[]string{
				&r.BlockedRegistries,
				&r.InsecureRegistries,
				&r.AllowedRegistries,
				&r.ContainerRuntimeSearchRegistries,
			}
		}
		for j, list := range lists(&set.Images[i].Spec.RegistrySources) {
			for k := range *list {
				s := *set
				s.Images = slices.Clone(set.Images)
				*lists(&s.Images[i].Spec.RegistrySources)[j] = slices.Delete(slices.Clone(*list), k, k+1)
				smaller = append(smaller, &s)
			}
		}
	}
	return smaller
}

// smallerEntries returns the entries without one, and with one mirror less.
func smallerEntries(entries []mirrorset.ImageMirrors) (smaller [][]mirrorset.ImageMirrors) {
	for i, e := range entries {
		smaller = append(smaller, slices.Delete(slices.Clone(entries), i, i+1))
		for j := range e.Mirrors {
			less := slices.Clone(entries)
			less[i].Mirrors = slices.Delete(slices.Clone(e.Mirrors), j, j+1)
			smaller = append(smaller, less)
		}
	}
	return smaller
}
