// Package containerd1 is containerd 1.x, in the version that the module of the test links.
package containerd1

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/containerd/containerd/remotes/docker"
	"github.com/containerd/containerd/remotes/docker/config"
	"github.com/containerd/containerd/version"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
)

// Client is that version of containerd.
var Client = clients.Containerd{
	Version:   strings.TrimSuffix(version.Version, "+unknown"),
	Pull:      pull,
	LoadHosts: loadHosts,
}

func pull(ctx context.Context, w *world.World, hostsDir, ref string) (p clients.Pull) {
	// Called again for each host that has settings of its own, with a transport of its own.
	update := func(c *http.Client) error { c.Transport = w; return nil }
	if w == nil {
		update = nil
	} else {
		w.Reset()
		defer func() { p.Requests = w.Requests() }()
	}
	if ref, p.Err = clients.NormalizeCRI(ref); p.Err != nil {
		return p
	}
	ctx = clients.Quiet(ctx)
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
	manifest, err := clients.ReadBlob(desc, fetch)
	if err != nil {
		p.Err = err
		return p
	}
	p.Err = clients.FetchImage(manifest, fetch)
	return p
}

func loadHosts(dir, host string) (h clients.Hosts, err error) {
	ctx := clients.Logged(context.Background(), func(err error) { h.Ignored = err })
	hosts, err := config.ConfigureHosts(ctx, config.HostOptions{
		HostDir: func(string) (string, error) { return dir, nil },
	})(host)
	for _, r := range hosts {
		h.Hosts = append(h.Hosts, clients.Host{
			Scheme: r.Scheme, Host: r.Host, Path: r.Path, Header: r.Header,
			Capabilities: clients.CapabilityNames(func(bit int) bool { return r.Capabilities.Has(1 << bit) }),
		})
	}
	return h, err
}
