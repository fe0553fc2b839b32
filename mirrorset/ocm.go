package mirrorset

import (
	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// snakeSourceLists are registrySourceLists as the API of OCM names them.
var snakeSourceLists = []string{"insecure_registries", "blocked_registries", "allowed_registries",
	"container_runtime_search_registries"}

// registryConfig reads the registry_config of a cluster of OCM (ROSA), or of ARO-HCP, which puts its
// image_digest_mirrors there.
func (w *walker) registryConfig(n *document.Node, at *step, c context) {
	w.set.ocm = append(w.set.ocm, w.origin(w.object, at.String(), n.Line))
	for i := range n.Fields() {
		key, value := &n.Fields()[i].Key, &n.Fields()[i].Value
		place := at.field(key.Text)
		if value.Kind == document.Null {
			continue
		}
		switch key.Text {
		case "registry_sources":
			w.found = true
			w.apart(w.origin(w.object, place.String(), key.Line), c,
				func() { w.ocmSources(key, value, at, lookup(n, "platform_allowlist")) })
		case "image_digest_mirrors":
			w.digestList(key, value, place, "", c)
		case "additional_trusted_ca", "allowed_registries_for_import", "platform_allowlist":
			// These say nothing of where a node pulls from, or are part of registry_sources.
		default:
			if holdsTexts(value) {
				w.unread(key.Line, place, c, "", "is no part of registry_config that is known here, and was not read")
				continue
			}
			w.node(value, place, c)
		}
	}
}

// ocmMirrors reads the image mirrors of a cluster of OCM, a list or an ImageMirrorList.
func (w *walker) ocmMirrors(key, value *document.Node, at *step, c context) {
	if items := lookup(value, "items"); items != nil {
		value, at = items, at.field("items")
	}
	if value.Kind != document.List {
		return // a link to it
	}
	w.found = true
	w.inside(at, func() {
		w.apart(w.origin(w.object, at.String(), key.Line), c,
			func() { w.imageMirrorItems(value, kindImageMirror+"List", "items") })
	})
}

// ocmSources reads registry_sources, which becomes the registrySources of the cluster's Image.
func (w *walker) ocmSources(key, sources *document.Node, at *step, platform *document.Node) {
	w.inside(at, func() {
		o := &object{decoder: w.decoder, node: key, name: kindImage + "/cluster",
			TypeMeta: TypeMeta{Kind: kindImage, APIVersion: versionConfig}}
		o.metadata.Name = "cluster"
		o.lines = make([]entryLines, len(registrySourceLists))
		image := Image{TypeMeta: o.TypeMeta, Metadata: o.metadata}
		s := &image.Spec.RegistrySources
		o.registrySources(sources, s, key.Text, snakeSourceLists)
		image.ReadFrom = o.readFrom()
		o.set.Images = append(o.set.Images, image)
		if platform != nil && len(s.AllowedRegistries) > 0 {
			w.note(finding.CodeUnreadText, finding.SeverityWarning,
				w.origin(o.name, key.Text+".allowed_registries", key.Line),
				"is joined by OCM with its platform_allowlist, the registries that the platform itself "+
					"needs, which are not read here")
		}
	})
}
