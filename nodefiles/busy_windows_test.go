package nodefiles

import (
	"errors"
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
