package resolve

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Plan returns where a node with containerd will pull an image from, on the kubelet's way in (CRI), which
// writes short names out in full: "busybox" is docker.io/library/busybox. image is a reference as a pod
// names it; the error says what is wrong with one that containerd does not take.
func (t *ContainerdTable) Plan(image string) (Plan, error) {
	if t == nil {
		t = &ContainerdTable{}
	}
	r, err := ParseReference(image)
	if err != nil {
		return Plan{Image: image, Platform: finding.Windows}, err
	}
	return t.plan(image, r), nil
}

// PlanReference returns the plan of a reference that was parsed before. The error is that of a Reference that
// names nothing.
func (t *ContainerdTable) PlanReference(r Reference) (Plan, error) {
	if t == nil {
		t = &ContainerdTable{}
	}
	if r.text == "" {
		return Plan{Platform: finding.Windows}, fmt.Errorf("image reference %w", errNoReference)
	}
	return t.plan(r.text, r), nil
}

// AppendResolve appends where the tag of an image will be resolved: the Resolve attempts of its plan, without a
// word on why, and without taking memory beyond that of steps. It appends nothing for a reference with a
// digest, and where nothing can be pulled; PlanReference then says why.
func (t *ContainerdTable) AppendResolve(steps []Step, r Reference) []Step {
	if t == nil {
		t = &ContainerdTable{}
	}
	if r.text == "" || r.ByDigest() {
		return steps
	}
	asked := t.asked(r)
	return asked.appendSteps(steps, CanPull|CanResolve, nil)
}

// AppendPull appends where an image will be fetched from: the Pull attempts of its plan, as AppendResolve does
// it.
func (t *ContainerdTable) AppendPull(steps []Step, r Reference) []Step {
	if t == nil {
		t = &ContainerdTable{}
	}
	if r.text == "" {
		return steps
	}
	asked := t.asked(r)
	if !asked.any(asked.need()) {
		return steps
	}
	return asked.appendSteps(steps, 0, nil)
}

// plan returns the plan of an image that the client makes the given reference of.
func (t *ContainerdTable) plan(image string, r Reference) Plan {
	asked := t.asked(r)
	scope := ""
	if asked.file != nil {
		scope = asked.file.Host
	}
	texts := []string{r.String(), scope}
	p := Plan{Image: image, Platform: finding.Windows, References: texts[:1:1], Scopes: texts[1:]}
	p.checkSpillover(asked)
	if strings.Contains(asked.host, ":") && !strings.EqualFold(scope, asked.host) {
		// On Windows the second directory that is looked for is the host without its colon
		// (config_windows.go): 10.0.0.1:50 is governed by the file of 10.0.0.150.
		other := strings.ReplaceAll(asked.host, ":", "")
		if _, ok := t.byHost[other]; ok {
			p.finding(finding.CodeHostClash, finding.SeverityWarning, nil, asked.host, fmt.Sprintf(
				"has no file of its own, and on Windows containerd drops the colon and takes that of %s: the plan holds for other systems only; give %s a rule, or use other names", other, asked.host))
		}
	}
	if need := asked.need(); !asked.any(need) {
		why := "pull"
		if need.Has(CanResolve) {
			why = "pull and resolve, which a pull by tag needs"
		}
		p.finding(finding.CodeNoLocation, finding.SeverityError, nil, r.String(), fmt.Sprintf(
			"cannot be pulled: no endpoint of %s may %s; containerd says \"no resolve hosts\"", scope, why))
		return p
	}
	var space [2][8]Step // enough for most files
	resolve, pull := space[0][:0], space[1][:0]
	if !r.ByDigest() {
		resolve = asked.appendSteps(resolve, CanPull|CanResolve, &p)
	}
	// The fetch goes by digest, and asks every host of the file, whatever its capabilities (fetcher.go
	// takes the hosts that may pull only to see that there is one).
	pull = asked.appendSteps(pull, 0, &p)
	p.setAttempts(resolve, pull)
	p.Findings = p.Findings.Sort()
	return p
}

// asked is what containerd looks at for one reference: the endpoints of a file, in order, and then its server.
type asked struct {
	Reference
	table      *ContainerdTable
	host, path string    // of the reference; path starts with "/"
	seen       string    // host as the network sees it
	file       *Registry // nil where no file governs the host
	server     Endpoint
}

// asked finds the file: containerd takes the first directory of HOST_PORT_, HOST:PORT and _default
// (remotes/docker/config/hosts.go, HostDirFromRoot). Without one it asks the host itself.
func (t *ContainerdTable) asked(r Reference) asked {
	a := asked{Reference: r, table: t}
	a.host, a.path = splitHost(r.Name())
	a.seen = network.Host(a.host)
	a.file = t.find(a.host)
	if a.file != nil && a.file.Server != nil {
		a.server = *a.file.Server
	} else {
		a.server = itself(a.host)
	}
	return a
}

// endpoint returns the endpoint that is asked as number i, and false behind the last.
func (a *asked) endpoint(i int) (*Endpoint, bool) {
	n := 0
	if a.file != nil {
		n = len(a.file.Endpoints)
	}
	switch {
	case i < n:
		return &a.file.Endpoints[i], true
	case i == n:
		return &a.server, true
	}
	return nil, false
}

// need returns what one endpoint has to be capable of: a tag is resolved where both capabilities are, a digest
// is looked for where pull is. Without such a place the pull ends (resolver.go: "no resolve hosts").
func (a *asked) need() Capability {
	if a.ByDigest() {
		return CanPull
	}
	return CanPull | CanResolve
}

// any reports whether an endpoint has the capabilities.
func (a *asked) any(need Capability) bool {
	for i := 0; ; i++ {
		e, ok := a.endpoint(i)
		if !ok || e.Capabilities.Has(need) {
			return ok
		}
	}
}

// appendSteps appends the steps to the endpoints that have the capabilities. p, where it is not nil, gets the
// findings.
func (a *asked) appendSteps(steps []Step, need Capability, p *Plan) []Step {
	for i := 0; ; i++ {
		e, ok := a.endpoint(i)
		if !ok {
			return steps
		}
		if !e.Capabilities.Has(need) {
			continue
		}
		s := Step{Host: e.Host, Path: strings.TrimPrefix(e.Root, "/v2"), Rest: a.path, Role: RoleMirror, Origins: e.Origins}
		if !e.isRegistryRoot() {
			s.Host, s.Path, s.Rest = e.Location(a.path[1:]), "", ""
		} else if s.Path == "" && network.Host(e.Host) == a.seen {
			s.Role = RoleSource
		}
		steps = appendStep(steps, s)
		if p != nil {
			a.check(p, e, s)
		}
	}
}

// checkSpillover reports an image that no rule names, and that is redirected because the rules of its
// registry apply to all of it.
func (p *Plan) checkSpillover(a asked) {
	if a.file == nil || a.file.sources == "" || a.table.named.covers(a.Name()) {
		return
	}
	severity := finding.SeverityInfo
	if !a.ByDigest() {
		severity = finding.SeverityWarning
	}
	p.finding(finding.CodeSpillover, severity, a.file.Origins, a.String(), fmt.Sprintf(
		"is named by no rule, and redirected all the same: containerd applies the rules of %s (for %s) to the whole registry", a.file.Host, a.file.sources))
}

// check reports a step that a rule means to forbid and the files do not.
func (a *asked) check(p *Plan, e *Endpoint, s Step) {
	t := a.table
	if !e.isRegistryRoot() {
		p.finding(finding.CodeOtherPath, finding.SeverityWarning, nil, s.Location(), fmt.Sprintf(
			"is not answered by a registry: the path asked for starts with %q; write the endpoint with /v2 first and override_path = true", e.Root))
	}
	if !t.guard.on(s.Host) {
		return
	}
	source, narrow := "", false
	for _, http := range e.schemes() {
		if source = t.forbidden.forbids(s.Host+s.Path, s.Rest, http); source != "" {
			break
		}
		form := canonical(s.Host + s.Path)
		if http {
			form = canonicalHTTP(s.Host + s.Path)
		}
		if source = t.blocked.cover(form, s.Rest); source != "" {
			narrow = strings.Contains(source, "/") && !t.blocked.covers(a.seen)
			break
		}
	}
	if source == "" && s.Role == RoleSource && t.never[a.seen] {
		source = a.seen
	}
	if source == "" {
		return
	}
	location := s.Location()
	switch {
	case s.Role == RoleMirror:
		p.finding(finding.CodeForbiddenContact, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd does not look mirrors up again; use a mirror that does not contain it", source))
	case isWildcard(source):
		p.finding(finding.CodeWildcardUnused, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd knows no wildcards, and this host has no file; name the host when the files are made", source))
	case narrow:
		p.finding(finding.CodeNarrowScope, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although %s is blocked: containerd can only block whole registries", source))
	default:
		p.finding(finding.CodeEvadesRule, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although %s may not be contacted: containerd takes the host as it is spelled, and no file of this host forbids it; write the image with the host as the rule has it, or name this host too (--host), so that it gets a file", source))
	}
}
