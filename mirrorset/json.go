package mirrorset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// jsonError is a mistake in JSON text, with the line of the input it stands at.
type jsonError struct {
	line    int
	message string
}

// maxDepth is the nesting that is followed; what the API server takes is nested less than twenty deep.
const maxDepth = 1000

// jsonTree makes of JSON text the trees that the YAML parser makes, so that one reader serves both. The
// content of a collection is made when it is first asked for: most of what oc prints (managedFields, status,
// objects of other kinds) never is, and costs no more than finding its end. Column, which nothing else uses,
// holds the offset behind a node once that is known; before its content is made, a collection's holds the
// offset that the content starts at, negated.
type jsonTree struct {
	text []byte      // encoding/json found it valid
	ends map[int]int // behind large collections, by their start
	keys map[string]string

	// The nodes and their Content lie in memory that is used again once a list's item has been read.
	slabs    [][]yaml.Node
	used     jsonMark
	children []*yaml.Node
}

// jsonMark is how much of a tree's memory is in use.
type jsonMark struct{ slab, nodes, children int }

// parseJSON returns a node for each of the JSON values that stand one after another in text; content makes
// what is below them. start is the line of the input that text starts at.
func (d *decoder) parseJSON(text []byte, start int) ([]*yaml.Node, *jsonError) {
	t := &jsonTree{text: text, ends: map[int]int{}, keys: map[string]string{}}
	var nodes []*yaml.Node
	for at, line := t.space(0, start); at < len(text); at, line = t.space(at, line) {
		end, ok := valueEnd(text, at, t.ends)
		if !ok || !json.Valid(text[at:end]) {
			return nil, jsonMistake(text, start)
		}
		nodes = append(nodes, t.node(at, line, false))
		line += newlines(text[at:end])
		at = end
	}
	d.json = t
	return nodes, nil
}

// content returns the nodes of a list, or the keys and values of a mapping by turns.
func (d *decoder) content(n *yaml.Node) []*yaml.Node {
	if n.Column < 0 {
		d.json.expand(n)
	}
	return n.Content
}

// mark and release enclose the reading of a node that nothing refers to afterwards, nor to anything that was
// asked for in between.
func (t *jsonTree) mark() jsonMark {
	if t == nil {
		return jsonMark{}
	}
	t.used.children = len(t.children)
	return t.used
}

func (t *jsonTree) release(m jsonMark) {
	if t != nil {
		t.used, t.children = m, t.children[:m.children]
	}
}

// values calls yield with each key and value of a collection that has no content yet, and returns the offset
// behind it.
func (t *jsonTree) values(n *yaml.Node, yield func(i int, child *yaml.Node) bool) (end int) {
	at, line := -n.Column, n.Line
	for i := 0; ; i++ {
		at, line = t.space(at, line)
		if t.text[at] == ',' || t.text[at] == ':' {
			at, line = t.space(at+1, line)
		}
		if t.text[at] == '}' || t.text[at] == ']' {
			return at + 1
		}
		child := t.node(at, line, n.Kind == yaml.MappingNode && i%2 == 0)
		if !yield(i, child) {
			return 0
		}
		end := child.Column // of an item that was released too: nothing was made since
		if end < 0 {        // nothing asked for the content
			end = t.end(at)
		}
		if child.Kind != yaml.ScalarNode { // no other has line ends in it
			line += newlines(t.text[at:end])
		}
		at = end
	}
}

// expand makes the content of a collection.
func (t *jsonTree) expand(n *yaml.Node) {
	first := len(t.children)
	n.Column = t.values(n, func(_ int, child *yaml.Node) bool {
		t.children = append(t.children, child)
		return true
	})
	n.Content = t.children[first:len(t.children):len(t.children)]
}

// items makes the items of a list one after another, each in the memory of the one before.
func (t *jsonTree) items(n *yaml.Node) iter.Seq2[int, *yaml.Node] {
	return func(yield func(int, *yaml.Node) bool) {
		before := t.mark()
		t.values(n, func(i int, item *yaml.Node) bool {
			defer t.release(before)
			return yield(i, item)
		})
	}
}

// node makes the node of the value at an offset.
func (t *jsonTree) node(at, line int, isKey bool) *yaml.Node {
	n := t.newNode()
	switch t.text[at] {
	case '{':
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line, Column: -at - 1}
	case '[':
		*n = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: line, Column: -at - 1}
	case '"':
		end := stringEnd(t.text, at) + 1
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Line: line, Column: end}
		if quoted := t.text[at:end]; isKey {
			n.Value = t.key(quoted)
		} else {
			n.Value = unquoteJSON(quoted)
		}
	case 't':
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true", Line: line, Column: at + len("true")}
	case 'f':
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false", Line: line, Column: at + len("false")}
	case 'n':
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null", Line: line, Column: at + len("null")}
	default:
		end := t.end(at)
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: string(t.text[at:end]), Line: line, Column: end}
	}
	return n
}

func (t *jsonTree) newNode() *yaml.Node {
	if t.used.slab < len(t.slabs) && t.used.nodes == len(t.slabs[t.used.slab]) {
		t.used.slab, t.used.nodes = t.used.slab+1, 0
	}
	if t.used.slab == len(t.slabs) {
		t.slabs = append(t.slabs, make([]yaml.Node, 32<<min(t.used.slab, 5)))
	}
	t.used.nodes++
	return &t.slabs[t.used.slab][t.used.nodes-1]
}

// key returns the text of a key; most are the same few.
func (t *jsonTree) key(quoted []byte) string {
	s, ok := t.keys[string(quoted)]
	if !ok {
		s = unquoteJSON(quoted)
		t.keys[string(quoted)] = s
	}
	return s
}

// unquoteJSON returns a copy of what a JSON string says, so that the result does not keep the input.
func unquoteJSON(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // known to be valid
	return s
}

// space returns the offset of the first byte from at on that is no white space, and its line.
func (t *jsonTree) space(at, line int) (int, int) {
	for ; at < len(t.text); at++ {
		switch t.text[at] {
		case '\n':
			line++
		case ' ', '\t', '\r':
		default:
			return at, line
		}
	}
	return at, line
}

func newlines(text []byte) int { return bytes.Count(text, []byte("\n")) }

// jsonScalar is what starts a scalar that is no string, up to where JSON lets another value follow.
var jsonScalar = regexp.MustCompile(`^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)`)

// end returns the offset behind the value at an offset.
func (t *jsonTree) end(at int) int {
	if end, ok := t.ends[at]; ok {
		return end
	}
	end, _ := valueEnd(t.text, at, nil)
	return end
}

// valueEnd returns the offset behind the value at an offset. The text need not be valid; ok is unset where
// the value does not end or is nested too deep. It notes the ends of large collections, those of items and
// their metadata above all, so that they are not looked for again at each level.
func valueEnd(text []byte, at int, ends map[int]int) (end int, ok bool) {
	depth := 0
	var open [5]int
	for i := at; i < len(text); i++ {
		switch jsonBytes[text[i]] {
		case jsonQuote:
			if i = stringEnd(text, i); i < 0 {
				return 0, false
			}
		case jsonOpen:
			if depth < len(open) {
				open[depth] = i
			}
			if depth++; depth > maxDepth {
				return 0, false
			}
			continue
		case jsonClose:
			if depth--; ends != nil && 0 <= depth && depth < len(open) && i-open[depth] > 1<<10 {
				ends[open[depth]] = i + 1
			}
		default:
			if depth == 0 {
				scalar := jsonScalar.Find(text[i:])
				return i + len(scalar), scalar != nil
			}
			continue
		}
		if depth <= 0 {
			return i + 1, true
		}
	}
	return 0, false
}

// What valueEnd looks for; to look each byte up takes half the time of comparing it.
const (
	jsonQuote = 1 + iota
	jsonOpen
	jsonClose
)

var jsonBytes = [256]byte{'"': jsonQuote, '{': jsonOpen, '[': jsonOpen, '}': jsonClose, ']': jsonClose}

// stringEnd returns the offset of the quote that ends the string at an offset, negative where there is none.
func stringEnd(text []byte, at int) int {
	for i := at + 1; ; i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := i
		for text[escapes-1] == '\\' {
			escapes--
		}
		if (i-escapes)%2 == 0 {
			return i
		}
	}
}

// jsonMistake returns what is wrong with JSON text, in the words of encoding/json.
func jsonMistake(text []byte, start int) *jsonError {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var err error
	for depth := 0; err == nil; {
		var token json.Token
		token, err = dec.Token()
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				err = errors.New("nested too deep")
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	offset := dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = int64(len(text)), "it ends in the middle of a value"
	}
	return &jsonError{start + newlines(text[:min(offset, int64(len(text)))]), message}
}
