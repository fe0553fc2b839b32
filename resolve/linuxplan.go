package resolve

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Plan returns where a Linux node will pull an image from. image is a reference as a pod names it; the
// error says what is wrong with one that no client takes.
func (t *LinuxTable) Plan(image string) (Plan, error) {
	if t == nil {
		t = &LinuxTable{}
	}
	if err := tooLong(image); err != nil {
		return Plan{Platform: finding.Linux}, err
	}
	if !isShortName(image) {
		r, err := ParseReference(image)
		if err != nil {
			return Plan{Image: image, Platform: finding.Linux}, err
		}
		return t.plan(image, r)
	}

	// A name without a registry (containers-image, pkg/shortnames, Resolve): an alias wins, else the
	// search registries are tried in order.
	candidates, err := t.candidates(image)
	if err != nil {
		return Plan{Image: image, Platform: finding.Linux}, err
	}
	p, err := t.plan(image, candidates...)
	if err != nil {
		return p, err
	}
	switch {
	case len(candidates) == 0:
		p.finding(finding.CodeNoSearchRegistry, finding.SeverityError, nil, image,
			"names no registry, and there is no alias for it and no search registry to try; name the registry in the image")
	case len(candidates) > 1 && t.mode == "enforcing":
		p.Pull = nil
		p.finding(finding.CodeNoSearchRegistry, finding.SeverityError, nil, image,
			"names no registry, and short-name-mode \"enforcing\" lets the client choose between several only with a person at a terminal; name the registry in the image")
	}
	return p, nil
}

// PlanReference returns the plan of a reference that was parsed before. The error is that of a name which
// containers-image does not take.
func (t *LinuxTable) PlanReference(r Reference) (Plan, error) {
	if t == nil {
		t = &LinuxTable{}
	}
	return t.plan(r.text, r)
}

// AppendPull appends where an image will be pulled from: the attempts of its plan, without a word on why. It
// appends nothing where nothing can be pulled; PlanReference then says why.
//
// It takes no memory where steps has room, but for a location that is put together first: where a port is
// handed on to a mirror, because an entry without one also governs names that have one.
func (t *LinuxTable) AppendPull(steps []Step, r Reference) []Step {
	if t == nil {
		t = &LinuxTable{}
	}
	if linuxReference(r) != nil {
		return steps
	}
	return t.appendPull(steps, r, t.find(r.Name(), ""), nil)
}

// plan returns the plan of an image that the client makes the given references of.
func (t *LinuxTable) plan(image string, references ...Reference) (Plan, error) {
	p := Plan{Image: image, Platform: finding.Linux}
	for _, r := range references {
		if err := linuxReference(r); err != nil {
			return p, fmt.Errorf(`image reference "%s": %w`, shown.Value(image), err)
		}
	}
	texts := make([]string, 2*len(references))
	p.References, p.Scopes = texts[:0:len(references)], texts[len(references):len(references)]
	var space [8]Step // enough for most lists of mirrors
	steps := space[:0]
	for _, r := range references {
		entry := t.find(r.Name(), "")
		scope := ""
		if entry != nil {
			scope = entry.Prefix
		}
		p.References, p.Scopes = append(p.References, r.String()), append(p.Scopes, scope)
		steps = t.appendPull(steps, r, entry, &p)
	}
	p.setAttempts(nil, steps)
	return p, nil
}

// candidates returns the full references that a name without a registry may stand for.
func (t *LinuxTable) candidates(image string) ([]Reference, error) {
	end := strings.IndexByte(image, '@')
	if end < 0 {
		end = len(image)
	}
	if i := strings.LastIndexByte(image[:end], ':'); i > strings.LastIndexByte(image[:end], '/') {
		end = i
	}
	hosts := t.searchRegistries()
	if alias := t.aliases[image[:end]]; alias != "" {
		r, err := parseFor(image, alias+image[end:])
		return []Reference{r}, err
	}
	refs := make([]Reference, len(hosts))
	for i, host := range hosts {
		r, err := parseFor(image, host+"/"+image)
		if err != nil {
			return nil, err
		}
		refs[i] = r
	}
	if len(hosts) == 0 { // a reference that nobody takes is an error even where nobody is asked
		_, err := parseFor(image, "docker.io/"+image)
		return nil, err
	}
	return refs, nil
}

// parseFor parses full, which stands for image.
func parseFor(image, full string) (Reference, error) {
	r, err := ParseReference(full)
	if err != nil {
		return Reference{}, referenceError(image, err)
	}
	return r, nil
}

// appendPull appends the steps for one full reference, which entry governs; nil stands for none. p, where it is
// not nil, gets the findings.
func (t *LinuxTable) appendPull(steps []Step, r Reference, entry *LinuxEntry, p *Plan) []Step {
	own, after := r.Name(), ""
	if entry == nil {
		return t.ask(steps, r, nil, own, after, false, p)
	}
	// The mirrors that serve this kind of pull, then the registry itself (PullSourcesFromReference). The client
	// writes all locations down as references before it asks the first; one that cannot be written stops the
	// pull (rewriteReference).
	after = rest(r.Name(), entry.Prefix)
	stopped := false
	for i := range entry.Mirrors {
		m := &entry.Mirrors[i]
		stopped = entry.serves(m, r.ByDigest()) && p.stops(r, m.Location, after, m.Origins) || stopped
	}
	if entry.Location != "" && (entry.Location != entry.Prefix || isWildcard(entry.Prefix)) {
		own = entry.Location + after
		stopped = p.stops(r, own, "", nil) || stopped
	}
	if stopped {
		return steps
	}
	before := len(steps)
	for i := range entry.Mirrors {
		if m := &entry.Mirrors[i]; entry.serves(m, r.ByDigest()) {
			steps = t.ask(steps, r, m, m.Location, after, m.Insecure, p)
		}
	}
	steps = t.ask(steps, r, nil, own, "", entry.Insecure, p)
	if len(steps) == before && p != nil {
		p.finding(finding.CodeNoLocation, finding.SeverityError, nil, r.String(), noLocation(entry, r.ByDigest()))
	}
	return steps
}

// stops reports whether a location, given in two pieces, cannot be written as a reference, so that the client
// stops the pull.
func (p *Plan) stops(r Reference, base, rest string, origins []finding.Origin) bool {
	// Most are seen to be well written without being put together.
	host, path := splitHost(base)
	hub := host == "index.docker.io" || host == "docker.io" && path == ""
	if !hub && linuxHost(host) && strings.HasPrefix(rest, "/") && len(base)+len(rest) <= maxLinuxName && mirrorset.ValidMirror(base) {
		return false
	}
	why := unwritable(base + rest)
	if why != "" && p != nil {
		p.finding(finding.CodeUnwritable, finding.SeverityError, origins, base+rest, fmt.Sprintf(
			"cannot be written as a reference (%s), and so the client stops the whole pull of %s before it asks any location, the source included", why, r))
	}
	return why != ""
}

// ask appends the step to a location, given in two pieces, where the client asks it. m is the mirror that it
// belongs to, nil for the registry itself; an insecure one is asked by plain HTTP too.
func (t *LinuxTable) ask(steps []Step, r Reference, m *LinuxMirror, base, rest string, insecure bool, p *Plan) []Step {
	s := newStep(base, rest)
	if samePieces(base, rest, r.Name(), "") {
		s.Role = RoleSource
	}
	if m != nil {
		s.Origins = m.Origins
	}
	if !t.guard.on(base) {
		return appendStep(steps, s)
	}
	// Every location is looked up again by its own name (docker_client.go, newDockerClient).
	if by := t.blocking(base, rest); by != nil {
		if m != nil && p != nil {
			p.finding(finding.CodeMirrorBlocked, finding.SeverityWarning, m.Origins, base+rest, fmt.Sprintf(
				"is not asked: it lies inside %s, which is blocked", by.Prefix))
		}
		return steps
	}
	if p == nil {
		return appendStep(steps, s)
	}
	if prefix := t.evaded(base, rest, insecure); prefix != "" {
		why := "the client compares names as they are spelled; write the image with the host as the rule has it"
		if newScopeSet(prefix).covers(base + rest) {
			why = "another part of the name comes first for the client, which matches hosts on any port and looks for a wildcard's host at its first place only; add a rule for this host"
		}
		p.finding(finding.CodeEvadesRule, finding.SeverityWarning, nil, base+rest, fmt.Sprintf("is asked although %s is blocked: %s", prefix, why))
	}
	return appendStep(steps, s)
}

// noLocation says why a reference whose own location is blocked has nowhere to go.
func noLocation(entry *LinuxEntry, byDigest bool) string {
	kind, other := "tag", "digest"
	if byDigest {
		kind, other = other, kind
	}
	for i := range entry.Mirrors {
		if entry.serves(&entry.Mirrors[i], byDigest) {
			return fmt.Sprintf("cannot be pulled: %s is blocked, and so is every mirror of it", entry.Prefix)
		}
	}
	if len(entry.Mirrors) > 0 {
		return fmt.Sprintf("cannot be pulled: %s is blocked, and its mirrors serve pulls by %s only; add mirrors for pulls by %s", entry.Prefix, other, kind)
	}
	return fmt.Sprintf("cannot be pulled: %s is blocked and has no mirrors", entry.Prefix)
}

// unwritable says why a location cannot be a reference's name to containers-image (ParseNamed of its
// docker/reference: only the full form of a name is taken); it is empty for one that can.
func unwritable(location string) string {
	host, path := splitHost(location)
	switch {
	case path == "":
		return "it is a registry without a repository"
	case !linuxHost(host):
		return fmt.Sprintf("%q has neither dot nor port, so it is no registry host to the client", host)
	case host == "index.docker.io":
		return "the client knows Docker Hub as docker.io"
	case host == "docker.io" && strings.Count(path, "/") == 1:
		return "on docker.io a repository has two parts; write docker.io/library" + path
	case len(location) > maxLinuxName:
		return fmt.Sprintf("it is %d characters long, and may be %d", len(location), maxLinuxName)
	case !mirrorset.ValidMirror(location):
		return "it is not host[:port]/repository"
	}
	return ""
}
