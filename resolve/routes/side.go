package routes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// side is one table, and what of it has to be known to cut the names.
type side struct {
	platform finding.Platform
	plan     func(image string) (resolve.Plan, error)
	// govern returns the scope of the entry that governs a host, and the bases of its mirrors.
	govern func(host string) (scope string, bases []string, ok bool)
	// entries are, by host, the entries with that very host.
	entries map[string][]entry
	// wildcards are those of the table, without the star: ".example.org".
	wildcards []string
	// flips are the entries with a path that are blocked where the entry around them is not, or the
	// other way round.
	flips []string
	// ports are, by host name, the ports of entries on it, each with its colon.
	ports map[string][]string
	// hosts are the hosts of mirrors, other locations and search registries.
	hosts []string
}

// entry is an entry with a host of its own: its path, and the bases that names in it are led to.
type entry struct {
	path  string // empty, or "/" and components
	bases []string
}

func linuxSide(t *resolve.LinuxTable) *side {
	s := &side{platform: finding.Linux, plan: t.Plan, entries: map[string][]entry{}}
	s.govern = func(host string) (string, []string, bool) {
		e, ok := t.Find(host)
		return e.Prefix, linuxBases(&e), ok
	}
	for _, e := range t.Entries() {
		bases := linuxBases(&e)
		for _, base := range bases {
			host, _ := splitHost(base)
			s.hosts = append(s.hosts, host)
		}
		host, path := splitHost(e.Prefix)
		if domain, ok := strings.CutPrefix(host, "*"); ok {
			s.wildcards = append(s.wildcards, domain)
			continue
		}
		s.entries[host] = append(s.entries[host], entry{path, bases})
		if path == "" {
			continue
		}
		around, _ := t.Find(e.Prefix[:strings.LastIndexByte(e.Prefix, '/')])
		if around.Blocked != e.Blocked {
			s.flips = append(s.flips, e.Prefix)
		}
	}
	search, _ := t.SearchRegistries()
	s.hosts = append(s.hosts, search...)
	slices.SortFunc(s.flips, comparePaths)
	s.collectPorts()
	return s
}

// linuxBases are the places that names of an entry are led to, but for the names themselves.
func linuxBases(e *resolve.LinuxEntry) []string {
	var bases []string
	for _, m := range e.Mirrors {
		bases = append(bases, m.Location)
	}
	if e.Location != e.Prefix && e.Location != "" {
		bases = append(bases, e.Location)
	}
	return bases
}

func containerdSide(t *resolve.ContainerdTable) *side {
	s := &side{platform: finding.Windows, plan: t.Plan, entries: map[string][]entry{}}
	s.govern = func(host string) (string, []string, bool) {
		r, ok := t.Find(host)
		return host, containerdBases(&r), ok
	}
	for _, r := range t.Registries() {
		bases := containerdBases(&r)
		for _, base := range bases {
			host, _ := splitHost(base)
			s.hosts = append(s.hosts, host)
		}
		for _, host := range append(r.Spellings, r.Host) {
			if host != "_default" {
				s.entries[host] = append(s.entries[host], entry{"", bases})
			}
		}
	}
	s.collectPorts()
	return s
}

func (s *side) collectPorts() {
	s.ports = map[string][]string{}
	for host := range s.entries {
		if name, port := splitPort(host); port != "" {
			s.ports[name] = append(s.ports[name], port)
		}
	}
}

// containerdBases are the endpoints of a file.
func containerdBases(r *resolve.Registry) []string {
	var bases []string
	add := func(e *resolve.Endpoint) {
		bases = append(bases, strings.TrimSuffix(e.Location(""), "/"))
	}
	for i := range r.Endpoints {
		add(&r.Endpoints[i])
	}
	if r.Server != nil {
		add(r.Server)
	}
	return bases
}

// flipsBelow calls yield with what follows base in each flip inside it.
func (s *side) flipsBelow(base string, yield func(rest string)) {
	inside := base + "/"
	i, _ := slices.BinarySearchFunc(s.flips, inside, comparePaths)
	for ; i < len(s.flips) && strings.HasPrefix(s.flips[i], inside); i++ {
		yield(s.flips[i][len(base):])
	}
}

// route asks the table for one name, which ends in beyond: what follows the cut. It returns false
// for a name that does not exist.
func (s *side) route(name, beyond string, kind mirrorset.Pull) (route, bool) {
	image := name + suffix(kind)
	r, err := resolve.ParseReference(image)
	if err != nil || r.Name() != name {
		return route{}, false
	}
	p, err := s.plan(image)
	if err != nil {
		return route{}, false
	}
	own := onTheWire(name)
	steps := func(attempts []resolve.Attempt) []Step {
		out := make([]Step, len(attempts))
		for i, a := range attempts {
			base, ok := strings.CutSuffix(a.Location, beyond)
			out[i] = Step{Base: base, Itself: place(a.Location) == own, Source: a.Role == resolve.RoleSource, Insecure: a.Insecure, Origins: a.Origins}
			if !ok { // what no registry serves: a path that is put together
				out[i].Base = a.Location
			}
		}
		return out
	}
	return route{resolve: steps(p.Resolve), pull: steps(p.Pull), plan: p}, true
}

// suffix makes a reference of a name.
func suffix(kind mirrorset.Pull) string {
	if kind == mirrorset.ByTag {
		return ":1"
	}
	return "@" + exampleDigest
}

const exampleDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// route is where one name leads.
type route struct {
	resolve, pull []Step
	plan          resolve.Plan
}

// comparePaths orders scopes so that what lies inside one follows it at once: "/" is the smallest
// character.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}

// splitHost splits a location or scope into host[:port] and the rest, which is empty or starts with "/".
func splitHost(location string) (host, rest string) {
	if i := strings.IndexByte(location, '/'); i >= 0 {
		return location[:i], location[i:]
	}
	return location, ""
}

// splitPort splits a host into its name and its port, which is empty or starts with ":".
func splitPort(host string) (name, port string) {
	if i := strings.IndexByte(host, ':'); i >= 0 {
		return host[:i], host[i:]
	}
	return host, ""
}
