package routes

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// point is a host, or a set of hosts that no table tells apart.
type point struct {
	host    string // of the examples, with its port
	pattern string // as it is written: quay.io, quay.io:*, *.example.org, *
	parent  int    // the set of hosts that the point was taken out of; itself for one taken out of none
}

// points are the hosts of some tables and scopes.
type points struct {
	list  []point
	index map[string]int // by pattern
	// wildcards are those of all tables and scopes, without the star, the longest first.
	wildcards  []string
	isWildcard map[string]bool
	freshPort  string // a port, with its colon, that nothing names
}

// newPoints collects the hosts that make a difference to any of the sides, or that scopes name.
//
// A wildcard *.d takes a host only where .d first stands in it at its end (sysregistriesv2,
// refMatchingSubdomainPrefix), so the hosts below d are told apart by how many of the wildcards
// around d take them.
func newPoints(sides []*side, scopes []string) *points {
	named, wild := mentioned(sides, scopes)
	p := &points{index: map[string]int{}, freshPort: freshPort(named), wildcards: wild, isWildcard: map[string]bool{}}
	for _, domain := range wild {
		p.isWildcard[domain] = true
	}
	slices.SortFunc(p.wildcards, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	label := freshLabel(slices.Concat(named, wild))
	p.add(point{label + "." + label, "*", 0}, false, nil)
	for _, domain := range slices.Backward(p.wildcards) { // the shortest first: a set stands before those inside it
		p.addBelow(domain, label, sides)
	}
	for _, host := range named {
		p.addNamed(host, sides)
	}
	// Names without a registry are a point too. To containerd they are those of docker.io.
	if slices.ContainsFunc(sides, func(s *side) bool { return s.platform == finding.Linux }) {
		p.list = append(p.list, point{"", "", len(p.list)})
	}
	return p
}

// mentioned returns the hosts that the sides and the scopes name, and the wildcards, without their
// star; each once, in order.
func mentioned(sides []*side, scopes []string) (named, wild []string) {
	named = []string{"docker.io", "registry-1.docker.io"} // two names of one host
	for _, s := range sides {
		named = slices.AppendSeq(named, maps.Keys(s.entries))
		named = slices.AppendSeq(named, maps.Keys(s.hosts))
		wild = append(wild, s.wildcards...)
	}
	for _, scope := range scopes {
		host, _ := network.SplitHost(scope)
		if domain, ok := strings.CutPrefix(host, "*"); ok {
			wild = append(wild, domain)
		} else {
			named = append(named, host)
		}
	}
	slices.Sort(named)
	slices.Sort(wild)
	return slices.Compact(named), slices.Compact(wild)
}

// addBelow adds the hosts below a wildcard that nothing names: those that all wildcards around it
// take, and those that some do not take. No name has a host as long as those of some wildcards.
func (p *points) addBelow(domain, label string, sides []*side) {
	if len(label+domain+"/a") > maxName {
		return
	}
	var parent int
	enclosing := p.enclosing(domain) // itself the first
	if len(enclosing) > 1 {
		parent = p.index["*"+enclosing[1]]
	}
	ports := portsBehind(sides, label+domain)
	p.add(point{label + domain, "*" + domain, parent}, true, ports)
	for i, k := range enclosing {
		// Below d, with the end of k before it: neither k nor what is shorter takes it, but all that is
		// longer, which where an end repeats itself needs a label between the two. What stands in the host
		// before its end has every shorter end in it, so the next longer one tells for all.
		host := label + k + domain
		if i > 0 && !lastIn(host, enclosing[i-1]) {
			host = label + k + "." + label + domain
		}
		p.add(point{host, "*" + k + ".*" + domain, p.index["*"+domain]}, true, ports)
	}
}

// enclosing returns the wildcards around a host, without their star, the longest first. A domain of a
// wildcard is around itself.
func (p *points) enclosing(host string) (domains []string) {
	for i := strings.IndexByte(host, '.'); i >= 0; {
		if p.isWildcard[host[i:]] {
			domains = append(domains, host[i:])
		}
		next := strings.IndexByte(host[i+1:], '.')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return domains
}

// lastIn reports whether the end of a host stands in it nowhere before.
func lastIn(host, end string) bool { return strings.Index(host, end) == len(host)-len(end) }

// addNamed adds one host.
func (p *points) addNamed(host string, sides []*side) {
	name, port := splitPort(host)
	if name == "" {
		return
	}
	parent := p.around(host)
	if i, ok := p.index[name+":*"]; ok {
		parent = i
	}
	p.add(point{host, host, parent}, port == "", portsBehind(sides, host))
}

// add adds a point, and for one without port the same with each of the ports and with any other.
func (p *points) add(at point, withPorts bool, ports []string) {
	if _, ok := p.index[at.pattern]; !ok {
		p.index[at.pattern] = len(p.list)
		p.list = append(p.list, at)
	}
	if !withPorts {
		return
	}
	parent := at.parent // or the same port of the hosts around
	if j, ok := p.index[p.list[parent].pattern+":*"]; ok {
		parent = j
	}
	any := point{at.host + p.freshPort, at.pattern + ":*", parent}
	p.add(any, false, nil)
	for _, port := range ports {
		p.add(point{at.host + port, at.pattern + port, p.index[any.pattern]}, false, nil)
	}
}

// around returns the set of hosts that a host would be in if nothing named it.
func (p *points) around(host string) int {
	name, port := splitPort(host)
	enclosing := p.enclosing(name)
	if len(enclosing) == 0 {
		return 0
	}
	pattern := "*" + enclosing[0]
	// The longest of those that do not take it.
	if i := slices.IndexFunc(enclosing, func(k string) bool { return !lastIn(name, k) }); i >= 0 {
		pattern = "*" + enclosing[i] + ".*" + enclosing[0]
	}
	if j, ok := p.index[pattern+port]; ok {
		return j
	}
	return p.index[pattern+":*"]
}

// find returns the point that a host is in.
func (p *points) find(host string) int {
	if i, ok := p.index[host]; ok {
		return i
	}
	if name, port := splitPort(host); port != "" {
		if i, ok := p.index[name+":*"]; ok {
			return i
		}
	}
	return p.around(host)
}

// portsBehind returns the ports with which names of a host, that has none itself, are led to
// another place than with other ports: where an entry without a port governs the host, the client
// hands the port on to mirrors that are registries.
func portsBehind(sides []*side, host string) []string {
	var ports []string
	for _, s := range sides {
		targets := map[string]bool{host: true}
		if _, e, ok := s.govern(host); ok {
			for _, base := range e.bases {
				if !strings.ContainsAny(base, ":/") {
					targets[base] = true
				}
			}
		}
		for target := range targets {
			ports = append(ports, s.ports[target]...)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// freshPort returns a port that none of the hosts has.
func freshPort(named []string) string {
	used := map[string]bool{}
	for _, host := range named {
		_, port := splitPort(network.Host(host))
		used[port] = true
	}
	for n := 1; ; n++ {
		if port := ":" + strconv.Itoa(n); !used[port] && n != 80 && n != 443 {
			return port
		}
	}
}

// freshLabel returns a label that stands in none of the hosts and wildcards, in any letter case: a
// host made of it is none of them to the network either.
func freshLabel(hosts []string) string {
	used := map[string]bool{}
	for _, host := range hosts {
		name, _ := splitPort(host)
		for label := range strings.SplitSeq(strings.ToLower(name), ".") {
			used[label] = true
		}
	}
	return fresh(func(label string) bool { return used[label] })
}

// fresh returns the first of a, b, ..., z, 0, ..., 9, aa, ab, ... that is not used.
func fresh(used func(string) bool) string {
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for n := 0; ; n++ {
		text := ""
		for rest := n; ; rest = rest/len(characters) - 1 {
			text = string(characters[rest%len(characters)]) + text
			if rest < len(characters) {
				break
			}
		}
		if !used(text) {
			return text
		}
	}
}
