package criconfig

import (
	"os"
	"path/filepath"
	"testing"

	dockerconfig "github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

// An address of IPv6 has directories, which ReadTree takes for those of the host that containerd finds them for.
func TestContainerdFindsTheDirectoriesOfIPv6Addresses(t *testing.T) {
	for name, host := range map[string]string{
		"[2001:db8::1]_5000_": "[2001:db8::1]:5000", "[2001:db8::1]:5000": "[2001:db8::1]:5000",
		"[2001:db8:_1]_": "[2001:db8::1]", "[2001:db8::1]": "[2001:db8::1]",
	} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		found, err := dockerconfig.HostDirFromRoot(dir)(host)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, name), found)
		tree, _, err := hoststoml.ReadTree(dir)
		require.NoError(t, err)
		require.Len(t, tree, 1)
		require.Equal(t, host, tree[0].Host)
	}
}
