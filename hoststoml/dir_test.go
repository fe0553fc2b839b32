package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

func TestDirAndHostFromDirAreInverse(t *testing.T) {
	for host, dir := range map[string]string{
		"quay.io":        "quay.io",
		"quay.io:443":    "quay.io_443_",
		"localhost:5000": "localhost_5000_",
		"Quay.IO":        "Quay.IO",
		"a:5000":         "a_5000_",
		"_default":       "_default",
	} {
		require.Equal(t, dir, hoststoml.Dir(host))
		got, ok := hoststoml.HostFromDir(dir)
		require.True(t, ok, dir)
		require.Equal(t, host, got)
	}
}

func TestHostFromDirTakesAColonToo(t *testing.T) {
	host, ok := hoststoml.HostFromDir("quay.io:443")
	require.True(t, ok)
	require.Equal(t, "quay.io:443", host)
}

func TestHostFromDirRefusesWhatIsNoHost(t *testing.T) {
	for _, dir := range []string{"", ".", "..", "_", "__", "_5000_", "a/b", `a\b`, "quay.io_", "quay.io__", "quay.io_x_", "quay.io_443", "a_1_2_", "a:1_2_", ".hidden", "*.quay.io", "[::1]_5000_"} {
		_, ok := hoststoml.HostFromDir(dir)
		require.False(t, ok, dir)
	}
}

func TestAColonAtTheBeginningIsNoneOfAPort(t *testing.T) {
	require.Equal(t, ":5000", hoststoml.Dir(":5000"))
}

func TestDirsAreInTheOrderOfContainerd(t *testing.T) {
	require.Equal(t, []string{"quay.io", "_default"}, hoststoml.Dirs("quay.io"))
	require.Equal(t, []string{"quay.io_443_", "quay.io:443", "_default"}, hoststoml.Dirs("quay.io:443"))
}
