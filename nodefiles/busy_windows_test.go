package nodefiles

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOpenFileIsBusy(t *testing.T) {
	for code, want := range map[syscall.Errno]bool{
		errorSharingViolation: true, syscall.ERROR_ACCESS_DENIED: true, syscall.ERROR_FILE_NOT_FOUND: false,
	} {
		err := busy(&os.LinkError{Op: "rename", Old: "a", New: "b", Err: code})
		require.Equal(t, want, errors.Is(err, ErrBusy), code)
		require.ErrorIs(t, err, code)
	}
	dir := t.TempDir()
	for _, name := range []string{"old", "new"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
	}
	local, err := OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	f, err := os.Open(filepath.Join(dir, "old")) // as containerd opens it
	require.NoError(t, err)
	require.ErrorIs(t, local.Rename(t.Context(), "new", "old"), ErrBusy)
	require.NoError(t, f.Close())
	require.NoError(t, local.Rename(t.Context(), "new", "old"))
}

// hold opens a file or directory as a scanner does, for nobody else.
func hold(t *testing.T, name string) (release func()) {
	path, err := syscall.UTF16PtrFromString(name)
	require.NoError(t, err)
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ, 0, nil, syscall.OPEN_EXISTING, syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
	require.NoError(t, err)
	return func() { require.NoError(t, syscall.CloseHandle(h)) }
}

func TestWhatAnotherProgramHoldsIsBusyToReadAndToList(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("f"), 0o644))
	local, err := OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	release := hold(t, filepath.Join(dir, "f"))
	_, err = local.ReadFile(t.Context(), "f")
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, local.Remove(t.Context(), "f"), ErrBusy)
	release()
	release = hold(t, filepath.Join(dir, "d"))
	_, err = local.List(t.Context(), "d")
	require.ErrorIs(t, err, ErrBusy)
	release()
	_, err = local.ReadFile(t.Context(), "f")
	require.NoError(t, err)
	_, err = local.List(t.Context(), "d")
	require.NoError(t, err)
	_, err = local.List(t.Context(), "f")
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrNotExist, "it is there")
}

func TestAReadOnlyFileIsNotBusy(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"old", "new"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "old"), 0o444))
	local, err := OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	err = local.Rename(t.Context(), "new", "old")
	require.NotErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "old is read-only; clear the attribute")
	require.NoError(t, os.Chmod(filepath.Join(dir, "old"), 0o644))
	require.NoError(t, local.Rename(t.Context(), "new", "old"))
}
