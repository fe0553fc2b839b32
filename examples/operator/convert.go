package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/openshiftapi"
)

// mirrorObjects are the cluster's objects that say where images come from.
type mirrorObjects struct{ openshiftapi.Objects }

// readObjects reads the objects as they were together at one moment.
//
// A cache for each kind does not give that. Who replaces an ImageTagMirrorSet by an
// ImageDigestMirrorSet creates the one and then deletes the other; a controller whose caches hear
// of the deletion first would see neither, and take from every node the files that keep it from the
// source. So the lists are read from the API server, the first as it is now and the others at
// exactly the resource version of the first. That is sound for custom resources: one server keeps
// all of them in one etcd, whose revisions these versions are.
func readObjects(ctx context.Context, api client.Reader) (*mirrorObjects, error) {
	o := &mirrorObjects{}
	if err := api.List(ctx, &o.ImageDigestMirrorSets); err != nil {
		return nil, err
	}
	moment := &client.ListOptions{Raw: &metav1.ListOptions{
		ResourceVersion: o.ImageDigestMirrorSets.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	}}
	for _, list := range []client.ObjectList{&o.ImageTagMirrorSets, &o.ImageContentSourcePolicies, &o.Images} {
		if err := api.List(ctx, list, moment); err != nil {
			return nil, err
		}
	}
	// They are of another part of the API server, and decide nothing about which registry is asked.
	if err := api.List(ctx, &o.ConfigMaps, client.InNamespace(configNamespace)); err != nil {
		return nil, err
	}
	return o, nil
}

const (
	// configNamespace is where the cluster's configuration lies.
	configNamespace = "openshift-config"
	pullSecretName  = "pull-secret"
)

// credentials are those of the cluster's pull secret.
type credentials struct {
	secret hoststoml.PullSecret
	// version changes whenever the pull secret does; it is empty where there is none.
	version string
}

// readCredentials reads the pull secret. The findings say what is wrong with it.
func readCredentials(ctx context.Context, api client.Reader) (credentials, finding.Findings, error) {
	var o corev1.Secret
	err := api.Get(ctx, client.ObjectKey{Namespace: configNamespace, Name: pullSecretName}, &o)
	if apierrors.IsNotFound(err) {
		return credentials{}, nil, nil
	} else if err != nil {
		return credentials{}, nil, err
	}
	secret, findings := hoststoml.ParsePullSecret("Secret/"+pullSecretName, o.Data[corev1.DockerConfigJsonKey])
	return credentials{secret, string(o.UID) + "@" + o.ResourceVersion}, findings, nil
}

// input is what files are rendered from.
type input struct {
	objects *mirrorObjects
	rules   *mirrorset.Rules
	keys    credentials
	// refused says why nothing is rendered; ofKeys is about the pull secret.
	refused error
	ofKeys  finding.Findings
}

// readInput reads all of it.
func readInput(ctx context.Context, api client.Reader) (*input, error) {
	objects, err := readObjects(ctx, api)
	if err != nil {
		return nil, err
	}
	set, err := objects.Set()
	if err != nil {
		return nil, err
	}
	in := &input{objects: objects}
	in.rules, in.refused = set.Rules()
	if in.keys, in.ofKeys, err = readCredentials(ctx, api); err != nil {
		return nil, err
	}
	if in.refused == nil {
		in.refused = in.ofKeys.Err()
	}
	return in, nil
}

// render renders the files, and tells everything that there is to tell of them.
func (in *input) render(windowsHosts []string) (*Files, finding.Findings) {
	files, findings := render(in.rules, windowsHosts, in.keys)
	return files, append(findings, in.ofKeys...).Sort()
}

// caches has the caches hold of ConfigMaps and Secrets no more than the operator reads.
func caches() cache.Options {
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{configNamespace: {}}},
		&corev1.Secret{}: {Namespaces: map[string]cache.Config{configNamespace: {
			FieldSelector: fields.OneTermEqualSelector("metadata.name", pullSecretName),
		}}},
	}}
}

func (o *mirrorObjects) all() []client.Object {
	var all []client.Object
	for i := range o.ImageDigestMirrorSets.Items {
		all = append(all, &o.ImageDigestMirrorSets.Items[i])
	}
	for i := range o.ImageTagMirrorSets.Items {
		all = append(all, &o.ImageTagMirrorSets.Items[i])
	}
	for i := range o.ImageContentSourcePolicies.Items {
		all = append(all, &o.ImageContentSourcePolicies.Items[i])
	}
	for i := range o.Images.Items {
		all = append(all, &o.Images.Items[i])
	}
	return all
}
