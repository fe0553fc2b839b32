// Package clients wraps the programs and libraries that read what pullroute writes, as oracles:
// each is the real thing, given a configuration, asked what it does with it. Each stands in a
// package of its own, so that a module with another version of a client links that one only:
//
//   - containerd1 and containerd2: containerd's resolver, and its loader of hosts.toml;
//   - containersimage: its loader of registries.conf and its way to an image;
//   - openshift: what the Machine Config Operator and WMCO write, and whether the API server takes an object.
//
// Pulls go to a world.World and nowhere else.
package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullroute/pullroute/conformance/world"
)

// Pull is what became of a pull.
type Pull struct {
	Requests []world.Request // all of them, in order
	Digest   digest.Digest   // of the manifest, where the pull got one
	Err      error           // nil if manifest, config and layer all arrived
}

// Trace is the pull's sequence of locations.
func (p Pull) Trace() []string { return world.Trace(p.Requests) }

// Passes is the pull, split into the searches for each object.
func (p Pull) Passes() []world.Pass { return world.Passes(p.Requests) }

// Host is one entry of a hosts.toml as containerd loads it. Servers come last.
type Host struct {
	Scheme, Host, Path string
	Capabilities       []string // of pull, resolve, push, referrers; in this order
	Header             http.Header
}

// Hosts is what containerd makes of a hosts.toml.
type Hosts struct {
	Hosts   []Host
	Ignored error // set if the file was not understood: Hosts is the original registry then
}

// NormalizeCRI spells a reference as the kubelet's way into containerd does, before any host is
// looked up: docker.io and library are filled in, a tag beside a digest is dropped.
func NormalizeCRI(ref string) (string, error) {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return "", err
	}
	return named.String(), nil
}

// FetchImage fetches the rest of an image, given its manifest: config and layers, checked against
// their digests.
func FetchImage(manifest []byte, fetch func(ocispec.Descriptor) (io.ReadCloser, error)) error {
	var m ocispec.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return err
	}
	for _, d := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		if _, err := ReadBlob(d, fetch); err != nil {
			return err
		}
	}
	return nil
}

// ReadBlob fetches one object and checks its digest.
func ReadBlob(d ocispec.Descriptor, fetch func(ocispec.Descriptor) (io.ReadCloser, error)) ([]byte, error) {
	body, err := fetch(d)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if got := digest.FromBytes(b); got != d.Digest {
		return nil, fmt.Errorf("content of %s has digest %s", d.Digest, got)
	}
	return b, nil
}
