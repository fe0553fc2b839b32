package pattern

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPatternIsCompiledWhenItIsAsked(t *testing.T) {
	p, wrong := New(`a(b)`), New(`(`)
	require.True(t, p.MatchString("xab"))
	require.False(t, p.Match([]byte("x")))
	rest, found := New(`^a+`).CutPrefix("aab")
	require.Equal(t, []any{"b", true}, []any{rest, found})
	rest, found = New(`^a+`).CutPrefix("baa")
	require.Equal(t, []any{"baa", false}, []any{rest, found})
	require.Equal(t, "b", p.Submatch("xab"))
	require.Empty(t, p.Submatch("x"))
	require.Panics(t, func() { wrong.MatchString("") })
}
