package pattern

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPatternIsCompiledWhenItIsAsked(t *testing.T) {
	p, wrong := New(`a(b)`), New(`(`)
	require.True(t, p.MatchString("xab"))
	require.False(t, p.Match([]byte("x")))
	require.Panics(t, func() { wrong.MatchString("") })
}
