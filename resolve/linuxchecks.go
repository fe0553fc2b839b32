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
	severity, message := unwritableMirror(r, m.Location)
	if message != "" {
		report(finding.CodeUnwritable, severity, message)
	}
	return severity != finding.SeverityError
}

// unwritableMirror says which pulls of a rule a mirror stops because the client cannot write their
// location as a reference; message is empty where there are none.
func unwritableMirror(r *mirrorset.Rule, mirror string) (finding.Severity, string) {
	host, path := network.SplitHost(r.Source)
	if plainMirror(mirror) {
		return "", "" // as nearly all, without a look at the grammar
	}
	if why := unwritable(mirror + "/a/b"); why != "" {
		return finding.SeverityError, fmt.Sprintf("stops every pull of %s by %s: no location below it can "+
			"be written as a reference (%s)", r.Source, r.Pull, why)
	}
	switch {
	case path != "" && unwritable(mirror) != "":
		return finding.SeverityWarning, fmt.Sprintf("stops the pull of an image named exactly %s by %s: "+
			"the mirrored location would be %q (%s); repositories below it are not concerned",
			r.Source, r.Pull, mirror, unwritable(mirror))
	case mirror == "docker.io" && (path == "" || isWildcard(host)):
		return finding.SeverityWarning, fmt.Sprintf("stops pulls of %s/NAME by %s: on docker.io a "+
			"repository has two parts; use docker.io/library, or mirror namespaces",
			r.Source, r.Pull)
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
