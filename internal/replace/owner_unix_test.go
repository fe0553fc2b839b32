//go:build unix

package replace

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func owner(t *testing.T, name string) (uid, gid int) {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid)
}

// What a system lets us do with the old file it lets us do with the new one; so this asks for all that it lets us.
func TestAFileThatIsReplacedKeepsItsOwnerAndGroup(t *testing.T) {
	root := open(t, t.TempDir())
	name := filepath.Join(root.Name(), "f")
	groups, err := os.Getgroups()
	require.NoError(t, err)
	owners := [][2]int{{os.Getuid(), os.Getgid()}}
	for _, g := range groups {
		owners = append(owners, [2]int{os.Getuid(), g})
	}
	if os.Getuid() == 0 {
		owners = append(owners, [2]int{12, 34}, [2]int{0, 34}, [2]int{12, 0})
	}
	for _, o := range owners {
		os.Remove(name)
		require.NoError(t, os.WriteFile(name, []byte("old"), 0o600))
		require.NoError(t, os.Chown(name, o[0], o[1]))
		require.NoError(t, os.Chmod(name, 0o640))
		require.NoError(t, File(root, "f", []byte("new"), 0o644))
		uid, gid := owner(t, name)
		require.Equal(t, o, [2]int{uid, gid})
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	}
}
