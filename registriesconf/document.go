package registriesconf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/pullroute/pullroute/internal/shown"
)

// A value is a TOML value that remembers its line and, for a table, the order of its keys.
type value struct {
	kind    kind
	line    int      // 1-based
	text    string   // of a string
	flag    bool     // of a boolean
	items   []*value // of an array, and of [[tables]]
	entries []entry  // of a table
}

type entry struct {
	key   string
	line  int
	value *value
}

// kind is the type of a value in the words of a message.
type kind string

const (
	kindString  kind = "a string"
	kindBoolean kind = "a boolean"
	kindNumber  kind = "a number"
	kindDate    kind = "a date or time"
	kindArray   kind = "an array"
	kindTable   kind = "a table"
)

// parseTOML reads a TOML document into its root table. What it refuses it explains in a message,
// with the line.
//
// Two libraries meet here, and they read the same TOML, version 1.1, with two exceptions. The client's
// skips a byte-order mark, so it is skipped here. And the client's lets some tables be extended that
// TOML closes (a dotted key or a header for a table that was written inline, or a header for one that
// dotted keys made), partly by dropping a value; here they are errors.
func parseTOML(data []byte) (root *value, line int, message string) {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if rest, found := bytes.CutPrefix(data, []byte(mark)); found {
			data = rest
			break
		}
	}
	// The parser below knows the grammar only; repeated keys and impossible numbers are found by
	// decoding.
	var discard map[string]any
	if err := toml.Unmarshal(data, &discard); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			var column int
			line, column = at.Position()
			return nil, line, fmt.Sprintf("%s (at character %d of the line)", shown.Mistake(strings.TrimPrefix(err.Error(), "toml: ")), column)
		}
		return nil, 0, shown.Mistake(strings.TrimPrefix(err.Error(), "toml: "))
	}

	d := document{newlines: newlines(data)}
	root = &value{kind: kindTable, line: 1}
	table := root
	d.parser.Reset(data)
	for d.parser.NextExpression() {
		switch node := d.parser.Expression(); node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = d.header(root, node)
		case unstable.KeyValue:
			d.assign(table, node)
		}
	}
	if err := d.parser.Error(); err != nil {
		return nil, 0, shown.Mistake(err.Error())
	}
	return root, 0, ""
}

// A document turns the parser's expressions into values. Where keys collide it relies on the decoder
// having refused them.
type document struct {
	parser   unstable.Parser
	newlines []int
}

// header opens the table of a [header] or a [[header]] and returns it.
func (d *document) header(root *value, node *unstable.Node) *value {
	table := root
	for key := node.Key(); key.Next(); {
		name, line := string(key.Node().Data), d.line(key.Node(), 0)
		if !key.IsLast() || node.Kind == unstable.Table {
			table = table.table(name, line)
			continue
		}
		array := table.get(name)
		if array == nil {
			array = table.add(name, line, &value{kind: kindArray, line: line})
		}
		table = &value{kind: kindTable, line: line}
		array.items = append(array.items, table)
	}
	return table
}

// assign adds a key = value, whose key may be dotted, to a table.
func (d *document) assign(table *value, node *unstable.Node) {
	for key := node.Key(); key.Next(); {
		name, line := string(key.Node().Data), d.line(key.Node(), table.line)
		if !key.IsLast() {
			table = table.table(name, line)
			continue
		}
		table.add(name, line, d.value(node.Value(), line))
	}
}

// value converts a value; line is that of its key, for the kinds of which the parser keeps no place.
func (d *document) value(node *unstable.Node, line int) *value {
	v := &value{line: d.line(node, line)}
	switch node.Kind {
	case unstable.String:
		v.kind, v.text = kindString, string(node.Data)
	case unstable.Bool:
		v.kind, v.flag = kindBoolean, string(node.Data) == "true"
	case unstable.Integer, unstable.Float:
		v.kind = kindNumber
	case unstable.Array:
		v.kind = kindArray
		for items := node.Children(); items.Next(); {
			v.items = append(v.items, d.value(items.Node(), v.line))
		}
	case unstable.InlineTable:
		v.kind = kindTable
		for pairs := node.Children(); pairs.Next(); {
			d.assign(v, pairs.Node())
		}
	default:
		v.kind = kindDate
	}
	return v
}

// line returns the line a node starts on, or unknown where the parser does not tell.
func (d *document) line(node *unstable.Node, unknown int) int {
	if node.Raw.Length == 0 {
		return unknown
	}
	before, _ := slices.BinarySearch(d.newlines, int(node.Raw.Offset))
	return before + 1
}

// table returns the table under a key, making it where there is none. Of an array of tables it is the
// last, the one that headers below it belong to.
func (v *value) table(key string, line int) *value {
	t := v.get(key)
	if t != nil && t.kind == kindArray && len(t.items) > 0 {
		t = t.items[len(t.items)-1]
	}
	if t == nil {
		t = v.add(key, line, &value{kind: kindTable, line: line})
	}
	return t
}

func (v *value) get(key string) *value {
	for _, e := range v.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

func (v *value) add(key string, line int, added *value) *value {
	v.entries = append(v.entries, entry{key: key, line: line, value: added})
	return added
}

// newlines returns the offsets of the line ends.
func newlines(data []byte) []int {
	var offsets []int
	for i, c := range data {
		if c == '\n' {
			offsets = append(offsets, i)
		}
	}
	return offsets
}
