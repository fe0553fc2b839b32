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
func ParseJSON(text []byte) ([]Node, *Error) { return parseJSON(text, 0, 1) }

// parseJSON returns the JSON values that stand one after another from an offset on. line is the line of the
// input that text starts at.
func parseJSON(text []byte, at, line int) ([]Node, *Error) {
	var values []Node
	first := at
	for p := (place{line: line, column: 1}).to(text, skipSpace(text, at)); p.at < len(text); p = p.to(text, skipSpace(text, p.at)) {
		end := scan(text, p.at, 0)
		if end < 0 {
			return nil, jsonMistake(text, first, line)
		}
		values = append(values, jsonNode(text[p.at:end], p))
		p = p.to(text, end)
	}
	return values, nil
}

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

// jsonNode returns the node of a value, which is all of a text.
func jsonNode(text []byte, p place) Node {
	n := Node{Line: p.line, Column: p.column}
	switch text[0] {
	case '{':
		n.Kind, n.below = Mapping, &below{json: text}
	case '[':
		n.Kind, n.below = List, &below{json: text}
	case '"':
		n.Kind, n.Text = Text, unquote(text)
	case 't', 'f':
		n.Kind, n.Text = Boolean, string(text)
	case 'n':
		n.Kind, n.Text = Null, string(text)
	default:
		n.Kind, n.Text = Number, string(text)
	}
	return n
}

// jsonChildren passes over the values and the punctuation between them. The text was scanned before.
func (n *Node) jsonChildren(yield func(Node) bool) {
	text := n.below.json
	for p := (place{line: n.Line, column: n.Column}).to(text, 1); ; {
		at := skipSpace(text, p.at)
		if text[at] == ',' || text[at] == ':' {
			at = skipSpace(text, at+1)
		}
		if text[at] == '}' || text[at] == ']' {
			return
		}
		p = p.to(text, at)
		end := scan(text, at, 0)
		if !yield(jsonNode(text[at:end], p)) {
			return
		}
		p = p.to(text, end)
	}
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

// scan returns the offset behind the value at an offset, and a negative number where the text does not follow
// the grammar of RFC 8259 or is nested too deep.
func scan(text []byte, at, depth int) int {
	switch byteAt(text, at) {
	case '{', '[':
		if depth == maxDepth {
			return -1
		}
		return scanCollection(text, at, depth+1)
	case '"':
		return scanString(text, at)
	case 't':
		return scanWord(text, at, "true")
	case 'f':
		return scanWord(text, at, "false")
	case 'n':
		return scanWord(text, at, "null")
	}
	return scanNumber(text, at)
}

func scanCollection(text []byte, at, depth int) int {
	mapping := text[at] == '{'
	closing := byte(']')
	if mapping {
		closing = '}'
	}
	if at = skipSpace(text, at+1); byteAt(text, at) == closing {
		return at + 1
	}
	for {
		if mapping {
			if at = scanString(text, at); at < 0 {
				return -1
			}
			if at = skipSpace(text, at); byteAt(text, at) != ':' {
				return -1
			}
			at = skipSpace(text, at+1)
		}
		if at = scan(text, at, depth); at < 0 {
			return -1
		}
		switch at = skipSpace(text, at); byteAt(text, at) {
		case closing:
			return at + 1
		case ',':
			at = skipSpace(text, at+1)
		default:
			return -1
		}
	}
}

func scanString(text []byte, at int) int {
	if byteAt(text, at) != '"' {
		return -1
	}
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			switch i++; byteAt(text, i) {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; strings.IndexByte("0123456789abcdefABCDEF", byteAt(text, i)) < 0 {
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

func scanWord(text []byte, at int, word string) int {
	if !bytes.HasPrefix(text[at:], []byte(word)) {
		return -1
	}
	return at + len(word)
}

func scanNumber(text []byte, at int) int {
	digits := func() bool {
		start := at
		for '0' <= byteAt(text, at) && byteAt(text, at) <= '9' {
			at++
		}
		return at > start
	}
	if byteAt(text, at) == '-' {
		at++
	}
	if byteAt(text, at) == '0' {
		at++
	} else if !digits() {
		return -1
	}
	if byteAt(text, at) == '.' {
		if at++; !digits() {
			return -1
		}
	}
	if byteAt(text, at)|0x20 == 'e' {
		if at++; byteAt(text, at) == '+' || byteAt(text, at) == '-' {
			at++
		}
		if !digits() {
			return -1
		}
	}
	return at
}

// byteAt returns the byte at an offset, 0 behind the end.
func byteAt(text []byte, at int) byte {
	if at < len(text) {
		return text[at]
	}
	return 0
}

// skipSpace returns the offset of the first byte from at on that is no white space.
func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
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
	return &Error{Line: line + bytes.Count(text[:end], []byte("\n")), Message: "is not valid JSON: " + shown.Mistake(message)}
}
