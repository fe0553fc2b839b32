package mirrorset_test

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func ExampleDecode() {
	set, err := mirrorset.Decode("mirrors.yaml", strings.NewReader(`
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: corp
spec:
  imageDigestMirrors:
  - source: quay.io/team
    mirrors: [mirror.corp.com/team, backup.corp.com/team]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range rules.Rules {
		fmt.Println("by", rule.Pull+":", rule.Source)
		for _, mirror := range rule.Mirrors() {
			fmt.Println(" ", mirror.Location, "from", mirror.Origins[0], "at", mirror.Origins[0].Place())
		}
	}
	// Output:
	// by digest: quay.io/team
	//   mirror.corp.com/team from ImageDigestMirrorSet/corp spec.imageDigestMirrors[0].mirrors[0] at mirrors.yaml:9
	//   backup.corp.com/team from ImageDigestMirrorSet/corp spec.imageDigestMirrors[0].mirrors[1] at mirrors.yaml:9
}

// An operator fills the set with what it watches.
func ExampleSet_Rules() {
	set := mirrorset.Set{ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "t"},
		Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{{
			Source: "quay.io/team:latest", Mirrors: []string{"mirror.corp.com/team"},
		}}},
	}}}
	_, err := set.Rules()
	fmt.Println(err)
	// Output:
	// error: ImageTagMirrorSet/t spec.imageTagMirrors[0].source: "quay.io/team:latest": is not a source: it has a tag; rules are for repositories, write it without ":tag" [invalid-source, refused by the API server]
}

func ExampleFindings_Err() {
	findings := finding.Findings{{
		Code: finding.CodeNoEffect, Severity: finding.SeverityWarning,
		Origin:  finding.Origin{Object: "ImageDigestMirrorSet/a", Field: "spec.imageDigestMirrors[0]"},
		Message: "has no mirrors, so it makes no rule",
	}}
	fmt.Println(findings[0])
	fmt.Println(findings.Err())
	// Output:
	// warning: ImageDigestMirrorSet/a spec.imageDigestMirrors[0]: has no mirrors, so it makes no rule [no-effect]
	// <nil>
}

func ExamplePreferenceOrder() {
	order, loop := mirrorset.PreferenceOrder([][]string{{"b.io", "c.io"}, {"a.io", "b.io"}}, "quay.io")
	fmt.Println(order, len(loop))
	// Output: [a.io b.io c.io] 0
}

func ExampleSet_MigrateContentSourcePolicies() {
	set, err := mirrorset.Decode("icsp.yaml", strings.NewReader(`
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {name: corp}
spec:
  repositoryDigestMirrors:
  - source: quay.io/team
    mirrors: [m.io/team, n.io/team]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range set.MigrateContentSourcePolicies() {
		fmt.Printf("%s", m.YAML())
	}
	// Output:
	// # From ImageContentSourcePolicy/corp.
	// apiVersion: config.openshift.io/v1
	// kind: ImageDigestMirrorSet
	// metadata:
	//   name: corp
	// spec:
	//   imageDigestMirrors:
	//   - source: quay.io/team
	//     mirrors:
	//     - m.io/team
	//     - n.io/team
}
