package mirrorset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// jsonError is a mistake in JSON text, with the line of the input it stands at.
type jsonError struct {
	line    int
	message string
}

// parseJSON turns JSON values, one after another, into the trees that the YAML parser makes, so that one
// reader serves both. start is the line of the input that data starts at.
func parseJSON(data []byte, start int) ([]*yaml.Node, *jsonError) {
	p := &jsonParser{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: start}
	p.dec.UseNumber()
	var nodes []*yaml.Node
	for {
		n, err := p.value()
		if errors.Is(err, io.EOF) && p.depth == 0 {
			return nodes, nil
		}
		if err != nil {
			return nil, p.failure(err, start)
		}
		nodes = append(nodes, n)
	}
}

type jsonParser struct {
	dec    *json.Decoder
	data   []byte
	line   int   // line at offset
	offset int64 // up to where lines were counted
	depth  int
}

// maxDepth is the nesting that is followed; what the API server takes is nested less than twenty deep.
const maxDepth = 1000

func (p *jsonParser) value() (*yaml.Node, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	end := p.dec.InputOffset()
	p.line += bytes.Count(p.data[p.offset:end], []byte("\n"))
	p.offset = end

	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line}
	switch t := token.(type) {
	case json.Delim:
		if t == '}' || t == ']' {
			return nil, nil // the caller's collection ends
		}
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		if p.depth++; p.depth > maxDepth {
			return nil, errors.New("nested too deep")
		}
		for {
			child, err := p.value()
			if err != nil {
				return nil, err
			}
			if child == nil {
				p.depth--
				return n, nil
			}
			n.Content = append(n.Content, child)
		}
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
	case bool:
		n.Tag, n.Value = "!!bool", "false"
		if t {
			n.Value = "true"
		}
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// failure gives the line of a mistake.
func (p *jsonParser) failure(err error, start int) *jsonError {
	offset := p.dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = int64(len(p.data)), "it ends in the middle of a value"
	}
	return &jsonError{
		line:    start + bytes.Count(p.data[:min(offset, int64(len(p.data)))], []byte("\n")),
		message: message,
	}
}
