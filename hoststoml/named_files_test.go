package hoststoml_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A certificate that can be read is nothing to tell of; one that cannot has every pull fail.
func TestACertificateIsLookedFor(t *testing.T) {
	for _, test := range []struct {
		name, value string
		says        string // empty where nothing is said
	}{
		{"there", "ca.crt", ""},
		{"in a directory below", "tls/ca.crt", ""},
		{"missing", "other.crt", "cannot be read"},
		{"a directory", "tls", "it is a directory"},
		{"elsewhere, which only a node's disk tells", "/etc/ca.crt", ""},
		{"elsewhere on Windows", `C:\\ca.crt`, ""},
		{"a share of Windows", `\\\\host\\ca.crt`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{
				"quay.io/hosts.toml": {Data: []byte("server = \"https://quay.io\"\n[host.\"https://m.io\"]\nca = \"" + test.value + "\"\n")},
				"quay.io/ca.crt":     {Data: []byte("certificate")},
				"quay.io/tls/ca.crt": {Data: []byte("certificate")},
			}
			_, findings, err := hoststoml.ReadTreeFS(fsys, ".")
			require.NoError(t, err)
			findings = findings.For(finding.Containerd)
			if test.says == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, finding.CodeInvalidFile, findings[0].Code)
			require.Contains(t, findings[0].Message, test.says)
		})
	}
}
