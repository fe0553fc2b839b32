package openshiftapi_test

import (
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/openshiftapi"
	"github.com/pullroute/pullroute/registriesconf"
)

// registriesConf is called where the Machine Config Operator decodes its template of registries.conf, calls
// EditRegistriesConfig, and encodes what comes out.
func registriesConf(template []byte, objects *openshiftapi.Objects) (registriesconf.Files, error) {
	set, err := objects.Set()
	if err != nil {
		return registriesconf.Files{}, err
	}
	rules, err := set.Rules()
	if err != nil {
		return registriesconf.Files{}, err // what MCO refuses, each field with its object
	}
	base, findings := registriesconf.Parse("registries.conf", template)
	if err := findings.Err(); err != nil {
		return registriesconf.Files{}, err
	}
	files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{Base: base})
	return files, findings.Err()
}

// The files of a Linux node, from MCO's own template and the objects that it lists.
func Example_mco() {
	var objects openshiftapi.Objects
	objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{{
		ObjectMeta: metav1.ObjectMeta{Name: "team"},
		Spec: configv1.ImageDigestMirrorSetSpec{ImageDigestMirrors: []configv1.ImageDigestMirrors{{
			Source: "quay.io/team", Mirrors: []configv1.ImageMirror{"m.corp/team"}, MirrorSourcePolicy: configv1.NeverContactSource,
		}}},
	}}
	files, err := registriesConf([]byte("unqualified-search-registries = [\"registry.access.redhat.com\", \"docker.io\"]\n"), &objects)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", files.Config.Bytes())
	// Output:
	// unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
	// short-name-mode = ""
	//
	// [[registry]]
	//   prefix = ""
	//   location = "quay.io/team"
	//   blocked = true
	//
	//   [[registry.mirror]]
	//     location = "m.corp/team"
	//     pull-from-mirror = "digest-only"
}
