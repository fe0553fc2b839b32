package policyjson

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
		j, _ := p.Judge(image) // of what no client takes there is no plan
		if j.Outcome == SignatureRequired {
			signatures = append(signatures, j.signature(image))
		}
		if j.Outcome != Refused {
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
			Code: finding.CodeNoLocation, Severity: finding.SeverityError, Platform: finding.Linux, Origin: j.Origin,
			Value: image, Message: "cannot be pulled: its manifest is fetched, and " + why,
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

// ForNamespaces says of the images of a plan for which namespaces it does not hold: CRI-O judges the
// pods of those by the file of the namespace, in place of policy.json. There is a finding for each image,
// scope of such files, and what is asked for there.
func (f *Files) ForNamespaces(plan resolve.Plan) finding.Findings {
	if f == nil || plan.Platform != finding.Linux {
		return nil
	}
	var findings finding.Findings
	for _, image := range plan.References {
		var judged []Judgement
		in := map[string][]string{} // namespaces by scope and what it asks for
		key := func(j Judgement) string { return j.Scope + " " + j.Requirements.String() }
		for _, namespace := range slices.Sorted(maps.Keys(f.Namespaces)) {
			j, _ := f.Namespaces[namespace].Judge(image)
			if all, _ := f.Policy.Judge(image); j.Origin == all.Origin {
				continue
			}
			if in[key(j)] == nil {
				judged = append(judged, j)
			}
			in[key(j)] = append(in[key(j)], namespace)
		}
		for _, j := range judged {
			findings = append(findings, finding.Finding{
				Code: finding.CodeNotApplied, Severity: finding.SeverityInfo, Platform: finding.Linux, Origin: j.Origin,
				Value: image, Message: fmt.Sprintf("in the namespaces with a policy of their own for it (%s) the scope %s "+
					"asks for more (%s); this answer is for the pods of others", strings.Join(in[key(j)], ", "),
					j.Scope, j.Requirements),
			})
		}
	}
	return findings
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
