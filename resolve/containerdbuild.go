package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/internal/slab"
	"github.com/pullroute/pullroute/internal/winname"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// NewContainerdTable builds the table of a node with containerd from rules. A hosts.toml governs a whole
// registry, so all rules of one registry host land in one entry, in both kinds:
//
//   - A registry has an entry where a rule's source lies on it, or where it is blocked or insecure as a
//     whole. Wildcard rules and scopes apply to every such host, and to those the caller names in hosts.
//   - containerd appends the whole repository to an endpoint. The endpoint of a mirror is therefore the
//     mirror without the path components that it shares, at its end, with the source's path. Only where
//     the whole path of the source is shared does containerd ask the location that Linux asks.
//   - Endpoints are ordered as mirrors are (mirrorset.PreferenceOrder), over all lists of the registry.
//   - An endpoint that only digest rules name may pull; any other may resolve tags too.
//   - NeverContactSource of one rule holds for the whole registry.
//   - An endpoint inside a source under NeverContactSource, or inside a blocked scope, is left out: on
//     Linux such a mirror cannot be used, and containerd would not look.
//   - An endpoint inside an insecure scope is there twice, by HTTPS and by HTTP; see addPlainHTTP.
//
// Whatever the table cannot say as the rules mean it is a finding.
func NewContainerdTable(rules *mirrorset.Rules, hosts ...string) *ContainerdTable {
	return NewContainerdTableFor(rules, RegistryHosts{Named: hosts})
}

// RegistryHosts are hosts, host[:port], that need a file beside those that the rules name.
type RegistryHosts struct {
	// Named are those that wildcard rules and scopes are expanded for. One that nothing applies to is a finding, and
	// gets no file.
	Named []string
	// Configured are those that need a file for settings of their own, credentials or certificates. One that no rule
	// applies to gets a file that asks the registry itself; one inside a wildcard under NeverContactSource, or inside
	// a blocked one, gets the file that forbids it.
	Configured []string
}

// NewContainerdTableFor is NewContainerdTable, with files for more hosts.
func NewContainerdTableFor(rules *mirrorset.Rules, hosts RegistryHosts) *ContainerdTable {
	rules = complete(rules)
	b := &registryBuilder{
		rules: rules, avoid: newScopeSet(), blocked: newScopeSet(), insecure: newScopeSet(),
	}
	for _, s := range rules.Insecure {
		b.insecure.add(canonical(s.Value))
	}
	isInsecure := func(scope string) bool { return b.insecure.covers(canonical(scope)) }
	b.forbidden = newPolicies(rules, isInsecure)
	for _, at := range b.forbidden.all {
		if at.never[0] || at.never[1] {
			b.avoid.add(at.source)
		}
	}
	for _, s := range rules.Blocked {
		b.blocked.add(canonical(s.Value))
	}
	for _, s := range rules.Blocked {
		if isInsecure(s.Value) {
			b.blocked.add(canonicalHTTP(s.Value))
		}
	}
	for _, form := range b.blocked.scopes {
		b.avoid.add(form)
	}
	var registries []Registry
	for _, host := range b.hosts(hosts) {
		if r, ok := b.registry(host); ok {
			registries = append(registries, r)
		}
	}
	b.checkScopes()
	t := &ContainerdTable{registries: registries, forbidden: b.forbidden, blocked: b.blocked, named: newSourceIndex(rules)}
	t.Findings = append(spillovers(rules), b.findings...).Sort()
	t.makeIndex()
	return t
}

// fileHost is a host that gets a file, with the other spellings whose directories Windows takes for the same.
type fileHost struct {
	host       string
	spellings  []string
	configured bool
}

type registryBuilder struct {
	rules     *mirrorset.Rules
	forbidden policies
	blocked   *scopeSet  // as the network sees them, in the order of rules.Blocked; then the other forms of insecure ones
	insecure  *scopeSet  // likewise
	avoid     *scopeSet  // what may not be contacted by either, as the network sees it
	byHost    scopeIndex // hosts of sources, wildcards too, in onHost
	onHost    [][]*mirrorset.Rule
	neverHost map[string]bool            // hosts, as the network sees them, with a rule under NeverContactSource
	contains  map[string]*mirrorset.Rule // locations around a source under NeverContactSource, as the network sees them
	used      map[string]bool            // wildcards that reached a host
	findings  finding.Findings
	space     struct { // used again for each registry
		places         []*place
		lists          [][]int
		list, mirrored []int
	}
	places    slab.Of[place]
	lists     slab.Of[int]
	spellings slab.Of[string]
	origins   slab.Of[finding.Origin]
}

func (b *registryBuilder) report(code finding.Code, severity finding.Severity, origin finding.Origin, value, message string) {
	b.findings = append(b.findings, finding.Finding{
		Code: code, Severity: severity, Platform: finding.Windows, Origin: origin, Value: value, Message: message,
	})
}

// hosts returns, sorted, every registry host that may need a file.
func (b *registryBuilder) hosts(more RegistryHosts) []fileHost {
	b.byHost = newScopeIndex(0)
	b.neverHost = map[string]bool{}
	b.contains = map[string]*mirrorset.Rule{}
	b.used = map[string]bool{}
	var hosts []string
	at, last := -1, "" // rules are sorted, so that those of one host mostly stand together
	for i := range b.rules.Rules {
		r := &b.rules.Rules[i]
		host, _ := splitHost(r.Source)
		if at < 0 || host != last {
			var ok bool
			if at, ok = b.byHost.get(host); !ok {
				at = len(b.onHost)
				b.byHost.set(host, at)
				b.onHost = append(b.onHost, nil)
				if !isWildcard(host) {
					hosts = append(hosts, host)
				}
			}
			last = host
		}
		b.onHost[at] = append(b.onHost[at], r)
		if !isWildcard(host) {
			if r.Never {
				b.neverHost[network.Host(host)] = true
				for _, around := range canonicalForms(r.Source, b.insecure.covers(canonical(r.Source))) {
					for i := len(around); i > 0; i = strings.LastIndexByte(around[:i], '/') {
						if b.contains[around[:i]] == nil {
							b.contains[around[:i]] = r
						}
					}
				}
			}
		}
	}
	for _, s := range b.rules.Blocked {
		if host, path := splitHost(s.Value); path == "" && !isWildcard(host) {
			hosts = append(hosts, host)
		}
	}
	for _, s := range b.rules.Insecure {
		if host, path := splitHost(s.Value); path == "" && !isWildcard(host) {
			hosts = append(hosts, host)
		}
	}
	for _, host := range more.Named {
		switch {
		case !mirrorset.ValidMirror(host) || strings.Contains(host, "/"):
			b.report(finding.CodeUnknownHost, finding.SeverityError, finding.Origin{}, shown.Location(host),
				"was named as a registry host and is none; write host[:port]")
		case b.reached(host):
			hosts = append(hosts, host)
		default:
			b.report(finding.CodeUnknownHost, finding.SeverityWarning, finding.Origin{}, host,
				"was named as a registry host, but no rule and no scope applies to it, so it gets no file")
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	files := make([]fileHost, 0, len(hosts)+len(more.Configured))
	byFolded := make(map[string]int, len(hosts)) // the place of each, in lower case
	for _, host := range hosts {
		folded := strings.ToLower(host)
		if i, ok := byFolded[folded]; ok {
			files[i].spellings = append(files[i].spellings, host)
			continue
		}
		byFolded[folded] = len(files)
		files = append(files, fileHost{host: host})
	}
	for i := range files {
		f := &files[i]
		if len(f.spellings) == 0 {
			continue
		}
		for _, host := range f.spellings {
			b.report(finding.CodeHostClash, finding.SeverityWarning, b.originOf(host), host, fmt.Sprintf(
				"and %s need two directories whose names differ in case only, which Windows cannot tell apart: their rules become one file, with the stricter policy and the mirrors of both; spell the host one way in all objects", f.host))
		}
		// Named as most people spell it.
		if at := slices.Index(f.spellings, strings.ToLower(f.host)); at >= 0 {
			f.host, f.spellings[at] = f.spellings[at], f.host
		}
	}
	for _, f := range files {
		if winname.Reserved(strings.ReplaceAll(f.host, ":", "_")) {
			b.report(finding.CodeReservedName, finding.SeverityError, b.originOf(f.host), f.host,
				"is contacted whatever the rules say: Windows keeps this name for a device, no directory can have it, and so the registry has no file; give the registry another name")
		}
	}
	for _, host := range more.Configured {
		if network.Host(host) == network.DockerHub && !strings.Contains(host, ":") {
			host = "docker.io" // containerd has a directory for it under this name only
		}
		folded := strings.ToLower(host)
		if i, ok := byFolded[folded]; ok {
			files[i].configured = true
		} else if mirrorset.ValidMirror(host) && !strings.Contains(host, "/") {
			byFolded[folded] = len(files)
			files = append(files, fileHost{host: host, configured: true})
		}
	}
	return files
}

// originOf returns the first field that names a host; empty for one that the caller named.
func (b *registryBuilder) originOf(host string) finding.Origin {
	if i, ok := b.byHost.get(host); ok {
		return ruleOrigin(b.onHost[i][0])
	}
	return finding.Origin{}
}

// reached reports whether any rule or scope applies to a host, be it only as another spelling of one under
// NeverContactSource.
func (b *registryBuilder) reached(host string) bool {
	seen := network.Host(host)
	return len(b.rulesOf(host)) > 0 || b.neverHost[seen] || b.forbids(host) != "" || b.insecure.covers(seen)
}

// rulesOf returns the rules that land in the file of a host: those with a source on it, as spelled, and
// wildcard rules around it.
func (b *registryBuilder) rulesOf(host string) []*mirrorset.Rule {
	var rules []*mirrorset.Rule
	b.byHost.around([]byte(host), func(i, _ int) bool {
		rules = append(rules, b.onHost[i]...)
		return true
	})
	return rules
}

// registry builds the entry of one host; false where it needs none.
func (b *registryBuilder) registry(f fileHost) (Registry, bool) {
	host := f.host
	r := Registry{Host: host, Spellings: f.spellings}
	rules := b.rulesOf(host)
	for _, spelling := range f.spellings {
		for _, rule := range b.rulesOf(spelling) {
			if !isWildcard(rule.Source) || !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
	}
	r.sources = listed(rules)
	var never *mirrorset.Rule
	entries := 0
	for _, rule := range rules {
		entries += len(rule.Entries)
	}
	r.Origins = b.origins.Make(entries)
	for _, rule := range rules {
		if isWildcard(rule.Source) {
			b.used[rule.Source] = true
		}
		for _, e := range rule.Entries {
			r.Origins = append(r.Origins, e.Origin)
		}
		if rule.Never && never == nil {
			never = rule
		}
	}
	var blockedBy *mirrorset.Scope
	for _, i := range b.blocked.all(network.Host(host)) {
		if i >= len(b.rules.Blocked) {
			continue // forbids looks at the other forms
		}
		s := &b.rules.Blocked[i]
		b.used[s.Value] = true
		r.Origins = append(r.Origins, s.Origin)
		if blockedBy == nil {
			blockedBy = s
		}
	}
	// Another spelling of the host is the same registry to the network.
	r.Never = never != nil || blockedBy != nil || b.neverHost[network.Host(host)] || b.forbids(host) != ""
	if r.Never && blockedBy == nil {
		by := "under another spelling the same host is under NeverContactSource"
		if never != nil {
			by = fmt.Sprintf("a hosts.toml has one policy for the registry, and %s (%s) says NeverContactSource", never.Source, ruleOrigin(never))
		}
		for _, rule := range rules {
			for _, e := range rule.Entries {
				if !rule.Never {
					b.report(finding.CodePolicyShared, finding.SeverityWarning, e.Origin, host,
						"is never contacted on Windows, for any image, although this entry allows it: "+by)
				}
			}
		}
	}

	candidates := b.endpoints(host, rules, r.Never)
	r.Endpoints = make([]Endpoint, 0, len(candidates))
	for _, c := range candidates {
		e := c.Endpoint
		if why := b.leftOut(c, host, r.Never); why != "" {
			for _, o := range e.Origins {
				b.report(finding.CodeMirrorBlocked, finding.SeverityWarning, o, e.location(), why)
			}
			continue
		}
		b.checkContained(&e)
		b.checkTokens(&e)
		r.Endpoints = append(r.Endpoints, e)
	}

	switch n := len(r.Endpoints); {
	case !r.Never && n == 0 && !f.configured && !b.insecure.covers(network.Host(host)):
		return Registry{}, false
	case !r.Never:
		server := itself(host)
		for _, i := range b.insecure.all(network.Host(host)) {
			server.SkipVerify = true
			r.Origins = append(r.Origins, b.rules.Insecure[i].Origin)
		}
		r.Server = &server
	case n == 0:
		// A file that keeps every pull from happening: containerd finds no host that may pull. The
		// table is there for 1.6, which takes no file without one.
		blocking := itself(host)
		blocking.Capabilities = CanPush
		r.Server, r.Endpoints = &blocking, []Endpoint{blocking}
		r.Never = false // it is named in the file, if only to be refused
		if len(rules) > 0 {
			b.report(finding.CodeNoLocation, finding.SeverityError, ruleOrigin(rules[0]), host,
				"cannot be pulled from at all on Windows: it may not be contacted, and no mirror of it can be asked; use a mirror outside of what is forbidden")
		}
	default:
		// Without a server containerd would ask the registry itself; so the last mirror stands there
		// once more.
		last := r.Endpoints[n-1]
		r.Server = &last
		b.checkResolvable(host, &r, never)
	}
	r.addPlainHTTP()
	return r, true
}

// listed returns the sources of rules to be read in a sentence: of many the first in string order.
func listed(rules []*mirrorset.Rule) string {
	const few = 5
	first := make([]string, 0, few+2)
	for _, r := range rules {
		if len(first) > few && r.Source >= first[few] { // so it is with most: rules are sorted
			continue
		}
		if i, ok := slices.BinarySearch(first, r.Source); !ok && i <= few {
			first = slices.Insert(first, i, r.Source)
			first = first[:min(len(first), few+1)]
		}
	}
	if len(first) > few {
		first[few] = "and others"
	}
	return strings.Join(first, ", ")
}

// addPlainHTTP puts behind each endpoint of an insecure scope the same one by HTTP. "Insecure" means, on
// Linux, HTTPS without a look at the certificate, and plain HTTP where the registry speaks no TLS; of
// containerd no single URL gets both in every version:
//
//   - https:// with skip_verify never speaks plain HTTP;
//   - http:// with skip_verify tries HTTPS first from 1.7 on, and in 1.6 speaks plain HTTP only.
//
// The two in this order do, in 1.6, 1.7 and 2. The second keeps its skip_verify, so that from 1.7 on nothing,
// credentials above all, is sent in the clear to a registry that does speak TLS.
func (r *Registry) addPlainHTTP() {
	if !r.Server.SkipVerify && !slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool { return e.SkipVerify }) {
		return
	}
	endpoints := make([]Endpoint, 0, len(r.Endpoints))
	for _, e := range r.Endpoints {
		endpoints = append(endpoints, e)
		if e.SkipVerify {
			e.Scheme = "http"
			endpoints = append(endpoints, e)
		}
	}
	if r.Server.SkipVerify {
		// Under NeverContactSource it is the last of them again. Otherwise it is the registry itself, which a
		// loop may have brought forward; its tables then stand there, and no table can stand twice.
		if !slices.ContainsFunc(endpoints, r.Server.same) {
			endpoints = append(endpoints, *r.Server)
		}
		server := *r.Server
		server.Scheme = "http"
		r.Server = &server
	}
	r.Endpoints = endpoints
}

// same reports whether two endpoints have one URL.
func (e *Endpoint) same(o Endpoint) bool {
	return e.Scheme == o.Scheme && e.Host == o.Host && e.Root == o.Root
}

// endpoint is where containerd has to be sent so that, with the whole repository appended, it asks what
// the mirror names for the source: the mirror without the path components that the two share at their
// ends. The registry host is never dropped. exact is set where the whole path of the source was shared.
func endpoint(sourcePath, mirror string) (location string, exact bool) {
	host, mirrorPath := splitHost(mirror)
	if rest, ok := strings.CutSuffix(mirrorPath, sourcePath); ok { // as with most
		return mirror[:len(host)+len(rest)], true
	}
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
	host, path := splitHost(hubNamed(location))
	return Endpoint{Scheme: "https", Host: host, Root: "/v2" + path}
}

// hubNamed returns a location with every spelling of Docker Hub replaced by the name that answers.
func hubNamed(location string) string {
	if host, path := splitHost(location); host != network.DockerHub && network.Host(host) == network.DockerHub {
		return network.DockerHub + path
	}
	return location
}

// location returns the endpoint without its "/v2".
func (e *Endpoint) location() string { return e.Host + strings.TrimPrefix(e.Root, "/v2") }

// endpoints merges the mirrors of rules into the endpoints of a host, in order. The registry itself is
// left out where it comes last, as it is asked last anyway; not where it may never be asked, so that it
// is reported.
func (b *registryBuilder) endpoints(host string, rules []*mirrorset.Rule, never bool) []candidate {
	// Two spellings of one endpoint are one: containerd would ask it twice. The smallest is written.
	self := contacted(host)
	places := b.space.places[:0]
	var bySeen map[string]int // of many places
	at := func(location string) int {
		seen := canonical(location)
		if bySeen == nil {
			if n := slices.IndexFunc(places, func(p *place) bool { return p.seen == seen }); n >= 0 {
				return n
			}
		} else if n, ok := bySeen[seen]; ok {
			return n
		}
		n := len(places)
		places = append(places, &append(b.places.Make(1), place{spelling: hubNamed(location), seen: seen})[0])
		if n == 16 { // from here on looking through them takes longer
			bySeen = make(map[string]int, 2*n)
			for i, p := range places {
				bySeen[p.seen] = i
			}
		} else if n > 16 {
			bySeen[seen] = n
		}
		return n
	}
	at(self)
	var last [4]mirrorPlace          // of the entry before: the mirrors of a registry mostly come to the same endpoints
	lists := b.space.lists[:0]       // places
	list := b.space.list[:0]         // the places of one entry
	mirrored := b.space.mirrored[:0] // the place of each mirror of each entry of each rule
	number := 0                      // of the list
	for _, rule := range rules {
		kind := kindOf(rule.Pull)
		_, sourcePath := splitHost(rule.Source)
		for _, entry := range rule.Entries {
			number++
			list = list[:0]
			for i, mirror := range entry.Mirrors {
				location, exact := endpoint(sourcePath, mirror)
				l := &last[i%len(last)]
				if l.location != location {
					l.location, l.place = location, at(location)
					if p := places[l.place]; l.place > 0 && location < p.spelling {
						p.spelling = hubNamed(location)
					}
				}
				n := l.place
				p := places[n]
				p.kinds[kind] = true
				p.usable = p.usable || len(b.avoid.scopes) == 0 || b.forbids(mirror) == ""
				p.origins++
				mirrored = append(mirrored, n)
				if p.list != number {
					p.list = number
					list = append(list, n)
				}
				if !exact {
					b.checkInexact(rule, mirror, hubNamed(location), entry.MirrorOrigin(i))
				}
			}
			if n := len(lists); n == 0 || !slices.Equal(lists[n-1], list) { // said again, an order is no other
				lists = append(lists, append(b.lists.Make(len(list)), list...))
			}
		}
	}
	for _, p := range places {
		p.endpoint = newEndpoint(p.spelling)
		p.endpoint.SkipVerify = b.insecure.covers(p.seen)
		p.endpoint.Origins = b.origins.Make(p.origins)
	}
	next := 0
	for _, rule := range rules {
		for _, entry := range rule.Entries {
			for i := range entry.Mirrors {
				e := &places[mirrored[next]].endpoint
				next++
				e.Capabilities |= capabilities(rule.Pull)
				e.Origins = append(e.Origins, entry.MirrorOrigin(i))
			}
		}
	}
	for _, p := range places {
		if p.origins > 0 && !p.kinds[kindOf(mirrorset.ByDigest)] {
			message := fmt.Sprintf("is a mirror for tags, and on Windows also serves pulls of %s by digest: containerd cannot keep the two apart", host)
			for _, o := range p.endpoint.Origins {
				b.report(finding.CodeTagMirrorDigests, finding.SeverityInfo, o, p.endpoint.location(), message)
			}
		}
	}

	// The order compares endpoints as they are written.
	written := make([][]string, len(lists))
	for i, list := range lists {
		written[i] = b.spellings.Make(len(list))
		for _, n := range list {
			written[i] = append(written[i], places[n].spelling)
		}
	}
	order, loop := mirrorset.PreferenceOrder(written, self)
	if loop != nil {
		b.report(finding.CodeOrderConflict, finding.SeverityWarning, ruleOrigin(rules[0]), host, fmt.Sprintf(
			"the orders of %s cannot all be kept in the one hosts.toml of the registry; endpoints are asked in the order %s",
			strings.Join(loop, ", "), strings.Join(order, ", ")))
	}
	if never && places[0].origins > 0 && !slices.Contains(order, self) {
		order = append(order, self)
	}
	endpoints := make([]candidate, 0, len(order))
	for _, location := range order {
		p := places[at(location)]
		if p.origins == 0 { // the registry itself, which no list names: it comes early where a loop was broken at it
			for _, rule := range rules {
				p.endpoint.Capabilities |= capabilities(rule.Pull)
			}
			p.usable = true
		}
		endpoints = append(endpoints, candidate{p.endpoint, p.usable})
	}
	b.space.places, b.space.lists, b.space.list, b.space.mirrored = places, lists, list, mirrored[:0]
	return endpoints
}

// place is one endpoint, under all its spellings, while the mirrors of a registry are merged.
type place struct {
	spelling string // the smallest
	seen     string // as the network sees it
	kinds    [len(pulls)]bool
	usable   bool // a mirror outside of what is forbidden leads to it
	origins  int
	endpoint Endpoint
	list     int // the last list that it stands in
}

// mirrorPlace is the location that a mirror comes to, and its place.
type mirrorPlace struct {
	location string
	place    int
}

// candidate is an endpoint that may yet be left out. It is usable where one of its mirrors, as configured,
// lies outside of what may not be contacted: of the others Linux asks none either.
type candidate struct {
	Endpoint
	usable bool
}

// capabilities are what rules for one kind of pull ask of an endpoint. A digest can be trusted to any
// mirror; what a tag stands for is asked only of mirrors for tags.
func capabilities(pull mirrorset.Pull) Capability {
	if pull == mirrorset.ByTag {
		return CanPull | CanResolve
	}
	return CanPull
}

// leftOut says why an endpoint may not be asked; it is empty for one that may.
func (b *registryBuilder) leftOut(c candidate, host string, never bool) string {
	seen := canonical(c.location())
	if never && seen == network.Host(host) {
		return fmt.Sprintf("is left out: without what it shares with the source it is %s itself, which may not be contacted; use a mirror on another registry, or below another path", host)
	}
	if scope := b.forbids(c.location()); scope != "" {
		return fmt.Sprintf("is left out: it lies inside %s, which may not be contacted; use a mirror outside of it", scope)
	}
	if !c.usable {
		return "is left out: every mirror that leads to it lies inside a source under NeverContactSource or a blocked scope; use mirrors outside of those"
	}
	return ""
}

// forbids returns the source under NeverContactSource, or the blocked scope, that a location lies inside.
// A rule inside of such a source that allows contact does not help: a hosts.toml cannot tell the two apart.
func (b *registryBuilder) forbids(location string) (source string) {
	for _, form := range b.forms(location) {
		if source = b.avoid.cover(form, ""); source != "" {
			break
		}
	}
	return source
}

// forms returns every form under which the network sees a location: an insecure one is asked by plain HTTP too.
func (b *registryBuilder) forms(location string) []string {
	return canonicalForms(location, b.insecure.covers(canonical(location)))
}

// checkContained reports an endpoint through which some pulls reach a forbidden source.
func (b *registryBuilder) checkContained(e *Endpoint) {
	var r *mirrorset.Rule
	for _, form := range b.forms(e.location()) {
		if r = b.contains[form]; r != nil {
			break
		}
	}
	if r == nil {
		return
	}
	for _, o := range e.Origins {
		b.report(finding.CodeContainsForbidden, finding.SeverityWarning, o, e.location(), fmt.Sprintf(
			"contains %s, which is under NeverContactSource (%s): a pull that this endpoint completes to a location in there contacts it, and containerd does not look; use a mirror that does not contain it",
			r.Source, ruleOrigin(r)))
	}
}

// checkTokens reports a mirror below a path of a registry whose token server is strict. containerd asks for
// a token with the scope of the original repository beside the mirror's own (remotes/docker/scope.go), and
// such a server refuses the request for the one that does not exist there. This was read in reports, not
// run.
func (b *registryBuilder) checkTokens(e *Endpoint) {
	domain := hostname(strings.ToLower(e.Host))
	strict := domain == "ghcr.io" || domain == "gcr.io" || strings.HasSuffix(domain, ".gcr.io") || strings.HasSuffix(domain, ".pkg.dev")
	if e.Root == "/v2" || !strict {
		return
	}
	for _, o := range e.Origins {
		b.report(finding.CodeStrictTokens, finding.SeverityWarning, o, e.location(), fmt.Sprintf(
			"lies below a path on %s, whose token server may refuse containerd: it asks for a token with the scope of the source's repository too; use a mirror without a path, or try a pull before relying on it", domain))
	}
}

// checkInexact reports a mirror that breaks the naming rule of Windows nodes: it does not end in the whole
// path of its source.
func (b *registryBuilder) checkInexact(rule *mirrorset.Rule, mirror, endpoint string, origin finding.Origin) {
	_, path := splitHost(rule.Source)
	b.report(finding.CodeInexactMirror, finding.SeverityWarning, origin, mirror, fmt.Sprintf(
		"does not end in %q, the path of its source %s: containerd will ask %s%s instead; copy the image there too, or name the mirror %[3]s%[4]s",
		path, rule.Source, endpoint, path))
}

// spillovers tells what else each entry catches: containerd applies it to the whole registry. Nearly every entry has
// this finding, so each is put where the order of findings wants it: at its entry's rank.
func spillovers(rules *mirrorset.Rules) finding.Findings {
	count, places := 0, 0
	for i := range rules.Rules {
		for _, e := range rules.Rules[i].Entries {
			count++
			places = max(places, e.Rank+1)
		}
	}
	places = min(places, 2*count) // not all entries of a set make rules
	findings, taken := make(finding.Findings, places), make([]bool, places)
	var last, message string // most rules of a host have the same words
	var pull mirrorset.Pull
	for i := range rules.Rules {
		r := &rules.Rules[i]
		host, path := splitHost(r.Source)
		if path == "" {
			continue
		}
		severity, danger := finding.SeverityInfo, "a digest cannot be answered with other content"
		if r.Pull == mirrorset.ByTag {
			severity, danger = finding.SeverityWarning, "a mirror that has another image under the same name and tag serves that one"
		}
		if host != last || r.Pull != pull {
			last, pull = host, r.Pull
			message = fmt.Sprintf("also redirects every other image of %s on Windows: each is asked for at these mirrors first, under its own path; %s", host, danger)
		}
		for _, e := range r.Entries {
			at := e.Rank
			if at < 0 || at >= places || taken[at] { // rules that were not made of one set
				at = len(findings)
				findings = append(findings, finding.Finding{})
			} else {
				taken[at] = true
			}
			findings[at] = finding.Finding{
				Code: finding.CodeSpillover, Severity: severity, Platform: finding.Windows, Origin: e.Origin, Value: r.Source, Message: message,
			}
		}
	}
	if slices.Contains(taken, false) {
		findings = slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Code == "" })
	}
	return findings
}

// checkResolvable reports a registry that may not be contacted and whose mirrors all serve digests only.
func (b *registryBuilder) checkResolvable(host string, r *Registry, never *mirrorset.Rule) {
	for i := range r.Endpoints {
		if r.Endpoints[i].Capabilities.Has(CanPull | CanResolve) {
			return
		}
	}
	var origin finding.Origin
	if never != nil {
		origin = ruleOrigin(never)
	}
	b.report(finding.CodePullsBlocked, finding.SeverityWarning, origin, host,
		"cannot be pulled from by tag on Windows: the registry may not be contacted, and its mirrors serve digests only; add an ImageTagMirrorSet for it, or pull by digest")
}

// checkScopes reports wildcards that reached no host, and scopes that a hosts.toml cannot say.
func (b *registryBuilder) checkScopes() {
	for i := range b.rules.Rules {
		if r := &b.rules.Rules[i]; isWildcard(r.Source) && !b.used[r.Source] {
			message := "has no effect on Windows: containerd knows no wildcards, and no registry host inside it has a rule or was named; name the hosts that images use"
			if r.Never {
				message = "has no effect on Windows, its NeverContactSource neither" + strings.TrimPrefix(message, "has no effect on Windows")
			}
			for _, e := range r.Entries {
				b.report(finding.CodeWildcardUnused, finding.SeverityWarning, e.Origin, r.Source, message)
			}
		}
	}
	for _, s := range b.rules.Blocked {
		if _, path := splitHost(s.Value); path != "" {
			b.report(finding.CodeNarrowScope, finding.SeverityWarning, s.Origin, s.Value,
				"is not blocked on Windows: containerd can only block whole registries; block the registry, or keep its images out by other means")
		} else if isWildcard(s.Value) && !b.used[s.Value] {
			b.report(finding.CodeWildcardUnused, finding.SeverityWarning, s.Origin, s.Value,
				"is not blocked on Windows: containerd knows no wildcards, and no registry host inside it has a rule or was named; name the hosts that images use")
		}
	}
	for _, s := range b.rules.Insecure {
		if _, path := splitHost(s.Value); path != "" {
			b.report(finding.CodeNarrowScope, finding.SeverityWarning, s.Origin, s.Value,
				"counts on Windows only for mirrors that lie inside it as a whole: containerd knows insecure hosts, not insecure repositories")
		}
	}
}
