// Package openshift is what OpenShift makes of its objects: MCO, WMCO, and the schemas of the API
// server.
package openshift

import (
	"bytes"
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/openshift/runtime-utils/pkg/registries"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/mirrorset"
)

// MCOBase is the registries.conf that MCO starts from.
const MCOBase = `unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
short-name-mode = ""
`

// Cluster is the mirror configuration of a cluster, as the operators see it. The lists are in the
// order in which they are given them.
type Cluster struct {
	ICSP              []*operatorv1alpha1.ImageContentSourcePolicy
	IDMS              []*configv1.ImageDigestMirrorSet
	ITMS              []*configv1.ImageTagMirrorSet
	Insecure, Blocked []string // scopes of the cluster's Image
}

// ClusterOf hands the objects of a set over in the types of github.com/openshift/api.
func ClusterOf(set *mirrorset.Set) (c Cluster) {
	mirrors := func(list []string) []configv1.ImageMirror {
		theirs := make([]configv1.ImageMirror, len(list))
		for i, m := range list {
			theirs[i] = configv1.ImageMirror(m)
		}
		return theirs
	}
	for _, o := range set.ImageDigestMirrorSets {
		to := &configv1.ImageDigestMirrorSet{ObjectMeta: metav1.ObjectMeta{Name: o.Metadata.Name}}
		for _, e := range o.Spec.ImageDigestMirrors {
			to.Spec.ImageDigestMirrors = append(to.Spec.ImageDigestMirrors, configv1.ImageDigestMirrors{
				Source: e.Source, Mirrors: mirrors(e.Mirrors), MirrorSourcePolicy: configv1.MirrorSourcePolicy(e.MirrorSourcePolicy)})
		}
		c.IDMS = append(c.IDMS, to)
	}
	for _, o := range set.ImageTagMirrorSets {
		to := &configv1.ImageTagMirrorSet{ObjectMeta: metav1.ObjectMeta{Name: o.Metadata.Name}}
		for _, e := range o.Spec.ImageTagMirrors {
			to.Spec.ImageTagMirrors = append(to.Spec.ImageTagMirrors, configv1.ImageTagMirrors{
				Source: e.Source, Mirrors: mirrors(e.Mirrors), MirrorSourcePolicy: configv1.MirrorSourcePolicy(e.MirrorSourcePolicy)})
		}
		c.ITMS = append(c.ITMS, to)
	}
	for _, o := range set.ImageContentSourcePolicies {
		to := &operatorv1alpha1.ImageContentSourcePolicy{ObjectMeta: metav1.ObjectMeta{Name: o.Metadata.Name}}
		for _, e := range o.Spec.RepositoryDigestMirrors {
			to.Spec.RepositoryDigestMirrors = append(to.Spec.RepositoryDigestMirrors, operatorv1alpha1.RepositoryDigestMirrors{
				Source: e.Source, Mirrors: e.Mirrors})
		}
		c.ICSP = append(c.ICSP, to)
	}
	for _, o := range set.Images {
		c.Insecure = append(c.Insecure, o.Spec.RegistrySources.InsecureRegistries...)
		c.Blocked = append(c.Blocked, o.Spec.RegistrySources.BlockedRegistries...)
	}
	return c
}

// Items returns the ImageDigestMirrorSets and ImageTagMirrorSets as lists of the API hold them.
func (c Cluster) Items() (digests []configv1.ImageDigestMirrorSet, tags []configv1.ImageTagMirrorSet) {
	for _, o := range c.IDMS {
		digests = append(digests, *o)
	}
	for _, o := range c.ITMS {
		tags = append(tags, *o)
	}
	return digests, tags
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
