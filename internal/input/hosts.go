package input

import (
	"net/url"
	"path"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/hoststoml/distros"
	"github.com/pullroute/pullroute/mirrorset"
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

// readHosts reads a config_path, or the one file that it is, as a version of containerd does.
func readHosts(c configPath, by hoststoml.Version) (*Hosts, error) {
	if c.file == "" {
		h := &Hosts{Dir: c.dir}
		var err error
		var unsure []string
		if _, h.OnDisk = c.fsys.(disk); h.OnDisk {
			h.Tree, h.Findings, unsure, err = by.ReadTree(c.dir)
		} else {
			h.Tree, h.Findings, unsure, err = by.ReadTreeFS(c.fsys, c.dir)
		}
		h.refuseNothing()
		for _, host := range unsure {
			h.unsure(path.Join(c.dir, hoststoml.Dir(host), hoststoml.FileName), by)
		}
		return h, err
	}
	f, findings, sure := by.Current(c.file, c.data)
	h := &Hosts{Dir: c.dir, Lone: true, Findings: findings}
	h.refuseNothing()
	if !sure {
		h.unsure(c.file, by)
	}
	host, how := loneHost(c.file, f)
	h.Tree = hoststoml.Tree{{Host: host, File: f}}
	if how != "" {
		h.Findings = append(h.Findings, finding.Finding{
			Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo, Platform: finding.Windows,
			Origin: finding.Origin{File: c.file}, Value: host,
			Message: how + "; containerd goes by the name of the directory that the file lies in: give " +
				"that, or config_path",
		})
	}
	return h, nil
}

// registriesYAML is what k3s and RKE2 call the file that tells them of mirrors.
const registriesYAML = "registries.yaml"

// readDistro makes the files that a distribution makes of what it is told.
func readDistro(files []mirrorset.NodeFile) *Hosts {
	origin := files[0].Origin
	name := origin.File
	if origin.Object != "" || origin.Wrapper != "" {
		name += ", " + origin.String()
	}
	h := &Hosts{}
	made := "read as the machine configuration of Talos"
	if files[0].Path == distros.TalosPath {
		var documents [][]byte
		for _, f := range files {
			documents = append(documents, f.Data)
		}
		h.Dir = distros.TalosDir
		h.Tree, h.Findings = distros.Talos(name, documents...)
	} else {
		h.Dir = distros.K3sDir
		if strings.Contains(files[0].Path, "rke2") {
			h.Dir = distros.RKE2Dir
		}
		h.Tree, h.Findings = distros.K3s(name, h.Dir, files[0].Data)
		if len(files) > 1 {
			f := ambiguous(name, "holds several documents, of which k3s and RKE2 read the first: give the "+
				"one that is meant")
			h.Findings = append(h.Findings, f)
		}
		made = "read as the registries.yaml of k3s and RKE2, without --disable-default-registry-endpoint, " +
			"which leaves out the registries themselves, and --embedded-registry, which asks other nodes first"
	}
	h.Findings = append(h.Findings, finding.Finding{
		Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo, Platform: finding.Windows,
		Origin:  finding.Origin{File: name},
		Message: "is " + made + "; answers name the files that it makes",
	})
	return h
}

// refuseNothing leaves plans possible: containerd ignores a file that it cannot read, and goes on.
func (h *Hosts) refuseNothing() {
	for i := range h.Findings {
		h.Findings[i].RefusedBy = ""
	}
}

// unsure refuses an answer from a file of which it is not known what an old version reads.
func (h *Hosts) unsure(file string, by hoststoml.Version) {
	h.Findings = append(h.Findings, finding.Finding{
		Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader, Platform: finding.Windows,
		Origin: finding.Origin{File: file},
		Message: "is a file of which it is not known how containerd " + by.String() + " reads it: mend what is said of it; " +
			"--ignore unread-rules answers as if it were ignored where it is broken",
	})
}

// refuseRewrites refuses files with tables that only the containerd of k3s and RKE2 reads.
func (h *Hosts) refuseRewrites() {
	for i := range h.Findings {
		f := &h.Findings[i]
		if f.Code != finding.CodeIgnoredSetting || !strings.HasSuffix(f.Origin.Field, ".rewrite") {
			continue
		}
		f.Code, f.Severity, f.RefusedBy = finding.CodeUnreadRules, finding.SeverityError, finding.Reader
		f.Message = "has the containerd of k3s and RKE2 ask this host for other repositories, and was not " +
			"read: there is no plan with it; --ignore unread-rules answers as if it were not there"
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
