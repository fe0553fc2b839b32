package resolve

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
)

// Plan returns where a Linux node will pull an image from. image is a reference as a pod names it; the
// error says what is wrong with one that no client takes.
func (t *ImageTable) Plan(image string) (Plan, error) {
	p := Plan{Image: image, Platform: mirrorset.Linux}
	if !isShortName(image) {
		r, err := parseLinuxReference(image, image)
		if err != nil {
			return p, err
		}
		t.plan(&p, r)
		return p, nil
	}

	// A name without a registry (containers-image, pkg/shortnames, Resolve): an alias wins, else the
	// search registries are tried in order.
	candidates, err := t.candidates(image)
	if err != nil {
		return p, err
	}
	for _, r := range candidates {
		t.plan(&p, r)
	}
	switch {
	case len(candidates) == 0:
		p.finding(mirrorset.CodeNoSearchRegistry, mirrorset.SeverityError, image,
			"names no registry, and there is no alias for it and no search registry to try; name the registry in the image")
	case len(candidates) > 1 && t.ShortNameMode == "enforcing":
		p.Pull = nil
		p.finding(mirrorset.CodeNoSearchRegistry, mirrorset.SeverityError, image,
			"names no registry, and short-name-mode \"enforcing\" lets the client choose between several only with a person at a terminal; name the registry in the image")
	}
	return p, nil
}

// candidates returns the full references that a name without a registry may stand for.
func (t *ImageTable) candidates(image string) ([]ref, error) {
	end := strings.IndexByte(image, '@')
	if end < 0 {
		end = len(image)
	}
	if i := strings.LastIndexByte(image[:end], ':'); i > strings.LastIndexByte(image[:end], '/') {
		end = i
	}
	if alias := t.Aliases[image[:end]]; alias != "" {
		r, err := parseLinuxReference(image, alias+image[end:])
		return []ref{r}, err
	}
	var refs []ref
	for _, host := range t.searchRegistries() {
		r, err := parseLinuxReference(image, host+"/"+image)
		if err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	if refs == nil { // a reference that nobody takes is an error even where nobody is asked
		if _, err := parseLinuxReference(image, "docker.io/"+image); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// parseLinuxReference parses full, which stands for image.
func parseLinuxReference(image, full string) (ref, error) {
	r, err := parseReference(full)
	if err != nil {
		return ref{}, referenceError(image, err)
	}
	if err := linuxName(r.name); err != nil {
		return ref{}, fmt.Errorf("image reference %q: %w", image, err)
	}
	return r, nil
}

// plan appends the attempts for one full reference.
func (t *ImageTable) plan(p *Plan, r ref) {
	p.References = append(p.References, r.String())
	entry := t.find(r.name)
	if entry == nil {
		p.Scopes = append(p.Scopes, "")
		entry = &ImageRegistry{Prefix: r.name, Location: r.name}
	} else {
		p.Scopes = append(p.Scopes, entry.Prefix)
	}
	// The mirrors that serve this kind of pull, then the registry itself (PullSourcesFromReference).
	var locations []string
	var mirrors []*ImageMirror // nil for the registry itself
	after := rest(r.name, entry.Prefix)
	for i := range entry.Mirrors {
		if m := &entry.Mirrors[i]; entry.serves(m, r.byDigest()) {
			locations = append(locations, m.Location+after)
			mirrors = append(mirrors, m)
		}
	}
	own := r.name
	if entry.Location != "" {
		own = entry.Location + after
	}
	locations = append(locations, own)
	mirrors = append(mirrors, nil)

	// The client writes all locations down as references before it asks the first. One that cannot be
	// written stops the pull (rewriteReference).
	writable := true
	for i, location := range locations {
		if why := unwritable(location); why != "" {
			writable = false
			f := mirrorset.Finding{
				Code: mirrorset.CodeUnwritable, Severity: mirrorset.SeverityError, Platform: mirrorset.Linux, Value: location,
				Message: fmt.Sprintf("cannot be written as a reference (%s), and so the client stops the whole pull of %s before it asks any location, the source included", why, r),
			}
			if mirrors[i] != nil && len(mirrors[i].Origins) > 0 {
				f.Origin = mirrors[i].Origins[0]
			}
			p.Findings = append(p.Findings, f)
		}
	}
	if !writable {
		return
	}
	before := len(p.Pull)
	for i, location := range locations {
		a := Attempt{Location: contacted(location), Role: RoleMirror}
		if location == r.name {
			a.Role = RoleSource
		}
		if mirrors[i] != nil {
			a.Origins = mirrors[i].Origins
		}
		// Every location is looked up again by its own name (docker_client.go, newDockerClient).
		if by := t.blocking(location); by != nil {
			if mirrors[i] != nil {
				f := mirrorset.Finding{
					Code: mirrorset.CodeMirrorBlocked, Severity: mirrorset.SeverityWarning, Platform: mirrorset.Linux, Value: location,
					Message: fmt.Sprintf("is not asked: it lies inside %s, which is blocked", by.Prefix),
				}
				if len(a.Origins) > 0 {
					f.Origin = a.Origins[0]
				}
				p.Findings = append(p.Findings, f)
			}
			continue
		} else if prefix := t.evaded(location); prefix != "" {
			why := "the client compares names as they are spelled; write the image with the host as the rule has it"
			if (scopeSet{prefix: true}).covers(location) {
				why = "another part of the name comes first for the client, which matches hosts on any port and looks for a wildcard's host at its first place only; add a rule for this host"
			}
			p.finding(mirrorset.CodeEvadesRule, mirrorset.SeverityWarning, location, fmt.Sprintf("is asked although %s is blocked: %s", prefix, why))
		}
		p.Pull = appendAttempt(p.Pull, a)
	}
	if len(p.Pull) == before {
		p.finding(mirrorset.CodeNoLocation, mirrorset.SeverityError, r.String(), noLocation(entry, r.byDigest()))
	}
}

// noLocation says why a reference whose own location is blocked has nowhere to go.
func noLocation(entry *ImageRegistry, byDigest bool) string {
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
