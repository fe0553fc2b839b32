package policyjson_test

import (
	"fmt"

	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func Example() {
	policy, findings := policyjson.Parse("policy.json", []byte(`{
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "quay.io/team": [{"type": "insecureAcceptAnything"}],
      "quay.io/team/signed": [{"type": "sigstoreSigned", "keyPath": "/etc/pki/team.pub"}],
      "*.corp": [{"type": "insecureAcceptAnything"}]
    }
  }
}`))
	if err := findings.Err(); err != nil {
		fmt.Println(err) // the client takes no image with this file
		return
	}
	for _, image := range []string{
		"quay.io/team/app:1", "quay.io/team/signed/app:1", "quay.io/teams/app:1", "registry.corp:5000/app", "busybox",
	} {
		judgement, err := policy.Judge(image)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(judgement)
	}
	// Output:
	// quay.io/team/app:1: accepted by the scope quay.io/team (insecureAcceptAnything)
	// quay.io/team/signed/app:1: signature required by the scope quay.io/team/signed (sigstoreSigned)
	// quay.io/teams/app:1: refused by the default of the policy (reject)
	// registry.corp:5000/app:latest: accepted by the scope *.corp (insecureAcceptAnything)
	// docker.io/library/busybox:latest: refused by the default of the policy (reject)
}

func ExampleParse_refused() {
	_, findings := policyjson.Parse("policy.json", []byte(`{
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "quay.io": [],
      "m.io": [{"type": "signedBy", "keyType": "GPGKeys", "keypath": "/k"}]
    }
  }
}`))
	for _, f := range findings {
		fmt.Println(f.Origin.Place(), f.Origin.Field)
		fmt.Println("  " + f.Message)
	}
	// Output:
	// policy.json:5 transports.docker["quay.io"]
	//   has no requirements; the client refuses the file and takes no image until it is mended: write [{"type": "insecureAcceptAnything"}] to take every image, [{"type": "reject"}] to take none
	// policy.json:6 transports.docker["m.io"][0].keypath
	//   is not a known key; the client refuses the file and takes no image until it is mended: remove it, or correct its name: type, keyType, keyPath, keyPaths, keyData, signedIdentity are known here
}
