package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// anyDigest and anyTag make a pull of the other kind of a reference, to ask which rules serve that.
const anyTag = ":latest"

var anyDigest = "@sha256:" + strings.Repeat("0", 64)

// reasons returns the findings that say why entries which lie around an image do not serve it, and
// what to add so that they do. rules are nil for a node's own files.
func reasons(rules *mirrorset.Rules, t planner, plan resolve.Plan) finding.Findings {
	var found finding.Findings
	for i, reference := range plan.References {
		r, err := resolve.ParseReference(reference)
		if err != nil {
			continue // the plan says what is wrong with it
		}
		if rules != nil {
			found = append(found, reasonsOfRules(rules, plan, r)...)
		} else if linux, ok := t.(*resolve.LinuxTable); ok {
			found = append(found, reasonsOfEntry(linux, plan, plan.Scopes[i], r)...)
		}
	}
	return append(found, shortName(plan)...)
}

// other names the other kind of pull, and the object that has rules for this one.
func kinds(byDigest bool) (this, other, object string) {
	if byDigest {
		return "digest", "tag", "ImageDigestMirrorSet"
	}
	return "tag", "digest", "ImageTagMirrorSet"
}

func hasMirror(plan resolve.Plan) bool {
	return slices.ContainsFunc(slices.Concat(plan.Resolve, plan.Pull, plan.Asked),
		func(a resolve.Attempt) bool { return a.Role == resolve.RoleMirror })
}

func reasonsOfRules(rules *mirrorset.Rules, plan resolve.Plan, r resolve.Reference) finding.Findings {
	this, other, object := kinds(r.ByDigest())
	matching, _ := resolve.Matching(rules, r.String())
	var found finding.Findings
	if plan.Platform == finding.Linux {
		for _, rule := range matching[min(1, len(matching)):] {
			found = append(found, finding.Finding{
				Code: codeRuleNotUsed, Severity: finding.SeverityInfo, Platform: plan.Platform,
				Origin: rule.Entries[0].Origin, Value: rule.Source,
				Message: fmt.Sprintf("is not used for %s: %s is more specific and applies alone; add the "+
					"mirrors there that are to serve it too", r, matching[0].Source),
			})
		}
	}
	if len(matching) > 0 || hasMirror(plan) {
		return found
	}
	opposite := r.Name() + anyTag
	if !r.ByDigest() {
		opposite = r.Name() + anyDigest
	}
	rest, _ := resolve.Matching(rules, opposite)
	if len(rest) == 0 {
		return found
	}
	add := fmt.Sprintf("add an %s with the source %s and its mirrors, or pull by %s", object, rest[0].Source, other)
	if r.ByDigest() {
		add = fmt.Sprintf("add an %s with the source %s and its mirrors", object, rest[0].Source)
	}
	return append(found, finding.Finding{
		Code: codeRuleNotUsed, Severity: finding.SeverityWarning, Platform: plan.Platform,
		Origin: rest[0].Entries[0].Origin, Value: rest[0].Source,
		Message: fmt.Sprintf("serves pulls by %s only, and %s is pulled by %s, so no mirror is asked for it; "+
			"%s", other, r, this, add),
	})
}

// reasonsOfEntry says why the entry of a node's own files serves nothing.
func reasonsOfEntry(t *resolve.LinuxTable, plan resolve.Plan, scope string, r resolve.Reference) finding.Findings {
	e, ok := t.Find(r.Name())
	if !ok || len(e.Mirrors) == 0 || hasMirror(plan) {
		return nil
	}
	this, other, _ := kinds(r.ByDigest())
	serves := slices.ContainsFunc(e.Mirrors, func(m resolve.LinuxMirror) bool {
		byDigest := m.Pull == mirrorset.ByDigest || e.MirrorByDigestOnly
		return m.Pull == "" && !e.MirrorByDigestOnly || byDigest == r.ByDigest()
	})
	if serves {
		return nil // the plan says why its mirrors cannot be asked
	}
	f := finding.Finding{
		Code: codeRuleNotUsed, Severity: finding.SeverityWarning, Platform: plan.Platform, Value: scope,
		Message: fmt.Sprintf("has mirrors for pulls by %s only, and %s is pulled by %s, so no mirror is "+
			"asked for it; add a mirror with pull-from-mirror = \"%s-only\" or \"all\"", other, r, this, this),
	}
	if len(e.Origins) > 0 {
		f.Origin = e.Origins[0]
	}
	return finding.Findings{f}
}

// shortName says what becomes of a name without a registry.
func shortName(plan resolve.Plan) finding.Findings {
	host, _, hasPath := strings.Cut(plan.Image, "/")
	if hasPath && (strings.ContainsAny(host, ".:") || host == "localhost") || len(plan.References) == 0 {
		return nil
	}
	return finding.Findings{{
		Code: codeShortName, Severity: finding.SeverityInfo, Platform: plan.Platform, Value: plan.Image,
		Message: "is a name without a registry, taken for " + strings.Join(plan.References, ", then ") +
			"; write the registry, and the rules for it apply wherever the pod runs",
	}}
}
