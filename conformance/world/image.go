package world

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content is one object of a registry.
type Content struct {
	MediaType string
	Digest    digest.Digest
	Bytes     []byte
	URLs      []string // where else it is said to be
}

// Image is an OCI image with a single layer.
type Image struct {
	Manifest, Config, Layer Content
}

// The media types of layers that registries need not hold, because their descriptors say where to
// get them.
const (
	DockerForeignLayer    = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	OCINondistributable   = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
	dockerManifest        = "application/vnd.docker.distribution.manifest.v2+json"
	dockerContainerConfig = "application/vnd.docker.container.image.v1+json"
)

// NewForeignImage returns an image like that of NewImage, whose layer is of one of the media types
// above and has urls.
func NewForeignImage(text, mediaType string, urls ...string) Image {
	image := NewImage(text)
	image.Layer.MediaType, image.Layer.URLs = mediaType, urls
	manifestType := ocispec.MediaTypeImageManifest
	if mediaType == DockerForeignLayer {
		manifestType, image.Config.MediaType = dockerManifest, dockerContainerConfig
	}
	image.Manifest = manifestOf(manifestType, image.Config, image.Layer)
	return image
}

// NewImage returns a valid image for the platform of this machine, which holds one small file
// with the given text. Equal texts give equal digests.
func NewImage(text string) Image {
	file := archive(text)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	must(z.Write(file))
	must(0, z.Close())
	layer := newContent(ocispec.MediaTypeImageLayerGzip, packed.Bytes())

	config := newContent(ocispec.MediaTypeImageConfig, marshal(ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(file)}},
	}))
	return Image{Manifest: manifestOf(ocispec.MediaTypeImageManifest, config, layer), Config: config, Layer: layer}
}

func manifestOf(mediaType string, config, layer Content) Content {
	return newContent(mediaType, marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: mediaType,
		Config:    config.descriptor(),
		Layers:    []ocispec.Descriptor{layer.descriptor()},
	}))
}

func archive(text string) []byte {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	must(0, t.WriteHeader(&tar.Header{Name: "content", Mode: 0o644, Size: int64(len(text))}))
	must(t.Write([]byte(text)))
	must(0, t.Close())
	return b.Bytes()
}

func newContent(mediaType string, b []byte) Content {
	return Content{MediaType: mediaType, Digest: digest.FromBytes(b), Bytes: b}
}

func (c Content) descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: c.MediaType, Digest: c.Digest, Size: int64(len(c.Bytes)), URLs: c.URLs}
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	must(0, err)
	return b
}

// must is for writes to memory, which do not fail.
func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}
