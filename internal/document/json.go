package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/shown"
)

// maxDepth is the nesting that JSON may have; what the API server takes is nested less than twenty deep.
const maxDepth = 1000

// ParseJSON returns the JSON values that stand one after another in a text.
func ParseJSON(text []byte) ([]Node, *Error) { return parseJSON(text, 0, 1, false) }

// parseJSON returns the JSON values that stand one after another from an offset on. line is the
// line of the input that text starts at, or, with oneLine, that all of it stands in.
func parseJSON(text []byte, at, line int, oneLine bool) ([]Node, *Error) {
	var values []Node
	t := &jsonText{text: text}
	if oneLine {
		t.line = line
	}
	for p := (place{line: line, column: 1}).to(text, t.skipSpace(at)); p.at < len(text); p = p.to(text, t.skipSpace(p.at)) {
		span := len(t.spans)
		end := t.scan(p.at, 0)
		if end < 0 {
			return nil, jsonMistake(text, at, line)
		}
		values = append(values, t.node(p, end, span))
		p = p.to(text, end)
	}
	return values, nil
}

// jsonText is a text of JSON values that follow the grammar, with where its collections end: they
// are passed over in one step, however much is in them.
type jsonText struct {
	text   []byte
	spans  []span // of its mappings and lists, in the order of their starts
	line   int    // the line of all nodes, where it is not 0
	expand func(string) string
}

// span is where a mapping or list ends, how many mappings and lists start before that, and how many
// fields or items it has.
type span struct{ end, next, size int32 }

// place is an offset of a text with its place in the input.
type place struct{ at, line, column int }

// to returns the place of a later offset.
func (p place) to(text []byte, at int) place {
	passed := text[p.at:at]
	if n := bytes.Count(passed, []byte("\n")); n > 0 {
		p.line, p.column = p.line+n, 1
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	p.at, p.column = at, p.column+utf8.RuneCount(passed)
	return p
}

// node returns the node of the value from one place to an offset. span is the number of its span,
// if it has one.
func (t *jsonText) node(p place, end, span int) Node {
	n := Node{Line: p.line, Column: p.column}
	if t.line > 0 {
		n.Line = t.line
	}
	text := t.text[p.at:end]
	switch text[0] {
	case '{':
		n.Kind, n.below = Mapping, &below{size: int(t.spans[span].size), json: t, at: p.at, number: span}
	case '[':
		n.Kind, n.below = List, &below{size: int(t.spans[span].size), json: t, at: p.at, number: span}
	case '"':
		n.Kind, n.Text = Text, unquote(text)
		if t.expand != nil {
			n.Text = t.expand(n.Text)
		}
	case 't', 'f':
		n.Kind, n.Text = Boolean, string(text)
	case 'n':
		n.Kind, n.Text = Null, string(text)
	default:
		n.Kind, n.Text = Number, string(text)
	}
	return n
}

// nextJSON passes over the punctuation before the next value.
func (c *cursor) nextJSON() (n Node, ok bool) {
	t := c.json
	at := t.skipSpace(c.p.at)
	if t.text[at] == ',' || t.text[at] == ':' {
		at = t.skipSpace(at + 1)
	}
	p, span := c.p.to(t.text, at), c.span
	var end int
	switch t.text[at] {
	case '}', ']':
		return Node{}, false
	case '{', '[':
		end, c.span = int(t.spans[span].end), int(t.spans[span].next)
	default:
		end = t.scan(at, 0)
	}
	c.p = p.to(t.text, end)
	return t.node(p, end, span), true
}

// unquote returns a copy of what a JSON string says, so that the result does not keep the input.
func unquote(quoted []byte) string {
	if rest := quoted[1 : len(quoted)-1]; bytes.IndexByte(rest, '\\') < 0 && utf8.Valid(rest) {
		return string(rest)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it was scanned before
	return s
}

// scan returns the offset behind the value at an offset, and a negative number where the text does
// not follow the grammar of RFC 8259 or is nested too deep. It appends the spans of the value.
func (t *jsonText) scan(at, depth int) int {
	switch t.byte(at) {
	case '{', '[':
		if depth == maxDepth {
			return -1
		}
		number := len(t.spans)
		t.spans = append(t.spans, span{})
		end, size := t.scanCollection(at, depth+1)
		t.spans[number] = span{int32(end), int32(len(t.spans)), int32(size)}
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

func (t *jsonText) scanCollection(at, depth int) (end, size int) {
	mapping := t.text[at] == '{'
	closing := byte(']')
	if mapping {
		closing = '}'
	}
	if at = t.skipSpace(at + 1); t.byte(at) == closing {
		return at + 1, 0
	}
	for {
		size++
		if mapping {
			if at = t.scanString(at); at < 0 {
				return -1, 0
			}
			if at = t.skipSpace(at); t.byte(at) != ':' {
				return -1, 0
			}
			at = t.skipSpace(at + 1)
		}
		if at = t.scan(at, depth); at < 0 {
			return -1, 0
		}
		switch at = t.skipSpace(at); t.byte(at) {
		case closing:
			return at + 1, size
		case ',':
			at = t.skipSpace(at + 1)
		default:
			return -1, 0
		}
	}
}

func (t *jsonText) scanString(at int) int {
	if t.byte(at) != '"' {
		return -1
	}
	for i := at + 1; i < len(t.text); i++ {
		switch c := t.text[i]; {
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

func (t *jsonText) scanWord(at int, word string) int {
	if !bytes.HasPrefix(t.text[at:], []byte(word)) {
		return -1
	}
	return at + len(word)
}

func (t *jsonText) scanNumber(at int) int {
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
func (t *jsonText) byte(at int) byte {
	if at < len(t.text) {
		return t.text[at]
	}
	return 0
}

// skipSpace returns the offset of the first byte from at on that is no white space.
func (t *jsonText) skipSpace(at int) int {
	for at < len(t.text) && (t.text[at] == ' ' || t.text[at] == '\n' || t.text[at] == '\t' || t.text[at] == '\r') {
		at++
	}
	return at
}

// jsonMistake returns what is wrong with the JSON text from an offset on, in the words of encoding/json.
func jsonMistake(text []byte, at, line int) *Error {
	dec := json.NewDecoder(bytes.NewReader(text[at:]))
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
	offset := int(dec.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = int(syntax.Offset)
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = len(text)-at, "it ends in the middle of a value"
	}
	end := min(at+offset, len(text))
	return &Error{Line: line + bytes.Count(text[:end], []byte("\n")), Message: "is not valid " +
		"JSON: " + shown.Mistake(message)}
}
