package replace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// readers returns the access list of a file as text.
func readers(t *testing.T, name string) string {
	descriptor, err := windows.GetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	require.NoError(t, err)
	return descriptor.String()
}

func TestOnlyItsOwnerReadsAFileThatHoldsSecrets(t *testing.T) {
	root := open(t, t.TempDir())
	require.NoError(t, Write(root, "secret", []byte("s"), 0o600))
	require.NoError(t, Write(root, "plain", []byte("p"), 0o644))
	const everybody = ";;;WD)"
	require.Contains(t, readers(t, filepath.Join(root.Name(), "plain")), everybody, "otherwise this test shows nothing")
	require.NotContains(t, readers(t, filepath.Join(root.Name(), "secret")), everybody)
	data, err := os.ReadFile(filepath.Join(root.Name(), "secret"))
	require.NoError(t, err)
	require.Equal(t, "s", string(data))

	// It is so under the name that it is renamed to, over a file that everybody may read.
	require.NoError(t, root.Rename("secret", "plain"))
	require.NotContains(t, readers(t, filepath.Join(root.Name(), "plain")), everybody)
}
