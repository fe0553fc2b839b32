package mirrorset

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlBatch is how much of the items of a long list is parsed at a time.
const yamlBatch = 64 << 10

// blockList is a YAML list as oc prints it: "items:" on a line, and below it each item behind a "- " that starts
// a line. The tree of the whole would take many times the memory of its text: a batch is parsed at a time.
type blockList struct {
	node  *yaml.Node // stands for the items
	text  []byte     // of the items
	line  int        // of the input that text starts at
	batch int
	read  bool // to the end, and every batch was valid by itself
}

// yamlList reads a chunk if it is a long list, and reports whether it did; else nothing was read. Nothing is
// assumed of the text: what is left of it without the items has to be a list, and each batch a list of its own.
// A text, a flow collection or an alias that goes from one part to another makes one of them invalid.
func (d *decoder) yamlList(chunk []byte, line, batch int) bool {
	const key, empty = "items:\n", "items: []\n"
	start := bytes.Index(chunk, []byte("\n"+key+"- ")) + 1
	if len(chunk) < batch || start == 0 || bytes.Contains(chunk[:start], []byte("%")) || hasOddLines(chunk) || d.visit != nil {
		return false
	}
	list := &blockList{text: chunk[start+len(key):], line: line + newlines(chunk[:start+len(key)]), batch: batch}
	rest := list.text
	for len(rest) > 0 && bytes.IndexByte([]byte("- #\n"), rest[0]) >= 0 {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	list.text = list.text[:len(list.text)-len(rest)]
	frame := bytes.Join([][]byte{chunk[:start], []byte(empty), bytes.Repeat([]byte("\n"), newlines(list.text)), rest}, nil)
	root := d.parseYAML(frame, line)
	if root == nil || !strings.HasSuffix(d.text(lookup(d, root, "kind")), "List") {
		return false
	}
	list.node = lookup(d, root, "items")
	if list.node == nil || list.node.Line != list.line-1 || list.node.Column != len(empty)-len("]\n") {
		return false // another key of that name, or these are words of a text
	}

	before, set := *d, *d.set
	before.others = maps.Clone(d.others)
	d.block = list
	d.root(root)
	d.block = nil
	if !list.read {
		*d, *d.set = before, set
	}
	return list.read
}

// parseYAML returns the root of a text that is one valid document, nil for any other.
func (d *decoder) parseYAML(text []byte, line int) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	n := new(yaml.Node)
	if decodeNode(dec, n) != nil || len(n.Content) != 1 || !errors.Is(decodeNode(dec, new(yaml.Node)), io.EOF) {
		return nil
	}
	d.shiftLines(n, line-1)
	return n.Content[0]
}

// items returns the items with their places, and ends early where a batch is not valid.
func (l *blockList) items(d *decoder) iter.Seq2[int, *yaml.Node] {
	return func(yield func(int, *yaml.Node) bool) {
		text, line, i := l.text, l.line, 0
		for len(text) > 0 {
			end := len(text)
			if end > l.batch {
				if next := bytes.Index(text[l.batch:], []byte("\n- ")); next >= 0 {
					end = l.batch + next + 1
				}
			}
			batch := d.parseYAML(text[:end], line)
			if batch == nil || batch.Kind != yaml.SequenceNode {
				return
			}
			for _, item := range batch.Content {
				if !yield(i, item) {
					return
				}
				i++
			}
			line += newlines(text[:end])
			text = text[end:]
		}
		l.read = true
	}
}
