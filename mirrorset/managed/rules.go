package managed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// FromRules returns the image mirrors that ask for the same digest rules, each to be created with
// an id and a time of its own. The findings say what image mirrors cannot carry: rules for pulls by
// tag, rules under NeverContactSource (an image mirror always allows contacting the source, so they
// are left out rather than weakened), wildcards, and the scopes of the Image named cluster. Entries
// of one source become one image mirror, with the mirrors in the order in which nodes try them.
// What makes no rule, such as an entry without mirrors, is among the findings of the rules already.
func FromRules(r *mirrorset.Rules) ([]mirrorset.ImageMirror, finding.Findings) {
	if r == nil {
		return nil, nil
	}
	var mirrors []mirrorset.ImageMirror
	var findings finding.Findings
	tell := func(code finding.Code, severity finding.Severity, origin finding.Origin, value, message string) {
		findings = append(findings, finding.Finding{Code: code, Severity: severity, Origin: origin,
			Value: value, Message: message})
	}
	for i := range r.Rules {
		rule := r.Rules[i]
		rule.Entries = slices.DeleteFunc(slices.Clone(rule.Entries), func(e *mirrorset.Entry) bool { return e == nil }) // made by hand
		var locations []string
		for _, m := range rule.Mirrors() {
			locations = append(locations, m.Location)
		}
		left := whyLeftOut(&rule, locations)
		for _, e := range rule.Entries {
			if left != "" {
				tell(finding.CodeNotCarried, finding.SeverityWarning, e.Origin, rule.Source, left)
			} else if e != rule.Entries[0] {
				tell(finding.CodeMerged, finding.SeverityInfo, e.Origin, rule.Source, fmt.Sprintf(
					"is the source of %s too; a source has one image mirror, which gets the mirrors of "+
						"both in the order that nodes try them", rule.Entries[0].Origin))
			}
		}
		if left == "" {
			mirrors = append(mirrors, mirrorset.ImageMirror{Type: mirrorset.ByDigest, Source: rule.Source,
				Mirrors: locations})
		}
	}
	for what, scopes := range map[string][]mirrorset.Scope{"insecure": r.Insecure, "blocked": r.Blocked} {
		for _, s := range scopes {
			tell(finding.CodeNotCarried, finding.SeverityWarning, s.Origin, s.Value, "is "+what+", which "+
				"image mirrors do not say; it stays a setting of the cluster's Image")
		}
	}
	return mirrors, findings.Sort()
}

// whyLeftOut returns why a rule with these mirrors becomes no image mirror, and "" where it does.
func whyLeftOut(rule *mirrorset.Rule, locations []string) string {
	switch {
	case rule.Pull != mirrorset.ByDigest:
		return "is a rule for pulls by tag, which image mirrors do not redirect; pull by digest"
	case rule.Never || slices.ContainsFunc(rule.Entries, func(e *mirrorset.Entry) bool { return e.Policy.Forbids() }):
		return "is under NeverContactSource, and an image mirror always allows contacting its source"
	case strings.HasPrefix(rule.Source, "*."):
		return "is a wildcard, which an image mirror does not take; create one for each registry"
	case len(locations) == 0:
		return "has no mirror that can be written"
	}
	return ""
}
