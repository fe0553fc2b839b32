package hoststoml

import (
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

const SecretMarker = secretMarker

var DecodeYAML = decodeYAML

// The steps of Render, one by one.

var FromTable = fromTable

func (t Tree) WithCredentials(s PullSecret) (Tree, finding.Findings) {
	out := t.withFiles(s.hosts())
	return out, out.addCredentials(s, false)
}

func (t Tree) WithTLS(hosts map[string]TLS) (Tree, finding.Findings) {
	usable, findings := usableTLS(hosts)
	var names []string
	for host := range usable {
		names = append(names, host)
	}
	out := t.withFiles(names)
	out.addTLS(usable)
	return out, findings.For(finding.Containerd)
}

// withFiles returns a copy of the tree that also has the files of configured hosts that have none.
func (t Tree) withFiles(hosts []string) Tree {
	out := slices.Clone(t)
	for i := range out {
		if f := out[i].File; f != nil {
			out[i].File = &File{Comment: f.Comment, Server: f.Server, Settings: f.Settings, Hosts: slices.Clone(f.Hosts)}
		}
		out[i].Extra = maps.Clone(out[i].Extra)
	}
	for _, rf := range fromTable(resolve.NewContainerdTableFor(nil, resolve.ContainerdOptions{Configured: hosts})) {
		known := false
		for _, other := range t {
			known = known || strings.EqualFold(other.Host, rf.Host)
		}
		if !known {
			out = append(out, rf)
		}
	}
	out.sort()
	return out
}

// AsWindowsFinds spells the host of an image as the directory that Windows takes for its own is named.
func AsWindowsFinds(table *resolve.ContainerdTable, image string) string {
	host, rest, _ := strings.Cut(image, "/")
	for _, r := range table.Registries() {
		if slices.Contains(r.Spellings, host) {
			return r.Host + "/" + rest
		}
	}
	return image
}
