package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// registry makes the file of one host; false where it needs none.
func (b *registryBuilder) registry(f fileHost) (Registry, bool) {
	rules := b.rulesInFile(f)
	r := Registry{Host: f.host, Spellings: f.spellings, sources: someSources(rules)}
	never := b.applyRules(&r, rules)
	blocked := b.applyBlocked(&r)
	// Another spelling of the host is the same registry to the network.
	forbidding := b.forbids(f.host)
	b.reach(forbidding, f.host) // a wildcard may reach the host under another spelling than a rule's
	r.Never = forbidding != "" || b.neverHost[network.Host(f.host)]
	if r.Never && !blocked {
		b.checkPolicyShared(f.host, rules, never)
	}
	if scope := b.rejected(f); scope != nil {
		b.closed(&r, rules, fmt.Sprintf("%s is blocked (%s), and so no mirror serves it: policy.json of "+
			"Linux nodes rejects its name too; "+
			"to have the mirrors serve it, write NeverContactSource instead of blocking it", scope.Value, scope.Origin))
		return r, true
	}
	r.Endpoints = b.endpoints(f.host, rules, r.Never)
	switch {
	case r.Never && len(r.Endpoints) == 0:
		b.closed(&r, rules, "it may not be contacted, and no mirror of it can be asked; use a mirror "+
			"outside of what is forbidden")
	case r.Never:
		// Without a server containerd would ask the registry itself; so the last mirror stands
		// there once more.
		last := r.Endpoints[len(r.Endpoints)-1]
		r.Server = &last
		b.checkResolvable(f.host, &r, never)
	case len(r.Endpoints) == 0 && !f.configured && !b.insecure.covers(network.Host(f.host)):
		return Registry{}, false
	default:
		b.open(&r)
	}
	r.addPlainHTTP()
	return r, true
}

// rulesInFile returns the rules of a host and of its other spellings.
func (b *registryBuilder) rulesInFile(f fileHost) []*mirrorset.Rule {
	rules := b.rulesOf(f.host)
	for _, spelling := range f.spellings {
		for _, rule := range b.rulesOf(spelling) {
			if !isWildcard(rule.Source) || !slices.Contains(rules, rule) {
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// applyRules notes the fields that the rules come from, and returns the first rule under
// NeverContactSource, or nil.
func (b *registryBuilder) applyRules(r *Registry, rules []*mirrorset.Rule) (never *mirrorset.Rule) {
	r.Origins = slices.Grow(r.Origins, len(rules))
	for _, rule := range rules {
		if isWildcard(rule.Source) {
			b.reach(rule.Source, r.Host)
		}
		for _, e := range rule.Entries {
			r.Origins = append(r.Origins, e.Origin)
		}
		if rule.Never && never == nil {
			never = rule
		}
	}
	return never
}

// reach notes that a wildcard reached a host.
func (b *registryBuilder) reach(wildcard, host string) {
	if b.used[wildcard] == "" {
		b.used[wildcard] = host
	}
}

// applyBlocked notes the blocked scopes that enclose the host, and reports whether there are any.
func (b *registryBuilder) applyBlocked(r *Registry) (blocked bool) {
	for _, i := range b.blocked.all(network.Host(r.Host)) {
		if i >= len(b.rules.Blocked) {
			continue // forbids looks at the other forms
		}
		s := &b.rules.Blocked[i]
		b.reach(s.Value, r.Host)
		r.Origins = append(r.Origins, s.Origin)
		blocked = true
	}
	return blocked
}

// rejected returns the blocked scope that a host lies in as a whole, nil where there is none. Such a
// scope is not only kept from being contacted: no image of it may be used, whoever serves it, and
// its mirrors serve nothing. policy.json of a Linux node judges names as they are spelled, and so
// does this; what another spelling of the host is blocked by keeps the registry from being
// contacted.
func (b *registryBuilder) rejected(f fileHost) *mirrorset.Scope {
	for _, host := range append([]string{f.host}, f.spellings...) {
		if all := b.spelled.all(host); len(all) > 0 {
			return &b.rules.Blocked[all[0]]
		}
	}
	return nil
}

// open makes a file that ends in the registry itself.
func (b *registryBuilder) open(r *Registry) {
	server := itself(r.Host)
	for _, i := range b.insecure.all(network.Host(r.Host)) {
		server.SkipVerify = true
		r.Origins = append(r.Origins, b.rules.Insecure[i].Origin)
	}
	r.Server = &server
}

// closed makes a file that keeps every pull from happening: containerd finds no host that may pull.
// The table is there for 1.6, which takes no file without one.
func (b *registryBuilder) closed(r *Registry, rules []*mirrorset.Rule, why string) {
	blocking := itself(r.Host)
	blocking.Capabilities = CanPush
	r.Server, r.Endpoints = &blocking, []Endpoint{blocking}
	r.Never = false // the file names the registry, with a table that refuses pulls
	if len(rules) > 0 {
		b.report(finding.CodeNoLocation, finding.SeverityError, ruleOrigin(rules[0]), r.Host, "cannot be "+
			"pulled from at all "+b.platform.Where()+": "+why)
	}
}

// checkPolicyShared reports the entries that allow contacting the registry where its file may not.
func (b *registryBuilder) checkPolicyShared(host string, rules []*mirrorset.Rule, never *mirrorset.Rule) {
	by := "under another spelling the same host is under NeverContactSource"
	var other finding.Origin
	if never != nil {
		other = ruleOrigin(never)
		by = fmt.Sprintf("a hosts.toml has one policy for the registry, and %s (%s) says NeverContactSource",
			never.Source, ruleOrigin(never))
	}
	for _, rule := range rules {
		if rule.Never {
			continue
		}
		for _, e := range rule.Entries {
			b.report(finding.CodePolicyShared, finding.SeverityWarning, e.Origin, host,
				"is never contacted "+b.platform.Where()+", for any image, although this entry allows it; "+by)
			b.findings[len(b.findings)-1].Related = other
		}
	}
}

// someSources returns the sources of rules to be read in a sentence: of many the first in string order.
func someSources(rules []*mirrorset.Rule) string {
	const most = 5
	sources := make([]string, len(rules))
	for i, r := range rules {
		sources[i] = r.Source
	}
	slices.Sort(sources)
	sources = slices.Compact(sources)
	if len(sources) > most {
		sources = append(sources[:most], "and others")
	}
	return strings.Join(sources, ", ")
}

// addPlainHTTP puts behind each endpoint of an insecure scope the same one by HTTP. "Insecure" means, on
// Linux, HTTPS without a look at the certificate, and plain HTTP where the registry speaks no TLS; of
// containerd no single URL gets both in every version:
//
//   - https:// with skip_verify never speaks plain HTTP;
//   - http:// with skip_verify tries HTTPS first from 1.7 on, and in 1.6 speaks plain HTTP only.
//
// The two in this order do, in 1.6, 1.7 and 2. The second keeps its skip_verify, so that from 1.7
// on nothing, credentials above all, is sent in the clear to a registry that does speak TLS.
func (r *Registry) addPlainHTTP() {
	endpoints := make([]Endpoint, 0, len(r.Endpoints))
	for _, e := range r.Endpoints {
		endpoints = append(endpoints, e)
		if e.SkipVerify {
			e.Scheme = "http"
			endpoints = append(endpoints, e)
		}
	}
	if r.Server.SkipVerify {
		// Under NeverContactSource it is the last of them again. Otherwise it is the registry
		// itself, which a loop may have brought forward; its tables then stand there, and no table
		// can stand twice.
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
