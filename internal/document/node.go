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
	// Line and Column are the 1-based place of the first character in the input. Columns are characters.
	Line, Column int
	// Text is what a scalar says; of a number, as written.
	Text string

	below *below // of a mapping or list
}

// below is what the nodes below a node are made of.
type below struct {
	fields []Field // of a mapping, once they were made
	json   []byte  // the text of a JSON collection
	yaml   *yaml.Node
	doc    *Document // of yaml
}

// Field is a key of a mapping with its value.
type Field struct{ Key, Value Node }

// IsScalar reports whether a node is neither a mapping nor a list.
func (n *Node) IsScalar() bool { return n.Kind != Mapping && n.Kind != List }

// Fields returns the fields of a mapping in order, none of any other node. Keys may be written twice.
func (n *Node) Fields() []Field {
	if n.Kind != Mapping {
		return nil
	}
	if n.below.fields == nil {
		fields := make([]Field, 0, 8)
		var key Node
		isKey := true
		for child := range n.children() {
			if isKey {
				key = child
			} else {
				fields = append(fields, Field{key, child})
			}
			isKey = !isKey
		}
		n.below.fields = fields
	}
	return n.below.fields
}

// Items returns the items of a list with their places, none of any other node. Each is made when its turn
// comes, at each walk anew: what is made of an item is in memory no longer than the caller keeps it.
func (n *Node) Items() iter.Seq2[int, *Node] {
	return func(yield func(int, *Node) bool) {
		if n.Kind != List {
			return
		}
		i := 0
		for child := range n.children() {
			if !yield(i, &child) {
				return
			}
			i++
		}
	}
}

// children returns the items of a list, or the keys and values of a mapping by turns.
func (n *Node) children() iter.Seq[Node] {
	if n.below.yaml != nil {
		return n.yamlChildren
	}
	return n.jsonChildren
}
