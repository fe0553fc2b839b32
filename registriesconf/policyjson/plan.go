package policyjson

import (
	"fmt"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// Apply returns the plan of a pull on a node with this policy.json. Where it refuses the image,
// nothing serves it: the Outcome is refused, Pull is empty, and Asked are the locations that are
// asked for the manifest before the client judges the name. A finding of severity error names the
// field that is the reason.
//
// Of a name without a registry each full name is judged by itself. Where some of those with locations
// are refused and not all, the plan stays as it is, and a warning for each says that what its locations
// serve is not taken. Where signatures are asked for, the plan's Signatures say of which name, and by
// which scope.
//
// Plans of other platforms, and those in which nothing is asked, are returned as they are, and so
// they are where p is nil. The policies of namespaces are not looked at: apply the one that the pod
// is under.
func (p *Policy) Apply(plan resolve.Plan) resolve.Plan {
	if p == nil || plan.Platform != finding.Linux || len(plan.Pull) == 0 {
		return plan
	}
	var refused finding.Findings
	var signatures []resolve.Signature
	taken := false // from a location of some reference
	for i, image := range plan.References {
		j, err := p.Judge(image)
		if err == nil && j.Outcome == SignatureRequired {
			signatures = append(signatures, j.signature(image))
		}
		if err != nil || j.Outcome != Refused {
			taken = taken || len(plan.For(i)) > 0
			continue
		}
		why := fmt.Sprintf("policy.json rejects %s, whoever serves it: block registries with "+
			"NeverContactSource if their mirrors are to serve", j.Scope)
		if j.Scope == "" {
			why = "policy.json rejects what is not listed, and judges the name that the pod uses, not " +
				"that of a mirror: list the source"
		}
		refused = append(refused, finding.Finding{
			Code: finding.CodeNoLocation, Severity: finding.SeverityError, Platform: finding.Linux, Origin: j.Origin, Value: image,
			Message: "cannot be pulled: its manifest is fetched, and " + why,
		})
	}
	if taken {
		for i := range refused {
			refused[i].Severity = finding.SeverityWarning
		}
	} else {
		plan.Outcome, plan.Asked, plan.Pull = resolve.OutcomeRefused, plan.Pull, nil
	}
	plan.Signatures = signatures
	plan.Findings = append(plan.Findings[:len(plan.Findings):len(plan.Findings)], refused...)
	return plan
}

// signature returns what the judgement of an image asks for.
func (j Judgement) signature(image string) resolve.Signature {
	s := resolve.Signature{Reference: image, Scope: j.Scope, Origin: j.Origin}
	for i := range j.Requirements {
		if j.Requirements[i].signs() {
			s.Types = append(s.Types, string(j.Requirements[i].Type))
		}
	}
	return s
}
