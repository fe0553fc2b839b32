package clients

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
)

// WMCO imitates, fault for fault, what the Windows Machine Config Operator makes of the entries of an
// ImageDigestMirrorSet or ImageTagMirrorSet: directories and their hosts.toml.
func WMCO(entries []mirrorset.ImageMirrors, tags bool) map[string]string {
	type mirrors struct {
		hosts  []string
		policy mirrorset.MirrorSourcePolicy
	}
	merged := map[string]*mirrors{}
	for _, e := range entries {
		source := strings.Split(e.Source, "/")
		registry := source[0]
		var hosts []string
		for _, mirror := range e.Mirrors { // without what it shares, at its end, with the source's path
			m := strings.Split(mirror, "/")
			for k := len(source); k > 1 && len(m) > 1 && m[len(m)-1] == source[k-1]; k-- {
				m = m[:len(m)-1]
			}
			hosts = append(hosts, strings.Join(slices.Insert(m, 1, "v2"), "/"))
		}
		old, ok := merged[registry]
		if !ok {
			merged[registry] = &mirrors{hosts, e.MirrorSourcePolicy} // as it is listed, repeats and all
			continue
		}
		for _, h := range hosts {
			if !slices.Contains(old.hosts, h) {
				old.hosts = append(old.hosts, h)
			}
		}
	}
	files := map[string]string{}
	for registry, m := range merged {
		slices.Sort(m.hosts)
		server := registry + "/v2"
		if m.policy == mirrorset.NeverContactSource {
			server = m.hosts[0]
		}
		var b strings.Builder
		fmt.Fprintf(&b, "server = \"https://%s\"\noverride_path = true\n", server)
		capabilities := `["pull"]`
		if tags {
			capabilities = `["pull", "resolve"]`
		}
		for _, h := range m.hosts {
			fmt.Fprintf(&b, "\n[host.\"https://%s\"]\n  capabilities = %s\n  override_path = true\n", h, capabilities)
		}
		files[registry] = b.String()
	}
	return files
}
