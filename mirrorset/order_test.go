package mirrorset

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPreferenceOrder(t *testing.T) {
	for _, test := range []struct {
		name        string
		lists       string // lists separated by |, items by blanks; the source is s
		order, loop string
	}{
		{"one list keeps its order", "b a c", "b a c", ""},
		{"lists of one chain join", "a b c|c d e", "a b c d e", ""},
		{"lists without a common mirror take turns, heads in string order", "b d|a c", "a b c d", ""},
		{"a freed batch is in string order", "a z|a b", "a b z", ""},
		{"the source in the middle stays", "a s b", "a s b", ""},
		{"the source is the last of those lists only that leave it out", "a s b|a c", "a c s b", ""},
		{"the source at the end is left out", "a s", "a", ""},
		{"a loop is broken at the smallest unused node", "a b|b a", "a b", "a b"},
		{"a loop behind a head, broken at the source where that is smallest", "h y x|x y", "h s x y", "s x y"},
		{"a source that a loop brings forward stays in front", "y z|z y", "s y z", "s y z"},
		{"no lists, no order", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var lists [][]string
			for _, l := range strings.Split(test.lists, "|") {
				if l != "" {
					lists = append(lists, strings.Fields(l))
				}
			}
			order, loop := PreferenceOrder(lists, "s")
			require.Equal(t, strings.Fields(test.order), append([]string{}, order...))
			require.Equal(t, strings.Fields(test.loop), append([]string{}, loop...))
		})
	}
}

func TestPreferenceOrderKeepsEveryListOrNamesTheLoop(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	loops := 0
	for range 5000 {
		var lists [][]string
		for range 1 + random.Intn(4) {
			names := strings.Fields("a b c d e f s")
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			lists = append(lists, names[:1+random.Intn(5)])
		}
		order, loop := PreferenceOrder(lists, "s")
		full := append(slices.Clone(order), "s") // the source, where it was left out, comes last
		for _, list := range lists {
			for i := range len(list) - 1 {
				if loop == nil {
					require.Less(t, slices.Index(full, list[i]), slices.Index(full, list[i+1]), "%v gives %v", lists, order)
				}
			}
			for _, m := range list {
				require.Contains(t, full, m)
			}
		}
		if loop != nil {
			loops++
		}
		random.Shuffle(len(lists), func(i, j int) { lists[i], lists[j] = lists[j], lists[i] })
		again, _ := PreferenceOrder(lists, "s")
		require.Equal(t, order, again, "the order of lists does not count")
	}
	require.Greater(t, loops, 100)
}
