package main

import (
	"io"
	"slices"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// podImages returns the images that the pod specs in a manifest stream name, in whatever kind they stand:
// the image of every item of a containers, initContainers or ephemeralContainers list. They are sorted,
// each once. The error is a *finding.RefusedError.
func podImages(name string, r io.Reader) ([]string, error) {
	var images []string
	var refused finding.Findings
	for doc := range document.Read(r, document.Options{}) {
		if doc.Root != nil {
			images = appendPodImages(images, doc.Root, 0)
		}
		if bad := doc.Err(); bad != nil {
			refused = append(refused, finding.Finding{
				Code: finding.CodeUnreadable, Severity: finding.SeverityError, RefusedBy: finding.Reader, Message: bad.Message,
				Origin: finding.Origin{File: name, Document: doc.Number, Line: bad.Line},
			})
		}
	}
	slices.Sort(images)
	return slices.Compact(images), refused.Err()
}

// maxDepth is how deep manifests are looked into; what the API server takes is nested less than twenty deep.
const maxDepth = 1000

// appendPodImages appends the images below a node.
func appendPodImages(images []string, n *document.Node, depth int) []string {
	if depth > maxDepth {
		return images
	}
	for _, item := range n.Items() {
		images = appendPodImages(images, item, depth+1)
	}
	for i := range n.Fields() {
		f := &n.Fields()[i]
		switch f.Key.Text {
		case "containers", "initContainers", "ephemeralContainers":
			for _, c := range f.Value.Items() {
				for _, f := range c.Fields() {
					if f.Key.Text == "image" && f.Value.Kind == document.Text {
						images = append(images, f.Value.Text)
					}
				}
			}
		}
		images = appendPodImages(images, &f.Value, depth+1)
	}
	return images
}
