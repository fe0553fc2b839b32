// Package openshiftapi fills a mirrorset.Set from the lists of github.com/openshift/api that a program holds,
// in one call. It is a module of its own: who reads manifests links none of that.
//
//	var o openshiftapi.Objects
//	err := client.List(ctx, &o.ImageDigestMirrorSets) // and the other lists
//	…
//	set, err := o.Set()
//	rules, err := set.Rules()
package openshiftapi

import (
	"encoding/json"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/mirrorset"
)

// Objects are the objects of a cluster that say where its nodes pull from, as they were together at one
// moment. A list that stays empty says nothing.
type Objects struct {
	ImageDigestMirrorSets      configv1.ImageDigestMirrorSetList
	ImageTagMirrorSets         configv1.ImageTagMirrorSetList
	ImageContentSourcePolicies operatorv1alpha1.ImageContentSourcePolicyList
	// Images may be all of them: the one named "cluster" counts.
	Images configv1.ImageList
	// ConfigMaps hold the one that an Image names as additionalTrustedCA. Those outside of openshift-config
	// are passed over.
	ConfigMaps corev1.ConfigMapList
	// ClusterVersions tell the release image, which MCO keeps usable whatever is blocked.
	ClusterVersions       configv1.ClusterVersionList
	ClusterImagePolicies  configv1.ClusterImagePolicyList
	ImagePolicies         configv1.ImagePolicyList
	MachineConfigurations operatorv1.MachineConfigurationList
}

// configNamespace is where the cluster's configuration looks for the ConfigMaps that it names.
const configNamespace = "openshift-config"

// Set returns the objects as pullroute reads them: what [mirrorset.Decode] returns for their manifests,
// without places in a file. It shares strings and maps with o. The error is about an object that cannot be
// written as JSON, which none from an API server is.
func (o *Objects) Set() (*mirrorset.Set, error) {
	set := &mirrorset.Set{}
	for _, from := range o.ImageDigestMirrorSets.Items {
		to := mirrorset.ImageDigestMirrorSet{Metadata: meta(from.ObjectMeta)}
		for _, e := range from.Spec.ImageDigestMirrors {
			to.Spec.ImageDigestMirrors = append(to.Spec.ImageDigestMirrors, entry(e.Source, e.Mirrors, e.MirrorSourcePolicy))
		}
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, to)
	}
	for _, from := range o.ImageTagMirrorSets.Items {
		to := mirrorset.ImageTagMirrorSet{Metadata: meta(from.ObjectMeta)}
		for _, e := range from.Spec.ImageTagMirrors {
			to.Spec.ImageTagMirrors = append(to.Spec.ImageTagMirrors, entry(e.Source, e.Mirrors, e.MirrorSourcePolicy))
		}
		set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, to)
	}
	for _, from := range o.ImageContentSourcePolicies.Items {
		to := mirrorset.ImageContentSourcePolicy{Metadata: meta(from.ObjectMeta)}
		for _, e := range from.Spec.RepositoryDigestMirrors {
			to.Spec.RepositoryDigestMirrors = append(to.Spec.RepositoryDigestMirrors, mirrorset.RepositoryDigestMirrors(e))
		}
		set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, to)
	}
	o.cluster(set)
	if err := convert(o.ClusterImagePolicies.Items, &set.ClusterImagePolicies); err != nil {
		return nil, fmt.Errorf("ClusterImagePolicies: %w", err)
	}
	if err := convert(o.ImagePolicies.Items, &set.ImagePolicies); err != nil {
		return nil, fmt.Errorf("ImagePolicies: %w", err)
	}
	if err := convert(o.MachineConfigurations.Items, &set.MachineConfigurations); err != nil {
		return nil, fmt.Errorf("MachineConfigurations: %w", err)
	}
	return set, nil
}

// cluster adds what is about the cluster as a whole.
func (o *Objects) cluster(set *mirrorset.Set) {
	for _, from := range o.Images.Items {
		set.Images = append(set.Images, mirrorset.Image{
			Metadata: meta(from.ObjectMeta),
			Spec: mirrorset.ImageSpec{
				RegistrySources:     mirrorset.RegistrySources(from.Spec.RegistrySources),
				AdditionalTrustedCA: mirrorset.ConfigMapReference(from.Spec.AdditionalTrustedCA),
			},
		})
	}
	for _, from := range o.ConfigMaps.Items {
		if from.Namespace == configNamespace {
			set.ConfigMaps = append(set.ConfigMaps, mirrorset.ConfigMap{Metadata: meta(from.ObjectMeta), Data: from.Data})
		}
	}
	for _, from := range o.ClusterVersions.Items {
		set.ClusterVersions = append(set.ClusterVersions, mirrorset.ClusterVersion{
			Metadata: meta(from.ObjectMeta),
			Status:   mirrorset.ClusterVersionStatus{Desired: mirrorset.Release{Image: from.Status.Desired.Image}},
		})
	}
}

func meta(m metav1.ObjectMeta) mirrorset.ObjectMeta {
	return mirrorset.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, GenerateName: m.GenerateName, Labels: m.Labels, Annotations: m.Annotations,
	}
}

func entry(source string, mirrors []configv1.ImageMirror, policy configv1.MirrorSourcePolicy) mirrorset.ImageMirrors {
	e := mirrorset.ImageMirrors{Source: source, MirrorSourcePolicy: mirrorset.MirrorSourcePolicy(policy)}
	for _, m := range mirrors {
		e.Mirrors = append(e.Mirrors, string(m))
	}
	return e
}

// convert makes objects of one package those of the other: the fields have the same names in JSON.
func convert[From, To any](from []From, to *[]To) error {
	if len(from) == 0 {
		return nil
	}
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	return err
}
