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
}

// Image is an OCI image with a single layer.
type Image struct {
	Manifest, Config, Layer Content
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
	manifest := newContent(ocispec.MediaTypeImageManifest, marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config.descriptor(),
		Layers:    []ocispec.Descriptor{layer.descriptor()},
	}))
	return Image{Manifest: manifest, Config: config, Layer: layer}
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
	return ocispec.Descriptor{MediaType: c.MediaType, Digest: c.Digest, Size: int64(len(c.Bytes))}
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
