// Package containersimage is containers-image, in the version that the module of the test links.
package containersimage

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/pkg/shortnames"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"
	"go.podman.io/image/v5/version"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/world"
)

// Version is the version of go.podman.io/image behind [Registries].
var Version = version.Version

// Registries is a registries.conf, loaded by containers-image.
type Registries struct {
	dir     string
	sys     *types.SystemContext
	trusted *world.Proxy // whose authority lies in dir
}

// LoadRegistries gives the content of a registries.conf to containers-image, and that of drop-in
// files, in this order. The files lie under dir, which has to exist, until Close. An error is the
// client's own: with such a file it pulls nothing.
func LoadRegistries(dir, content string, dropIns ...string) (*Registries, error) {
	// The client keeps what it has loaded by path, so each configuration gets its own.
	dir, err := os.MkdirTemp(dir, "registries")
	if err != nil {
		return nil, err
	}
	r := &Registries{dir: dir, sys: &types.SystemContext{
		SystemRegistriesConfPath:    filepath.Join(dir, "registries.conf"),
		SystemRegistriesConfDirPath: filepath.Join(dir, "registries.conf.d"),
		// Nothing of the machine's own configuration is to be seen.
		RegistriesDirPath:          filepath.Join(dir, "registries.d"),
		AuthFilePath:               filepath.Join(dir, "auth.json"),
		UserShortNameAliasConfPath: filepath.Join(dir, "aliases.conf"),
		DockerPerHostCertDirPath:   filepath.Join(dir, "certs.d"),
	}}
	files := map[string]string{r.sys.SystemRegistriesConfPath: content, r.sys.AuthFilePath: "{}"}
	for i, d := range dropIns {
		files[filepath.Join(r.sys.SystemRegistriesConfDirPath, fmt.Sprintf("%02d.conf", i+1))] = d
	}
	err = os.Mkdir(r.sys.SystemRegistriesConfDirPath, 0o755)
	for path, text := range files {
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
	}
	if err == nil {
		_, err = sysregistriesv2.TryUpdatingCache(r.sys)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close removes the files. The client forgets them when its cache is next invalidated.
func (r *Registries) Close() error { return os.RemoveAll(r.dir) }

// ForgetRegistries empties the client's cache, which otherwise grows with each configuration.
// Configurations in use are loaded again.
func ForgetRegistries() { sysregistriesv2.InvalidateCache() }

// SetAuth writes the client's auth file, for the pulls that follow.
func (r *Registries) SetAuth(json string) error {
	return os.WriteFile(r.sys.AuthFilePath, []byte(json), 0o600)
}

// SetAttachments writes a file of the client's registries.d, for the pulls that follow.
func (r *Registries) SetAttachments(yaml []byte) error {
	if err := os.MkdirAll(r.sys.RegistriesDirPath, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.sys.RegistriesDirPath, "attachments.yaml"), yaml, 0o644)
}

// Config returns the files as the client has read them, and its mode for names without a registry.
func (r *Registries) Config() (*sysregistriesv2.V2RegistriesConf, types.ShortNameMode, error) {
	conf, err := sysregistriesv2.TryUpdatingCache(r.sys)
	if err != nil {
		return nil, 0, err
	}
	mode, err := sysregistriesv2.GetShortNameMode(r.sys)
	return conf, mode, err
}

// Alias returns what a name without a registry is an alias of, and "" where it is none.
func (r *Registries) Alias(name string) (string, error) {
	named, _, err := sysregistriesv2.ResolveShortNameAlias(r.sys, name)
	if named == nil || err != nil {
		return "", err
	}
	return named.Name(), nil
}

// Attempt is one location that containers-image would ask.
type Attempt struct {
	Location string // host[:port]/repository as the wire sees it
	Name     string // the same as the client spells it
	Insecure bool
	Blocked  bool // the client stops short of asking, and goes on to the next
}

// Attempts returns where the client would look for a reference, in order, without any network. An
// error ends the pull before the first attempt.
func (r *Registries) Attempts(ref string) ([]Attempt, error) {
	named, err := parseReference(ref)
	if err != nil {
		return nil, err
	}
	registry, err := sysregistriesv2.FindRegistry(r.sys, named.Name())
	if err != nil {
		return nil, err
	}
	if registry == nil {
		registry = &sysregistriesv2.Registry{
			Endpoint: sysregistriesv2.Endpoint{Location: named.String()},
			Prefix:   named.String(),
		}
	}
	sources, err := registry.PullSourcesFromReference(named)
	if err != nil {
		return nil, err
	}
	var attempts []Attempt
	for _, s := range sources {
		own, err := sysregistriesv2.FindRegistry(r.sys, s.Reference.Name())
		if err != nil {
			return nil, err
		}
		attempts = append(attempts, Attempt{
			Location: world.WireLocation(s.Reference.Name()),
			Name:     s.Reference.Name(),
			Insecure: s.Endpoint.Insecure,
			Blocked:  own != nil && own.Blocked,
		})
	}
	return attempts, nil
}

// Insecure reports whether the client asks a name by plain HTTP too, where the name is looked up
// and is no mirror's.
func (r *Registries) Insecure(name string) (bool, error) {
	registry, err := sysregistriesv2.FindRegistry(r.sys, name)
	return registry != nil && registry.Insecure, err
}

// PullSources is the part of Attempts that a pull cannot do without: the lookup of the registry, and the
// rewriting of a parsed reference. It returns the number of places to ask.
func (r *Registries) PullSources(named reference.Named) (int, error) {
	registry, err := sysregistriesv2.FindRegistry(r.sys, named.Name())
	if registry == nil || err != nil {
		return 0, err
	}
	sources, err := registry.PullSourcesFromReference(named)
	return len(sources), err
}

// Expand returns the references that a name stands for: itself, or one for each search registry
// if it has no registry.
func (r *Registries) Expand(name string) ([]string, error) {
	resolved, err := shortnames.Resolve(r.sys, name)
	if err != nil {
		return nil, err
	}
	var refs []string
	for _, c := range resolved.PullCandidates {
		refs = append(refs, c.Value.String())
	}
	return refs, nil
}

// A Puller pulls an image with the client's own code, and returns the digest of its manifest where it got one.
type Puller func(ctx context.Context, sys *types.SystemContext, image types.ImageReference) (digest.Digest, error)

// Pull pulls the reference from the world behind the proxy, whose requests are reset before.
// Without a proxy the client is on the network.
func (r *Registries) Pull(ctx context.Context, p *world.Proxy, ref string) clients.Pull {
	return r.PullBy(ctx, p, ref, fetch)
}

// PullBy is Pull by another part of the client than its source of images.
func (r *Registries) PullBy(ctx context.Context, p *world.Proxy, ref string, by Puller) (pull clients.Pull) {
	sys := *r.sys
	if p != nil {
		w := p.World()
		w.Reset()
		defer func() { pull.Requests = w.Requests() }()
		sys.DockerProxyURL = p.URL()
		sys.DockerCertPath = filepath.Join(r.dir, "ca")
		if err := r.trust(p); err != nil {
			pull.Err = err
			return pull
		}
	}
	named, err := parseReference(ref)
	if err != nil {
		pull.Err = err
		return pull
	}
	image, err := docker.NewReference(named)
	if err != nil {
		pull.Err = err
		return pull
	}
	pull.Digest, pull.Err = by(ctx, &sys, image)
	return pull
}

// fetch fetches manifest, config and layers.
func fetch(ctx context.Context, sys *types.SystemContext, image types.ImageReference) (digest.Digest, error) {
	source, err := image.NewImageSource(ctx, sys)
	if err != nil {
		return "", err
	}
	defer source.Close()
	manifest, _, err := source.GetManifest(ctx, nil)
	if err != nil {
		return "", err
	}
	return digest.FromBytes(manifest), clients.FetchImage(manifest, func(d ocispec.Descriptor) (io.ReadCloser, error) {
		body, _, err := source.GetBlob(ctx, types.BlobInfo{Digest: d.Digest, Size: d.Size,
			MediaType: d.MediaType, URLs: d.URLs}, none.NoCache)
		return body, err
	})
}

// Scopes returns the scopes by which the client's registries.d and policy.json are searched for a
// reference, in order.
func Scopes(ref string) ([]string, error) {
	named, err := parseReference(ref)
	if err != nil {
		return nil, err
	}
	image, err := docker.NewReference(named)
	if err != nil {
		return nil, err
	}
	return append([]string{image.PolicyConfigurationIdentity()}, image.PolicyConfigurationNamespaces()...), nil
}

// trust has the client take the proxy for any registry.
func (r *Registries) trust(p *world.Proxy) error {
	if r.trusted == p {
		return nil
	}
	dir := filepath.Join(r.dir, "ca")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := p.WriteCA(filepath.Join(dir, "ca.crt")); err != nil {
		return err
	}
	r.trusted = p
	return nil
}

// parseReference reads a reference as the clients do before they hand it to containers-image,
// which refuses a tag beside a digest: CRI-O and podman drop the tag.
func parseReference(ref string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, err
	}
	if digested, ok := named.(reference.Digested); ok {
		return reference.WithDigest(reference.TrimNamed(named), digested.Digest())
	}
	return reference.TagNameOnly(named), nil
}

// Found returns what the client finds on a machine, in the environment that it runs in: each registry with its mirrors.
func Found(root string) (lines []string, err error) {
	sysregistriesv2.InvalidateCache()
	theirs, err := sysregistriesv2.TryUpdatingCache(&types.SystemContext{RootForImplicitAbsolutePaths: root})
	if err != nil {
		return nil, err
	}
	for _, r := range theirs.Registries {
		line := r.Prefix
		for _, m := range r.Mirrors {
			line += " " + m.Location
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, nil
}
