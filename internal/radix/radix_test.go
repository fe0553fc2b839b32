package radix

import (
	"cmp"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrderIsTheOrderOfCompare(t *testing.T) {
	w := rand.New(rand.NewSource(1))
	pieces := []string{"", "a", "b", "/", "\x00", "\xff", "registry", "registry1.example.com", "registry2.example.com/org"}
	text := func() (s string) {
		for range w.Intn(5) {
			s += pieces[w.Intn(len(pieces))]
		}
		return s
	}
	for round := range 2000 {
		n := 60
		if round%50 == 0 { // many are sorted otherwise
			n = 1000
		}
		things := make([][2]string, w.Intn(n))
		for i := range things {
			things[i] = [2]string{text(), text()}
			if w.Intn(3) > 0 && i > 0 {
				things[i][0] = things[w.Intn(i)][0]
			}
		}
		compare := func(i, j int) int {
			return cmp.Or(cmp.Compare(things[i][0], things[j][0]), cmp.Compare(things[i][1], things[j][1]), cmp.Compare(i, j))
		}
		var want []int32
		for i := range things {
			want = append(want, int32(i))
		}
		slices.SortFunc(want, func(a, b int32) int { return compare(int(a), int(b)) })
		got := Order(len(things), compare, func(i int) string { return things[i][0] }, func(i int) string { return things[i][1] })
		require.True(t, slices.Equal(want, got), "%q", things)
	}
}
