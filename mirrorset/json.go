package mirrorset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
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
	text []byte
	ends map[int]int // behind large collections, by their starts
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
		end := t.scan(at, 0)
		if end < 0 {
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
		end := t.scanString(at)
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
	rest := quoted[1 : len(quoted)-1]
	escape := bytes.IndexByte(rest, '\\')
	valid := utf8.Valid(rest)
	if escape < 0 && valid {
		return string(rest)
	}
	var b strings.Builder
	for b.Grow(len(rest)); valid && escape >= 0; escape = bytes.IndexByte(rest, '\\') {
		b.Write(rest[:escape])
		i := strings.IndexByte(`"\/bfnrt`, rest[escape+1])
		if valid = i >= 0; valid {
			b.WriteByte("\"\\/\b\f\n\r\t"[i])
			rest = rest[escape+2:]
		}
	}
	if valid {
		b.Write(rest)
		return b.String()
	}
	var s string // of numbered characters and halves of them encoding/json knows more
	_ = json.Unmarshal(quoted, &s)
	return s
}

// space returns the offset of the first byte from at on that is no white space, and its line.
func (t *jsonTree) space(at, line int) (int, int) {
	next := t.skip(at)
	return next, line + newlines(t.text[at:next])
}

func newlines(text []byte) int { return bytes.Count(text, []byte("\n")) }

// end returns the offset behind the value at an offset.
func (t *jsonTree) end(at int) int {
	if end, ok := t.ends[at]; ok {
		return end
	}
	return t.scan(at, 0)
}

// scan returns the offset behind the value at an offset, and a negative number where the text does not follow
// the grammar of RFC 8259 or is nested too deep. The scanner of encoding/json takes twice the time.
func (t *jsonTree) scan(at, depth int) int {
	switch c := t.byte(at); c {
	case '{', '[':
		if depth == maxDepth {
			return -1
		}
		end := t.scanContent(t.skip(at+1), depth+1, c == '{')
		// Lists, items and their metadata above all are not scanned again for each level that they lie in.
		if end-at > 512 {
			t.ends[at] = end
		}
		return end
	case '"':
		return t.scanString(at)
	case 't':
		return t.scanWord(at, "true")
	case 'f':
		return t.scanWord(at, "false")
	case 'n':
		return t.scanWord(at, "null")
	}
	return t.scanNumber(at)
}

// scanContent goes on behind the bracket and white space that a collection starts with.
func (t *jsonTree) scanContent(at, depth int, mapping bool) int {
	closing := byte(']')
	if mapping {
		closing = '}'
	}
	if t.byte(at) == closing {
		return at + 1
	}
	for {
		if mapping {
			if at = t.scanString(at); at < 0 {
				return -1
			}
			if at = t.skip(at); t.byte(at) != ':' {
				return -1
			}
			at = t.skip(at + 1)
		}
		if at = t.scan(at, depth); at < 0 {
			return -1
		}
		switch at = t.skip(at); t.byte(at) {
		case closing:
			return at + 1
		case ',':
			at = t.skip(at + 1)
		default:
			return -1
		}
	}
}

func (t *jsonTree) scanString(at int) int {
	if t.byte(at) != '"' {
		return -1
	}
	text := t.text
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			switch i++; t.byte(i) {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; strings.IndexByte("0123456789abcdefABCDEF", t.byte(i)) < 0 {
						return -1
					}
				}
			default:
				return -1
			}
		}
	}
	return -1
}

func (t *jsonTree) scanWord(at int, word string) int {
	if !bytes.HasPrefix(t.text[at:], []byte(word)) {
		return -1
	}
	return at + len(word)
}

func (t *jsonTree) scanNumber(at int) int {
	digits := func() bool {
		start := at
		for '0' <= t.byte(at) && t.byte(at) <= '9' {
			at++
		}
		return at > start
	}
	if t.byte(at) == '-' {
		at++
	}
	if t.byte(at) == '0' {
		at++
	} else if !digits() {
		return -1
	}
	if t.byte(at) == '.' {
		if at++; !digits() {
			return -1
		}
	}
	if t.byte(at)|0x20 == 'e' {
		if at++; t.byte(at) == '+' || t.byte(at) == '-' {
			at++
		}
		if !digits() {
			return -1
		}
	}
	return at
}

// byte returns the byte at an offset, 0 behind the end.
func (t *jsonTree) byte(at int) byte {
	if at < len(t.text) {
		return t.text[at]
	}
	return 0
}

// skip returns the offset of the first byte from at on that is no white space.
func (t *jsonTree) skip(at int) int {
	for at < len(t.text) && (t.text[at] == ' ' || t.text[at] == '\n' || t.text[at] == '\t' || t.text[at] == '\r') {
		at++
	}
	return at
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
