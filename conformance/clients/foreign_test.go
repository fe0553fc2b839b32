package clients_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/internal/loopback"
)

// listen starts a registry without TLS on loopback, in a world of its own.
func listen(t *testing.T) (w *world.World, host string) {
	t.Helper()
	w = world.New()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	host = server.Listener.Addr().String()
	w.Registry(host).PlainHTTP = true
	return w, host
}

// A layer whose descriptor has urls is fetched from there first, whatever the files of the node say: the source of this
// image is under NeverContactSource, and the mirror has the layer. containerd asks with an HTTP client of its own, so
// that nothing but real listeners sees it (core/remotes/docker/fetcher.go); containers-image does so in
// docker_image_src.go, getExternalBlob.
func TestAForeignLayerIsFetchedFromItsURLsFirst(t *testing.T) {
	type outcome struct {
		pulled      bool
		url, mirror int // requests for the layer at its URL and at the mirror
	}
	clientsOf := map[string]func(t *testing.T, mirror, ref string) error{
		"containerd " + containerd1.Client.Version: func(t *testing.T, mirror, ref string) error {
			return pullPlain(t, containerd1.Client, mirror, ref)
		},
		"containerd " + containerd2.Client.Version: func(t *testing.T, mirror, ref string) error {
			return pullPlain(t, containerd2.Client, mirror, ref)
		},
		"containers-image " + containersimage.Version: func(t *testing.T, mirror, ref string) error {
			r := load(t, "[[registry]]\nlocation = \"never.example.com\"\nblocked = true\n[[registry.mirror]]\nlocation = \""+mirror+"\"\ninsecure = true\n")
			defer r.Close()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			return r.Pull(ctx, nil, ref).Err
		},
	}
	want := map[string]map[string]outcome{
		"alive":         {"containerd": {true, 1, 0}, "containers-image": {true, 1, 0}},
		"answering 404": {"containerd": {true, 1, 1}, "containers-image": {false, 1, 0}},
		"dead":          {"containerd": {false, 0, 0}, "containers-image": {false, 0, 0}},
	}
	for name, pull := range clientsOf {
		for _, mediaType := range []string{world.DockerForeignLayer, world.OCINondistributable} {
			for state, outcomes := range want {
				t.Run(name+", "+mediaType+", a URL that is "+state, func(t *testing.T) {
					elsewhere, host := listen(t)
					if state == "dead" {
						host = loopback.Address(t)
					}
					layer := world.NewImage("foreign").Layer
					foreign := world.NewForeignImage("foreign", mediaType, "http://"+host+"/v2/team/win/blobs/"+layer.Digest.String())
					if state == "alive" {
						elsewhere.Put(host+"/team/win", "1", foreign)
					}
					mirror, at := listen(t)
					mirror.Put(at+"/team/win", "1", foreign)

					err := pull(t, at, "never.example.com/team/win:1")
					kind := "containerd"
					if _, ok := outcomes[name[:len("containers-image")]]; ok {
						kind = "containers-image"
					}
					count := func(w *world.World) (n int) {
						for _, r := range w.Requests() {
							if r.Object() == "blobs/"+layer.Digest.String() {
								n++
							}
						}
						return n
					}
					require.Equal(t, outcomes[kind], outcome{err == nil, count(elsewhere), count(mirror)}, "%v", err)
				})
			}
		}
	}
}

// pullPlain pulls with a hosts.toml that knows a mirror without TLS and nothing else.
func pullPlain(t *testing.T, c clients.Containerd, mirror, ref string) error {
	t.Helper()
	dir := hostsDir(t, map[string]string{"never.example.com": "server = \"http://" + mirror + "\"\n[host.\"http://" + mirror + "\"]\n"})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Pull(ctx, nil, dir, ref).Err
}
