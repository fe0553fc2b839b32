package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file reports what is wrong with a finished table of a Linux node.

// check reports what a user of the finished table may not expect.
func (b *imageBuilder) check() {
	for i := range b.table.entries {
		b.checkLocation(&b.table.entries[i])
		if !b.table.dead[i] {
			b.checkPorts(&b.table.entries[i])
		}
	}
	for i := range b.merged {
		b.checkRule(&b.merged[i], &b.table.entries[b.at[i]])
		b.checkOpens(b.merged[i].Rule, &b.table.entries[b.at[i]])
	}
	for i := range b.merged {
		if r := b.merged[i].Rule; r.Never {
			b.checkUsual(r.Source, ruleOrigin(r))
		}
	}
	for _, s := range b.rules.Blocked {
		b.checkUsual(s.Value, s.Origin)
	}
	b.checkSearch()
}

// checkUsual reports a scope that may not be contacted, and that images are most likely spelled past: the client
// compares spellings, and nothing forbids the one that people use.
func (b *imageBuilder) checkUsual(scope string, origin finding.Origin) {
	usual := network.Usual(scope)
	if usual == scope {
		return
	}
	name := usual
	if isWildcard(usual) {
		name = "host" + usual[len("*"):]
	}
	if b.table.blocking(name) == nil && b.table.evaded(name, false) != "" {
		b.report(finding.CodeEvadesRule, finding.SeverityWarning, origin, usual, fmt.Sprintf("is contacted, although %s "+
			"may not be: to the client only images that spell the host so lie inside it; write the host as images do", scope))
	}
}

// checkSearch reports the search registries that the client does not take for registries. It writes them before
// a name and reads the result: LOCAL/a/b is no name to it, and local/a/b is one of Docker Hub.
func (b *imageBuilder) checkSearch() {
	for _, host := range b.table.searchRegistries() {
		r, err := ParseReference(host + "/a/b")
		if err != nil {
			continue // the client refuses the whole file
		}
		var message string
		switch read, _ := network.SplitHost(r.Name()); {
		case !linuxHost(read):
			message = "ends every pull of a name without a registry: the client cannot write it before a name, because " +
				noLinuxHost + "; take it off the list of search registries, or give it a port"
		case network.Host(read) != network.Host(host):
			message = "is not searched: to the client it is no registry but a part of a name, so that it asks " +
				read + "/" + host + "; give it a port"
		default:
			continue
		}
		b.report(finding.CodeNoSearchRegistry, finding.SeverityWarning, b.table.searchOrigin(), host, message)
	}
}

func (b *imageBuilder) report(code finding.Code, severity finding.Severity, origin finding.Origin,
	value, message string) {
	if len(b.findings) == cap(b.findings) { // append alone, by a quarter each time, takes five times the memory
		b.findings = slices.Grow(b.findings, len(b.findings)+1)
	}
	b.findings = append(b.findings, finding.Finding{
		Code: code, Severity: severity, Platform: finding.Linux, Origin: origin, Value: value, Message: message,
	})
}

// checkLocation reports an entry of the base file that leads to a blocked location.
func (b *imageBuilder) checkLocation(e *LinuxEntry) {
	if b.table.blocking(e.elsewhere()) != nil {
		b.report(finding.CodeNoLocation, finding.SeverityWarning, firstOrigin(e.Origins), e.Prefix, fmt.Sprintf(
			"leads to %s, which may not be contacted and is blocked there: only mirrors serve its images", e.Location))
	}
}

// checkPorts reports an entry for a host that opens ports which a wildcard forbids: a plain host
// also governs its ports (refMatchingPrefix of the client).
func (b *imageBuilder) checkPorts(e *LinuxEntry) {
	if e.Blocked || isWildcard(e.Prefix) || strings.ContainsAny(e.Prefix, "/:") {
		return
	}
	if scope := b.forbids(e.Prefix+":0", e.Insecure); scope != "" && len(e.Origins) > 0 {
		b.report(finding.CodeEvadesRule, finding.SeverityWarning, e.Origins[0], e.Prefix, fmt.Sprintf(
			"opens %s on every port, although %s may not be contacted: to the client an entry for a host "+
				"also governs its ports, and it wins over the wildcard; add entries for the ports that are in use",
			e.Prefix, scope))
	}
}

// checkOpens reports the entries without a policy that open a part of a source under
// NeverContactSource again: the longest source alone decides, and an absent policy allows contact.
// One that says AllowContactingSource means it.
func (b *imageBuilder) checkOpens(r *mirrorset.Rule, entry *LinuxEntry) {
	never := b.policies.opened(r)
	if never == nil || entry.Blocked || slices.ContainsFunc(r.Entries,
		func(e *mirrorset.Entry) bool { return e.Policy != "" }) {
		return
	}
	for _, e := range r.Entries {
		b.report(finding.CodeOpensNever, finding.SeverityWarning, e.Origin, r.Source, fmt.Sprintf(
			"is contacted, although it lies inside %s, for which %s says NeverContactSource; the longest "+
				"source alone decides, and an entry without mirrorSourcePolicy allows contacting it; "+
				"write NeverContactSource here too, or AllowContactingSource if that is meant",
			never.Source, ruleOrigin(never)))
		b.findings[len(b.findings)-1].Related = ruleOrigin(never)
	}
}

// checkRule reports the mirrors of a rule that the client does not ask or cannot write, and pulls
// that the rule leaves without any location. entry is that of the rule's source.
func (b *imageBuilder) checkRule(r *mergedRule, entry *LinuxEntry) {
	usable := 0
	for _, m := range r.mirrors {
		if b.checkMirror(r.Rule, m) {
			usable++
		}
	}
	origin := ruleOrigin(r.Rule)
	if usable == 0 && entry.Blocked {
		b.report(finding.CodeNoLocation, finding.SeverityError, origin, r.Source, fmt.Sprintf(
			"cannot be pulled by %s at all: it may not be contacted, and no mirror of it can be asked", r.Pull))
	}
	other, kind := mirrorset.ByTag, "an ImageTagMirrorSet"
	if r.Pull == mirrorset.ByTag {
		other, kind = mirrorset.ByDigest, "an ImageDigestMirrorSet"
	}
	if r.Never && !slices.ContainsFunc(entry.Mirrors, func(m LinuxMirror) bool {
		return entry.serves(&m,
			other == mirrorset.ByDigest)
	}) {
		b.report(finding.CodePullsBlocked, finding.SeverityWarning, origin, r.Source, fmt.Sprintf(
			"cannot be pulled by %[1]s: NeverContactSource blocks the source for pulls by %[1]s too, and "+
				"its mirrors serve pulls by %[2]s only; add %[3]s for it, or pull by %[2]s",
			other, r.Pull, kind))
	}
}

// checkMirror reports what keeps the client from a mirror, and whether it asks the mirror for some
// pulls at least.
func (b *imageBuilder) checkMirror(r *mirrorset.Rule, m mirrorset.Mirror) (usable bool) {
	report := func(code finding.Code, severity finding.Severity, message string) {
		for _, o := range m.Origins {
			b.report(code, severity, o, m.Location, message)
		}
	}
	if by := b.table.blocking(m.Location); by != nil {
		scope := by.Prefix
		if named := b.forbids(m.Location, b.insecure.covers(m.Location)); named != "" {
			scope = named // by is the same in another spelling
		}
		report(finding.CodeMirrorBlocked, finding.SeverityWarning, fmt.Sprintf(
			"is never asked: it lies inside %s, which may not be contacted; use a mirror outside of it", scope))
		return false
	}
	if plainMirror(m.Location) {
		return true // as nearly all, without a look at the grammar
	}
	severity, message := unwritableMirror(r.Source, string(r.Pull), m.Location)
	if message != "" {
		report(finding.CodeUnwritable, severity, message)
	}
	return severity != finding.SeverityError
}

// unwritableMirror says which pulls of a source a mirror stops because the client cannot write their
// location as a reference; message is empty where there are none. pulls are those that the mirror serves.
func unwritableMirror(source, pulls, mirror string) (finding.Severity, string) {
	host, path := network.SplitHost(source)
	if why := unwritable(mirror + "/a/b"); why != "" {
		return finding.SeverityError, fmt.Sprintf("stops every pull of %s by %s: no location below it can "+
			"be written as a reference (%s)", source, pulls, why)
	}
	switch {
	case path != "" && unwritable(mirror) != "":
		return finding.SeverityWarning, fmt.Sprintf("stops the pull of an image named exactly %s by %s: "+
			"the mirrored location would be %q (%s); repositories below it are not concerned",
			source, pulls, mirror, unwritable(mirror))
	case mirror == "docker.io" && (path == "" || isWildcard(host)):
		return finding.SeverityWarning, fmt.Sprintf("stops pulls of %s/NAME by %s: on docker.io a "+
			"repository has two parts; use docker.io/library, or mirror namespaces",
			source, pulls)
	}
	return "", ""
}

// plainMirror reports whether a valid mirror has a path and a host that is written as it is, and room for a
// repository.
func plainMirror(mirror string) bool {
	host, path := network.SplitHost(mirror)
	return path != "" && linuxHost(host) && !strings.HasSuffix(host, "docker.io") &&
		len(mirror)+len("/a/b") <= maxLinuxName
}

// Check reports what the entries of a node's own file lead to that their author is not likely to expect:
// mirrors that are never asked or stop a pull, and entries that leave a kind of pull without any location.
// The findings of a table that was built from rules are in Findings.
func (t *LinuxTable) Check() (findings finding.Findings) {
	if t == nil {
		return nil
	}
	for i := range t.entries {
		if e := &t.entries[i]; !t.dead[i] {
			findings = append(findings, t.checkEntry(e)...)
		}
	}
	return findings
}

func (t *LinuxTable) checkEntry(e *LinuxEntry) (findings finding.Findings) {
	report := func(code finding.Code, severity finding.Severity, origins []finding.Origin, value, message string) {
		findings = append(findings, finding.Finding{
			Code: code, Severity: severity, Platform: finding.Linux, Origin: firstOrigin(origins), Value: value,
			Message: message,
		})
	}
	if strings.Contains(strings.TrimPrefix(e.Prefix, "*."), "*") {
		report(finding.CodeUnmatchedSource, finding.SeverityWarning, e.Origins, e.Prefix, "matches no image: a \"*\" is a "+
			"wildcard only at the beginning, as in *.example.com; name the registry or the namespace itself")
	}
	var digest, tag bool // whether a mirror serves these
	for i := range e.Mirrors {
		m := &e.Mirrors[i]
		code, severity, message := t.checkMirror(e, m)
		if message != "" {
			report(code, severity, m.Origins, m.Location, message)
		}
		if code != finding.CodeMirrorBlocked && severity != finding.SeverityError {
			digest, tag = digest || e.serves(m, true), tag || e.serves(m, false)
		}
	}
	if !t.isBlocked(e) || len(e.Mirrors) == 0 {
		return findings
	}
	switch {
	case !digest && !tag:
		report(finding.CodeNoLocation, finding.SeverityError, e.Origins, e.Prefix,
			"cannot be pulled at all: it is blocked, and no mirror of it can be asked")
	case !tag:
		report(finding.CodePullsBlocked, finding.SeverityWarning, e.Origins, e.Prefix, onlyFor("tag", "digest"))
	case !digest:
		report(finding.CodePullsBlocked, finding.SeverityWarning, e.Origins, e.Prefix, onlyFor("digest", "tag"))
	}
	return findings
}

// checkMirror says what keeps the client from a mirror of an entry; message is empty where nothing does.
func (t *LinuxTable) checkMirror(e *LinuxEntry, m *LinuxMirror) (code finding.Code, severity finding.Severity, message string) {
	if by := t.blocking(m.Location); by != nil {
		return finding.CodeMirrorBlocked, finding.SeverityWarning, fmt.Sprintf(
			"is never asked: it lies inside %s, which is blocked; use a mirror outside of it", by.Prefix)
	}
	var kinds []string
	for _, pull := range pulls {
		if e.serves(m, pull == mirrorset.ByDigest) {
			kinds = append(kinds, string(pull))
		}
	}
	severity, message = unwritableMirror(e.Prefix, strings.Join(kinds, " and by "), m.Location)
	return finding.CodeUnwritable, severity, message
}

// isBlocked reports whether the registry itself may not be asked. Where it stands elsewhere, the client looks
// that up by its own name.
func (t *LinuxTable) isBlocked(e *LinuxEntry) bool {
	if to := e.elsewhere(); to != "" {
		return t.blocking(to) != nil
	}
	return e.Blocked
}

// onlyFor says that a blocked entry has mirrors for one kind of pull alone.
func onlyFor(blocked, served string) string {
	return fmt.Sprintf("cannot be pulled by %s: it is blocked, and its mirrors serve pulls by %s only; add mirrors for "+
		"pulls by %[1]s", blocked, served)
}
