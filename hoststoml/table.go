package hoststoml

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Marker is the comment at the top of every file that Render makes. It tells them from files of other
// hands, and names no registry.
const Marker = "Written by pullroute from the cluster's image mirror objects; changes are overwritten."

// Tree is the content of a config_path: the hosts.toml of each registry host, sorted by host.
type Tree []RegistryFile

// RegistryFile is the file of one registry host.
type RegistryFile struct {
	// Host is what references name, or "_default".
	Host string
	// File is the content. Nil stands for a directory whose hosts.toml is missing, or that containerd
	// ignores: the registry itself is then contacted.
	File *File
	// Extra are the files beside it that it refers to. They are written before hosts.toml and removed
	// after it. Names come from ExtraName.
	Extra Extra

	// found is where ReadTree found the file, below config_path, where it is not in the directory
	// of Dir: in HOST:PORT, or, with fails, what stands in the place of a directory.
	found string
	// fails is set where containerd fails every pull from the registry, because it cannot read what
	// is there, or a certificate that the file names.
	fails bool
}

// Path returns the file's path under config_path: HOST_PORT_/hosts.toml. For a file that ReadTree
// found in the directory HOST:PORT it is HOST:PORT/hosts.toml; [Diff] puts also that one into
// HOST_PORT_.
func (r RegistryFile) Path() string { return cmp.Or(r.found, Dir(r.Host)+"/"+FileName) }

// FileName is the name of the file in each registry's directory.
const FileName = "hosts.toml"

// fromTable returns the files that say what the table says.
func fromTable(t *resolve.ContainerdTable) Tree {
	registries := t.Registries()
	tree := make(Tree, 0, len(registries))
	for i := range registries {
		r := &registries[i]
		f := &File{Comment: Marker, Hosts: make([]Host, 0, len(r.Endpoints))}
		for j := range r.Endpoints {
			url, settings := fromEndpoint(&r.Endpoints[j])
			f.Hosts = append(f.Hosts, Host{URL: url, Settings: settings})
		}
		if r.Server != nil {
			f.Server, f.Settings = fromEndpoint(r.Server)
		}
		tree = append(tree, RegistryFile{Host: r.Host, File: f})
	}
	return tree
}

func fromEndpoint(e *resolve.Endpoint) (url string, s Settings) {
	url = e.Scheme + "://" + e.Host
	if e.Root != "/v2" {
		// Without override_path containerd would append /v2 to the path.
		url += e.Root
		s.OverridePath = true
	}
	if !e.Capabilities.Has(resolve.CanAll) {
		for _, c := range capabilities {
			if e.Capabilities.Has(c.bit) {
				s.Capabilities = append(s.Capabilities, c.word)
			}
		}
	}
	if e.SkipVerify {
		s.SkipVerify = &e.SkipVerify
	}
	return url, s
}

var capabilities = []struct {
	word Capability
	bit  resolve.Capability
}{{CapabilityPull, resolve.CanPull}, {CapabilityResolve, resolve.CanResolve}, {CapabilityPush, resolve.CanPush},
	{CapabilityReferrers, resolve.CanReferrers}}

// Table returns what a node with containerd makes of the files, to be asked for plans. dir is what the
// plans' origins call the tree.
func (t Tree) Table(dir string) *resolve.ContainerdTable { return t.table(dir, false) }

// K3sTable is Table for a node of k3s or RKE2. Their containerd is a fork that reads
// [Settings.Rewrites] too, and asks nobody after the hosts of a file without the key server. Sources:
// k3s-io/containerd 2.1.5-k3s1 and 1.7.23-k3s2, parseHostsFile of hosts.go.
func (t Tree) K3sTable(dir string) *resolve.ContainerdTable { return t.table(dir, true) }

func (t Tree) table(dir string, k3s bool) *resolve.ContainerdTable {
	var registries []resolve.Registry
	for _, rf := range t {
		origin := finding.Origin{File: onDisk(dir, rf.Path())}
		r := resolve.Registry{Host: rf.Host, Origins: []finding.Origin{origin}}
		switch {
		case rf.fails:
			r.Fails = true
		case rf.File != nil && !(k3s && rf.File.refusedByK3s()):
			rf.File.fill(&r, origin, k3s)
		}
		registries = append(registries, r)
	}
	return resolve.ContainerdTableOf(registries)
}

// fill gives a registry the endpoints of its file.
func (f *File) fill(r *resolve.Registry, origin finding.Origin, k3s bool) {
	rewrites := func(e *resolve.Endpoint, s Settings) {
		if !k3s {
			return
		}
		for _, pattern := range slices.Sorted(maps.Keys(s.Rewrites)) {
			e.Rewrites = append(e.Rewrites, resolve.Rewrite{Pattern: pattern, Replacement: s.Rewrites[pattern]})
		}
	}
	for _, h := range f.Hosts {
		origin.Field = `host."` + shown.Value(h.URL) + `"`
		if e := toEndpoint(h.URL, h.Settings, origin); e != nil {
			rewrites(e, h.Settings)
			r.Endpoints = append(r.Endpoints, *e)
		}
	}
	r.NoServer = k3s && f.endsWithHosts()
	origin.Field = "server"
	if r.Server = toEndpoint(f.Server, f.Settings, origin); r.Server == nil { // the registry itself
		r.Server = &resolve.Endpoint{SkipVerify: f.SkipVerify != nil && *f.SkipVerify}
	}
	rewrites(r.Server, f.Settings)
}

// refusedByK3s reports whether the containerd of k3s and RKE2 ignores the file, and upstream does not.
func (f *File) refusedByK3s() bool {
	return f.Settings.refusedByK3s() || slices.ContainsFunc(f.Hosts, func(h Host) bool { return h.refusedByK3s() })
}

// onDisk names a file of a tree, in findings and plans alike.
func onDisk(dir, name string) string { return path.Join(filepath.ToSlash(dir), name) }

// toEndpoint returns nil for what containerd does not ask; for a server that means the registry itself.
func toEndpoint(url string, s Settings, origin finding.Origin) *resolve.Endpoint {
	target, err := ParseTarget(url, s.OverridePath)
	if err != nil {
		return nil
	}
	e := &resolve.Endpoint{
		Scheme: target.Scheme, Host: target.Host, Root: target.Path,
		SkipVerify: s.SkipVerify != nil && *s.SkipVerify, TLS: s.SkipVerify != nil || len(s.CA)+len(s.Client) > 0,
		Origins: []finding.Origin{origin},
	}
	for _, c := range capabilities {
		if slices.Contains(s.Capabilities, c.word) {
			e.Capabilities |= c.bit
		}
	}
	if len(s.Capabilities) == 0 {
		e.Capabilities = resolve.CanAll
	}
	return e
}

func (t Tree) sort() {
	slices.SortFunc(t, func(a, b RegistryFile) int { return cmp.Compare(a.Host, b.Host) })
}
