package input

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/hoststoml/distros"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Hosts is the config_path of a node with containerd.
type Hosts struct {
	Tree hoststoml.Tree
	Dir  string
	// Lone is set for a hosts.toml by itself, which says nothing of other registries.
	Lone bool
	// Made is set for files that are none of the input: a distribution makes them of one.
	Made bool
	// OnDisk is set for a directory of this machine.
	OnDisk   bool
	Findings finding.Findings

	registriesYAML string // the name of the one that the files are made of
	k3s            bool   // the containerd of k3s and RKE2 reads them
	platform       finding.Platform
}

// Table returns what the client makes of the files.
func (h *Hosts) Table() *resolve.ContainerdTable {
	if h.k3s {
		return h.Tree.K3sTable(h.Dir).On(h.platform)
	}
	return h.Tree.Table(h.Dir).On(h.platform)
}

// on takes the files as those of a node of a platform.
func (h *Hosts) on(platform finding.Platform) {
	h.platform, h.Findings = platform, h.Findings.For(platform)
}

// readBy takes the files as a client reads them: by default what makes them has the containerd of its own.
func (h *Hosts) readBy(c Client) {
	h.k3s = c.Name == "k3s" || c.Name == "" && h.registriesYAML != ""
	switch {
	case h.k3s:
		h.Findings = h.Tree.K3sFindings(h.Dir, h.Findings)
	case h.registriesYAML != "" && h.rewrites() != nil:
		h.Findings = append(h.Findings, finding.Finding{
			Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Platform: finding.Containerd,
			Origin: finding.Origin{File: h.registriesYAML}, Value: "rewrite",
			Message: "is read by nobody but the containerd of k3s and RKE2: the answer, for another client, " +
				"is one without it",
		})
	}
}

// rewrites returns the file of the first registry that has some.
func (h *Hosts) rewrites() *hoststoml.RegistryFile {
	for i := range h.Tree {
		if f := h.Tree[i].File; f != nil && (len(f.Rewrites) > 0 || slices.ContainsFunc(f.Hosts,
			func(h hoststoml.Host) bool { return len(h.Rewrites) > 0 })) {
			return &h.Tree[i]
		}
	}
	return nil
}

// AboutAll returns the table for an answer about all images at once. Rewrites, which may tell any two
// names apart, allow none: the finding refuses, unless it is among those to ignore, and the table is
// one without them.
func (h *Hosts) AboutAll(o Choice) (*resolve.ContainerdTable, finding.Findings) {
	first := h.rewrites()
	if !h.k3s || first == nil {
		return h.Table(), nil
	}
	f := finding.Finding{
		Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader,
		Platform: finding.Containerd,
		Origin:   finding.Origin{File: path.Join(h.Dir, first.Path()), Field: "rewrite"}, Value: first.Host,
		Message: "changes repositories by regular expressions, about which nothing is said for all images at " +
			"once: ask resolve about one; --ignore unread-rules answers as if it were not there",
	}
	if slices.Contains(o.Ignore, f.Code) {
		f.RefusedBy = ""
	}
	plain := slices.Clone(h.Tree)
	for i := range plain {
		if plain[i].File != nil {
			file := *plain[i].File
			file.Rewrites, file.Hosts = nil, slices.Clone(file.Hosts)
			for j := range file.Hosts {
				file.Hosts[j].Rewrites = nil
			}
			plain[i].File = &file
		}
	}
	return plain.K3sTable(h.Dir).On(h.platform), finding.Findings{f}.For(h.platform)
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
			Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo, Platform: finding.Containerd,
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
	h := &Hosts{Made: true}
	made := "read as the machine configuration of Talos"
	if files[0].Path == distros.TalosPath {
		var documents [][]byte
		for _, f := range files {
			documents = append(documents, f.Data.Bytes())
		}
		h.Dir = distros.TalosDir
		h.Tree, h.Findings = distros.Talos(name, documents...)
	} else {
		h.Dir = distros.K3sDir
		if strings.Contains(files[0].Path, "rke2") {
			h.Dir = distros.RKE2Dir
		}
		h.registriesYAML = name
		h.Tree, h.Findings = distros.K3s(name, h.Dir, files[0].Data.Bytes())
		if len(files) > 1 {
			f := ambiguous(name, "holds several documents, of which k3s and RKE2 read the first: give the "+
				"one that is meant")
			h.Findings = append(h.Findings, f)
		}
		made = "read as the registries.yaml of k3s and RKE2, without --disable-default-registry-endpoint, " +
			"which leaves out the registries themselves, and --embedded-registry, which asks other nodes first"
	}
	h.Findings = append(h.Findings, finding.Finding{
		Code: finding.CodeAmbiguousInput, Severity: finding.SeverityInfo, Platform: finding.Containerd,
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
		Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader, Platform: finding.Containerd,
		Origin: finding.Origin{File: file},
		Message: "is a file of which it is not known how containerd " + by.String() + " reads it: mend what is said of it; " +
			"--ignore unread-rules answers as if it were ignored where it is broken",
	})
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
