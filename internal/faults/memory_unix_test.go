//go:build unix

package faults

import (
	"errors"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/pullroute/pullroute/nodefiles"
	"github.com/stretchr/testify/require"
)

// On Windows a directory that is renamed over a file replaces it, which nobody asks for.
func TestACallInMemoryDoesWhatItDoesOnDisk(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	names := []string{"a", "b", "a/x", "a/y", "b/x", "a/x/deep", "b/x/deep"}
	name := func() string { return names[r.Intn(len(names))] }
	var failures int
	for range 40 {
		node := Case{Node: map[string]string{"a/x": "1", "b/": ""}}
		disk, err := NewLocal(filepath.Join(t.TempDir(), "node"), node)
		require.NoError(t, err)
		memory := NewMemory(node)
		for range 40 {
			one, other := name(), name()
			calls := []struct {
				what string
				do   func(nodefiles.Transport) error
			}{
				{"mkdir " + one, func(s nodefiles.Transport) error { return s.Mkdir(t.Context(), one) }},
				{"write " + one, func(s nodefiles.Transport) error { return s.WriteFile(t.Context(), one, []byte(one), 0o644) }},
				{"rename " + one + " " + other, func(s nodefiles.Transport) error { return s.Rename(t.Context(), one, other) }},
				{"remove " + one, func(s nodefiles.Transport) error { return s.Remove(t.Context(), one) }},
				{"sync " + one, func(s nodefiles.Transport) error { return s.Sync(t.Context(), filepath.Dir(one)) }},
			}
			call := calls[r.Intn(len(calls))]
			before := memory.Listing()
			want, got := call.do(disk), call.do(memory)
			require.Equal(t, want == nil, got == nil, "%s: %v on disk, %v in memory; before:\n%s", call.what, want, got, before)
			require.Equal(t, disk.Listing(), memory.Listing(), "%s; before:\n%s", call.what, before)
			if want != nil {
				failures++
			}
			for _, dir := range []string{".", "a", "b", "absent"} {
				want, wantErr := disk.List(t.Context(), dir)
				got, gotErr := memory.List(t.Context(), dir)
				require.ElementsMatch(t, want, got)
				require.Equal(t, errors.Is(wantErr, fs.ErrNotExist), errors.Is(gotErr, fs.ErrNotExist), "%s: %v, %v", dir, wantErr, gotErr)
			}
		}
		require.NoError(t, disk.Close())
		require.NoError(t, os.RemoveAll(disk.Dir))
	}
	require.Greater(t, failures, 200)
}
