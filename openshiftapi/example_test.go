package openshiftapi_test

import (
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/openshiftapi"
	"github.com/pullroute/pullroute/resolve"
)

// An operator lists the objects, and asks where images come from.
func ExampleObjects_Set() {
	var objects openshiftapi.Objects
	// client.List(ctx, &objects.ImageDigestMirrorSets) fills a list; here it is written out.
	objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{{
		ObjectMeta: metav1.ObjectMeta{Name: "team"},
		Spec: configv1.ImageDigestMirrorSetSpec{ImageDigestMirrors: []configv1.ImageDigestMirrors{{
			Source: "quay.io/team", Mirrors: []configv1.ImageMirror{"m.corp/team"}, MirrorSourcePolicy: configv1.NeverContactSource,
		}}},
	}}
	set, err := objects.Set()
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := set.Rules()
	if err != nil {
		fmt.Println(err) // what the API server or MCO refuses
		return
	}
	plan, err := resolve.NewLinuxTable(rules).Plan("quay.io/team/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, attempt := range plan.Pull {
		fmt.Println(attempt.Location, attempt.Origins[0])
	}
	// Output: m.corp/team/app ImageDigestMirrorSet/team spec.imageDigestMirrors[0].mirrors[0]
}
