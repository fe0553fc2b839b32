package registriesconf_test

import (
	"fmt"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// The registries.conf of a node is edited by rules, as MCO does it, and keeps what is in it.
func ExampleRender() {
	base, findings := registriesconf.Parse("registries.conf", []byte(`
unqualified-search-registries = ["registry.corp"]

[[registry]]
location = "old.corp"
blocked = true
`))
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	set := mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "team"},
		Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: []mirrorset.ImageMirrors{
			{Source: "quay.io/team", Mirrors: []string{"mirror.corp/team"}},
		}},
	}}}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{Base: base, BaseName: "registries.conf"})
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", files.Config.Bytes())
	// Output:
	// unqualified-search-registries = ["registry.corp"]
	// short-name-mode = ""
	//
	// [[registry]]
	//   prefix = ""
	//   location = "old.corp"
	//   blocked = true
	//
	// [[registry]]
	//   prefix = ""
	//   location = "quay.io/team"
	//
	//   [[registry.mirror]]
	//     location = "mirror.corp/team"
	//     pull-from-mirror = "digest-only"
}

// A plan can be asked of the file of a node.
func ExampleConfig_Table() {
	config, findings := registriesconf.Parse("registries.conf", []byte(`
[[registry]]
location = "quay.io"
blocked = true
[[registry.mirror]]
location = "mirror.corp"
`))
	if err := findings.Err(); err != nil {
		fmt.Println(err)
		return
	}
	plan, err := config.Table("registries.conf").Plan("quay.io/team/app:1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, attempt := range plan.Pull {
		fmt.Println(attempt.Location, "because of", attempt.Origins[0])
	}
	// Output:
	// mirror.corp/team/app because of registries.conf registry[0].mirror[0]
}
