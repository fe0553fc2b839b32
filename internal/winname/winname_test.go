package winname

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

// The flag of all tests, go test ./... -update; there is nothing to rewrite here.
var _ = flag.Bool("update", false, "rewrite the results in testdata")

func TestNamesOfDevicesAreReservedWithAnyExtensionAndInAnyCase(t *testing.T) {
	for _, name := range []string{
		"con", "CON", "prn", "Aux", "nul", "com1", "COM9", "lpt1", "LPT9", "com¹", "LPT²", "com³", "conin$", "CONOUT$",
		"nul.io", "aux.example.com", "con.tar.gz", "com1.", "nul .io", "con ", "aux.example.com_5000_", "CONIN$.x",
	} {
		require.True(t, Reserved(name), name)
	}
	for _, name := range []string{
		"", ".", "con_5000_", "lpt1_5000_", "console", "icon", "com", "com0", "com10", "lpt", "xcon.io", "quay.io", "example.con",
		"my.aux.io", ".con~new", "conin", "conout", "com1a.io", "null.io", "_default", "aux-1.io", "com⁴",
	} {
		require.False(t, Reserved(name), name)
	}
}
