package clients

import (
	"bytes"
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/openshift/runtime-utils/pkg/registries"
)

// MCOBase is the registries.conf that MCO starts from.
const MCOBase = `unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
short-name-mode = ""
`

// Cluster is the mirror configuration of a cluster, as MCO sees it. The lists are in the order in
// which MCO is given them.
type Cluster struct {
	ICSP              []*operatorv1alpha1.ImageContentSourcePolicy
	IDMS              []*configv1.ImageDigestMirrorSet
	ITMS              []*configv1.ImageTagMirrorSet
	Insecure, Blocked []string // scopes of the cluster's Image
}

// MCO returns the registries.conf that the Machine Config Operator makes of base for the cluster:
// by openshift/runtime-utils, and BurntSushi's encoder with its defaults, as MCO has it. Scopes
// that MCO refuses are an error; MCO's rules about sources and mirrors are not applied.
func MCO(base string, c Cluster) ([]byte, error) {
	var conf sysregistriesv2.V2RegistriesConf
	if _, err := toml.Decode(base, &conf); err != nil {
		return nil, err
	}
	for _, scope := range append(append([]string{}, c.Insecure...), c.Blocked...) {
		if !registries.IsValidRegistriesConfScope(scope) {
			return nil, fmt.Errorf("invalid registry scope %q", scope)
		}
	}
	if err := registries.EditRegistriesConfig(&conf, c.Insecure, c.Blocked, c.ICSP, c.IDMS, c.ITMS); err != nil {
		return nil, err
	}
	return encodeTOML(conf)
}

// MCOSearchRegistries returns MCO's drop-in 01-image-searchRegistries.conf.
func MCOSearchRegistries(search []string) ([]byte, error) {
	return encodeTOML(sysregistriesv2.V2RegistriesConf{UnqualifiedSearchRegistries: search})
}

func encodeTOML(conf sysregistriesv2.V2RegistriesConf) ([]byte, error) {
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(conf)
	return b.Bytes(), err
}
