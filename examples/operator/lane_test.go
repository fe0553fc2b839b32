package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALaneLetsInWhoHasWaitedLongest(t *testing.T) {
	l := &lane{size: 2}
	require.True(t, l.enter("a"))
	require.True(t, l.enter("b"))
	require.False(t, l.enter("c"))
	require.False(t, l.enter("d"))
	l.leave()
	require.False(t, l.enter("a"), "c and d are before it")
	require.False(t, l.enter("d"), "the place is c's")
	require.True(t, l.enter("c"))
	l.leave()
	l.forget("d") // it is no longer there
	require.True(t, l.enter("a"))
	l.leave()
	l.leave()
	require.Zero(t, l.busy)
	require.Empty(t, l.waiting)
}
