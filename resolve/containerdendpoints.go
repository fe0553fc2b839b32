package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// endpoints makes the endpoints of a host, in the order in which they are asked: it collects what
// the mirrors of the rules come to, two spellings of one endpoint in one place; orders the places;
// gives them capabilities; and leaves out what may not be asked.
//
// For the source quay.io/org/app with the mirrors m.corp/cache/org/app and M.corp:443/cache/org/app
// there is one endpoint, https://M.corp:443/v2/cache: both mirrors share the path of the source,
// and are one location to the network.
func (b *registryBuilder) endpoints(host string, rules []*mirrorset.Rule, never bool) []Endpoint {
	m := &merge{b: b, host: host, rules: rules, self: contacted(host), byForm: map[string]*place{}}
	m.collect()
	m.checkTagMirrors()
	m.order(never)
	return m.leaveOut(never)
}

// merge is the state of making the endpoints of one host.
type merge struct {
	b     *registryBuilder
	host  string
	rules []*mirrorset.Rule
	self  string // where the registry itself is asked

	byForm  map[string]*place
	places  []*place   // in order of appearance, the registry itself first
	lists   [][]*place // the lists of mirrors, as places
	list    []*place   // the one being made
	ordered []*place
}

// place is one endpoint, under all its spellings.
type place struct {
	form     string // canonical
	spelling string // the smallest that a mirror has, which is written
	kinds    [len(pulls)]bool
	usable   bool // a mirror outside of what is forbidden leads to it
	named    []named
	list     int // the last list that it stands in
}

// named is a mirror of an entry that leads to a place.
type named struct {
	entry  *mirrorset.Entry
	mirror int
}

// origins are where the mirrors are named that lead to the place.
func (p *place) origins() []finding.Origin {
	origins := make([]finding.Origin, len(p.named))
	for i, n := range p.named {
		origins[i] = n.entry.MirrorOrigin(n.mirror)
	}
	return origins
}

// at returns the place of a location, and adds one where there is none.
func (m *merge) at(location string) *place {
	form := canonical(location)
	p := m.byForm[form]
	if p == nil {
		p = &place{spelling: hubNamed(location), form: form}
		m.byForm[form] = p
		m.places = append(m.places, p)
	}
	return p
}

// collect finds the place of each mirror. Two spellings of one endpoint have one place: containerd
// would ask it twice.
func (m *merge) collect() {
	itself := m.at(m.self)
	var number int // of the list
	for _, rule := range m.rules {
		_, sourcePath := network.SplitHost(rule.Source)
		for _, entry := range rule.Entries {
			number++
			list := m.list[:0]
			for i, mirror := range entry.Mirrors {
				location, exact := endpoint(sourcePath, mirror)
				p := m.at(location)
				if p != itself && location < p.spelling {
					p.spelling = hubNamed(location)
				}
				p.kinds[kindOf(rule.Pull)] = true
				p.usable = p.usable || m.b.forbids(mirror) == ""
				p.named = append(p.named, named{entry, i})
				if p.list != number {
					p.list = number
					list = append(list, p)
				}
				if !exact {
					m.b.checkInexact(rule, mirror, hubNamed(location), entry.MirrorOrigin(i))
				}
			}
			// Repeating the previous list adds nothing to the order.
			if n := len(m.lists); n == 0 || !slices.Equal(list, m.lists[n-1]) {
				m.lists = append(m.lists, slices.Clone(list))
			}
			m.list = list
		}
	}
}

// checkTagMirrors reports the mirrors for tags that pulls by digest reach too.
func (m *merge) checkTagMirrors() {
	for _, p := range m.places {
		if len(p.named) == 0 || p.kinds[kindOf(mirrorset.ByDigest)] {
			continue
		}
		message := fmt.Sprintf("is a mirror for tags, and is asked %s for pulls of %s by digest too: "+
			"containerd cannot keep the two apart; nothing is to do, a digest pins the content",
			m.b.platform.Where(), m.host)
		e := newEndpoint(p.spelling)
		for _, o := range p.origins() {
			m.b.report(finding.CodeTagMirrorDigests, finding.SeverityInfo, o, e.location(), message)
		}
	}
}

// order puts the places in the order of preference, over all lists of the registry, comparing
// endpoints as they are written. The registry itself is left out where it comes last, as it is
// asked last anyway; not where it may never be asked, so that it is reported.
func (m *merge) order(never bool) {
	written := make([][]string, len(m.lists))
	for i, list := range m.lists {
		written[i] = make([]string, len(list))
		for j, p := range list {
			written[i][j] = p.spelling
		}
	}
	order, loop := mirrorset.PreferenceOrder(written, m.self)
	if loop != nil {
		m.b.report(finding.CodeOrderConflict, finding.SeverityWarning, ruleOrigin(m.rules[0]), m.host, fmt.Sprintf(
			"has its endpoints asked in the order %s; that breaks the order of a list: those of %s contradict "+
				"each other, and the registry has one hosts.toml; state one order in one list",
			strings.Join(order, ", "), strings.Join(loop, ", ")))
	}
	if never && !slices.Contains(order, m.self) {
		order = append(order, m.self)
	}
	for _, location := range order {
		m.ordered = append(m.ordered, m.at(location))
	}
}

// endpoint returns the endpoint of a place with its capabilities: those that the rules which lead
// to it ask for.
//
// The registry itself, where no list names it, comes early because a loop was broken at it. It has
// what all rules ask for.
func (m *merge) endpoint(p *place) Endpoint {
	e := newEndpoint(p.spelling)
	e.SkipVerify = m.b.insecure.covers(p.form)
	e.Origins = p.origins()
	kinds := p.kinds
	if len(p.named) == 0 {
		for _, rule := range m.rules {
			kinds[kindOf(rule.Pull)] = true
		}
	}
	for kind, pull := range pulls {
		if kinds[kind] {
			e.Capabilities |= capabilities(pull)
		}
	}
	return e
}

// leaveOut returns the endpoints that may be asked, and reports the others.
func (m *merge) leaveOut(never bool) []Endpoint {
	endpoints := make([]Endpoint, 0, len(m.ordered))
	for _, p := range m.ordered {
		e := m.endpoint(p)
		if why := m.leftOut(p, e.location(), never); why != "" {
			for _, o := range e.Origins {
				m.b.report(finding.CodeMirrorBlocked, finding.SeverityWarning, o, e.location(), why)
			}
			continue
		}
		m.b.checkContained(&e)
		m.b.checkTokens(&e)
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// leftOut says why an endpoint may not be asked; it is empty for one that may. Where each mirror
// that leads to an endpoint lies, as configured, inside what may not be contacted, Linux asks none
// of them either.
func (m *merge) leftOut(p *place, location string, never bool) string {
	if never && p.form == network.Host(m.host) {
		return fmt.Sprintf("is left out: without the path that it shares with the source it is %s itself, "+
			"which may not be contacted; use a mirror on another registry, or below another path", m.host)
	}
	if scope := m.b.forbids(location); scope != "" {
		return fmt.Sprintf("is left out: it lies inside %s, which may not be contacted; use a mirror outside of it", scope)
	}
	if len(p.named) > 0 && !p.usable {
		return "is left out: every mirror that leads to it lies inside a source under NeverContactSource " +
			"or a blocked scope; use mirrors outside of those"
	}
	return ""
}

// capabilities are what rules for one kind of pull ask of an endpoint. A digest can be trusted to any
// mirror; what a tag stands for is asked only of mirrors for tags.
func capabilities(pull mirrorset.Pull) Capability {
	if pull == mirrorset.ByTag {
		return CanPull | CanResolve
	}
	return CanPull
}

// endpoint is where containerd has to be sent so that, with the whole repository appended, it asks what
// the mirror names for the source: the mirror without the path components that the two share at their
// ends. The registry host is never dropped. exact is set where the whole path of the source was shared.
func endpoint(sourcePath, mirror string) (location string, exact bool) {
	host, mirrorPath := network.SplitHost(mirror)
	for sourcePath != "" && mirrorPath != "" {
		i, j := strings.LastIndexByte(sourcePath, '/'), strings.LastIndexByte(mirrorPath, '/')
		if sourcePath[i:] != mirrorPath[j:] {
			break
		}
		sourcePath, mirrorPath = sourcePath[:i], mirrorPath[:j]
	}
	return mirror[:len(host)+len(mirrorPath)], sourcePath == ""
}

// newEndpoint returns the endpoint at a location, host[:port][/path], without capabilities.
func newEndpoint(location string) Endpoint {
	host, path := network.SplitHost(hubNamed(location))
	return Endpoint{Scheme: "https", Host: host, Root: "/v2" + path}
}

// hubNamed returns a location with every spelling of Docker Hub replaced by the name that answers.
func hubNamed(location string) string {
	if host, path := network.SplitHost(location); host != network.DockerHub && network.Host(host) == network.DockerHub {
		return network.DockerHub + path
	}
	return location
}

// location returns the endpoint without its "/v2".
func (e *Endpoint) location() string { return e.Host + strings.TrimPrefix(e.Root, "/v2") }
