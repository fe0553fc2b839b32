package distros

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

const (
	// TalosDir is the directory that Talos writes into.
	TalosDir = "/etc/cri/conf.d/hosts"
	// TalosPath is where a node has its machine configuration, as a mirrorset.NodeFile names it.
	TalosPath = "/system/state/config.yaml"
)

// Talos reads the documents of the machine configuration of one node: machine.registries, and
// RegistryMirrorConfig and RegistryTLSConfig, which count before it. It returns the files that Talos writes for
// them where the node has no image cache. The name is used in the findings only. What Talos refuses
// is an error.
//
// The rules are those of Talos 1.13 (internal/pkg/containers/cri/containerd/hosts.go, GenerateHosts,
// and pkg/machinery/config/types/cri).
func Talos(name string, documents ...[]byte) (hoststoml.Tree, finding.Findings) {
	r := &talos{reader: reader{name: name}, mirrors: map[string]talosMirror{}, tls: map[string]talosTLS{}}
	var roots []*document.Node
	for _, data := range documents {
		roots = append(roots, r.documents(data)...)
	}
	for _, root := range roots {
		if field(root, "kind") == nil {
			r.machine(field(root, "machine"))
		}
	}
	seen := map[string]bool{}
	for _, root := range roots {
		kind := r.text(field(root, "kind"), "kind")
		if kind != "RegistryMirrorConfig" && kind != "RegistryTLSConfig" {
			continue
		}
		registry := r.text(field(root, "name"), kind+" name")
		at := kind + "/" + registry
		switch {
		case registry == "":
			r.refuse(finding.CodeMissingField, kind+" name", "", "is to name a registry")
		case seen[at]:
			r.refuse(finding.CodeDuplicate, kind, registry, "stands here twice, which Talos refuses")
		case kind == "RegistryMirrorConfig":
			r.mirrors[registry] = r.mirrorDocument(root, at)
		default:
			r.tls[registry] = r.tlsOf(root, at, "apiVersion", "kind", "name")
		}
		seen[at] = true
	}
	return r.tree(TalosDir, r.files()), r.findings.Sort()
}

// talos is what is known of a machine configuration while it is read.
type talos struct {
	reader
	mirrors map[string]talosMirror
	tls     map[string]talosTLS
}

type talosMirror struct {
	endpoints    []talosEndpoint
	skipFallback bool
}

type talosEndpoint struct {
	url      string
	host     string // in the URL
	override bool
}

type talosTLS struct{ ca, client, skipVerify bool }

func (r *talos) unknown(field, _ string) {
	r.refuse(finding.CodeUnknownField, field, "", "is not known to Talos, which refuses a configuration with it")
}

// machine reads the registries of a machine configuration, nil where a document has none.
func (r *talos) machine(n *document.Node) {
	cache := field(field(field(n, "features"), "imageCache"), "localEnabled")
	if r.boolean(cache, "machine.features.imageCache.localEnabled") {
		r.warn(finding.CodeNotApplied, "machine.features.imageCache", "",
			"has Talos ask the image cache of the node before every mirror; plans here leave it out")
	}
	const path = "machine.registries"
	for _, f := range r.mapping(field(n, "registries"), path, []string{"mirrors", "config"}, r.unknown) {
		for _, e := range r.mapping(&f.Value, path+"."+f.Key.Text, nil, nil) {
			at := below(path+"."+f.Key.Text, e.Key.Text)
			switch {
			case e.Value.Kind == document.Null:
				r.refuse(finding.CodeMissingField, at, "", "is null, which Talos refuses")
			case f.Key.Text == "mirrors":
				r.mirrors[e.Key.Text] = r.mirror(&e.Value, at)
			default:
				for _, c := range r.mapping(&e.Value, at, []string{"auth", "tls"}, r.unknown) {
					if c.Key.Text == "tls" {
						r.tls[e.Key.Text] = r.tlsOf(&c.Value, at+".tls")
					}
				}
			}
		}
	}
}

// mirror reads an entry of machine.registries.mirrors.
func (r *talos) mirror(n *document.Node, path string) talosMirror {
	var m talosMirror
	override := r.boolean(field(n, "overridePath"), path+".overridePath")
	for _, f := range r.mapping(n, path, []string{"endpoints", "overridePath", "skipFallback"}, r.unknown) {
		switch at := path + "." + f.Key.Text; f.Key.Text {
		case "endpoints":
			for i, e := range r.list(&f.Value, at) {
				m.endpoints = append(m.endpoints, r.endpoint(&e, item(at, i), override))
			}
		case "skipFallback":
			m.skipFallback = r.boolean(&f.Value, at)
		}
	}
	r.check(m, path)
	return m
}

// mirrorDocument reads a RegistryMirrorConfig.
func (r *talos) mirrorDocument(n *document.Node, path string) talosMirror {
	var m talosMirror
	for _, f := range r.mapping(n, path, []string{"apiVersion", "kind", "name", "endpoints", "skipFallback"}, r.unknown) {
		switch at := path + " " + f.Key.Text; f.Key.Text {
		case "apiVersion":
			if r.text(&f.Value, at) != "v1alpha1" {
				r.refuse(finding.CodeWrongVersion, at, f.Value.Text, "is to be v1alpha1")
			}
		case "endpoints":
			for i, e := range r.list(&f.Value, at) {
				at := item(at, i)
				r.mapping(&e, at, []string{"url", "overridePath"}, r.unknown)
				one := r.endpoint(field(&e, "url"), at+".url", r.boolean(field(&e, "overridePath"), at+".overridePath"))
				if !strings.HasPrefix(one.url, "http://") && !strings.HasPrefix(one.url, "https://") {
					r.refuse(finding.CodeInvalidMirror, at+".url", one.url, "is to be a URL with http or "+
						"https, which Talos refuses a configuration without")
				}
				m.endpoints = append(m.endpoints, one)
			}
		case "skipFallback":
			m.skipFallback = r.boolean(&f.Value, at)
		}
	}
	r.check(m, path)
	return m
}

func (r *talos) endpoint(n *document.Node, path string, override bool) talosEndpoint {
	e := talosEndpoint{url: r.text(n, path), override: override}
	u, err := url.Parse(e.url)
	if err != nil {
		r.refuse(finding.CodeInvalidMirror, path, e.url, "is no URL, and Talos writes no file at all")
		return e
	}
	e.host = u.Host
	return e
}

// check reports what has no effect.
func (r *talos) check(m talosMirror, path string) {
	if m.skipFallback && len(m.endpoints) == 0 {
		r.warn(finding.CodeNoEffect, path, "", "has skipFallback, which does nothing without endpoints: "+
			"the registry itself is contacted")
	}
}

// tlsOf reads how a registry is spoken to.
func (r *talos) tlsOf(n *document.Node, path string, more ...string) talosTLS {
	var t talosTLS
	for _, f := range r.mapping(n, path, append(more, "ca", "clientIdentity", "insecureSkipVerify"), r.unknown) {
		switch set := f.Value.Kind != document.Null && (!f.Value.IsScalar() || f.Value.Text != ""); f.Key.Text {
		case "ca":
			t.ca = set
		case "clientIdentity":
			t.client = set
		case "insecureSkipVerify":
			t.skipVerify = r.boolean(&f.Value, below(path, f.Key.Text))
		}
	}
	return t
}

// files returns the texts of the files by registry.
func (r *talos) files() map[string]string {
	files := map[string]string{}
	for registry, m := range r.mirrors {
		host := directory(registry)
		endpoints := m.endpoints
		var b strings.Builder
		if m.skipFallback && len(endpoints) > 0 { // the last takes the place of the registry itself
			last := endpoints[len(endpoints)-1]
			endpoints = endpoints[:len(endpoints)-1]
			b.WriteString("server = " + quote(last.url) + "\n")
			r.settings(&b, last, host)
		}
		b.WriteString("[host]\n")
		for _, e := range endpoints {
			fmt.Fprintf(&b, "[host.%s]\n", quote(e.url))
			r.settings(&b, e, host)
		}
		files[host] = b.String()
	}
	for registry, t := range r.tls {
		if _, ok := files[directory(registry)]; ok || t == (talosTLS{}) {
			continue
		}
		if registry == wildcard {
			r.refuse(finding.CodeInvalidScope, "", wildcard, "has TLS settings and no mirrors, for which "+
				"Talos writes no file at all: name a registry")
			continue
		}
		var b strings.Builder
		b.WriteString("server = " + quote("https://"+defaultHost(registry)) + "\n")
		r.tlsSettings(&b, registry, registry)
		files[registry] = b.String()
	}
	return files
}

func (r *talos) settings(b *strings.Builder, e talosEndpoint, host string) {
	b.WriteString("capabilities = [\"pull\", \"resolve\"]\n")
	if e.override {
		b.WriteString("override_path = true\n")
	}
	r.tlsSettings(b, e.host, host)
}

// tlsSettings writes how a registry is spoken to in the file of another one, or its own.
func (r *talos) tlsSettings(b *strings.Builder, registry, host string) {
	t := r.tls[registry]
	at := TalosDir + "/" + hoststoml.Dir(host) + "/" + registry
	if t.ca {
		b.WriteString("ca = " + quote(at+"-ca.crt") + "\n")
	}
	if t.client {
		b.WriteString("client = [[" + quote(at+"-client.crt") + ", " + quote(at+"-client.key") + "]]\n")
	}
	if t.skipVerify {
		b.WriteString("skip_verify = true\n")
	}
}
