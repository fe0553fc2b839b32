package resolve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
)

// Plan returns where a node with containerd will pull an image from, on the kubelet's way in (CRI), which
// writes short names out in full: "busybox" is docker.io/library/busybox. image is a reference as a pod
// names it; the error says what is wrong with one that containerd does not take.
func (t *RegistryTable) Plan(image string) (Plan, error) {
	p := Plan{Image: image, Platform: mirrorset.Windows}
	r, err := parseReference(image)
	if err != nil {
		return p, err
	}
	host, repository := splitHost(r.name)
	repository = repository[1:]
	p.References = []string{r.String()}

	// containerd takes the first directory of HOST_PORT_, HOST:PORT and _default
	// (remotes/docker/config/hosts.go, HostDirFromRoot). Without one it asks the host itself.
	scope := ""
	asked := []*Endpoint{itself(host)}
	if file, ok := t.Find(host); ok {
		scope = file.Host
		asked = file.hosts(host)
		p.checkSpillover(&file, r)
	}
	p.Scopes = []string{scope}
	if other := strings.ReplaceAll(host, ":", ""); scope != host && other != host {
		// On Windows the second directory that is looked for is the host without its colon
		// (config_windows.go): 10.0.0.1:50 is governed by the file of 10.0.0.150.
		if _, ok := t.byHost[other]; ok {
			p.finding(mirrorset.CodeHostClash, mirrorset.SeverityWarning, host, fmt.Sprintf(
				"has no file of its own, and on Windows containerd drops the colon and takes that of %s: the plan holds for other systems only; give %s a rule, or use other names", other, host))
		}
	}

	// A tag is resolved where both capabilities are; a digest is looked for where pull is. Without such a
	// place the pull ends (resolver.go: "no resolve hosts").
	need, why := CanPull, "pull"
	if !r.byDigest() {
		need, why = CanPull|CanResolve, "pull and resolve, which a pull by tag needs"
	}
	var able []*Endpoint
	for _, e := range asked {
		if e.Capabilities.Has(need) {
			able = append(able, e)
		}
	}
	if len(able) == 0 {
		p.finding(mirrorset.CodeNoLocation, mirrorset.SeverityError, r.String(), fmt.Sprintf(
			"cannot be pulled: no endpoint of %s may %s; containerd says \"no resolve hosts\"", scope, why))
		return p, nil
	}
	if !r.byDigest() {
		p.Resolve = t.attempts(&p, able, host, repository)
	}
	// The fetch goes by digest, and asks every host of the file, whatever its capabilities (fetcher.go
	// takes the hosts that may pull only to see that there is one).
	p.Pull = t.attempts(&p, asked, host, repository)
	p.Findings = p.Findings.Sort()
	return p, nil
}

// checkSpillover reports an image that no rule names, and that is redirected because the rules of its
// registry apply to all of it.
func (p *Plan) checkSpillover(file *Registry, r ref) {
	if len(file.rules) == 0 || file.named.covers(r.name) {
		return
	}
	sources := slices.Sorted(maps.Keys(file.named))
	severity := mirrorset.SeverityInfo
	if !r.byDigest() {
		severity = mirrorset.SeverityWarning
	}
	p.Findings = append(p.Findings, mirrorset.Finding{
		Code: mirrorset.CodeSpillover, Severity: severity, Platform: p.Platform, Value: r.String(),
		Origin: file.rules[0].Entries[0].Origin,
		Message: fmt.Sprintf("is named by no rule, and redirected all the same: containerd applies the rules of %s (for %s) to the whole registry",
			file.Host, strings.Join(sources, ", ")),
	})
}

func (t *RegistryTable) attempts(p *Plan, endpoints []*Endpoint, host, repository string) []Attempt {
	own := wire(host + "/" + repository)
	var attempts []Attempt
	for _, e := range endpoints {
		a := Attempt{Location: e.Location(repository), Role: RoleMirror, Origins: e.Origins}
		if wire(a.Location) == own {
			a.Role = RoleSource
		}
		attempts = appendAttempt(attempts, a)
		t.checkAttempt(p, e, a, host)
	}
	return attempts
}

// checkAttempt reports an attempt that a rule means to forbid and the files do not.
func (t *RegistryTable) checkAttempt(p *Plan, e *Endpoint, a Attempt, host string) {
	if !e.isRegistryRoot() {
		p.finding(mirrorset.CodeOtherPath, mirrorset.SeverityWarning, a.Location, fmt.Sprintf(
			"is not answered by a registry: the path asked for starts with %q; write the endpoint with /v2 first and override_path = true", e.Root))
	}
	source := t.forbidden.forbids(a.Location)
	narrow := false
	if source == "" {
		source = t.blocked.cover(wire(a.Location))
		narrow = strings.Contains(source, "/") && !t.blocked.covers(wireHost(host))
	}
	if source == "" && a.Role == RoleSource && t.never[wireHost(host)] {
		source = wireHost(host)
	}
	if source == "" {
		return
	}
	switch {
	case a.Role == RoleMirror:
		p.finding(mirrorset.CodeForbiddenContact, mirrorset.SeverityWarning, a.Location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd does not look mirrors up again; use a mirror that does not contain it", source))
	case isWildcard(source):
		p.finding(mirrorset.CodeWildcardUnused, mirrorset.SeverityWarning, a.Location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd knows no wildcards, and this host has no file; name the host when the files are made", source))
	case narrow:
		p.finding(mirrorset.CodeNarrowScope, mirrorset.SeverityWarning, a.Location, fmt.Sprintf(
			"is asked although %s is blocked: containerd can only block whole registries", source))
	default:
		p.finding(mirrorset.CodeEvadesRule, mirrorset.SeverityWarning, a.Location, fmt.Sprintf(
			"is asked although %s may not be contacted: containerd takes the host as it is spelled, and no file of this host forbids it; write the image with the host as the rule has it, or name this host too (--host), so that it gets a file", source))
	}
}
