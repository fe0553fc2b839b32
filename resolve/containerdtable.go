package resolve

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ContainerdTable is what a node with containerd knows: the hosts.toml files of its config_path, one per
// registry host. A pull is governed by the file of the host that its reference names.
//
// A table is made by [NewContainerdTable] from rules, or by [ContainerdTableOf] from a node's own
// files. It never changes, and may be asked from any number of goroutines. The zero value, and nil,
// is the table of an empty config_path: every image comes from its source.
type ContainerdTable struct {
	// Findings are about the table. Those of the rules it was built from are not repeated.
	Findings finding.Findings

	platform   finding.Platform // of the nodes; empty is Windows
	registries []Registry       // sorted by host
	byHost     map[string]int   // by host, and by the other spellings of one
	byFolded   map[string]int   // by host in lower case
	asSpelled  bool
	forbidden  policies // sources under NeverContactSource; empty for tables read from files
	blocked    scopeSet // blocked scopes in canonical form
	never      map[string]bool
	named      scopeMap[bool] // the sources of all rules
}

// ContainerdTableOf returns the table of a node's own files, in any order. Of two for one host the
// first counts.
func ContainerdTableOf(registries []Registry) *ContainerdTable {
	t := &ContainerdTable{registries: cloneRegistries(registries)}
	t.makeIndex()
	return t
}

// Platform returns the platform of the nodes whose table it is: Windows, unless it was made for another.
func (t *ContainerdTable) Platform() finding.Platform {
	if t == nil {
		return finding.Windows
	}
	return cmp.Or(t.platform, finding.Windows)
}

// ofHosts returns the platform of nodes that read hosts.toml files, of which there are two: whoever calls
// nodes with containerd linux means the other one.
func ofHosts(platform finding.Platform) finding.Platform {
	if platform == "" || platform == finding.Windows {
		return finding.Windows
	}
	return finding.Containerd
}

// On returns a table of a node's own files as that of nodes of a platform. One that was made from rules stays
// what it was made for.
func (t *ContainerdTable) On(platform finding.Platform) *ContainerdTable {
	if t == nil {
		t = &ContainerdTable{}
	}
	other := *t
	if t.platform == "" && platform != "" {
		other.platform = ofHosts(platform)
	}
	return &other
}

// AsSpelled returns a table that finds a file only by the very name that its host has. Otherwise that
// of a Windows node, where letter case of a directory does not count, takes a host in any.
func (t *ContainerdTable) AsSpelled() *ContainerdTable {
	if t == nil {
		return nil
	}
	other := *t
	other.asSpelled = true
	return &other
}

// Registries returns a copy of the registries, sorted by host.
func (t *ContainerdTable) Registries() []Registry {
	if t == nil {
		return nil
	}
	return cloneRegistries(t.registries)
}

// cloneRegistries returns a copy that shares nothing that can be changed.
func cloneRegistries(registries []Registry) []Registry {
	registries = slices.Clone(registries)
	for i := range registries {
		r := &registries[i]
		r.Endpoints = slices.Clone(r.Endpoints)
		for j := range r.Endpoints {
			r.Endpoints[j] = r.Endpoints[j].clone()
		}
		if r.Server != nil {
			server := r.Server.clone()
			r.Server = &server
		}
		r.Origins, r.Spellings = slices.Clone(r.Origins), slices.Clone(r.Spellings)
	}
	return registries
}

// Registry is the hosts.toml of one registry host.
type Registry struct {
	// Host is what references name: host[:port] as spelled there, or "_default" for all hosts without a
	// file of their own.
	Host string
	// Spellings are other spellings of Host whose rules are in this file too: in letter case only,
	// so that Windows cannot tell their directories apart.
	Spellings []string
	// Endpoints are the [host] tables, in the order they are asked.
	Endpoints []Endpoint
	// Server is asked last. Nil stands for a file without server: containerd then asks Host itself, and
	// so it does for a Server without a Host, of which SkipVerify and Rewrites count.
	Server *Endpoint
	// NoServer is set where nothing is asked after Endpoints: so the containerd of k3s and RKE2 takes a
	// file with host tables and without the key server. Server is then not looked at.
	NoServer bool
	// Fails is set where containerd fails every pull from the registry, because it cannot read what it finds for
	// it. Nothing else is then looked at.
	Fails bool
	// Never is set where nothing but the mirrors may ever be asked: the file names them only.
	Never bool
	// Origins are the fields that made the file what it is.
	Origins []finding.Origin

	sources string // of the rules that landed in the file, to be read; empty for a file read from a node
}

// Endpoint is one place that containerd asks on behalf of a registry: all its repositories are
// looked for below one root.
type Endpoint struct {
	// Scheme is "https" or "http".
	Scheme string
	// Host is host[:port] as it is contacted; Docker Hub is registry-1.docker.io.
	Host string
	// Root is the path that the whole repository is appended to, without a slash at its end: "/v2", or
	// "/v2/org" for mirrors below HOST/org. Any other path is one that a registry does not answer.
	Root string
	// Capabilities say what the endpoint is asked for.
	Capabilities Capability
	// SkipVerify leaves certificates unchecked; an insecure registry has an endpoint of each scheme.
	SkipVerify bool
	// TLS is set where there is another setting of TLS. With Scheme "http" and either of the two
	// containerd 1.7 and 2 try HTTPS first, but for port 80.
	TLS bool
	// Rewrites change the repository that is asked for; see [Rewrite]. Their order has no meaning.
	Rewrites []Rewrite
	// Origins are the fields that name the endpoint.
	Origins []finding.Origin
}

func (e Endpoint) clone() Endpoint {
	e.Rewrites, e.Origins = slices.Clone(e.Rewrites), slices.Clone(e.Origins)
	return e
}

// of returns the endpoint that a file's server is, itself being the registry. What the file sets for
// a server that it does not name goes to the registry itself, but for capabilities and override_path
// (hosts.go, ConfigureHosts).
func (e *Endpoint) of(itself Endpoint) Endpoint {
	if e.Host != "" {
		return *e
	}
	itself.SkipVerify, itself.Rewrites = itself.SkipVerify || e.SkipVerify, e.Rewrites
	return itself
}

// Capability is a set of the things that an endpoint may be asked for.
type Capability uint8

// The capabilities of containerd (remotes/docker/registry.go); CanReferrers is known to version 2 only.
const (
	CanPull Capability = 1 << iota
	CanResolve
	CanPush
	CanReferrers

	// CanAll is what a table without capabilities has.
	CanAll = CanPull | CanResolve | CanPush | CanReferrers
)

// Has reports whether c holds all of want.
func (c Capability) Has(want Capability) bool { return c&want == want }

// Location returns the location of a repository at the endpoint: host[:port]/repository.
func (e *Endpoint) Location(repository string) string {
	return e.Host + e.below() + "/" + repository
}

// below returns what stands between the host and the repository in a location: the root without /v2, or
// one without /v2 as it is asked for, which no registry serves.
func (e *Endpoint) below() string {
	if e.isRegistryRoot() {
		return e.Root[len("/v2"):]
	}
	return e.Root
}

// OtherPath says why few registries, or none, answer at the endpoint's root; it is empty for /v2
// and for one path below it. containerd appends "/v2" to a path that does not end in it, unless
// override_path is set.
func (e *Endpoint) OtherPath() string {
	own := strings.TrimSuffix(e.Root, "/v2")
	switch {
	case e.isRegistryRoot() && own != "" && own != e.Root:
		return fmt.Sprintf(`is asked at %q, with "/v2" twice, which hardly a registry answers: write one `+
			`"/v2", in front, and override_path = true`, e.Root)
	case e.isRegistryRoot():
		return ""
	case e.Root == own:
		return fmt.Sprintf("is asked at %q because of override_path, and few registries answer at a path "+
			"without /v2: unless a pull through it works, write the path as %q", e.Root+"/", "/v2"+own)
	}
	return fmt.Sprintf("is asked at %q, and few registries answer below another path than /v2 "+
		"(Artifactory does): unless a pull through it works, write the path as %q, with override_path = true",
		e.Root, "/v2"+own)
}

// isRegistryRoot reports whether the endpoint's root is below the path that registries answer at.
func (e *Endpoint) isRegistryRoot() bool {
	return e.Root == "/v2" || strings.HasPrefix(e.Root, "/v2/")
}

// httpsFirst reports whether the endpoint is asked by HTTPS, and by HTTP where that fails (hosts.go,
// NewHTTPFallback).
func (e *Endpoint) httpsFirst() bool {
	return e.Scheme == "http" && (e.SkipVerify || e.TLS) && !strings.HasSuffix(e.Host, ":80")
}

// itself returns the endpoint that a registry host is asked at without any file, and where its file
// names no server.
func itself(host string) Endpoint {
	return Endpoint{Scheme: "https", Host: contacted(host), Root: "/v2", Capabilities: CanAll}
}

// onThisMachine makes of it one of the machine itself: it is asked without a look at its certificate,
// and at most ports by HTTP where HTTPS fails (hosts.go, ConfigureHosts).
func (e *Endpoint) onThisMachine() {
	_, port, _ := net.SplitHostPort(e.Host)
	if e.SkipVerify = port != "80"; port != "" && port != "443" {
		e.Scheme = "http"
	}
}

// isLocalhost is docker.IsLocalhost of containerd.
func isLocalhost(host string) bool {
	if !strings.HasPrefix(host, "localhost") && !strings.HasPrefix(host, "127.") && !strings.HasPrefix(host, "[") {
		return false // nearly all, without a look at what they are
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// makeIndex sorts the registries and makes the maps for lookups.
func (t *ContainerdTable) makeIndex() {
	slices.SortStableFunc(t.registries, func(a, b Registry) int { return cmp.Compare(a.Host, b.Host) })
	t.byHost = make(map[string]int, len(t.registries))
	t.byFolded = make(map[string]int, len(t.registries))
	t.never = map[string]bool{}
	for i := range t.registries {
		r := &t.registries[i]
		if _, ok := t.byHost[r.Host]; !ok {
			t.byHost[r.Host] = i
		}
		for _, spelling := range r.Spellings {
			t.byHost[spelling] = i
		}
		if folded := strings.ToLower(r.Host); t.byFolded[folded] == 0 {
			t.byFolded[folded] = i + 1
		}
		if r.Never {
			t.never[network.Host(r.Host)] = true
		}
	}
}

// find returns the file that governs references to a host: its own, else that of "_default"; nil
// where there is neither.
func (t *ContainerdTable) find(host string) *Registry {
	if t == nil {
		return nil
	}
	i, ok := t.own(host)
	if !ok {
		if i, ok = t.byHost["_default"]; !ok {
			return nil
		}
	}
	return &t.registries[i]
}

// own returns the place of the file that containerd finds for a host, but for that of "_default". It
// looks for HOST_PORT_ and then, on Linux, for HOST:PORT, which a tree holds under the same host, and
// on Windows, where no name has a colon, for HOSTPORT: 10.0.0.1:50 is governed by the file of
// 10.0.0.150 (config_windows.go, hostPaths).
func (t *ContainerdTable) own(host string) (i int, ok bool) {
	if i, ok = t.byHost[host]; ok || t.asSpelled || t.Platform() != finding.Windows {
		return i, ok
	}
	folded := strings.ToLower(host)
	if i = t.byFolded[folded]; i == 0 && strings.Contains(folded, ":") {
		i = t.byFolded[strings.ReplaceAll(folded, ":", "")]
	}
	return i - 1, i > 0
}

// Find returns a copy of the file that governs references to a host: its own, else that of
// "_default"; false where there is neither.
func (t *ContainerdTable) Find(host string) (Registry, bool) {
	if r := t.find(host); r != nil {
		return cloneRegistries([]Registry{*r})[0], true
	}
	return Registry{}, false
}
