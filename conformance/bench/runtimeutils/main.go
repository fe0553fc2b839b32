// Command runtimeutils does what "mirrorctl render --platform linux" does, with what a user would
// take instead: encoding/json and the types of github.com/openshift/api, the library that MCO
// merges with, and MCO's encoder.
//
//	runtimeutils LIST.json DIR
//
// It reads one ImageDigestMirrorSetList, or List of them, and writes DIR/registries.conf.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	configv1 "github.com/openshift/api/config/v1"
	"github.com/openshift/runtime-utils/pkg/registries"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(input, dir string) error {
	data, err := os.ReadFile(input)
	if err != nil {
		return err
	}
	var list configv1.ImageDigestMirrorSetList
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	sets := make([]*configv1.ImageDigestMirrorSet, len(list.Items))
	for i := range list.Items {
		sets[i] = &list.Items[i]
	}
	// As MCO starts; see openshift.MCOBase.
	conf := sysregistriesv2.V2RegistriesConf{
		UnqualifiedSearchRegistries: []string{"registry.access.redhat.com", "docker.io"},
	}
	if err := registries.EditRegistriesConfig(&conf, nil, nil, nil, sets, nil); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := toml.NewEncoder(&out).Encode(conf); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "registries.conf"), out.Bytes(), 0o644)
}
