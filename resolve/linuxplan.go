package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
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
	if !IsShortName(image) {
		r, err := ParseReference(image)
		if err != nil {
			return Plan{Image: shown.Value(image), Platform: finding.Linux}, err
		}
		return t.plan(image, r)
	}

	// A name without a registry (containers-image, pkg/shortnames, Resolve): an alias wins, else the
	// search registries are tried in order.
	candidates, err := t.candidates(image)
	if err != nil {
		return Plan{Image: shown.Value(image), Platform: finding.Linux}, err
	}
	if host := unwritableHost(candidates); host != "" {
		p := Plan{Image: image, Platform: finding.Linux}
		p.finding(finding.CodeNoSearchRegistry, finding.SeverityError, nil, image, fmt.Sprintf(
			"cannot be pulled: it names no registry, and the client ends at the search registry %s, which it cannot "+
				"write before a name: %s; name the registry in the image, or take that one off the list", host, noLinuxHost))
		return p, nil
	}
	p, err := t.plan(image, candidates...)
	if err != nil {
		return p, err
	}
	switch {
	case len(candidates) == 0:
		p.finding(finding.CodeNoSearchRegistry, finding.SeverityError, nil, image,
			"names no registry, and there is no alias for it and no search registry to try; name the "+
				"registry in the image")
	case len(candidates) > 1 && t.mode == "enforcing":
		p.Pull = nil
		p.finding(finding.CodeNoSearchRegistry, finding.SeverityError, nil, image,
			"names no registry, and short-name-mode \"enforcing\" lets the client choose between several "+
				"only with a person at a terminal; name the registry in the image")
	}
	return p, nil
}

// PlanReference returns the plan of a reference that was parsed before. The error is that of a name
// which containers-image does not take.
func (t *LinuxTable) PlanReference(r Reference) (Plan, error) {
	if t == nil {
		t = &LinuxTable{}
	}
	return t.plan(r.text, r)
}

// plan returns the plan of an image that the client makes the given references of.
func (t *LinuxTable) plan(image string, references ...Reference) (Plan, error) {
	p := Plan{Image: image, Platform: finding.Linux}
	for _, r := range references {
		if err := linuxReference(r); err != nil {
			return p, fmt.Errorf(`image reference "%s": %w`, shown.Value(image), err)
		}
	}
	texts := make([]string, 0, 2*len(references)) // one piece of memory for both lists
	p.References, p.Scopes = texts[:0:len(references)], texts[len(references):len(references)]
	for i, r := range references {
		if i > 0 {
			p.starts = append(p.starts, len(p.Pull))
		}
		entry, scope := t.find(r.Name()), ""
		if entry != nil {
			scope = entry.Prefix
		}
		p.References, p.Scopes = append(p.References, r.String()), append(p.Scopes, scope)
		t.pull(&p, r, entry)
	}
	return p, nil
}

// candidates returns the full references that a name without a registry may stand for.
func (t *LinuxTable) candidates(image string) ([]Reference, error) {
	name, suffix := splitName(image)
	if alias := t.aliases[name]; alias != "" {
		r, err := parseFor(image, alias+suffix)
		return []Reference{r}, err
	}
	hosts := t.searchRegistries()
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

// unwritableHost returns the host of the first reference that containers-image cannot write; "" where there is
// none. It writes down all that a name may stand for before it asks the first (pkg/shortnames, Resolve).
func unwritableHost(references []Reference) string {
	for _, r := range references {
		if host, _ := network.SplitHost(r.Name()); !linuxHost(host) {
			return host
		}
	}
	return ""
}

// parseFor parses full, which stands for image.
func parseFor(image, full string) (Reference, error) {
	r, err := ParseReference(full)
	if err != nil {
		return Reference{}, referenceError(image, err)
	}
	return r, nil
}

// pull adds the attempts for one full reference, which entry governs; nil stands for none.
//
// These are the mirrors that serve this kind of pull, and then the registry itself
// (PullSourcesFromReference). The client writes all locations down as references before it asks the
// first. One that cannot be written stops the pull (rewriteReference).
func (t *LinuxTable) pull(p *Plan, r Reference, entry *LinuxEntry) {
	if entry == nil {
		t.ask(p, len(p.Pull), r, linuxLocation{name: r.Name()})
		return
	}
	locations := entry.locations(make([]linuxLocation, 0, 8), r) // room enough for most lists of mirrors
	stopped := false
	for _, l := range locations {
		stopped = !l.unchanged && p.stops(r, l) || stopped
	}
	if stopped {
		return
	}
	before := len(p.Pull)
	p.Pull = slices.Grow(p.Pull, len(locations))
	for _, l := range locations {
		t.ask(p, before, r, l)
	}
	if len(p.Pull) == before {
		p.finding(finding.CodeNoLocation, finding.SeverityError, nil, r.String(), noLocation(entry, r.ByDigest()))
	}
	if len(p.Pull) == 0 {
		p.Pull = nil
	}
}

// linuxLocation is a location that the client writes down for a reference.
type linuxLocation struct {
	name      string
	mirror    *LinuxMirror // nil for the registry itself
	insecure  bool         // asked by plain HTTP too
	namespace string       // the value of namespace-proxy
	unchanged bool         // the name of the reference, which can be written
}

// locations appends what the client writes down for a reference that the entry governs.
func (r *LinuxEntry) locations(locations []linuxLocation, ref Reference) []linuxLocation {
	after := rest(ref.Name(), r.Prefix)
	var size int
	for i := range r.Mirrors {
		if m := &r.Mirrors[i]; r.serves(m, ref.ByDigest()) {
			size += len(m.Location) + len(after)
		}
	}
	text := newTextBlock(size)
	for i := range r.Mirrors {
		if m := &r.Mirrors[i]; r.serves(m, ref.ByDigest()) {
			locations = append(locations, linuxLocation{name: text.join(m.Location, after), mirror: m, insecure: m.Insecure,
				namespace: m.NamespaceProxy})
		}
	}
	own := linuxLocation{name: ref.Name(), insecure: r.Insecure, namespace: r.NamespaceProxy, unchanged: true}
	if r.Location != "" && (r.Location != r.Prefix || isWildcard(r.Prefix)) {
		own.name, own.unchanged = r.Location+after, false
	}
	return append(locations, own)
}

// stops reports whether a location cannot be written as a reference, so that the client stops the pull.
func (p *Plan) stops(r Reference, l linuxLocation) bool {
	why := unwritable(l.name)
	if why == "" {
		return false
	}
	var origins []finding.Origin
	if l.mirror != nil {
		origins = l.mirror.Origins
	}
	p.finding(finding.CodeUnwritable, finding.SeverityError, origins, l.name, fmt.Sprintf(
		"stops the whole pull of %s before any location is asked, the source included: it cannot be written as "+
			"a reference (%s); use a mirror with a path, on a host with a dot or a port", r, why))
	return true
}

// ask adds the attempt at a location where the client asks it, to those of the reference, which begin
// at an index: another reference for the same location is another pull.
func (t *LinuxTable) ask(p *Plan, begin int, r Reference, l linuxLocation) {
	location, mirror, insecure := l.name, l.mirror, l.insecure
	// An insecure location is asked by HTTPS first, and by HTTP where that fails (docker_client.go,
	// detectProperties).
	a := Attempt{Location: contacted(location), Role: RoleMirror, Scheme: "https", ThenHTTP: insecure,
		Insecure: insecure, Namespace: l.namespace}
	if location == r.Name() {
		a.Role = RoleSource
	}
	if mirror != nil {
		a.Origins = mirror.Origins
	}
	// Every location is looked up again by its own name (docker_client.go, newDockerClient).
	if by := t.blocking(location); by != nil {
		if mirror != nil {
			p.finding(finding.CodeMirrorBlocked, finding.SeverityWarning, a.Origins, location, fmt.Sprintf(
				"is not asked: it lies inside %s, which is blocked", by.Prefix))
		}
		return
	}
	if prefix := t.evaded(location, insecure); prefix != "" {
		why := "the client compares names as they are spelled; write the image with the host as the rule has it"
		var blocked scopeSet
		blocked.add(prefix)
		if blocked.covers(location) {
			why = "another part of the name comes first for the client, which matches hosts on any port " +
				"and looks for a wildcard's host at its first place only; add a rule for this host"
		}
		p.finding(finding.CodeEvadesRule, finding.SeverityWarning, nil, location, fmt.Sprintf("is asked "+
			"although %s is blocked: %s", prefix, why))
	}
	p.Pull = append(p.Pull[:begin], appendAttempt(p.Pull[begin:], a)...)
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
		return fmt.Sprintf("cannot be pulled: %s is blocked, and its mirrors serve pulls by %s only; add "+
			"mirrors for pulls by %s", entry.Prefix, other, kind)
	}
	return fmt.Sprintf("cannot be pulled: %s is blocked and has no mirrors", entry.Prefix)
}

// unwritable says why a location cannot be a reference's name to containers-image (ParseNamed of its
// docker/reference: only the full form of a name is taken); it is empty for one that can.
func unwritable(location string) string {
	host, path := network.SplitHost(location)
	switch {
	case path == "":
		return "it is a registry without a repository"
	case strings.HasPrefix(host, "["):
		return fmt.Sprintf("%q is an IPv6 address, and the client takes no reference with one; give the "+
			"registry a name", host)
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
