package document

import (
	"iter"

	"go.yaml.in/yaml/v3"
)

// Kind is the kind of a node.
type Kind uint8

// The kinds of nodes. All but Mapping and List are scalars.
const (
	Null Kind = iota
	Mapping
	List
	Text
	Number
	Boolean
	// OldBoolean is a plain word such as yes or off: a text in YAML 1.2 and a boolean in YAML 1.1, which
	// kubectl and oc read (sigs.k8s.io/yaml).
	OldBoolean
	// Time is a plain date or time; once it is JSON it is a text.
	Time
	// Merge is the key "<<" of YAML 1.1, which stands for the fields of other mappings.
	Merge
	// Other is a scalar with another tag, such as !!binary.
	Other
)

// Node is a value, or the key of a mapping. Aliases stand for what they name.
type Node struct {
	Kind Kind
	// Literal is set for a text that is written as a literal block: its first line is the one below
	// Line.
	Literal bool
	// Line and Column are the 1-based place of the first character in the input. Columns are characters.
	Line, Column int
	// Text is what a scalar says; of a number, as written.
	Text string

	below *below // of a mapping or list
}

// below is what the nodes below a node are made of.
type below struct {
	size   int     // how many fields or items they are
	fields []Field // of a mapping, once they were made

	yaml *yaml.Node // of YAML
	doc  *Document

	json   *jsonText // of JSON: where the node starts, and the number of its span
	at     int
	number int
}

// Field is a key of a mapping with its value.
type Field struct{ Key, Value Node }

// IsScalar reports whether a node is neither a mapping nor a list.
func (n *Node) IsScalar() bool { return n.Kind != Mapping && n.Kind != List }

// JSON returns the text of a mapping or list of JSON, and nil for any other node.
func (n *Node) JSON() []byte {
	if n.IsScalar() || n.below.json == nil {
		return nil
	}
	return n.below.json.text[n.below.at:n.below.json.spans[n.below.number].end]
}

// Expand puts what f makes of them in place of the texts below all nodes of a document that are
// made from now on; nil takes that back. The fields of a mapping that were asked for before stay
// what they are.
func (n *Node) Expand(f func(text string) string) {
	switch {
	case n.IsScalar():
	case n.below.json != nil:
		n.below.json.expand = f
	default:
		n.below.doc.expand = f
	}
}

// Fields returns the fields of a mapping in order, none of any other node. Keys may be written twice.
func (n *Node) Fields() []Field {
	if n.Kind != Mapping {
		return nil
	}
	if n.below.fields == nil {
		fields := make([]Field, 0, n.below.size)
		c := n.cursor()
		for key, ok := c.next(); ok; key, ok = c.next() {
			value, _ := c.next()
			fields = append(fields, Field{key, value})
		}
		n.below.fields = fields
	}
	return n.below.fields
}

// Len returns how many fields or items a node has.
func (n *Node) Len() int {
	if n.IsScalar() {
		return 0
	}
	return n.below.size
}

// Items returns the items of a list with their places, none of any other node. Each is made when
// its turn comes, at each walk anew: what is made of an item is in memory no longer than the caller
// keeps it.
func (n *Node) Items() iter.Seq2[int, *Node] {
	return func(yield func(int, *Node) bool) {
		if n.Kind != List {
			return
		}
		c := n.cursor()
		for i := 0; ; i++ {
			item, ok := c.next()
			if !ok || !yield(i, &item) {
				return
			}
		}
	}
}

// cursor passes over the items of a list, or the keys and values of a mapping by turns.
type cursor struct {
	*below
	i    int   // of YAML: the next node
	p    place // of JSON: the end of the last value
	span int   // and the span of the next mapping or list
}

func (n *Node) cursor() cursor {
	c := cursor{below: n.below}
	if b := n.below; b.json != nil {
		c.p, c.span = place{b.at, n.Line, n.Column}.to(b.json.text, b.at+1), b.number+1
	}
	return c
}

// next returns the next node, if there is one.
func (c *cursor) next() (n Node, ok bool) {
	if c.json != nil {
		return c.nextJSON()
	}
	if c.i == len(c.yaml.Content) {
		return Node{}, false
	}
	c.i++
	return c.doc.yamlNode(c.yaml.Content[c.i-1]), true
}
