package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file reports where a hosts.toml cannot do what the rules mean.

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
			"lets a pull through this endpoint contact %s, which is under NeverContactSource; it contains that "+
				"(%s), and containerd does not check; use a mirror that does not",
			r.Source, ruleOrigin(r)))
	}
}

// checkTokens reports a mirror below a path of a registry whose token server is strict. containerd
// asks for a token with the scope of the original repository beside the mirror's own
// (remotes/docker/scope.go), and such a server refuses the request for the one that does not exist
// there. This was read in reports, not run.
func (b *registryBuilder) checkTokens(e *Endpoint) {
	domain := hostname(strings.ToLower(e.Host))
	strict := domain == "ghcr.io" || domain == "gcr.io" || strings.HasSuffix(domain, ".gcr.io") ||
		strings.HasSuffix(domain, ".pkg.dev")
	if e.Root == "/v2" || !strict {
		return
	}
	for _, o := range e.Origins {
		b.report(finding.CodeStrictTokens, finding.SeverityInfo, o, e.location(), fmt.Sprintf(
			"may be refused by the token server of %s: below a path there, containerd asks for a token with the "+
				"scope of the source's repository too; use a mirror without a path, or try a pull before "+
				"relying on it", domain))
	}
}

// checkInexact reports a mirror that breaks the naming rule of Windows nodes: it does not end in
// the whole path of its source.
func (b *registryBuilder) checkInexact(rule *mirrorset.Rule, mirror, endpoint string, origin finding.Origin) {
	_, path := network.SplitHost(rule.Source)
	b.report(finding.CodeInexactMirror, finding.SeverityWarning, origin, mirror, fmt.Sprintf(
		"is not asked %[4]s, but %[1]s%[2]s is: containerd appends the whole path of the source %[3]s; copy the "+
			"image there; then keep both copies, or name the mirror %[1]s%[2]s, which both platforms ask",
		endpoint, path, rule.Source, b.platform.Where()))
}

// spillovers reports what else each entry redirects: containerd applies it to the whole registry.
// Where all mirrors of a registry are left out, or are the registry itself, nothing is redirected.
func (b *registryBuilder) spillovers(registries []Registry) {
	redirected := map[string]bool{}
	for i := range registries {
		r := &registries[i]
		for _, host := range append([]string{r.Host}, r.Spellings...) {
			redirected[host] = r.redirects()
		}
	}
	b.findings = slices.Grow(b.findings, len(b.rules.Rules)) // one for nearly every rule
	var about, message string                                // rules are sorted, so that one message serves a host
	for i := range b.rules.Rules {
		r := &b.rules.Rules[i]
		host, path := network.SplitHost(r.Source)
		if path == "" || !redirected[host] {
			continue
		}
		severity, danger := finding.SeverityInfo, "a digest cannot be answered with other content"
		if r.Pull == mirrorset.ByTag {
			severity, danger = finding.SeverityWarning, "a mirror that has another image under the same "+
				"name and tag serves that one"
		}
		if key := host + string(severity); key != about {
			about = key
			message = fmt.Sprintf("also redirects every other image of %s %s: each is asked for "+
				"at these mirrors first, under its own path; %s", host, b.platform.Where(), danger)
		}
		for _, e := range r.Entries {
			b.report(finding.CodeSpillover, severity, e.Origin, r.Source, message)
		}
	}
}

// redirects reports whether images of a registry are asked for anywhere but there.
func (r *Registry) redirects() bool {
	return slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool {
		return network.Host(e.location()) != network.Host(r.Host)
	})
}

// checkResolvable reports a registry that may not be contacted and whose mirrors all serve digests only.
func (b *registryBuilder) checkResolvable(host string, r *Registry, never *mirrorset.Rule) {
	for i := range r.Endpoints {
		if r.Endpoints[i].Capabilities.Has(CanPull | CanResolve) {
			return
		}
	}
	var origin finding.Origin
	switch n := len(r.Origins); {
	case never != nil:
		origin = ruleOrigin(never)
	case n > 0: // the scope that blocks it stands last; where another spelling forbids it, the mirrors' entries alone
		origin = r.Origins[n-1]
	}
	b.report(finding.CodePullsBlocked, finding.SeverityWarning, origin, host,
		"cannot be pulled from by tag "+b.platform.Where()+": the registry may not be contacted, and its mirrors "+
			"serve digests only; add an ImageTagMirrorSet for it, or pull by digest")
}

// checkScopes reports wildcards, and scopes that a hosts.toml cannot say.
func (b *registryBuilder) checkScopes() {
	for i := range b.rules.Rules {
		if r := &b.rules.Rules[i]; isWildcard(r.Source) {
			b.checkWildcard(r)
		}
	}
	for _, s := range b.rules.Blocked {
		if _, path := network.SplitHost(s.Value); path != "" {
			b.report(finding.CodeNarrowScope, finding.SeverityWarning, s.Origin, s.Value,
				"is not blocked "+b.platform.Where()+": containerd can only block whole registries; block the "+
					"registry, or keep its images out by other means")
		} else if isWildcard(s.Value) {
			message := b.reachesOnly(b.used[s.Value])
			if b.used[s.Value] == "" {
				message = "is not blocked " + b.platform.Where() + reachesNone
			}
			b.report(finding.CodeWildcardUnused, finding.SeverityWarning, s.Origin, s.Value, message)
		}
	}
	for _, s := range b.rules.Insecure {
		if _, path := network.SplitHost(s.Value); path != "" {
			b.report(finding.CodeNarrowScope, finding.SeverityWarning, s.Origin, s.Value,
				"counts "+b.platform.Where()+" only for mirrors that lie inside it as a whole: containerd knows "+
					"insecure hosts, not insecure repositories")
		}
	}
}

// Check reports the registries of a node's own files that leave pulls by tag without any location: an endpoint
// is asked for a tag only if it may both pull and resolve. The findings of a table that was built from rules are
// in Findings.
func (t *ContainerdTable) Check() (findings finding.Findings) {
	for _, r := range t.Registries() {
		host := r.Host
		if host == "_default" {
			host = "registry.invalid" // which has no file of its own
		}
		pulls := func(suffix string) bool {
			plan, err := t.Plan(host + "/a/a" + suffix)
			return err != nil || len(plan.Pull) > 0
		}
		if !pulls(":1") && pulls("@sha256:"+strings.Repeat("a", 64)) {
			findings = append(findings, finding.Finding{
				Code: finding.CodePullsBlocked, Severity: finding.SeverityWarning, Platform: finding.Containerd,
				Origin: firstOrigin(r.Origins), Value: r.Host,
				Message: "cannot be pulled from by tag: no endpoint has both capabilities, pull and resolve " +
					"(containerd says \"no resolve hosts\"); give one both, or pull by digest",
			})
		}
	}
	return findings
}

// checkWildcard reports a wildcard rule that reached no host, and one whose NeverContactSource does not hold
// for the hosts that it did not reach.
func (b *registryBuilder) checkWildcard(r *mirrorset.Rule) {
	reached := b.used[r.Source]
	if r.Never {
		reached = cmp.Or(reached, b.used[canonical(r.Source)])
	}
	var message string
	switch {
	case reached == "" && r.Never:
		message = "has no effect " + b.platform.Where() + ", its NeverContactSource neither" + reachesNone
	case reached == "":
		message = "has no effect " + b.platform.Where() + reachesNone
	case r.Never:
		message = b.reachesOnly(reached)
	default:
		return
	}
	for _, e := range r.Entries {
		b.report(finding.CodeWildcardUnused, finding.SeverityWarning, e.Origin, r.Source, message)
	}
}

const reachesNone = ": containerd knows no wildcards, and no registry host inside it has a rule or was named; " +
	"name the hosts that images use"

// reachesOnly says of a wildcard that forbids contact, and that reached a host, that it reaches no other.
func (b *registryBuilder) reachesOnly(host string) string {
	return fmt.Sprintf("is contacted %s, but for those hosts inside it that have a file, such as %s: containerd knows "+
		"no wildcards; name the other hosts that images use", b.platform.Where(), host)
}

// checkUsual reports hosts that may not be contacted, and that images are most likely spelled past: the client takes
// the file of the host as an image spells it, and the spelling that people use has none.
func (b *registryBuilder) checkUsual(registries []Registry) {
	files := make(map[string]bool, len(registries)) // directories, of hosts that are reported already too
	for i := range registries {
		files[b.directory(registries[i].Host)] = true
	}
	check := func(host string, origin finding.Origin) {
		usual := network.Usual(host)
		if dir := b.directory(usual); usual != host && !files[dir] {
			files[dir] = true
			b.report(finding.CodeEvadesRule, finding.SeverityWarning, origin, usual, fmt.Sprintf("is contacted %s, although "+
				"%s may not be: containerd takes the file of the host as an image spells it, and this spelling has none; "+
				"write the host as images do", b.platform.Where(), host))
		}
	}
	for i := range b.rules.Rules {
		if r := &b.rules.Rules[i]; r.Never && !isWildcard(r.Source) {
			host, _ := network.SplitHost(r.Source)
			check(host, ruleOrigin(r))
		}
	}
	for _, s := range b.rules.Blocked {
		if host, path := network.SplitHost(s.Value); path == "" && !isWildcard(host) {
			check(host, s.Origin)
		}
	}
}
