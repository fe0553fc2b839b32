package clients_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/world"
)

func BenchmarkContainerdPull(b *testing.B) {
	for _, c := range []clients.Containerd{containerd1.Client, containerd2.Client} {
		for name, auth := range map[string]world.Auth{"open": world.Anonymous, "bearer": world.Bearer} {
			b.Run(c.Version+"/"+name, func(b *testing.B) {
				w := world.New()
				w.Put("quay.io/a/b", "1", image)
				w.Registry("quay.io").Auth = auth
				w.Registry("m.io").State = world.Down
				root := b.TempDir()
				writeHosts(b, root, "quay.io", table("m.io", "skip_verify = true")+table("n.io"))
				for b.Loop() {
					require.NoError(b, c.Pull(context.Background(), w, root, "quay.io/a/b:1").Err)
				}
			})
		}
	}
}

func BenchmarkContainersImagePull(b *testing.B) {
	w := world.New()
	w.Put("quay.io/a", "1", image)
	w.Registry("down.io").State = world.Down
	p, err := world.NewProxy(w)
	require.NoError(b, err)
	defer p.Close()
	dir := b.TempDir()
	for b.Loop() {
		r, err := containersimage.LoadRegistries(dir, registry("quay.io", false, "down.io", "m.io"))
		require.NoError(b, err)
		require.NoError(b, r.Pull(context.Background(), p, "quay.io/a:1").Err)
		r.Close()
	}
}

func BenchmarkContainersImageAttempts(b *testing.B) {
	r, err := containersimage.LoadRegistries(b.TempDir(), registry("quay.io", false, "down.io", "m.io"))
	require.NoError(b, err)
	for b.Loop() {
		_, err := r.Attempts("quay.io/a:1")
		require.NoError(b, err)
	}
}

func BenchmarkContainersImageLoad(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		r, err := containersimage.LoadRegistries(dir, registry("quay.io", false, "down.io", "m.io"))
		require.NoError(b, err)
		r.Close()
	}
}

func BenchmarkContainerdParseHosts(b *testing.B) {
	for _, c := range []clients.Containerd{containerd1.Client, containerd2.Client} {
		b.Run(c.Version, func(b *testing.B) {
			for b.Loop() {
				_, err := c.ParseHosts(table("m.io", pullOnly), "quay.io")
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkMCO(b *testing.B) {
	c := digestRules(idms("quay.io", "", "m.io", "n.io"), idms("quay.io/a", never, "m.io/a"))
	for b.Loop() {
		_, err := openshift.MCO(openshift.MCOBase, c)
		require.NoError(b, err)
	}
}

func BenchmarkCRDs(b *testing.B) {
	crds, err := openshift.LoadCRDs()
	require.NoError(b, err)
	manifest := []byte("apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: x}\n" +
		"spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a, n.io/a]}]}\n")
	for b.Loop() {
		_, err := crds.Validate(manifest)
		require.NoError(b, err)
	}
}
