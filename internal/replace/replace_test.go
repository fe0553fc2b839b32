package replace

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/stretchr/testify/require"
)

// The flag of all tests, go test ./... -update; there is nothing to rewrite here.
var _ = flag.Bool("update", false, "rewrite the results in testdata")

func open(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	return root
}

func TestAFileThatIsReplacedKeepsItsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	root := open(t, t.TempDir())
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o664, 0o666, 0o444} { // with any umask
		name := filepath.Join(root.Name(), "f")
		os.Remove(name)
		require.NoError(t, os.WriteFile(name, []byte("old"), 0o600))
		require.NoError(t, os.Chmod(name, mode))
		require.NoError(t, File(root, "f", []byte("new"), 0o644))
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
		data, err := root.ReadFile("f")
		require.NoError(t, err)
		require.Equal(t, "new", string(data))
	}
}

func TestASymbolicLinkIsRefusedAndNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	root := open(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "target"), []byte("old"), 0o600))
	for name, target := range map[string]string{"inside": "target", "dangling": "missing", "outside": "/etc/hostname"} {
		symlink.New(t, target, filepath.Join(dir, name))
		err := File(root, name, []byte("new"), 0o644)
		require.ErrorContains(t, err, name+": is a symbolic link to "+target)
		at, err := os.Readlink(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, target, at)
	}
	data, err := root.ReadFile("target")
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	require.NoFileExists(t, filepath.Join(dir, "missing"))
	require.NoFileExists(t, filepath.Join(dir, Temporary("inside")))
}

func TestATemporaryNameLeadsBackToItsFile(t *testing.T) {
	for _, name := range []string{"hosts.toml", "a/b", "quay.io/hosts.toml", ".hidden", "x~new"} {
		require.Equal(t, name, replaced(Temporary(name)))
	}
	for _, name := range []string{"a", ".a", "a~new", "d/a~new", ""} {
		require.Empty(t, replaced(name))
	}
}
