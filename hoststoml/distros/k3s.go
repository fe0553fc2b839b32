package distros

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// The directories that k3s and RKE2 write into.
const (
	K3sDir  = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"
	RKE2Dir = "/var/lib/rancher/rke2/agent/etc/containerd/certs.d"
)

// K3s reads a registries.yaml and returns the files that k3s and RKE2 write for it, without
// --disable-default-registry-endpoint and --embedded-registry, which the file does not tell. name, that
// of the input, and dir, K3sDir or RKE2Dir, are used in the findings only. What the distribution does
// not start with is an error. Rewrites count in K3sTable of the tree only, as only the distribution's
// own containerd reads them.
//
// The rules are those of k3s 1.33 (pkg/agent/containerd/config.go, getHostConfigs, and the template of
// hosts.toml in pkg/agent/templates).
func K3s(name, dir string, data []byte) (hoststoml.Tree, finding.Findings) {
	r := &k3s{reader: reader{name: name}, configs: map[string]k3sConfig{}, hosts: map[string]*k3sHost{}}
	roots := r.documents(data)
	if len(roots) > 1 {
		r.warn(finding.CodeIgnoredSetting, "", "", "holds more than one document, of which the first is read")
	}
	var mirrors []document.Field
	if len(roots) > 0 {
		for _, f := range r.mapping(roots[0], "", []string{"mirrors", "configs", "auths"}, r.unknown) {
			switch f.Key.Text {
			case "mirrors":
				mirrors = r.mapping(&f.Value, "mirrors", nil, nil)
			case "configs":
				for _, c := range r.mapping(&f.Value, "configs", nil, nil) {
					r.configs[c.Key.Text] = r.config(&c.Value, below("configs", c.Key.Text))
				}
			}
		}
	}
	for host, config := range r.configs {
		if server := r.server(host, config); server != nil {
			r.hosts[directory(host)] = &k3sHost{server: server}
		}
	}
	for _, m := range mirrors {
		r.mirror(m.Key.Text, &m.Value)
	}
	files := map[string]string{}
	for host, h := range r.hosts {
		if len(h.endpoints) > 0 || h.server.configured() {
			files[host] = h.String()
		}
	}
	return r.tree(dir, files), r.findings.Sort()
}

// k3s is what is known of a registries.yaml while it is read.
type k3s struct {
	reader
	configs map[string]k3sConfig
	hosts   map[string]*k3sHost
}

// k3sConfig is how a registry is spoken to.
type k3sConfig struct {
	auth, tls     bool
	ca, cert, key string
	skipVerify    bool
}

// k3sHost is one hosts.toml.
type k3sHost struct {
	server    *k3sEndpoint
	endpoints []k3sEndpoint
}

// k3sEndpoint is what is asked for images of a registry.
type k3sEndpoint struct {
	url      string
	override bool
	config   k3sConfig
	rewrites map[string]string
}

func (e *k3sEndpoint) configured() bool {
	return e.override || e.config.auth || e.config.tls || len(e.rewrites) > 0
}

// directory returns the registry of a file.
func directory(host string) string {
	if host == wildcard {
		return everyHost
	}
	return host
}

func (r *k3s) unknown(field, key string) {
	message := "is read by neither k3s nor RKE2"
	switch key {
	case "endpoints":
		message += ": did you mean endpoint?"
	case "rewrites":
		message += ": did you mean rewrite?"
	}
	r.warn(finding.CodeUnknownField, field, "", message)
}

// config reads how a registry is spoken to.
func (r *k3s) config(n *document.Node, path string) k3sConfig {
	var c k3sConfig
	for _, f := range r.mapping(n, path, []string{"auth", "tls"}, r.unknown) {
		if f.Value.Kind == document.Null {
			continue
		}
		at := path + "." + f.Key.Text
		if f.Key.Text == "auth" {
			c.auth = true
			r.mapping(&f.Value, at, nil, nil)
			continue
		}
		c.tls = true
		for _, t := range r.mapping(&f.Value, at, []string{"ca_file", "cert_file", "key_file",
			"insecure_skip_verify"}, r.unknown) {
			at := at + "." + t.Key.Text
			switch t.Key.Text {
			case "ca_file":
				c.ca = r.text(&t.Value, at)
			case "cert_file":
				c.cert = r.text(&t.Value, at)
			case "key_file":
				c.key = r.text(&t.Value, at)
			default:
				c.skipVerify = r.boolean(&t.Value, at)
			}
		}
	}
	return c
}

// configOf returns how an endpoint of a registry is spoken to.
func (r *k3s) configOf(registry string) k3sConfig {
	if c, ok := r.configs[defaultHost(registry)]; ok {
		return c
	}
	return r.configs[registry]
}

// server returns what is asked after all mirrors of a registry: itself. It is nil for what names none.
func (r *k3s) server(host string, config k3sConfig) *k3sEndpoint {
	if host == wildcard {
		return &k3sEndpoint{config: config}
	}
	e, _, err := k3sURL(host)
	if err != nil {
		r.warn(finding.CodeNoEffect, "", host, "is passed over by k3s and RKE2: it names no registry")
		return nil
	}
	return &k3sEndpoint{url: e.url, config: config}
}

// mirror reads the mirrors of one registry.
func (r *k3s) mirror(host string, n *document.Node) {
	path := below("mirrors", host)
	h := r.hosts[host]
	if h == nil { // "*" gets a new one even where its configuration made one
		server := r.server(host, r.configOf(host))
		if server == nil {
			return
		}
		h = &k3sHost{server: server}
		if host == wildcard {
			h.server = &k3sEndpoint{}
		}
		r.hosts[directory(host)] = h
	}
	var endpoints []document.Node
	var rewrites map[string]string
	for _, f := range r.mapping(n, path, []string{"endpoint", "rewrite"}, r.unknown) {
		if f.Key.Text == "endpoint" {
			endpoints = r.list(&f.Value, path+".endpoint")
			continue
		}
		rewrites = r.rewrites(&f.Value, path+".rewrite")
	}
	seen := map[string]bool{}
	for i := range endpoints {
		at := item(path+".endpoint", i)
		text := r.text(&endpoints[i], at)
		e, registry, err := k3sURL(text)
		switch {
		case err != nil:
			r.warn(finding.CodeInvalidMirror, at, text, "is no URL of a registry, and is passed over by k3s and RKE2")
			continue
		case seen[e.url]:
			r.warn(finding.CodeRepeatedMirror, at, text, "stands in this list before, and is passed over")
			continue
		}
		seen[e.url] = true
		e.config, e.rewrites = r.configOf(registry), rewrites
		if i+1 == len(endpoints) && h.server.url == e.url {
			h.server = &e
			continue
		}
		h.endpoints = append(h.endpoints, e)
	}
	if len(rewrites) > 0 && len(seen) == 0 {
		r.warn(finding.CodeNoEffect, path+".rewrite", host, "changes nothing: it counts for the endpoints of "+
			"this entry, and there is none")
	}
}

// rewrites reads the regular expressions on repositories. What TOML writes with an escape is not
// known to arrive: the template of k3s put a text between quotes as it stands.
func (r *k3s) rewrites(n *document.Node, path string) map[string]string {
	rewrites := map[string]string{}
	for i, f := range r.mapping(n, path, nil, nil) {
		pattern, at := f.Key.Text, item(path, i)
		rewrites[pattern] = r.text(&f.Value, at)
		_, err := regexp.Compile(pattern)
		switch {
		case quote(pattern) != `"`+pattern+`"` || quote(rewrites[pattern]) != `"`+rewrites[pattern]+`"`:
			r.refuse(finding.CodeUnreadRules, at, "", "holds a sign that TOML writes with an escape, and it "+
				"is not known whether k3s and RKE2 do so: where not, containerd ignores the whole file; "+
				"write [.] for an escaped dot, and the like; --ignore unread-rules takes it as it stands")
		case err != nil:
			r.warn(finding.CodeIgnoredSetting, at, "", "is no regular expression, and passed over")
		}
	}
	return rewrites
}

// k3sURL returns what k3s makes of an endpoint, and the registry that it is at.
func k3sURL(endpoint string) (e k3sEndpoint, registry string, err error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "//" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return k3sEndpoint{}, "", err
	}
	if u.Scheme == "" {
		u.Scheme = "https"
		if port := u.Port(); isLocal(u.Host) && port != "" && port != "443" {
			u.Scheme = "http"
		}
	}
	registry = u.Host
	if u.Host = defaultHost(registry); u.Host == "registry-1.docker.io" {
		registry = "docker.io"
	}
	switch u.Path {
	case "", "/", "/v2":
		u.Path = "/v2"
	default:
		e.override = true
	}
	e.url = u.String()
	return e, registry, nil
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// String returns the text of the file.
func (h *k3sHost) String() string {
	var b strings.Builder
	b.WriteString("server = " + quote(h.server.url) + "\n")
	b.WriteString("capabilities = [\"pull\", \"resolve\", \"push\"]\n")
	h.server.settings(&b, "rewrite")
	b.WriteString("\n[host]\n")
	for _, e := range h.endpoints {
		table := "host." + quote(e.url)
		fmt.Fprintf(&b, "[%s]\n", table)
		b.WriteString("capabilities = [\"pull\", \"resolve\"]\n")
		e.settings(&b, table+".rewrite")
	}
	return b.String()
}

// settings writes what the tables of the server and of a host have in common, and the table of rewrites.
func (e *k3sEndpoint) settings(b *strings.Builder, rewrites string) {
	if e.override {
		b.WriteString("override_path = true\n")
	}
	if e.config.ca != "" {
		b.WriteString("ca = [" + quote(e.config.ca) + "]\n")
	}
	if e.config.cert != "" || e.config.key != "" {
		b.WriteString("client = [[" + quote(e.config.cert) + ", " + quote(e.config.key) + "]]\n")
	}
	if e.config.skipVerify {
		b.WriteString("skip_verify = true\n")
	}
	if len(e.rewrites) > 0 {
		fmt.Fprintf(b, "[%s]\n", rewrites)
	}
	for _, pattern := range slices.Sorted(maps.Keys(e.rewrites)) {
		fmt.Fprintf(b, "%s = %s\n", quote(pattern), quote(e.rewrites[pattern]))
	}
}
