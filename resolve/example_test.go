package resolve_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// exampleRules are the rules of the examples below.
func exampleRules() *mirrorset.Rules {
	set, err := mirrorset.Decode("mirrors.yaml", strings.NewReader(`
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: tags}
spec:
  imageTagMirrors:
  - {source: quay.io/team, mirrors: [mirror.corp/team], mirrorSourcePolicy: NeverContactSource}
---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: digests}
spec:
  imageDigestMirrors:
  - {source: quay.io/team, mirrors: [near.corp/cache/team, mirror.corp/team], mirrorSourcePolicy: NeverContactSource}
`))
	if err != nil {
		panic(err)
	}
	rules, err := set.Rules()
	if err != nil {
		panic(err)
	}
	return rules
}

func ExampleLinuxTable_Plan() {
	table := resolve.NewLinuxTable(exampleRules())
	plan, err := table.Plan("quay.io/team/app:1.2")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, attempt := range plan.Pull {
		fmt.Println(attempt.Role, attempt.Location, "because of", attempt.Origins[0])
	}
	// Output:
	// mirror mirror.corp/team/app because of ImageTagMirrorSet/tags spec.imageTagMirrors[0].mirrors[0]
}

func ExampleContainerdTable_Plan() {
	table := resolve.NewContainerdTable(exampleRules())
	plan, err := table.Plan("quay.io/team/app:1.2")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, attempt := range plan.Resolve {
		fmt.Println("the tag is resolved at", attempt.Location)
	}
	for _, attempt := range plan.Pull {
		fmt.Println("the image is fetched from", attempt.Location)
	}
	// Output:
	// the tag is resolved at mirror.corp/team/app
	// the image is fetched from near.corp/cache/team/app
	// the image is fetched from mirror.corp/team/app
}

// A caller that asks many tables, or one many times, parses a reference once.
func ExampleLinuxTable_PlanReference() {
	table := resolve.NewLinuxTable(exampleRules())
	for _, image := range []string{"quay.io/team/app:1.2", "quay.io/other@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		r, err := resolve.ParseReference(image)
		if err != nil {
			fmt.Println(err)
			return
		}
		plan, err := table.PlanReference(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, a := range plan.Pull {
			fmt.Println(r.Name(), a.Role, a.Location)
		}
	}
	// Output:
	// quay.io/team/app mirror mirror.corp/team/app
	// quay.io/other source quay.io/other
}

// A wildcard reaches the hosts that are named.
func ExampleNewContainerdTable() {
	set := mirrorset.Set{ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "wild"},
		Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{
			{Source: "*.example.org", Mirrors: []string{"mirror.corp/example"}},
		}},
	}}}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	table := resolve.NewContainerdTable(rules, "a.example.org")
	for _, registry := range table.Registries() {
		fmt.Println(registry.Host)
		for _, e := range registry.Endpoints {
			fmt.Println(" ", e.Location("team/app"), e.Capabilities.Has(resolve.CanResolve))
		}
	}
	// Output:
	// a.example.org
	//   mirror.corp/example/team/app true
}

func ExamplePlan_MarshalJSON() {
	plan, err := resolve.NewLinuxTable(exampleRules()).Plan("quay.io/other:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := json.NewEncoder(os.Stdout).Encode(plan); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"image":"quay.io/other:1","platform":"linux","resolve":[],"pull":[{"location":"quay.io/other","role":"source","scheme":"https"}],"findings":[]}
}

// An entry of the file is found by any name or scope that it governs.
func ExampleLinuxTable_Find() {
	table := resolve.NewLinuxTable(exampleRules())
	entry, ok := table.Find("quay.io/team/app")
	fmt.Println(entry.Prefix, entry.Blocked, ok)
	_, ok = table.Find("quay.io/teammate")
	fmt.Println(ok)
	// Output:
	// quay.io/team true true
	// false
}

func ExampleContainerdTable_Check() {
	table := resolve.ContainerdTableOf([]resolve.Registry{{Host: "quay.io", NoServer: true, Endpoints: []resolve.Endpoint{
		{Scheme: "https", Host: "mirror.corp", Root: "/v2", Capabilities: resolve.CanPull},
	}}})
	for _, f := range table.Check() {
		fmt.Println(f.Severity, f.Code, f.Value)
	}
	// Output: warning pulls-blocked quay.io
}

func ExampleLinuxTable_Check() {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{
		{Prefix: "quay.io/team", Location: "quay.io/team", Mirrors: []resolve.LinuxMirror{{Location: "mirror/team"}}},
	}})
	for _, f := range table.Check() {
		fmt.Println(f.Severity, f.Code, f.Value)
	}
	// Output: error unwritable-location mirror/team
}
