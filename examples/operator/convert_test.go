package main

import (
	"bytes"
	"encoding/json"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullroute/pullroute/mirrorset"
)

// TestConversionSaysWhatTheManifestsSay compares what is made of OpenShift's types with what is read from
// their JSON, field by field: a field that was forgotten, or comes with a later version, shows.
func TestConversionSaysWhatTheManifestsSay(t *testing.T) {
	image := configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: configv1.ImageSpec{
		AdditionalTrustedCA: configv1.ConfigMapNameReference{Name: "cas"},
		RegistrySources: configv1.RegistrySources{
			InsecureRegistries: []string{"i.example.com"}, BlockedRegistries: []string{"b.example.com"},
			AllowedRegistries: []string{"a.example.com"}, ContainerRuntimeSearchRegistries: []string{"s.example.com"},
		},
	}}
	objects := &mirrorObjects{image: configv1.ImageList{Items: []configv1.Image{image}}}
	objects.digest.Items = []configv1.ImageDigestMirrorSet{*documented(), *digestMirrors("empty")}
	objects.tag.Items = []configv1.ImageTagMirrorSet{*tagMirrors("tags", byTag("quay.io/a", never, "m.io", "n.io/b"), byTag("quay.io", ""))}

	read := &mirrorset.Set{}
	for _, o := range objects.all() {
		data, err := json.Marshal(o)
		require.NoError(t, err)
		var typed map[string]any
		require.NoError(t, json.Unmarshal(data, &typed))
		typed["apiVersion"], typed["kind"] = "config.openshift.io/v1", kindOf(o)
		data, err = json.Marshal(typed)
		require.NoError(t, err)
		set, err := mirrorset.Decode("", bytes.NewReader(data))
		require.NoError(t, err)
		read.Add(set)
	}
	for i := range read.ImageDigestMirrorSets {
		read.ImageDigestMirrorSets[i].TypeMeta, read.ImageDigestMirrorSets[i].ReadFrom = mirrorset.TypeMeta{}, nil
	}
	for i := range read.ImageTagMirrorSets {
		read.ImageTagMirrorSets[i].TypeMeta, read.ImageTagMirrorSets[i].ReadFrom = mirrorset.TypeMeta{}, nil
	}
	read.Images[0].TypeMeta, read.Images[0].ReadFrom = mirrorset.TypeMeta{}, nil
	converted := objects.set()
	require.Equal(t, read.ImageDigestMirrorSets, converted.ImageDigestMirrorSets)
	require.Equal(t, read.ImageTagMirrorSets, converted.ImageTagMirrorSets)
	require.Equal(t, read.Images, converted.Images)
}

func TestObjectsAreReadAsTheyWereAtOneMoment(t *testing.T) {
	c := newCluster(t)
	c.create(digestMirrors("moves"))
	stop, moves := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { moves <- n }()
		for {
			for _, step := range []func() error{
				func() error { return c.Create(c.ctx, tagMirrors("moves")) },
				func() error { return c.Delete(c.ctx, digestMirrors("moves")) },
				func() error { return c.Create(c.ctx, digestMirrors("moves")) },
				func() error { return c.Delete(c.ctx, tagMirrors("moves")) },
			} {
				select {
				case <-stop:
					return
				default:
				}
				if err := step(); err != nil {
					t.Error(err)
					return
				}
			}
			n += 2
		}
	}()
	neither, both := 0, 0
	for range 1000 {
		objects, err := readObjects(c.ctx, c)
		if !assert.NoError(t, err) {
			break
		}
		switch len(objects.digest.Items) + len(objects.tag.Items) {
		case 0:
			neither++
		case 2:
			both++
		}
	}
	close(stop)
	t.Logf("1000 readings, %d of them of both objects, while they moved %d times", both, <-moves)
	require.Zero(t, neither, "there was no moment without either")
}
