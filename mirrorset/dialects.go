package mirrorset

import (
	"bytes"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Kubernetes distributions without mirror objects tell their nodes of mirrors in files of YAML of
// their own. They say nothing of a cluster, and are handed on as files of a node.

const (
	// registriesYAMLPath is the file of k3s; that of RKE2 is beside it.
	registriesYAMLPath = "/etc/rancher/k3s/registries.yaml"
	// talosPath is where Talos keeps its machine configuration.
	talosPath = "/system/state/config.yaml"
	// kindTalosMirror is the kind of Talos' documents with mirrors.
	kindTalosMirror = "RegistryMirrorConfig"
)

// dialect keeps a document that tells a distribution of mirrors.
func (w *walker) dialect(n *document.Node, at *step, c context) (handled bool) {
	if w.doc.Root != n {
		return false
	}
	text := n.JSON()
	if text == nil {
		text = w.doc.Text
	}
	switch {
	case (isRegistriesYAML(n) || isTalos(n)) && isTemplate(text):
		w.found = true
		w.refuse(finding.CodeTemplate, w.object, n.Line, at.String(), messageTemplate)
	case isRegistriesYAML(n):
		name := registriesYAMLPath
		if strings.Contains(w.decoder.name, "rke2") {
			name = strings.ReplaceAll(name, "k3s", "rke2")
		}
		w.nodeFile(name, bytes.Clone(text), n.Line, at, c)
	case isTalos(n):
		if lookup(n, "version") == nil && lookup(n, "kind") == nil {
			w.patched(n, "machine")
		}
		w.nodeFile(talosPath, bytes.Clone(text), n.Line, at, c)
	default:
		return false
	}
	return true
}

// isRegistriesYAML reports whether a document is a registries.yaml of k3s or RKE2.
func isRegistriesYAML(n *document.Node) bool {
	mirrors := lookup(n, "mirrors")
	if mirrors == nil || mirrors.Kind != document.Mapping {
		return false
	}
	for i := range n.Fields() {
		switch n.Fields()[i].Key.Text {
		case "mirrors", "configs", "auths":
		default:
			return false
		}
	}
	for i := range mirrors.Fields() {
		value := &mirrors.Fields()[i].Value
		if value.Kind != document.Null && lookup(value, "endpoint") == nil && lookup(value, "rewrite") == nil &&
			value.Len() > 0 {
			return false
		}
	}
	return mirrors.Len() > 0
}

// isTalos reports whether a document is a part of the machine configuration of Talos that says
// where pulls go, or how registries are spoken to.
func isTalos(n *document.Node) bool {
	switch kind := text(lookup(n, "kind")); kind {
	case kindTalosMirror, "RegistryTLSConfig":
		return !strings.Contains(text(lookup(n, "apiVersion")), "/")
	case "":
		registries := lookup(lookup(n, "machine"), "registries")
		return registries != nil && registries.Kind == document.Mapping && registries.Len() > 0
	}
	return false
}
