package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	return o, nil
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
