package mirrorset

import (
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// PodImages returns the images that the pod specs in a manifest stream name, in whatever kind they stand:
// the image of every item of a containers, initContainers or ephemeralContainers list. They are sorted,
// each once. The stream is read as Decode reads it; the error is a *RefusedError.
func PodImages(name string, r io.Reader) ([]string, error) {
	var images []string
	d := &decoder{name: name, set: &Set{}}
	d.visit = func(n *yaml.Node) { images = podImages(d, n, images, 0) }
	_, err := d.decode(r, MaxDocumentBytes)
	slices.Sort(images)
	return slices.Compact(images), err
}

// podImages appends the images below a node.
func podImages(d *decoder, n *yaml.Node, images []string, depth int) []string {
	n = d.deref(n)
	if depth > maxDepth {
		return images
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range d.items(n) {
			images = podImages(d, item, images, depth+1)
		}
		return images
	}
	if n.Kind != yaml.MappingNode {
		return images
	}
	content := d.content(n)
	for i := 0; i+1 < len(content); i += 2 {
		value := d.deref(content[i+1])
		switch content[i].Value {
		case "containers", "initContainers", "ephemeralContainers":
			if value.Kind == yaml.SequenceNode {
				for _, c := range d.items(value) {
					if image := d.text(lookup(d, c, "image")); image != "" {
						images = append(images, image)
					}
				}
			}
		}
		images = podImages(d, value, images, depth+1)
	}
	return images
}
