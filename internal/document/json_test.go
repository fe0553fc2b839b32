package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/stretchr/testify/require"
)

// slowJSON describes JSON values whole, token by token, as encoding/json reads them: the plain way, which nodes
// have to agree with.
func slowJSON(data []byte, line int) (described []string, bad *Error) {
	p := &slowParser{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: line, column: 1}
	p.dec.UseNumber()
	for {
		var b strings.Builder
		_, err := p.value(&b)
		if errors.Is(err, io.EOF) && p.depth == 0 {
			return described, nil
		}
		if err != nil {
			return nil, p.failure(err, line)
		}
		described = append(described, b.String())
	}
}

type slowParser struct {
	dec          *json.Decoder
	data         []byte
	line, column int // at offset
	offset       int64
	depth        int
}

// value describes the next value, and reports whether there is one before the end of its collection.
func (p *slowParser) value(b *strings.Builder) (more bool, err error) {
	token, err := p.dec.Token()
	if err != nil {
		return false, err
	}
	for p.offset < int64(len(p.data)) && strings.IndexByte(" \t\r\n,:", p.data[p.offset]) >= 0 {
		p.pass(p.offset + 1)
	}
	line, column := p.line, p.column
	p.pass(p.dec.InputOffset())

	kind, text := Null, "null"
	switch t := token.(type) {
	case json.Delim:
		if t == '}' || t == ']' {
			return false, nil
		}
		if p.depth++; p.depth > maxDepth {
			return false, errors.New("nested too deep")
		}
		kind = List
		if t == '{' {
			kind = Mapping
		}
		fmt.Fprintf(b, "%d at %d:%d (", kind, line, column)
		for {
			if more, err := p.value(b); err != nil {
				return false, err
			} else if !more {
				break
			}
		}
		p.depth--
		b.WriteString(")")
		return true, nil
	case string:
		kind, text = Text, t
	case json.Number:
		kind, text = Number, t.String()
	case bool:
		kind, text = Boolean, fmt.Sprint(t)
	}
	fmt.Fprintf(b, "%d at %d:%d %q ", kind, line, column, text)
	return true, nil
}

// pass counts lines and columns up to an offset.
func (p *slowParser) pass(offset int64) {
	for _, r := range string(p.data[p.offset:offset]) {
		p.column++
		if r == '\n' {
			p.line, p.column = p.line+1, 1
		}
	}
	p.offset = offset
}

func (p *slowParser) failure(err error, start int) *Error {
	offset := p.dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = int64(len(p.data)), "it ends in the middle of a value"
	}
	return &Error{start + bytes.Count(p.data[:min(offset, int64(len(p.data)))], []byte("\n")), "is not valid JSON: " + shown.Mistake(message)}
}

// describe writes a node and everything below it.
func describe(b *strings.Builder, n *Node) {
	fmt.Fprintf(b, "%d at %d:%d ", n.Kind, n.Line, n.Column)
	if n.IsScalar() {
		fmt.Fprintf(b, "%q ", n.Text)
		return
	}
	b.WriteString("(")
	for i := range n.Fields() {
		describe(b, &n.Fields()[i].Key)
		describe(b, &n.Fields()[i].Value)
	}
	for _, item := range n.Items() {
		describe(b, item)
	}
	b.WriteString(")")
}

// requireSameJSON holds nodes to slowJSON: the same values, places and mistakes.
func requireSameJSON(t *testing.T, text []byte) {
	t.Helper()
	want, wantErr := slowJSON(text, 7)
	values, err := parseJSON(text, 0, 7, false)
	require.Equal(t, wantErr, err)
	require.Len(t, values, len(want))
	for i := range values {
		for range 2 { // what was made once is there
			var b strings.Builder
			describe(&b, &values[i])
			require.Equal(t, want[i], b.String())
		}
	}
}

var jsonSeeds = []string{
	``, ` `, `{}`, "\n[ ]\n", `{"a":1}{"b":2} [3]`, `1 2`, `{}truefalse`, `{}00`, `{}1-2`, `{}1.5.5`, `{}1e`, `{}"a""b"`, `{}nulltrue`, `{} nul`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[1 2]`, `[01]`, `[-]`, `[1.]`, `[1e+]`, `{"a" 1}`, "{\n\"a\": 1,\n\"b\" 2}", "{\n\"kind\": \"List\",", `[}`, `{]`, `]`, `{}]`, `["a`, `["a\`, `["a\"`,
	`["\ud800", "\ud83d\ude00", "\u0041", "\/\b\f\n\r\t\\\"", "\x"]`, "[\"a\nb\"]", "[\"a\x01b\"]", `["\u00zz"]`, `["\\"]`, `["\\\""]`, "[\"\xff\"]", "[\"ä\", \"ö\" ]",
	`[true,false,null,1,-0,0.5,1e5,-1E-5,"",{},[]]`, `[tru]`, `[nulll]`, `[NaN]`, `['a']`, `{a: b}`, `{"a":1,"a":2}`, `{"a":{"b":[{"c":[[]]}]}}`,
	`{"apiVersion":"v1","items":[{"kind":"ImageDigestMirrorSet","metadata":{"labels":{"a":"b"}},"spec":{"imageDigestMirrors":[{"source":"quay.io\/a","mirrors":["m.io/a",2,null]}]}},3,{"kind":"List","items":[{"id":"1","mirrors":[]}]}],"kind":"List"}`,
}

func TestJSONIsReadAsItsTokensSay(t *testing.T) {
	for _, text := range append([]string{strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1001) + strings.Repeat("]", 1001),
		strings.Repeat(`{"a":`, 1001), strings.Repeat("[", 20000)}, jsonSeeds...) {
		requireSameJSON(t, []byte(text))
	}
}

// Random documents, each also with a few bytes changed.
func TestRandomJSONIsReadAsItsTokensSay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		var b bytes.Buffer
		for range 1 + rnd.IntN(3) {
			randomJSON(rnd, &b, 0)
			b.WriteString([]string{"", " ", "\n", "\r\n\t"}[rnd.IntN(4)])
		}
		requireSameJSON(t, b.Bytes())
		text := b.Bytes()
		for range rnd.IntN(3) {
			text[rnd.IntN(len(text))] = "{}[]\":,\\0a \n"[rnd.IntN(12)]
		}
		requireSameJSON(t, text)
	}
}

var jsonWords = []string{"kind", "a", "", `\/`, `\u00e4`, `\ud800`, `a\"b\\`, "ä", "<<", `\n`}

func randomJSON(rnd *rand.Rand, b *bytes.Buffer, depth int) {
	space := func() { b.WriteString([]string{"", "", " ", "\n", "\n    "}[rnd.IntN(5)]) }
	word := func() { b.WriteString(`"` + jsonWords[rnd.IntN(len(jsonWords))] + `"`) }
	switch kind := rnd.IntN(10); {
	case depth < 7 && (kind < 4 || depth == 0):
		b.WriteString("{")
		for i := range rnd.IntN(6) {
			if i > 0 {
				b.WriteString(",")
			}
			space()
			word()
			b.WriteString(":")
			space()
			randomJSON(rnd, b, depth+1)
		}
		space()
		b.WriteString("}")
	case depth < 7 && kind < 7:
		b.WriteString("[")
		for i := range rnd.IntN(4) {
			if i > 0 {
				b.WriteString(",")
			}
			space()
			randomJSON(rnd, b, depth+1)
		}
		space()
		b.WriteString("]")
	case kind < 9:
		word()
	default:
		b.WriteString([]string{"true", "false", "null", "0", "-1.5e3"}[rnd.IntN(5)])
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 { // nothing else gets there
			requireSameJSON(t, data)
		}
	})
}
