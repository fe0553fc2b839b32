package hoststoml_test

import (
	"fmt"
	"os"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
)

func ExampleRender() {
	set := mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "team"},
		Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{{
			Source: "quay.io/team", Mirrors: []string{"mirror.corp/quay/team"}, MirrorSourcePolicy: mirrorset.NeverContactSource,
		}}},
	}}}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, _, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
	for _, registry := range tree {
		fmt.Printf("%s:\n%s", registry.Path(), registry.File.Bytes())
	}
	// Output:
	// quay.io/hosts.toml:
	// # Written by pullroute from the cluster's image mirror objects; changes are overwritten.
	//
	// server = "https://mirror.corp/v2/quay"
	// capabilities = ["pull"]
	// override_path = true
	//
	// [host."https://mirror.corp/v2/quay"]
	//   capabilities = ["pull"]
	//   override_path = true
}

// The files are written so that no pull ever meets half of one, and can be asked for plans again.
func ExampleReadTree() {
	dir, err := os.MkdirTemp("", "certs.d")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	tree := hoststoml.Tree{{Host: "quay.io", File: &hoststoml.File{
		Server: "https://quay.io",
		Hosts:  []hoststoml.Host{{URL: "https://mirror.corp"}},
	}}}
	if _, err := tree.Write(dir); err != nil {
		fmt.Println(err)
		return
	}
	read, findings, err := hoststoml.ReadTree(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := read.Table(dir).Plan("quay.io/team/app:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(findings))
	for _, attempt := range plan.Pull {
		fmt.Println(attempt.Role, attempt.Location)
	}
	// Output:
	// 0
	// mirror mirror.corp/team/app
	// source quay.io/team/app
}
