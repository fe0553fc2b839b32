package resolve

import (
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
)

// EditAsMCO returns the table of the file that the Machine Config Operator makes of t's file and the
// same rules, with the faults that [LinuxTable.Edit] does without. It takes the steps of
// openshift/runtime-utils, pkg/registries, EditRegistriesConfig (v0.0.0-20230921210328-7bdb5b9c177b):
//
//  1. Sources of rules for digests, then of those for tags, get an entry with the mirrors, blocked
//     under NeverContactSource. Blocked and insecure scopes get one.
//  2. Entries and mirrors inside an insecure scope are insecure, entries inside a blocked one blocked.
//  3. An entry without mirrors gets those of the first source, of those for digests and then of those
//     for tags in string order, that it lies inside.
//
// The error says that MCO ends in one and writes no file: in step 3 it cannot carry the mirrors of a
// wildcard.
func (t *LinuxTable) EditAsMCO(rules *mirrorset.Rules) (*LinuxTable, error) {
	if t == nil {
		t = &LinuxTable{}
	}
	rules = complete(rules)
	b := newImageBuilder(t, rules)
	b.addEntries()
	entries := b.table.entries
	sources := newScopeMap[int](len(b.merged)) // the first rule of each source
	for i := range b.merged {
		r := &b.merged[i]
		if _, ok := sources.get(r.Source); !ok {
			sources.set(r.Source, i)
		}
		e := &entries[b.at[i]]
		e.Blocked = e.Blocked || r.Never
		for _, m := range r.mirrors {
			e.Mirrors = append(e.Mirrors, LinuxMirror{Location: m.Location, Pull: r.Pull, Origins: m.Origins})
		}
	}
	b.markInsecure()
	var blocked scopeSet
	for _, s := range rules.Blocked {
		blocked.add(s.Value)
	}
	for i := range entries {
		e := &entries[i]
		e.Blocked = e.Blocked || blocked.covers(e.Prefix)
		if err := b.carryAsMCO(e, sources); err != nil {
			return nil, err
		}
	}
	b.table.indexBlocked()
	return &b.table, nil
}

// carryAsMCO gives an entry without mirrors those of the first source that it lies inside.
func (b *imageBuilder) carryAsMCO(e *LinuxEntry, sources scopeMap[int]) error {
	if len(e.Mirrors) > 0 {
		return nil
	}
	first := len(b.merged)
	for _, at := range sources.around(e.Prefix) {
		first = min(first, at)
	}
	if first == len(b.merged) {
		return nil
	}
	source := b.merged[first].Source
	if isWildcard(source) {
		return fmt.Errorf("the mirrors of the wildcard %s cannot be carried into %s, which lies inside it", source, e.Prefix)
	}
	e.Mirrors = slices.Clone(b.table.entries[b.at[first]].Mirrors)
	for j := range e.Mirrors {
		e.Mirrors[j].Location += e.Prefix[len(source):]
	}
	return nil
}
