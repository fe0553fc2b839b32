package registriesconf

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whether a file fills a MachineConfig is decided by its size where that is small enough: it may not be
// less than what is written.
func TestASizeIsNeverLessThanTheFile(t *testing.T) {
	for name, set := range map[string]func(*Registry){
		"nothing":        func(*Registry) {},
		"blocked":        func(r *Registry) { r.Blocked = true },
		"insecure":       func(r *Registry) { r.Insecure = true },
		"digest only":    func(r *Registry) { r.MirrorByDigestOnly = true },
		"a proxy":        func(r *Registry) { r.NamespaceProxy = "quay.io" },
		"a prefix":       func(r *Registry) { r.Prefix = "*.example.org" },
		"a mirror":       func(r *Registry) { r.Mirrors = []Mirror{{Location: "m.io"}} },
		"digest mirrors": func(r *Registry) { r.Mirrors = []Mirror{{Location: "m.io", PullFromMirror: PullDigestOnly}} },
		"all": func(r *Registry) {
			*r = Registry{Location: r.Location, Blocked: true, Insecure: true, MirrorByDigestOnly: true, NamespaceProxy: "a",
				Mirrors: []Mirror{{Location: "m.io", Insecure: true, NamespaceProxy: "b", PullFromMirror: PullDigestOnly}, {Location: "n.io", Insecure: true}}}
		},
	} {
		c := &Config{}
		for i := range 1000 {
			r := Registry{Location: fmt.Sprintf("quay.io/%d", i)}
			set(&r)
			c.Registries = append(c.Registries, r)
		}
		require.GreaterOrEqual(t, c.size(), len(c.Bytes()), name)
	}
}
