package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"go.yaml.in/yaml/v3"
)

// maxAliased bounds the values that one document may reach through aliases, so that a few hundred
// bytes of nested aliases do not expand to gigabytes: what is made of a mirror, its places and its
// plans, takes some kilobytes.
const maxAliased = 100_000

// parseYAML returns the documents of a chunk up to the first mistake. line is the line of the input
// that the chunk starts at.
func (o *Options) parseYAML(chunk []byte, line int) ([]*Document, *Error) {
	dec := yaml.NewDecoder(bytes.NewReader(chunk))
	var documents []*Document
	for {
		n := new(yaml.Node)
		err := decode(dec, n)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			at, message := yamlMistake(err, chunk, line)
			return documents, &Error{at, "is not valid YAML: " + message}
		}
		if len(n.Content) > 0 {
			d := &Document{shift: line - 1}
			if o.OneLine {
				d.line = line
			}
			root := d.yamlNode(n.Content[0])
			d.Root = &root
			documents = append(documents, d)
		}
	}
}

// decode parses one document. The parser reports some mistakes by panicking with an error of its own; no
// input may bring the caller down.
func decode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return dec.Decode(n)
}

// yamlNode returns the node for a node of the YAML library.
func (d *Document) yamlNode(n *yaml.Node) Node {
	if n.Kind == yaml.AliasNode {
		d.aliased += 1 + len(n.Alias.Content)
		if d.aliased > maxAliased {
			if d.err == nil {
				d.err = &Error{Line: n.Line + d.shift, Message: fmt.Sprintf("expands through aliases to "+
					"more than %d values; write them out", maxAliased)}
			}
			return Node{Kind: Null, Line: n.Line + d.shift, Column: n.Column}
		}
		n = n.Alias
	}
	node := Node{Line: n.Line + d.shift, Column: n.Column}
	switch n.Kind {
	case yaml.MappingNode:
		node.Kind, node.below = Mapping, &below{size: len(n.Content) / 2, yaml: n, doc: d}
	case yaml.SequenceNode:
		node.Kind, node.below = List, &below{size: len(n.Content), yaml: n, doc: d}
	default:
		node.Kind, node.Text = scalarKind(n), n.Value
		node.Literal = n.Style&yaml.LiteralStyle != 0
		if d.expand != nil && node.Kind == Text {
			node.Text = d.expand(node.Text)
		}
	}
	if d.line > 0 {
		node.Line = d.line
	}
	return node
}

// scalarKind returns the kind of a scalar, by its tag or as the YAML library resolves it.
func scalarKind(n *yaml.Node) Kind {
	switch n.ShortTag() {
	case "!!str":
		if isOldBoolean(n) {
			return OldBoolean
		}
		return Text
	case "!!null":
		return Null
	case "!!int", "!!float":
		return Number
	case "!!bool":
		return Boolean
	case "!!timestamp":
		return Time
	case "!!merge":
		return Merge
	}
	return Other
}

// isOldBoolean reports whether a text is a plain word that is a boolean in YAML 1.1.
func isOldBoolean(n *yaml.Node) bool {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	if n.Style&quoted != 0 {
		return false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return true
	}
	return false
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlMistake splits the parser's message into the line of the input and the rest.
func yamlMistake(err error, chunk []byte, start int) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	line = start
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		if n, err := strconv.Atoi(message[m[2]:m[3]]); err == nil {
			line = start + n - 1
			if strings.Contains(message, "did not find expected") && !strings.Contains(message, "character") {
				line++ // the parser counts lines from zero, the scanner from one
			}
		}
		message = message[:m[0]] + message[m[1]:]
	}
	// What ends too early is noticed behind the last line.
	line = min(line, start+bytes.Count(bytes.TrimRight(chunk, "\r\n"), []byte("\n")))
	if strings.Contains(message, "did not find expected alphabetic or numeric character") {
		// The mistake that this field invites: *.example.org reads as an alias.
		message += "; put a text that begins with * in quotes"
	}
	return line, shown.Mistake(message)
}
