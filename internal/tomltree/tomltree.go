// Package tomltree reads a TOML document into a tree that keeps what a decoder drops: the order of keys,
// the line of every key and value, and how each was written.
//
//	document, err := tomltree.Parse(data, new(map[string]any))
//	for _, e := range document.Root.Entries { // in the order of the document
//		fmt.Println(e.Line, e.Key, e.Value.Kind)
//	}
//
// It knows TOML and no file format. [Parse] also decodes the document, as the client of a format does;
// the tree is for findings, which name lines, and for settings whose spelling or order matters.
package tomltree

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pullroute/pullroute/internal/shown"
)

// A Document is a TOML document.
type Document struct {
	// Root is the table of the whole document.
	Root *Value
	// Headers are the [table] and [[table]] lines, in order.
	Headers []Header
}

// A Header is one [table] or [[table]] line.
type Header struct {
	Name  []NamePart
	Array bool // [[table]]
	Line  int
}

// Path returns the keys that the header names.
func (h Header) Path() []string {
	path := make([]string, len(h.Name))
	for i, part := range h.Name {
		path[i] = part.Key
	}
	return path
}

// A NamePart is one key of a header's name.
type NamePart struct {
	Key    string
	Source []byte // as written, with its quotes
	Before []byte // what stands between it and the part before it, the dot among it; nil for the first part
}

// A Value is a TOML value.
type Value struct {
	Kind Kind
	// Line counts from 1. Where the parser keeps no place of a value, it is the line of its key, or
	// of the array around it.
	Line int
	// Text is the content of a string, and Source how a string, a number or a date was written.
	Text   string
	Source []byte
	// Flag is the value of a boolean.
	Flag bool
	// Items are those of an array, or of the tables that [[headers]] make.
	Items []*Value
	// Entries are those of a table, where each key first occurs. One table may come from several
	// headers.
	Entries []Entry
	// Inline is set for a table in braces.
	Inline bool
	// TrailingComma is set for an inline table with a comma after its last entry, which TOML 1.1 allows.
	TrailingComma bool

	index map[string]int // of Entries, where they are many
}

// An Entry is one key of a table.
type Entry struct {
	Key    string
	Line   int
	Header bool // a header named it first, as a table or as a part of the way to one
	Value  *Value
}

// Kind is the type of a value, in the words of a message.
type Kind string

// The kinds of values.
const (
	String  Kind = "a string"
	Boolean Kind = "a boolean"
	Number  Kind = "a number"
	Date    Kind = "a date or time"
	Array   Kind = "an array"
	Table   Kind = "a table"
)

// An Error says why a document was not decoded.
type Error struct {
	// Line and Column count from 1. Both are 0 where the place is not known.
	Line, Column int
	// Key is the path of the key concerned, where it is known.
	Key []string
	// Mistyped is set where the document is TOML, and a value does not fit what it is decoded into.
	// The message then speaks of Go types.
	Mistyped bool

	message string
}

// Error returns what is wrong. It repeats nothing of the document, which may hold secrets.
func (e *Error) Error() string { return e.message }

// Parse decodes a document with go-toml into a value, as [toml.Unmarshal] does, and returns its
// tree. An error is an [*Error].
//
// Decoding is also what finds repeated keys and impossible numbers: the parser that makes the tree
// checks the grammar only.
func Parse(data []byte, into any) (*Document, error) {
	if err := toml.Unmarshal(data, into); err != nil {
		return nil, mistake(err)
	}
	r := reader{}
	for i, c := range data {
		if c == '\n' {
			r.newlines = append(r.newlines, i)
		}
	}
	r.parser.Reset(data)
	root := &Value{Kind: Table, Line: 1}
	document := &Document{Root: root}
	table := root
	for r.parser.NextExpression() {
		switch node := r.parser.Expression(); node.Kind {
		case unstable.Table, unstable.ArrayTable:
			header := r.header(node)
			document.Headers = append(document.Headers, header)
			table = root.open(header)
		case unstable.KeyValue:
			r.assign(table, node)
		}
	}
	if err := r.parser.Error(); err != nil {
		return nil, mistake(err)
	}
	return document, nil
}

func mistake(err error) *Error {
	message := strings.TrimPrefix(err.Error(), "toml: ")
	e := &Error{Mistyped: strings.HasPrefix(message, "cannot "), message: shown.Mistake(message)}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		e.Line, e.Column = at.Position()
		e.Key = at.Key()
	}
	return e
}

// Get returns the value of a key, and nil where the table does not have it.
func (v *Value) Get(key string) *Value {
	if i := v.find(key); i >= 0 {
		return v.Entries[i].Value
	}
	return nil
}

// few is the number of entries that are compared one by one faster than they are looked up.
const few = 8

func (v *Value) find(key string) int {
	if len(v.Entries) <= few {
		return slices.IndexFunc(v.Entries, func(e Entry) bool { return e.Key == key })
	}
	if v.index == nil {
		v.index = make(map[string]int, len(v.Entries))
		for i, e := range v.Entries {
			v.index[e.Key] = i
		}
	}
	if i, ok := v.index[key]; ok {
		return i
	}
	return -1
}

func (v *Value) add(e Entry) *Value {
	if v.index != nil {
		v.index[e.Key] = len(v.Entries)
	}
	v.Entries = append(v.Entries, e)
	return e.Value
}

// open returns the table that a header opens.
func (v *Value) open(h Header) *Value {
	for i, part := range h.Name {
		if i < len(h.Name)-1 || !h.Array {
			v = v.table(Entry{Key: part.Key, Line: h.Line, Header: true})
			continue
		}
		array := v.Get(part.Key)
		if array == nil {
			array = v.add(Entry{Key: part.Key, Line: h.Line, Header: true, Value: &Value{Kind: Array, Line: h.Line}})
		}
		v = &Value{Kind: Table, Line: h.Line}
		array.Items = append(array.Items, v)
	}
	return v
}

// table returns the table of a key, and makes it where there is none. Of an array of tables it is
// the last, the one that headers below it belong to.
func (v *Value) table(e Entry) *Value {
	t := v.Get(e.Key)
	if t != nil && t.Kind == Array && len(t.Items) > 0 {
		t = t.Items[len(t.Items)-1]
	}
	if t == nil {
		e.Value = &Value{Kind: Table, Line: e.Line}
		t = v.add(e)
	}
	return t
}

// A reader turns the parser's expressions into values. Where keys collide it relies on the decoder
// having refused them.
type reader struct {
	parser   unstable.Parser
	newlines []int // offsets of the line ends
}

func (r *reader) header(node *unstable.Node) Header {
	h := Header{Array: node.Kind == unstable.ArrayTable}
	end := -1
	for key := node.Key(); key.Next(); {
		raw := key.Node().Raw
		part := NamePart{Key: string(key.Node().Data), Source: r.parser.Raw(raw)}
		if end >= 0 {
			part.Before = r.parser.Data()[end:raw.Offset]
		} else {
			h.Line = r.line(key.Node(), 0)
		}
		end = int(raw.Offset + raw.Length)
		h.Name = append(h.Name, part)
	}
	return h
}

// assign adds a key = value, whose key may be dotted, to a table.
func (r *reader) assign(table *Value, node *unstable.Node) {
	for key := node.Key(); key.Next(); {
		e := Entry{Key: string(key.Node().Data), Line: r.line(key.Node(), table.Line)}
		if !key.IsLast() {
			table = table.table(e)
			continue
		}
		e.Value = r.value(node.Value(), e.Line)
		table.add(e)
	}
}

// value converts a value; line is the one around it, for the kinds of which the parser keeps no place.
func (r *reader) value(node *unstable.Node, line int) *Value {
	v := &Value{Line: r.line(node, line)}
	switch node.Kind {
	case unstable.String:
		v.Kind, v.Text, v.Source = String, string(node.Data), r.parser.Raw(node.Raw)
	case unstable.Bool:
		v.Kind, v.Flag = Boolean, string(node.Data) == "true"
	case unstable.Integer, unstable.Float:
		v.Kind, v.Source = Number, r.parser.Raw(node.Raw)
	case unstable.Array:
		v.Kind = Array
		for items := node.Children(); items.Next(); {
			v.Items = append(v.Items, r.value(items.Node(), v.Line))
		}
	case unstable.InlineTable:
		v.Kind, v.Inline = Table, true
		end := -1
		for pairs := node.Children(); pairs.Next(); {
			r.assign(v, pairs.Node())
			end = int(pairs.Node().Raw.Offset + pairs.Node().Raw.Length)
		}
		v.TrailingComma = end >= 0 && trailingComma.Match(r.parser.Data()[end:])
	default:
		v.Kind, v.Source = Date, r.parser.Raw(node.Raw)
	}
	return v
}

var trailingComma = regexp.MustCompile(`^(?:\s|#[^\n]*\n)*,(?:\s|#[^\n]*\n)*\}`)

// line returns the line that a node starts on, or unknown where the parser does not tell.
func (r *reader) line(node *unstable.Node, unknown int) int {
	if node.Raw.Length == 0 {
		return unknown
	}
	before, _ := slices.BinarySearch(r.newlines, int(node.Raw.Offset))
	return before + 1
}
