package input

import (
	"net/url"
	"path"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Hosts is the config_path of a node with containerd.
type Hosts struct {
	Tree hoststoml.Tree
	Dir  string
	// Lone is set for a hosts.toml by itself, which says nothing of other registries.
	Lone bool
	// OnDisk is set for a directory of this machine.
	OnDisk   bool
	Findings finding.Findings
}

const defaultHost = "_default"

// readHosts reads a config_path, or the one file that it is.
func readHosts(c configPath) (*Hosts, error) {
	if c.file == "" {
		h := &Hosts{Dir: c.dir}
		var err error
		if _, h.OnDisk = c.fsys.(disk); h.OnDisk {
			h.Tree, h.Findings, err = hoststoml.ReadTree(c.dir)
		} else {
			h.Tree, h.Findings, err = hoststoml.ReadTreeFS(c.fsys, c.dir)
		}
		h.refuseNothing()
		return h, err
	}
	f, findings := hoststoml.Parse(c.file, c.data)
	h := &Hosts{Dir: c.dir, Lone: true, Findings: findings}
	refused := findings.Err() != nil
	h.refuseNothing()
	host, how := loneHost(c.file, f)
	if refused {
		f = nil
	}
	h.Tree = hoststoml.Tree{{Host: host, File: f}}
	if how != "" {
		h.Findings = append(h.Findings, finding.Finding{
			Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo, Platform: finding.Windows, Origin: finding.Origin{File: c.file}, Value: host,
			Message: how + "; containerd goes by the name of the directory that the file lies in: give that, or config_path",
		})
	}
	return h, nil
}

// refuseNothing leaves plans possible: containerd ignores a file that it cannot read, and goes on.
func (h *Hosts) refuseNothing() {
	for i := range h.Findings {
		h.Findings[i].RefusedBy = ""
	}
}

// loneHost returns the registry that a hosts.toml is for, and how that was told where its directory
// does not say.
func loneHost(name string, f *hoststoml.File) (host, how string) {
	if dir := path.Base(path.Dir(name)); name != "-" && strings.ContainsAny(dir, ".:_") || dir == "localhost" {
		if host, ok := hoststoml.HostFromDir(dir); ok {
			return host, ""
		}
	}
	server := ""
	if f != nil {
		server = f.Server
	}
	if server != "" && !strings.Contains(server, "://") {
		server = "https://" + server
	}
	if u, err := url.Parse(server); err == nil && u.Host != "" {
		if u.Host == "registry-1.docker.io" {
			return "docker.io", "is taken for the file of docker.io, because its server is that"
		}
		return u.Host, "is taken for the file of this registry, because its server is that"
	}
	return defaultHost, "is taken for the file of every registry, because nothing says which it is for"
}
