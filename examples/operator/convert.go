package main

import (
	"context"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/mirrorset"
)

// mirrorObjects are the cluster's objects that say where images come from.
type mirrorObjects struct {
	digest configv1.ImageDigestMirrorSetList
	tag    configv1.ImageTagMirrorSetList
	image  configv1.ImageList
}

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
	if err := api.List(ctx, &o.digest); err != nil {
		return nil, err
	}
	moment := &client.ListOptions{Raw: &metav1.ListOptions{
		ResourceVersion: o.digest.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	}}
	if err := api.List(ctx, &o.tag, moment); err != nil {
		return nil, err
	}
	if err := api.List(ctx, &o.image, moment); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *mirrorObjects) all() []client.Object {
	var all []client.Object
	for i := range o.digest.Items {
		all = append(all, &o.digest.Items[i])
	}
	for i := range o.tag.Items {
		all = append(all, &o.tag.Items[i])
	}
	for i := range o.image.Items {
		all = append(all, &o.image.Items[i])
	}
	return all
}

// set returns the objects as pullroute reads them.
func (o *mirrorObjects) set() *mirrorset.Set {
	set := &mirrorset.Set{}
	for _, from := range o.digest.Items {
		to := mirrorset.ImageDigestMirrorSet{Metadata: mirrorset.ObjectMeta{Name: from.Name}}
		for _, e := range from.Spec.ImageDigestMirrors {
			to.Spec.ImageDigestMirrors = append(to.Spec.ImageDigestMirrors, entry(e.Source, e.Mirrors, e.MirrorSourcePolicy))
		}
		set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, to)
	}
	for _, from := range o.tag.Items {
		to := mirrorset.ImageTagMirrorSet{Metadata: mirrorset.ObjectMeta{Name: from.Name}}
		for _, e := range from.Spec.ImageTagMirrors {
			to.Spec.ImageTagMirrors = append(to.Spec.ImageTagMirrors, entry(e.Source, e.Mirrors, e.MirrorSourcePolicy))
		}
		set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, to)
	}
	for _, from := range o.image.Items {
		set.Images = append(set.Images, mirrorset.Image{
			Metadata: mirrorset.ObjectMeta{Name: from.Name},
			Spec: mirrorset.ImageSpec{
				RegistrySources:     mirrorset.RegistrySources(from.Spec.RegistrySources),
				AdditionalTrustedCA: mirrorset.ConfigMapReference(from.Spec.AdditionalTrustedCA),
			},
		})
	}
	return set
}

func entry(source string, mirrors []configv1.ImageMirror, policy configv1.MirrorSourcePolicy) mirrorset.ImageMirrors {
	e := mirrorset.ImageMirrors{Source: source, MirrorSourcePolicy: mirrorset.MirrorSourcePolicy(policy)}
	for _, m := range mirrors {
		e.Mirrors = append(e.Mirrors, string(m))
	}
	return e
}
