package clients

import (
	"context"
	"io"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullroute/pullroute/conformance/world"
)

// Containerd2 is containerd v2.4.
var Containerd2 = Containerd{Version: "2.4.2", Pull: pull2, LoadHosts: loadHosts2}

func pull2(ctx context.Context, w *world.World, hostsDir, ref string) (p Pull) {
	// Called again for each host that has settings of its own, with a transport of its own.
	update := func(c *http.Client) error { c.Transport = w; return nil }
	if w == nil {
		update = nil
	} else {
		w.Reset()
		defer func() { p.Requests = w.Requests() }()
	}
	if ref, p.Err = NormalizeCRI(ref); p.Err != nil {
		return p
	}
	ctx = logged(ctx, nil)
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: config.ConfigureHosts(ctx, config.HostOptions{
		HostDir: config.HostDirFromRoot(hostsDir), UpdateClient: update,
	})})
	name, desc, err := resolver.Resolve(ctx, ref)
	if err != nil {
		p.Err = err
		return p
	}
	p.Digest = desc.Digest
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		p.Err = err
		return p
	}
	fetch := func(d ocispec.Descriptor) (io.ReadCloser, error) { return fetcher.Fetch(ctx, d) }
	manifest, err := readBlob(desc, fetch)
	if err != nil {
		p.Err = err
		return p
	}
	p.Err = fetchImage(manifest, fetch)
	return p
}

func loadHosts2(dir, host string) (h Hosts, err error) {
	ctx := logged(context.Background(), func(err error) { h.Ignored = err })
	hosts, err := config.ConfigureHosts(ctx, config.HostOptions{
		HostDir: func(string) (string, error) { return dir, nil },
	})(host)
	for _, r := range hosts {
		h.Hosts = append(h.Hosts, Host{
			Scheme: r.Scheme, Host: r.Host, Path: r.Path, Header: r.Header,
			Capabilities: names(func(bit int) bool { return r.Capabilities.Has(1 << bit) }),
		})
	}
	return h, err
}
