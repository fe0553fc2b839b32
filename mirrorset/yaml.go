package mirrorset

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/pullroute/pullroute/internal/document"
	"go.yaml.in/yaml/v3"
)

// The objects print as YAML with the field names and the order of their JSON, so that yaml.Marshal
// writes what Decode reads.

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
	values, _ := document.ParseJSON(data)
	n := yamlNode(&values[0])
	isVersion := func(n *yaml.Node) bool { return n.Value == "apiVersion" }
	if c := n.Content; slices.IndexFunc(c, isVersion) == 2 {
		c[0], c[1], c[2], c[3] = c[2], c[3], c[0], c[1] // as every manifest begins
	}
	return n, nil
}

// yamlNode returns a JSON value as YAML. Every text gets the style that it needs to stay one, also
// for readers of YAML 1.1, to which yes and 12:30 are none; kubectl is such a reader.
func yamlNode(n *document.Node) *yaml.Node {
	node := &yaml.Node{}
	var children []*document.Node
	switch n.Kind {
	case document.Mapping:
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
		for _, f := range n.Fields() {
			children = append(children, &f.Key, &f.Value)
		}
	case document.List:
		node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		for _, item := range n.Items() {
			children = append(children, item)
		}
	case document.Text:
		node.Kind, node.Tag, node.Value = yaml.ScalarNode, "!!str", n.Text
		// The library writes texts of several lines as blocks, and cannot read each of them again.
		odd := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
		if strings.ContainsFunc(n.Text, odd) || strings.Contains(n.Text, "\n") && strings.TrimSpace(n.Text) != n.Text {
			node.Style = yaml.DoubleQuotedStyle
			return node
		}
		_ = node.Encode(n.Text) // a text can be written
		return node
	default:
		node.Kind, node.Value = yaml.ScalarNode, n.Text
	}
	for _, c := range children {
		node.Content = append(node.Content, yamlNode(c))
	}
	return node
}
