// Package radix sorts many things by texts that mostly begin alike.
package radix

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Order returns the order that n things have to be put in: by their texts, the first text first, and then as
// compare says, which compares all of it.
//
// To compare two texts is to wait for memory twice. So eight bytes of each, behind what all have in common, are
// compared as a number, and those that are equal by the bytes that follow: a text is read a few times, and not
// at every comparison.
func Order(n int, compare func(i, j int) int, texts ...func(i int) string) []int32 {
	items := make([]sortItem, n)
	for i := range items {
		items[i].at = int32(i)
	}
	s := &sorter{compare: func(a, b sortItem) int { return compare(int(a.at), int(b.at)) }, texts: texts, space: make([]sortItem, n)}
	s.sort(items, 0, 0)
	order := make([]int32, n)
	for i, item := range items {
		order[i] = item.at
	}
	return order
}

type sorter struct {
	compare func(a, b sortItem) int
	texts   []func(i int) string
	space   []sortItem // as many as are sorted
}

type sortItem struct {
	key uint64
	at  int32
}

// sort sorts items that are equal in the texts before one, and in the first bytes of that one.
func (s *sorter) sort(items []sortItem, which, equal int) {
	if which == len(s.texts) || len(items) <= 12 {
		slices.SortFunc(items, s.compare)
		return
	}
	text := func(i int) string { return s.texts[which](int(items[i].at)) }
	first := text(0)
	common, shortest, longest := len(first), len(first), len(first)
	for i := range items {
		t := text(i)
		shortest, longest = min(shortest, len(t)), max(longest, len(t))
		common = min(common, len(t))
		if t[equal:common] != first[equal:common] {
			for common = equal; t[common] == first[common]; {
				common++
			}
		}
	}
	if common == longest {
		s.sort(items, which+1, 0) // all are the same
		return
	}
	for i := range items {
		var key [8]byte
		copy(key[:], text(i)[common:])
		items[i].key = binary.BigEndian.Uint64(key[:])
	}
	s.byKey(items)
	for start, i := 0, 1; i <= len(items); i++ {
		if i < len(items) && items[i].key == items[start].key {
			continue
		}
		run := items[start:i]
		switch {
		case len(run) == 1:
		case shortest >= common+8 || s.all(run, which, func(t string) bool { return len(t) >= common+8 }):
			s.sort(run, which, common+8)
		case s.all(run, which, func(t string) bool { return t == text(start) }):
			s.sort(run, which+1, 0)
		default: // one that ends within the eight bytes looks like one with zeros behind it
			slices.SortFunc(run, s.compare)
		}
		start = i
	}
}

// byKey sorts many items byte by byte of their keys, from the last one on: each time they are dealt to as many heaps
// as a byte has values, and taken up again in order. Bytes in which no two keys differ change nothing.
func (s *sorter) byKey(items []sortItem) {
	if len(items) < 256 {
		slices.SortFunc(items, func(a, b sortItem) int { return cmp.Compare(a.key, b.key) })
		return
	}
	differing := uint64(0)
	for _, item := range items {
		differing |= item.key ^ items[0].key
	}
	from, to := items, s.space[:len(items)]
	for shift := 0; shift < 64; shift += 8 {
		if differing>>shift&0xff == 0 {
			continue
		}
		var next [256]int // where the next item of each heap goes
		for i := range from {
			next[from[i].key>>shift&0xff]++
		}
		sum := 0
		for i, n := range next {
			next[i], sum = sum, sum+n
		}
		for i := range from {
			heap := &next[from[i].key>>shift&0xff]
			to[*heap] = from[i]
			*heap++
		}
		from, to = to, from
	}
	copy(items, from)
}

// all reports whether something holds for one of the texts of all items.
func (s *sorter) all(items []sortItem, which int, holds func(text string) bool) bool {
	return !slices.ContainsFunc(items, func(item sortItem) bool { return !holds(s.texts[which](int(item.at))) })
}
