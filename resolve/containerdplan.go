package resolve

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Plan returns where a node with containerd will pull an image from, on the kubelet's way in (CRI),
// which writes short names out in full: "busybox" is docker.io/library/busybox. image is a
// reference as a pod names it; the error says what is wrong with one that containerd does not take.
func (t *ContainerdTable) Plan(image string) (Plan, error) {
	if t == nil {
		t = &ContainerdTable{}
	}
	r, err := ParseReference(image)
	if err != nil {
		return Plan{Image: shown.Value(image), Platform: t.Platform()}, err
	}
	return t.plan(image, r), nil
}

// PlanReference returns the plan of a reference that was parsed before. The error is that of a
// Reference that names nothing.
func (t *ContainerdTable) PlanReference(r Reference) (Plan, error) {
	if t == nil {
		t = &ContainerdTable{}
	}
	if r.text == "" {
		return Plan{Platform: t.Platform()}, fmt.Errorf("image reference %w", errNoReference)
	}
	return t.plan(r.text, r), nil
}

// plan returns the plan of an image that the client makes the given reference of.
func (t *ContainerdTable) plan(image string, r Reference) Plan {
	asked := t.asked(r)
	scope := ""
	if asked.file != nil {
		scope = asked.file.Host
	}
	texts := []string{r.String(), scope}
	p := Plan{Image: image, Platform: t.Platform(), References: texts[:1:1], Scopes: texts[1:]}
	p.checkSpillover(asked)
	if strings.Contains(asked.host, ":") && strings.EqualFold(scope, strings.ReplaceAll(asked.host, ":", "")) {
		p.finding(finding.CodeHostClash, finding.SeverityWarning, nil, asked.host, fmt.Sprintf(
			"has no file of its own, and on Windows containerd drops the colon and takes that of %s, as the "+
				"plan says; give %s a rule, or use other names", scope, asked.host))
	}
	if asked.file != nil && asked.file.Fails {
		p.finding(finding.CodeNoLocation, finding.SeverityError, asked.file.Origins, r.String(), "cannot be pulled: "+
			"containerd cannot read what it finds for "+scope+", and fails every pull from there; mend what is said of it")
		return p
	}
	if need := asked.need(); !asked.any(need) {
		why, mend := "pull", "unblock the registry, give it a mirror under NeverContactSource, or give an endpoint "+
			"the capability pull"
		origin := firstOrigin(asked.file.Origins)
		ofNode := asked.file.sources == "" && origin.File != "" && origin.Object == "" // no rule and no object made it
		if ofNode {
			mend = "give an endpoint the capability pull"
		}
		if need.Has(CanResolve) && asked.any(CanPull) {
			why, mend = "pull and resolve, which a pull by tag needs", "add an ImageTagMirrorSet, or pull by digest"
			if ofNode {
				mend = "give an endpoint both capabilities, or pull by digest"
			}
		}
		p.finding(finding.CodeNoLocation, finding.SeverityError, nil, r.String(), fmt.Sprintf(
			"cannot be pulled: no endpoint of %s may %s (containerd says \"no resolve hosts\"); %s", scope, why, mend))
		return p
	}
	asked.ask(&p)
	p.Findings = p.Findings.Sort()
	return p
}

// asked is what containerd looks at for one reference: the endpoints of a file, in order, and then
// its server.
type asked struct {
	Reference
	table      *ContainerdTable
	host, path string    // of the reference; path starts with "/"
	canonical  string    // host in canonical form
	file       *Registry // nil where no file governs the host
	server     Endpoint
	text       textBlock // of the plan
	ns         string    // what tells a mirror whose image is asked for
}

// asked finds the file: containerd takes the first directory of those of the host and _default
// (remotes/docker/config/hosts.go, HostDirFromRoot). Without one it asks the host itself.
func (t *ContainerdTable) asked(r Reference) asked {
	a := asked{Reference: r, table: t}
	a.host, a.path = network.SplitHost(r.Name())
	a.canonical = network.Host(a.host)
	a.file = t.find(a.host)
	a.server = itself(a.host)
	if isLocalhost(a.host) {
		a.server.onThisMachine()
	}
	if a.file != nil && a.file.Server != nil {
		a.server = a.file.Server.of(a.server)
	}
	return a
}

// count returns the number of endpoints that are asked.
func (a *asked) count() int {
	switch {
	case a.file == nil:
		return 1
	case a.file.NoServer:
		return len(a.file.Endpoints)
	}
	return len(a.file.Endpoints) + 1
}

// endpoint returns the endpoint that is asked as number i: those of the file come first, and the
// server last.
func (a *asked) endpoint(i int) *Endpoint {
	if a.file != nil && i < len(a.file.Endpoints) {
		return &a.file.Endpoints[i]
	}
	return &a.server
}

// need returns what one endpoint has to be capable of: a tag is resolved where both capabilities
// are, a digest is looked for where pull is. Without such a place the pull ends (resolver.go: "no
// resolve hosts").
func (a *asked) need() Capability {
	if a.ByDigest() {
		return CanPull
	}
	return CanPull | CanResolve
}

// any reports whether an endpoint has the capabilities.
func (a *asked) any(need Capability) bool {
	for i := range a.count() {
		if e := a.endpoint(i); e.Capabilities.Has(need) {
			return true
		}
	}
	return false
}

// ask adds the attempts. The fetch goes by digest, and asks every host of the file, whatever its
// capabilities (fetcher.go takes the hosts that may pull only to see that there is one).
func (a *asked) ask(p *Plan) {
	n := a.count()
	var longest int // the host and the root of an endpoint
	for i := range n {
		e := a.endpoint(i)
		longest = max(longest, len(e.Host)+len(e.Root))
	}
	if !a.ByDigest() {
		p.Resolve = make([]Attempt, 0, n)
	}
	p.Pull = make([]Attempt, 0, n)
	// Each has a location, a reference and a URL.
	a.text.text.Grow(n*(3*(longest+len(a.path)+len(a.suffix()))+len("https:///manifests/")) +
		(n+1)*(len("?ns=%3A")+len(a.host)))
	if name, port, ok := strings.Cut(a.host, ":"); ok && a.host[0] != '[' {
		a.ns = a.text.join("?ns=", name, "%3A", port)
	} else {
		a.ns = a.text.join("?ns=", url.QueryEscape(a.host))
	}
	for i := range n {
		e := a.endpoint(i)
		attempt := e.attempt()
		if len(e.Rewrites) > 0 {
			a.askRewritten(p, e, attempt)
			continue
		}
		attempt.Location = a.text.join(e.Host, e.below(), a.path)
		if e.Root == "/v2" && network.Host(e.Host) == a.canonical {
			attempt.Role = RoleSource
		}
		a.add(p, e, attempt, a.path[1:])
	}
}

// attempt returns an attempt at the endpoint, of which the location is not known yet.
func (e *Endpoint) attempt() Attempt {
	a := Attempt{Role: RoleMirror, Scheme: e.Scheme, Insecure: e.SkipVerify || e.Scheme == "http", Origins: e.Origins}
	if e.httpsFirst() {
		a.Scheme, a.ThenHTTP = "https", true
	}
	return a
}

// name gives an attempt the reference and the URL that it is asked for: that of resolver.go, request
// and addNamespace.
func (a *asked) name(e *Endpoint, attempt Attempt, repository string) Attempt {
	suffix, root, below := a.suffix(), e.Root, a.path
	if repository != a.path[1:] {
		root, below = strings.TrimSuffix(path.Join("/", e.Root, repository), "/"), ""
	}
	ns := a.ns
	if a.host == e.Host || a.host == "docker.io" && e.Host == network.DockerHub { // registry.go, isProxy
		ns = ""
	}
	attempt.Reference = a.text.join(attempt.Location, suffix)
	root = (&url.URL{Path: root}).EscapedPath()
	attempt.URL = a.text.join(attempt.Scheme, "://", e.Host, root, below, "/manifests/", suffix[1:], ns)
	return attempt
}

// add adds one attempt at an endpoint. What a tag stands for is fetched by a digest that is not known.
func (a *asked) add(p *Plan, e *Endpoint, attempt Attempt, repository string) {
	if a.ByDigest() {
		attempt = a.name(e, attempt, repository)
	}
	if !a.ByDigest() && e.Capabilities.Has(CanPull|CanResolve) {
		p.Resolve = appendAttempt(p.Resolve, a.name(e, attempt, repository))
	}
	p.Pull = appendAttempt(p.Pull, attempt)
	a.check(p, e, attempt)
}

// checkSpillover reports an image that no rule names, and that is redirected because the rules of its
// registry apply to all of it.
func (p *Plan) checkSpillover(a asked) {
	if a.file == nil || a.file.sources == "" || a.table.named.covers(a.Name()) ||
		strings.EqualFold(a.host, a.file.Host) && a.table.named.covers(a.file.Host+a.path) {
		return
	}
	severity := finding.SeverityInfo
	if !a.ByDigest() {
		severity = finding.SeverityWarning
	}
	p.finding(finding.CodeSpillover, severity, a.file.Origins, a.String(), fmt.Sprintf(
		"is redirected although no rule names it: containerd applies the rules of %s (for %s) to the whole "+
			"registry", a.file.Host, a.file.sources))
}

// check reports an attempt that a rule forbids and the files do not prevent.
func (a *asked) check(p *Plan, e *Endpoint, attempt Attempt) {
	location := attempt.Location
	if other := e.OtherPath(); other != "" {
		p.finding(finding.CodeOtherPath, finding.SeverityWarning, nil, location, other)
	}
	source, narrow := a.forbids(e, location)
	if source == "" && attempt.Role == RoleSource && a.table.never[a.canonical] {
		source = a.canonical
	}
	if source == "" {
		return
	}
	switch {
	case attempt.Role == RoleMirror:
		p.finding(finding.CodeForbiddenContact, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd does not look "+
				"mirrors up again; use a mirror that does not contain it", source))
	case isWildcard(source):
		p.finding(finding.CodeWildcardUnused, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although it lies inside %s, which may not be contacted: containerd knows no "+
				"wildcards, and this host has no file; name the host when the files are made", source))
	case narrow:
		p.finding(finding.CodeNarrowScope, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although %s is blocked: containerd can only block whole registries", source))
	default:
		p.finding(finding.CodeEvadesRule, finding.SeverityWarning, nil, location, fmt.Sprintf(
			"is asked although %s may not be contacted: containerd takes the host as it is spelled, and "+
				"no file of this host forbids it; write the image with the host as the rule has it, or "+
				"name this host too (--host), so that it gets a file", source))
	}
}

// forbids returns the source under NeverContactSource, or the blocked scope, that a location at an
// endpoint lies inside; "" where there is none. narrow is set for a blocked scope that is no whole
// registry.
func (a *asked) forbids(e *Endpoint, location string) (source string, narrow bool) {
	t := a.table
	form := canonical(location)
	if e.Scheme == "http" { // It stands behind the same one by HTTPS (addPlainHTTP), of which the other form was asked.
		form, source = canonicalHTTP(location), t.forbidden.forbids(location, true)
	} else {
		source = t.forbidden.forbidsHTTPS(location)
	}
	if source != "" {
		return source, false
	}
	source = t.blocked.cover(form)
	return source, strings.Contains(source, "/") && !t.blocked.covers(a.canonical)
}
