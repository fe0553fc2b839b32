package resolve

import (
	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// NewContainerdTable builds the table of a node with containerd from rules. A hosts.toml governs a whole
// registry, so all rules of one registry host, of both kinds, become one entry:
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
// Where the table cannot do what the rules mean, a finding says so.
func NewContainerdTable(rules *mirrorset.Rules, hosts ...string) *ContainerdTable {
	return NewContainerdTableFor(rules, ContainerdOptions{Named: hosts})
}

// ContainerdOptions say whose table is made, and for which hosts, host[:port], beside those that the rules
// name. The zero value is that of nodes with Windows.
type ContainerdOptions struct {
	// Platform is that of the nodes, [finding.Windows] where it is empty. Any other stands for
	// [finding.Containerd]: hosts that differ in letter case have a file each, and no name is that of a device.
	Platform finding.Platform
	// Named are those that wildcard rules and scopes are expanded for. One that nothing applies to
	// is a finding, and gets no file.
	Named []string
	// Configured are those that need a file for settings of their own, credentials or certificates.
	// One that no rule applies to gets a file that asks the registry itself; one inside a wildcard
	// under NeverContactSource, or inside a blocked one, gets the file that forbids it.
	Configured []string
}

// NewContainerdTableFor is NewContainerdTable with options.
func NewContainerdTableFor(rules *mirrorset.Rules, o ContainerdOptions) *ContainerdTable {
	rules = complete(rules)
	b := newRegistryBuilder(rules, o.Platform)
	var registries []Registry
	for _, host := range b.hosts(o) {
		if r, ok := b.registry(host); ok {
			registries = append(registries, r)
		}
	}
	b.spillovers(registries)
	b.checkScopes()
	b.checkUsual(registries)
	t := &ContainerdTable{platform: b.platform, registries: registries, forbidden: b.forbidden, blocked: b.blocked,
		named: newScopeMap[bool](len(rules.Rules))}
	for i := range rules.Rules {
		t.named.set(rules.Rules[i].Source, true)
	}
	t.Findings = b.findings.Sort()
	t.makeIndex()
	return t
}

// registryBuilder makes the registries of a table. Its sets hold scopes in canonical form.
type registryBuilder struct {
	rules     *mirrorset.Rules
	platform  finding.Platform
	forbidden policies
	blocked   scopeSet // in the order of rules.Blocked; then the forms for plain HTTP of insecure ones
	spelled   scopeSet // the blocked scopes as they are spelled, in the order of rules.Blocked
	insecure  scopeSet // in the order of rules.Insecure
	avoid     scopeSet // what may not be contacted: sources under NeverContactSource and blocked scopes

	onHost    scopeMap[[]*mirrorset.Rule] // the rules of each host, and of each wildcard, as sources spell it
	neverHost map[string]bool             // hosts in canonical form with a rule under NeverContactSource
	contains  map[string]*mirrorset.Rule  // plain scopes that enclose sources under NeverContactSource, in canonical form
	used      map[string]string           // the first host that each wildcard reached, as spelled or canonical
	findings  finding.Findings
}

func newRegistryBuilder(rules *mirrorset.Rules, platform finding.Platform) *registryBuilder {
	b := &registryBuilder{
		rules: rules, platform: ofHosts(platform),
		neverHost: map[string]bool{}, contains: map[string]*mirrorset.Rule{}, used: map[string]string{},
	}
	for _, s := range rules.Insecure {
		b.insecure.add(canonical(s.Value))
	}
	b.forbidden = newPolicies(rules, b.isInsecure)
	for _, said := range b.forbidden.all {
		if said.forbids() {
			b.avoid.add(said.source)
		}
	}
	for _, s := range rules.Blocked {
		b.blocked.add(canonical(s.Value))
		b.spelled.add(s.Value)
	}
	for _, s := range rules.Blocked {
		if b.isInsecure(s.Value) {
			b.blocked.add(canonicalHTTP(s.Value))
		}
	}
	for _, form := range b.blocked.scopes {
		b.avoid.add(form)
	}
	for i := range rules.Rules {
		b.index(&rules.Rules[i])
	}
	return b
}

// index notes which host a rule is for, and what it forbids to contact.
func (b *registryBuilder) index(r *mirrorset.Rule) {
	host, _ := network.SplitHost(r.Source)
	rules, _ := b.onHost.get(host)
	b.onHost.set(host, append(rules, r))
	if isWildcard(host) || !r.Never {
		return
	}
	b.neverHost[network.Host(host)] = true
	for _, form := range b.forms(r.Source) {
		for scope := range enclosing(form) {
			if !scope.wildcard && b.contains[scope.text] == nil {
				b.contains[scope.text] = r
			}
		}
	}
}

func (b *registryBuilder) report(code finding.Code, severity finding.Severity, origin finding.Origin,
	value, message string) {
	b.findings = append(b.findings, finding.Finding{
		Code: code, Severity: severity, Platform: b.platform, Origin: origin, Value: value, Message: message,
	})
}

// isInsecure reports whether a scope or location lies inside an insecure scope.
func (b *registryBuilder) isInsecure(scope string) bool { return b.insecure.covers(canonical(scope)) }

// forbids returns the source under NeverContactSource, or the blocked scope, that a location lies
// inside. A rule inside of such a source that allows contact does not help: a hosts.toml cannot
// tell the two apart.
func (b *registryBuilder) forbids(location string) (source string) {
	for _, form := range b.forms(location) {
		if source = b.avoid.cover(form); source != "" {
			break
		}
	}
	return source
}

// forms returns the canonical forms of a location: an insecure one has a second for plain HTTP.
func (b *registryBuilder) forms(location string) []string {
	return canonicalForms(location, b.isInsecure(location))
}
