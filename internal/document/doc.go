// Package document turns the text of manifests into nodes with lines. YAML and JSON become the same
// nodes, so that one reader of objects serves both.
//
//	for doc := range document.Read(r, document.Options{}) {
//		if doc.Root != nil {
//			for _, f := range doc.Root.Fields() {
//				fmt.Println(f.Key.Text, f.Value.Line)
//			}
//		}
//		if err := doc.Err(); err != nil {
//			fmt.Println(err.Line, err.Message)
//		}
//	}
//
// What is below a node is made when it is asked for. Most of what oc prints (managedFields, status,
// objects of other kinds) never is, and then costs little more than finding its end.
//
// The package knows neither kinds of objects nor findings.
package document

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"unicode/utf8"
)

// maxBytes is the largest document that is read: one part of a YAML stream between "---" lines, or
// a whole stream of JSON values. A List of 100,000 mirror objects with all their metadata takes
// about a third of it. Larger documents are refused rather than read in part.
const maxBytes = 512 << 20

// Document is one document of a stream. It is valid until the next one is read.
type Document struct {
	// Number is the 1-based position in the stream. Empty documents do not count, unreadable ones do.
	Number int
	// Root is the document's only value, never of kind Null. It is nil where the document cannot be
	// read or was passed over.
	Root *Node
	// PassedOver is the kind that a document which was passed over begins with.
	PassedOver string
	// Text is what stands between the "---" lines around the document: more than the document where
	// several JSON values stand there, or "..." lines.
	Text []byte

	shift   int // what the lines of its YAML tree lack
	line    int // the line of all nodes, where it is not 0
	expand  func(string) string
	aliased int // values that were reached through aliases
	err     *Error
}

// Err returns what is wrong with the document. That it reaches too many values through aliases
// shows while its nodes are asked for; those beyond the limit are of kind Null.
func (d *Document) Err() *Error { return d.err }

// Error is a mistake in a text.
type Error struct {
	Line    int    // 1-based line of the input
	Message string // what is wrong: "is not valid YAML: …"
}

func (e *Error) Error() string { return e.Message }

// Options say what is read.
type Options struct {
	// PassOver reports whether a document of a kind need not be read, for what its text is. It is
	// asked where the kind can be told from the first lines of the document; then the rest is not
	// parsed. Nil is to read everything.
	PassOver func(kind string, text []byte) bool
	// FirstLine is the 1-based line that the stream begins at, where it is part of another text; 0
	// means 1.
	FirstLine int
	// OneLine is set where all of the stream stands in the line FirstLine of that text, with its
	// line ends escaped.
	OneLine bool

	limit int // in place of maxBytes, for tests
}

// Read returns the documents of a stream: YAML documents, or JSON values one after another, in
// UTF-8, or UTF-16 with a byte-order mark, with LF or CRLF line ends. A mistake in one does not
// hide those after it; nothing follows an error of the stream itself. The text of one document is
// in memory at a time.
func Read(r io.Reader, o Options) iter.Seq[*Document] {
	return func(yield func(*Document) bool) {
		limit := o.limit
		if limit == 0 {
			limit = maxBytes
		}
		s := newSplitter(r, limit)
		s.line = max(o.FirstLine, 1)
		for number := 0; ; {
			chunk, line, err := s.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var documents []*Document
			if err != nil {
				documents = unreadable(&Error{line, "cannot be read: " + err.Error()})
			} else {
				documents = o.parse(chunk, line)
			}
			for _, d := range documents {
				d.Text = chunk
				if d.err != nil && o.OneLine {
					d.err.Line = o.FirstLine
				}
				if d.Root != nil && d.Root.Kind == Null {
					continue // an empty document
				}
				number++
				d.Number = number
				if !yield(d) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func unreadable(err *Error) []*Document { return []*Document{{err: err}} }

// parse returns the documents of what stands between two "---" lines: JSON values where it starts
// like one, else YAML. line is the 1-based line of the input that the chunk starts at.
func (o *Options) parse(chunk []byte, line int) []*Document {
	chunk = bytes.TrimPrefix(chunk, []byte("\ufeff"))
	if bytes.IndexByte(chunk, 0) >= 0 || !utf8.Valid(chunk) {
		return unreadable(&Error{line, "is not text: a manifest is YAML or JSON in UTF-8 (or UTF-16 with " +
			"a byte-order mark)"})
	}
	// A separator line belongs to the document below it and may carry its first words: "--- {a: b}".
	body := bytes.TrimLeft(bytes.TrimPrefix(chunk, []byte("---")), " \t\r\n")
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		return o.parseBrackets(chunk, len(chunk)-len(body), line)
	}
	if o.PassOver != nil {
		if kind := headKind(chunk); kind != "" && o.PassOver(kind, chunk) {
			return []*Document{{PassedOver: kind}}
		}
	}
	documents, bad := o.parseYAML(chunk, line)
	if bad != nil {
		documents = append(documents, unreadable(bad)...)
	}
	return documents
}

// parseBrackets reads a chunk whose first value starts at an offset with a bracket. It is JSON, or
// else a YAML flow collection.
func (o *Options) parseBrackets(chunk []byte, at, line int) []*Document {
	values, notJSON := parseJSON(chunk, at, line, o.OneLine)
	if notJSON == nil {
		documents := make([]*Document, len(values))
		for i := range values {
			documents[i] = &Document{Root: &values[i]}
		}
		return documents
	}
	documents, notYAML := o.parseYAML(chunk, line)
	if notYAML != nil {
		return unreadable(notJSON)
	}
	return documents
}
