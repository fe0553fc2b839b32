package routes

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// side is one table, and what of it has to be known to cut the names.
type side struct {
	platform finding.Platform
	plan     func(image string) (resolve.Plan, error)
	// planReference is plan for a name with a registry.
	planReference func(r resolve.Reference) (resolve.Plan, error)
	// govern returns the scope of the entry that governs a host, and the entry.
	govern func(host string) (scope string, e entry, ok bool)
	// entries are, by host, the entries with that very host.
	entries map[string][]entry
	// wildcards are those of the table, without the star: ".example.org".
	wildcards []string
	// elsewhere are the places that names of no certain host are led to: those below wildcards, and those
	// of _default.
	elsewhere []string
	// flips are the entries with a path that are blocked where the entry around them is not, or the
	// other way round.
	flips []string
	// ports are, by host name, the ports of entries on it, each with its colon.
	ports map[string][]string
	// hosts are the hosts of mirrors, other locations, search registries and scopes of a policy.
	hosts map[string]bool
	// search are the registries that are tried for a name without one, and aliases the names of that
	// kind that stand for another.
	search, aliases []string
	// judged are, by host, the paths of the scopes that a policy tells names apart by.
	judged map[string][]string
}

// entry is an entry with a host of its own: its path, and the bases that names in it are led to.
type entry struct {
	path  string // empty, or "/" and components
	bases []string
	// longest is, for each of kinds, the length of the longest base that the client writes down; 0
	// where length stops no pull.
	longest [len(kinds)]int
}

func linuxSide(t *resolve.LinuxTable) *side {
	s := &side{platform: finding.Linux, plan: t.Plan, planReference: t.PlanReference,
		entries: map[string][]entry{}, hosts: map[string]bool{}}
	s.govern = func(host string) (string, entry, bool) {
		e, ok := t.Find(host)
		return e.Prefix, linuxEntry("", &e), ok
	}
	entries := t.Entries()
	anyBlocked := slices.ContainsFunc(entries, func(e resolve.LinuxEntry) bool { return e.Blocked })
	for i := range entries {
		e := &entries[i]
		host, path := network.SplitHost(e.Prefix)
		made := linuxEntry(path, e)
		s.name(made.bases)
		if domain, ok := strings.CutPrefix(host, "*"); ok {
			s.wildcards, s.elsewhere = append(s.wildcards, domain), append(s.elsewhere, made.bases...)
			continue
		}
		s.entries[host] = append(s.entries[host], made)
		if path == "" || !anyBlocked {
			continue
		}
		around, _ := t.Find(e.Prefix[:strings.LastIndexByte(e.Prefix, '/')])
		if around.Blocked != e.Blocked {
			s.flips = append(s.flips, e.Prefix)
		}
	}
	s.search, _ = t.SearchRegistries()
	s.name(s.search)
	s.aliases = slices.Sorted(maps.Keys(t.Aliases()))
	slices.SortFunc(s.flips, comparePaths)
	s.collectPorts()
	return s
}

// name adds the hosts of locations.
func (s *side) name(locations []string) {
	for _, location := range locations {
		host, _ := network.SplitHost(location)
		s.hosts[host] = true
	}
}

// judge has a policy judge all plans.
func (s *side) judge(scopes []string, apply func(resolve.Plan) resolve.Plan) {
	s.judged = map[string][]string{}
	plan, planReference := s.plan, s.planReference
	s.plan = func(image string) (resolve.Plan, error) {
		p, err := plan(image)
		return apply(p), err
	}
	s.planReference = func(r resolve.Reference) (resolve.Plan, error) {
		p, err := planReference(r)
		return apply(p), err
	}
	for _, scope := range scopes {
		if !mirrorset.ValidSource(scope) {
			continue // no name lies inside it
		}
		host, path := network.SplitHost(scope)
		if domain, ok := strings.CutPrefix(host, "*"); ok {
			s.wildcards = append(s.wildcards, domain)
			continue
		}
		s.hosts[host] = true
		s.judged[host] = append(s.judged[host], path)
	}
}

// linuxEntry collects the places that names of an entry are led to, but for the names themselves.
func linuxEntry(path string, e *resolve.LinuxEntry) entry {
	made := entry{path: path, bases: make([]string, 0, len(e.Mirrors)+1)}
	add := func(base string, pulls ...mirrorset.Pull) {
		made.bases = append(made.bases, base)
		for k, kind := range kinds {
			if slices.Contains(pulls, kind) {
				made.longest[k] = max(made.longest[k], len(base))
			}
		}
	}
	for _, m := range e.Mirrors {
		switch {
		case e.MirrorByDigestOnly:
			add(m.Location, mirrorset.ByDigest)
		case m.Pull != "":
			add(m.Location, m.Pull)
		default:
			add(m.Location, kinds[:]...)
		}
	}
	if own := cmp.Or(e.Location, e.Prefix); own != e.Prefix {
		add(own, kinds[:]...)
	}
	return made
}

func containerdSide(t *resolve.ContainerdTable) *side {
	t = t.AsSpelled() // a class is of hosts as they are spelled
	s := &side{platform: t.Platform(), plan: t.Plan, planReference: t.PlanReference,
		entries: map[string][]entry{}, hosts: map[string]bool{}, search: []string{"docker.io"}}
	s.govern = func(host string) (string, entry, bool) {
		r, ok := t.Find(host)
		return host, entry{bases: containerdBases(&r)}, ok
	}
	for _, r := range t.Registries() {
		bases := containerdBases(&r)
		s.name(bases)
		for _, host := range append(r.Spellings, r.Host) {
			if host == "_default" {
				s.elsewhere = append(s.elsewhere, bases...)
				continue
			}
			s.entries[host] = append(s.entries[host], entry{bases: bases})
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
	if r.Server != nil && r.Server.Host != "" {
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

// route asks the table for one name, which ends in beyond: what follows the cut. A name without a
// registry starts with "/". It returns false for a name that does not exist.
func (s *side) route(name, beyond string, kind mirrorset.Pull) (route, bool) {
	p, ok := s.planOf(name, kind)
	if !ok {
		return route{}, false
	}
	own := onTheWire(name)
	steps := func(attempts []resolve.Attempt) []Step {
		out := make([]Step, len(attempts))
		for i, a := range attempts {
			out[i] = Step{Base: strings.TrimSuffix(a.Location, beyond),
				Itself: a.Location == own || network.Place(a.Location) == own,
				Source: a.Role == resolve.RoleSource, Insecure: a.Insecure, Origins: a.Origins}
		}
		return out
	}
	return route{resolve: steps(p.Resolve), pull: steps(p.Pull), asked: steps(p.Asked), plan: p}, true
}

// planOf returns the plan of a name; ok is false where there is no such name.
func (s *side) planOf(name string, kind mirrorset.Pull) (p resolve.Plan, ok bool) {
	image := name + suffix(kind)
	if short, ok := strings.CutPrefix(image, "/"); ok {
		if !resolve.IsShortName(short) {
			return p, false
		}
		p, err := s.plan(short)
		return p, err == nil
	}
	r, err := resolve.ParseReference(image)
	if err != nil || r.Name() != name {
		return p, false
	}
	p, err = s.planReference(r)
	return p, err == nil
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
	resolve, pull, asked []Step
	plan                 resolve.Plan
}

// isHub reports whether a host is Docker Hub to the clients, which put library/ before names of one
// component there.
func isHub(host string) bool { return host == "docker.io" || host == "index.docker.io" }

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

// splitPort splits a host into its name and its port, which is empty or starts with ":".
func splitPort(host string) (name, port string) {
	name, _, _ = strings.Cut(host, ":")
	return name, host[len(name):]
}
