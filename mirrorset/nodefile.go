package mirrorset

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/sealed"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// NodeFile is a file of a node that stands inside a manifest: registries.conf and its drop-ins,
// policy.json, registries.d, CRI-O's policies of namespaces, the hosts.toml of containerd, and what
// tells a distribution of mirrors that writes these: registries.yaml of k3s and RKE2, and the documents
// of Talos' machine configuration, whose Path is /system/state/config.yaml.
type NodeFile struct {
	// Path is where the file lies on the node: /etc/containers/registries.conf.
	Path string
	// Data is what the file says: base64, percent-encoding and gzip are undone.
	Data Content
	// Origin is the object, and the field in it that holds the file.
	Origin finding.Origin
	// Mode is the mode that a MachineConfig gives the file, a decimal number; empty where it gives none.
	// MCO compares it as it compares what the file says.
	Mode string
	// Machine is the MachineConfig that the file stands in, the zero value for any other object.
	Machine MachineConfig
}

// Content is what a file of a node says. Some have credentials: registries.yaml of k3s, the headers of
// a hosts.toml. Printing it with any verb, encoding it or logging it shows its size and nothing else,
// however deep it lies. Contents that are the same are equal to [reflect.DeepEqual].
type Content struct {
	text sealed.Text
}

// NewContent returns the content of a file.
func NewContent(data []byte) Content { return Content{sealed.New(data)} }

// Bytes returns what the file says.
func (c Content) Bytes() []byte { return []byte(c.text.Open()) }

// String returns the size, "12 bytes".
func (c Content) String() string { return fmt.Sprintf("%d bytes", len(c.text.Open())) }

// Format writes what String returns, whatever the verb.
func (c Content) Format(s fmt.State, _ rune) { io.WriteString(s, c.String()) }

// MarshalText returns what String does, for JSON, YAML, XML and package slog.
func (c Content) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// GobEncode returns what String does.
func (c Content) GobEncode() ([]byte, error) { return c.MarshalText() }

// MachineConfig is what tells the MachineConfigs of one input apart.
type MachineConfig struct {
	Name string
	// Pool is the pool of nodes: the label machineconfiguration.openshift.io/role, or the owner of
	// a rendered MachineConfig. Empty where it is not said.
	Pool string
	// Rendered is set for what the operator made of all MachineConfigs of a pool,
	// "rendered-worker-…": the whole configuration of a node, while any other is a part of one.
	Rendered bool
	// Created is metadata.creationTimestamp, as written (RFC 3339); empty where it is not said. Of
	// two rendered MachineConfigs of a pool the later one counts.
	Created string
}

// maxNodeFile bounds a file that stands inside a manifest, unpacked. The operator renders no
// MachineConfig of more than
// 1.5 MiB; what is many times larger is packed to be so.
const maxNodeFile = 32 << 20

const (
	kindMachineConfig    = "MachineConfig"
	groupMachineConfig   = "machineconfiguration.openshift.io"
	labelRole            = groupMachineConfig + "/role"
	registriesConfPath   = "/etc/containers/registries.conf"
	renderedPrefix       = "rendered-"
	kindMachineConfigSet = "MachineConfigPool"
)

// isNodeFile reports whether a path of a node is that of a file that says where pulls go.
func isNodeFile(name string) bool {
	dir, base := path.Split(path.Clean(name))
	dirs := strings.Split(strings.Trim(dir, "/"), "/")
	parent := dirs[len(dirs)-1]
	switch {
	case base == "registries.conf", base == "hosts.toml", base == "registries.yaml":
		return true
	case strings.HasPrefix(parent, "registries.") && strings.HasSuffix(parent, ".d"):
		return true // registries.conf.d, registries.rootful.conf.d, registries.d
	case base == "policy.json":
		return parent == "containers"
	case parent == "policies" && path.Ext(base) == ".json":
		return len(dirs) > 1 && dirs[len(dirs)-2] == "crio"
	}
	return false
}

// isCRIOFile reports whether a clean path of a node is that of CRI-O's own configuration.
func isCRIOFile(name string) bool {
	return name == "/etc/crio/crio.conf" || path.Dir(name) == "/etc/crio/crio.conf.d"
}

// machine returns what a MachineConfig says of itself.
func machine(n *document.Node) MachineConfig {
	metadata := lookup(n, "metadata")
	m := MachineConfig{Name: text(lookup(metadata, "name")), Pool: text(lookup(lookup(metadata, "labels"), labelRole))}
	if t := lookup(metadata, "creationTimestamp"); t != nil && isText(t) {
		m.Created = t.Text
	}
	rest, rendered := strings.CutPrefix(m.Name, renderedPrefix)
	m.Rendered = rendered
	if m.Pool != "" {
		return m
	}
	if owners := lookup(metadata, "ownerReferences"); owners != nil {
		for _, owner := range owners.Items() {
			if text(lookup(owner, "kind")) == kindMachineConfigSet {
				m.Pool = text(lookup(owner, "name"))
			}
		}
	}
	if i := strings.LastIndexByte(rest, '-'); m.Pool == "" && rendered && i > 0 {
		m.Pool = rest[:i]
	}
	return m
}

// dataURL returns what a data URL holds (RFC 2397), as Ignition reads it.
func dataURL(s string) ([]byte, error) {
	media, data, ok := strings.Cut(strings.TrimPrefix(s, "data:"), ",")
	if !ok {
		return nil, fmt.Errorf("is a data: URL without a comma")
	}
	plain, err := url.PathUnescape(data)
	if err != nil {
		return nil, fmt.Errorf("is a data: URL with a broken percent-encoding")
	}
	if media == "base64" || strings.HasSuffix(media, ";base64") {
		return fromBase64(plain)
	}
	return []byte(plain), nil
}

// fromBase64 decodes base64 of either alphabet, with or without padding, white space passed over.
func fromBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.Join(strings.Fields(s), ""))
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, fmt.Errorf("is not valid base64")
	}
	return data, nil
}

// gunzip unpacks what gzip packed.
func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("is not valid gzip")
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxNodeFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("is not valid gzip")
	case len(plain) > maxNodeFile:
		return nil, fmt.Errorf("is more than %d MiB unpacked", maxNodeFile>>20)
	}
	return plain, nil
}
