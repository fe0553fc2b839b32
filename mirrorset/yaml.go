package mirrorset

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// The objects print as YAML with the field names and the order of their JSON, so that yaml.Marshal writes
// what Decode reads.

// MarshalYAML returns the object under the field names of its API.
func (o ImageDigestMirrorSet) MarshalYAML() (any, error) { return yamlOf(o) }

// MarshalYAML returns the object under the field names of its API.
func (o ImageTagMirrorSet) MarshalYAML() (any, error) { return yamlOf(o) }

// MarshalYAML returns the object under the field names of its API.
func (o ImageContentSourcePolicy) MarshalYAML() (any, error) { return yamlOf(o) }

// MarshalYAML returns the object under the field names of its API.
func (o Image) MarshalYAML() (any, error) { return yamlOf(o) }

// MarshalYAML returns the image mirror under the field names of its API; times are texts, as in JSON.
func (m ImageMirror) MarshalYAML() (any, error) { return yamlOf(m) }

// yamlOf turns what a value is in JSON into YAML nodes.
func yamlOf(v any) (*yaml.Node, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := &decoder{}
	nodes, bad := d.parseJSON(data, 1)
	if bad != nil {
		return nil, errors.New(bad.message)
	}
	if c := d.content(nodes[0]); len(c) >= 4 && c[0].Value == "kind" && c[2].Value == "apiVersion" {
		c[0], c[1], c[2], c[3] = c[2], c[3], c[0], c[1] // as every manifest begins
	}
	return nodes[0], d.quote(nodes[0])
}

// quote gives every text under a node the style that it needs to stay a text, also for readers of YAML 1.1,
// to which yes and 12:30 are none; kubectl is one.
func (d *decoder) quote(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		// The library writes texts of several lines as blocks, and cannot read each of them again.
		odd := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
		if strings.ContainsFunc(n.Value, odd) || strings.Contains(n.Value, "\n") && strings.TrimSpace(n.Value) != n.Value {
			n.Style = yaml.DoubleQuotedStyle
			return nil
		}
		return n.Encode(n.Value)
	}
	for _, c := range d.content(n) {
		if err := d.quote(c); err != nil {
			return err
		}
	}
	return nil
}
