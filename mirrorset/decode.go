package mirrorset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"go.yaml.in/yaml/v3"
)

// MaxDocumentBytes is the largest document that is read: one part of a YAML stream between "---" lines,
// or a whole stream of JSON values. A List of 100,000 mirror objects with all their metadata takes
// about a third of it. Larger documents are refused rather than read in part.
const MaxDocumentBytes = 512 << 20

// maxAliased bounds the values that one document may reach through YAML aliases, so that a few hundred
// bytes of nested aliases do not expand to gigabytes.
const maxAliased = 1_000_000

// Decode reads every object in r: a YAML stream, JSON values one after another, List objects and typed
// lists, in UTF-8 or UTF-16 with a byte-order mark, with LF or CRLF line ends. name is what findings call
// the input; a file's path, or "-" for standard input.
//
// Unknown fields are reported and left out, as the API server leaves them out; objects of other kinds
// are counted and skipped. A YAML document that begins with the apiVersion and the kind of such an object is
// not looked at any further: what is wrong below is not reported.
//
// What cannot be read is collected over the whole input into one *RefusedError; the set then holds the
// objects that could be read. Beside the set, the text of one document is in memory at a time.
func Decode(name string, r io.Reader) (*Set, error) {
	d := &decoder{name: name, set: &Set{}}
	return d.decode(r, MaxDocumentBytes)
}

type decoder struct {
	name     string
	set      *Set
	refused  finding.Findings
	document int
	others   map[string]int // objects of other kinds, counted by kind
	aliased  int            // values of this document reached through aliases

	block *blockList // of this document, where it is a long YAML list
	json  *jsonTree  // of this document, where it is JSON

	paths allPaths

	visit func(*yaml.Node) // gets each document instead of the reader of objects, where it is set
}

func (d *decoder) decode(r io.Reader, limit int) (*Set, error) {
	s := newSplitter(r, limit)
	for {
		chunk, line, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.document++
			d.refuse(finding.CodeUnreadable, "", line, "", "cannot be read: "+err.Error())
			break
		}
		d.chunk(chunk, line)
	}
	d.reportOthers()
	if d.set.Empty() && len(d.refused) == 0 && d.visit == nil {
		d.set.Findings = append(d.set.Findings, finding.Finding{
			Code: finding.CodeNothingRead, Severity: finding.SeverityWarning, Origin: finding.Origin{File: d.name},
			Message: "holds no ImageDigestMirrorSet, ImageTagMirrorSet, ImageContentSourcePolicy or Image, and no list of image sources or image mirrors",
		})
	}
	d.set.Findings = d.set.Findings.Sort()
	return d.set, d.refused.Sort().Err()
}

// refuse notes that the current document cannot be read.
func (d *decoder) refuse(code finding.Code, object string, line int, field, message string) {
	d.refused = append(d.refused, finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.Reader, Message: message,
		Origin: finding.Origin{Object: object, Field: field, File: d.name, Document: max(d.document, 1), Line: line},
	})
}

// chunk reads what stands between two "---" lines: JSON values where it starts like one, else YAML.
// line is the 1-based line of the input that the chunk starts at.
func (d *decoder) chunk(chunk []byte, line int) {
	chunk = bytes.TrimPrefix(chunk, []byte("\ufeff"))
	if i := bytes.IndexByte(chunk, 0); i >= 0 || !utf8.Valid(chunk) {
		d.document++
		d.refuse(finding.CodeUnreadable, "", line, "", "is not text: a manifest is YAML or JSON in UTF-8 (or UTF-16 with a byte-order mark)")
		return
	}
	// A separator line belongs to the document below it and may carry its first words: "--- {a: b}".
	body := bytes.TrimLeft(bytes.TrimPrefix(chunk, []byte("---")), " \t\r\n")
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		start := line + bytes.Count(chunk[:len(chunk)-len(body)], []byte("\n"))
		if nodes, err := d.parseJSON(body, start); err == nil {
			for _, n := range nodes {
				before := d.json.mark()
				d.root(n)
				d.json.release(before)
			}
			d.json = nil
			return
		} else if !d.yaml(chunk, line, false) { // a YAML flow mapping looks like JSON from outside
			d.document++
			d.refuse(finding.CodeUnreadable, "", err.line, "", "is not valid JSON: "+shown.Mistake(err.message))
		}
		return
	}
	if kind := unrelatedKind(chunk); kind != "" && d.visit == nil {
		d.document++
		d.skip(kind)
		return
	}
	if !d.yamlList(chunk, line, yamlBatch) {
		d.yaml(chunk, line, true)
	}
}

// head is how nearly every manifest begins: apiVersion and kind, as plain words on lines of their own, and
// then another field, a comment or nothing.
var head = regexp.MustCompile(`^(?:---[ \t]*\r?\n)?(?:[ \t]*(?:#[^\n]*|\r)?\n)*` +
	`(?:apiVersion: [A-Za-z][A-Za-z0-9./-]*\r?\nkind: ([A-Za-z]+)|kind: ([A-Za-z]+)\r?\napiVersion: [A-Za-z][A-Za-z0-9./-]*)` +
	`\r?(?:\n(?:[A-Za-z#]|$)|$)`)

// unrelatedKind returns the kind of a document that need not be parsed, as reading it would only count that
// kind. Whatever follows a head can no longer change its two fields, and to object nothing else matters in
// what has a kind, unless it is one of the few kinds that are read.
func unrelatedKind(chunk []byte) string {
	m := head.FindSubmatch(chunk)
	if m == nil || hasOddLines(chunk) || bytes.Contains(chunk, []byte("\n...")) || mayRepeatKind(chunk) { // the next document may be of any kind
		return ""
	}
	kind := string(m[1]) + string(m[2])
	switch strings.TrimSuffix(kind, "List") {
	case "", kindIDMS, kindITMS, kindICSP, kindImage, kindHostedCluster, kindConfigMap, kindImageMirror:
		return ""
	}
	if n := (&yaml.Node{Kind: yaml.ScalarNode, Value: kind}); n.ShortTag() != "!!str" { // true, null
		return ""
	}
	return kind
}

// hasOddLines reports whether a text has line ends that are such to YAML and to nobody else.
func hasOddLines(text []byte) bool {
	return bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) || bytes.Contains(text, []byte("\u0085")) ||
		bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029"))
}

// mayRepeatKind reports whether more than one line may be the key "kind" of the outermost mapping, however it is
// written: such a key starts its line.
func mayRepeatKind(chunk []byte) bool {
	found := 0
	for line := range bytes.Lines(chunk) {
		switch line[0] {
		case 'k':
			if bytes.HasPrefix(line, []byte("kind")) {
				found++
			}
		case '"', '\'', '?', '&', '!', '*', '{', '[':
			return true
		}
	}
	return found > 1
}

// yaml reads a chunk as YAML. With report unset it only says whether that went well.
func (d *decoder) yaml(chunk []byte, line int, report bool) bool {
	dec := yaml.NewDecoder(bytes.NewReader(chunk))
	var nodes []*yaml.Node
	for {
		n := new(yaml.Node)
		err := decodeNode(dec, n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if report {
				d.document++
				at, message := yamlError(err, chunk, line)
				d.refuse(finding.CodeUnreadable, "", at, "", "is not valid YAML: "+message)
			}
			if !report {
				return false
			}
			break
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if len(n.Content) == 0 {
			continue
		}
		d.shiftLines(n, line-1)
		d.root(n.Content[0])
	}
	return true
}

// decodeNode parses one document. The parser reports some mistakes by panicking with an error of its
// own; no input may bring the caller down.
func decodeNode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return dec.Decode(n)
}

// shiftLines adds to the line of every node under n; the parser counts from the start of the chunk.
func (d *decoder) shiftLines(n *yaml.Node, by int) {
	if by == 0 {
		return
	}
	n.Line += by
	for _, c := range n.Content {
		d.shiftLines(c, by)
	}
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlError splits the parser's message into the line of the input and the rest.
func yamlError(err error, chunk []byte, start int) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	line = start
	if m := yamlLine.FindStringSubmatchIndex(message); m != nil {
		if n, err := strconv.Atoi(message[m[2]:m[3]]); err == nil {
			line = start + n - 1
			if strings.Contains(message, "did not find expected") && !strings.Contains(message, "character") {
				line++ // the parser counts lines from zero, the scanner from one
			}
		}
		message = message[:m[0]] + message[m[1]:]
	}
	// What ends too early is noticed behind the last line.
	line = min(line, start+bytes.Count(bytes.TrimRight(chunk, "\r\n"), []byte("\n")))
	if strings.Contains(message, "did not find expected alphabetic or numeric character") {
		// The mistake that this field invites: *.example.org reads as an alias.
		message += "; put a text that begins with * in quotes"
	}
	return line, shown.Mistake(message)
}
