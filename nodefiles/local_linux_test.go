package nodefiles

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asNobody calls do without root's right to look everywhere. A thread that is locked when its goroutine ends goes with it.
func asNobody(t *testing.T, do func()) {
	if os.Getuid() != 0 {
		do()
		return
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := syscall.Setfsuid(65534)
		do()
		done <- err
	}()
	require.NoError(t, <-done)
}

func TestWhatCannotBeLookedAtIsListedAllTheSame(t *testing.T) {
	local, err := OpenLocal(t.TempDir())
	require.NoError(t, err)
	defer local.Close()
	dir := filepath.Join(local.root.Name(), "dir")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
	require.NoError(t, os.Chmod(dir, 0o444)) // names may be read, and what they are of may not be looked at
	var entries []DirEntry
	var refused error
	asNobody(t, func() {
		_, refused = os.Lstat(filepath.Join(dir, "f"))
		entries, err = local.List(t.Context(), "dir")
	})
	require.ErrorIs(t, refused, fs.ErrPermission, "otherwise this test shows nothing")
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, err)
	require.Equal(t, []DirEntry{{Name: "f", Mode: fs.ModeIrregular}}, entries)
}

func TestWhetherCaseCountsIsAskedInTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs.d")
	require.NoError(t, os.Mkdir(dir, 0o755))
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "CERTS.D")); err == nil {
		t.Skip("case does not count on this disk")
	}
	// The directory has two names, as one that is a mount may have on the file system around it.
	require.NoError(t, os.Symlink(dir, filepath.Join(filepath.Dir(dir), "CERTS.D")))
	local, err := OpenLocal(dir)
	require.NoError(t, err)
	require.True(t, local.FoldsCase(), "nothing else tells")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "123"), nil, 0o644))
	require.True(t, local.FoldsCase(), "nor does this")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a1"), nil, 0o644))
	require.False(t, local.FoldsCase())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "A1"), nil, 0o644))
	require.False(t, local.FoldsCase())
	require.NoError(t, local.Close())
	require.True(t, local.FoldsCase(), "it is closed, and what is in it is not known")
}
