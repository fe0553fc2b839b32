package mirrorset

import (
	"bytes"
	"io"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Decode reads every object in r: a YAML stream, JSON values one after another, List objects and
// typed lists, in UTF-8 or UTF-16 with a byte-order mark, with LF or CRLF line ends. name is what
// findings call the input; a file's path, or "-" for standard input.
//
// Unknown fields are reported and left out, as the API server leaves them out; objects of other
// kinds are counted and skipped. A YAML document that begins with the apiVersion and the kind of
// such an object is not looked at any further: what is wrong below is not reported.
//
// What cannot be read is collected over the whole input into one *RefusedError; the set then holds
// the objects that could be read. Beside the set, the text of one document is in memory at a time.
// Documents of more than 512 MiB are refused.
func Decode(name string, r io.Reader) (*Set, error) {
	d := &decoder{name: name, set: &Set{}}
	return d.decode(r, document.Options{PassOver: passedOver})
}

// DecodeAmong is Decode for one of many files, such as those of a directory, most of which are
// about other things. A document that cannot be read is then a warning where its text speaks of no
// mirrors, and an error where it does, and that a file holds nothing is not said.
func DecodeAmong(name string, r io.Reader) (*Set, error) {
	d := &decoder{name: name, set: &Set{}, among: true}
	return d.decode(r, document.Options{PassOver: passedOverAmong})
}

// AboutOther reports whether DecodeAmong finds nothing in a text but objects of other kinds, which
// it counts. It only searches the text, which takes a fraction of the time; where nothing but
// parsing tells, it returns false.
func AboutOther(text []byte) bool {
	return !mentions(text) && document.PassedOver(text, document.Options{PassOver: func(kind string, text []byte) bool {
		switch kind {
		case "": // an image mirror need not say more than its id and its source, or its kind
			return !bytes.Contains(text, []byte("source:")) && !bytes.Contains(text, []byte(kindImageMirror))
		case kindConfigMap:
			return !mayHoldCertificates(text)
		}
		return passedOver(kind, nil) // of the text is known what it mentions
	}})
}

// passedOverAmong is passedOver for one of many files, of which ConfigMaps of other programs are
// many. One that may hold certificates of registries is looked into.
func passedOverAmong(kind string, text []byte) bool {
	if kind == kindConfigMap {
		return !mayHoldCertificates(text) && !mentions(text)
	}
	return passedOver(kind, text)
}

// mayHoldCertificates reports whether a ConfigMap may hold certificates.
func mayHoldCertificates(text []byte) bool { return bytes.Contains(text, []byte("CERTIFICATE")) }

// passedOver reports whether an object would only be counted for its kind.
func passedOver(kind string, text []byte) bool {
	return strings.TrimSuffix(kind, "List") == kindDefinition || isOther(kind) && !mentions(text)
}

// isOther reports whether an object of a kind would only be counted, unless it mentions where pulls go.
func isOther(kind string) bool {
	switch strings.TrimSuffix(kind, "List") {
	case "", kindIDMS, kindITMS, kindICSP, kindImage, kindHostedCluster, kindConfigMap, kindImageMirror,
		kindSecret, kindNodePool,
		kindClusterImagePolicy, kindImagePolicy, kindClusterVersion, kindMachineConfiguration:
		return false
	}
	return !strings.EqualFold(kind, kindImage) && nearKind(kind) == ""
}

type decoder struct {
	name    string
	among   bool // the input is one of many
	set     *Set
	refused finding.Findings
	doc     *document.Document // that is being read
	others  map[string]int     // objects of other kinds, counted by kind
	wrapper string             // what the object that is read stands in; empty for one that stands by itself

	looked   *document.Document // whose text was last looked through,
	mentions bool               // and whether it may say where pulls go
	unpacked int                // bytes that texts and files inside the input took
}

func (d *decoder) decode(r io.Reader, o document.Options) (*Set, error) {
	for doc := range document.Read(r, o) {
		d.doc = doc
		if doc.Root != nil {
			d.document(doc)
		} else if doc.PassedOver != "" {
			d.skip(doc.PassedOver)
		}
		if bad := doc.Err(); bad != nil {
			d.unreadable(bad)
		}
	}
	d.reportOthers()
	if d.set.Empty() && len(d.refused) == 0 && !d.among {
		d.set.Findings = append(d.set.Findings, finding.Finding{
			Code: finding.CodeNothingRead, Severity: finding.SeverityWarning, Origin: finding.Origin{File: d.name},
			Message: "holds no ImageDigestMirrorSet, ImageTagMirrorSet, ImageContentSourcePolicy or " +
				"Image, and no list of image sources or image mirrors",
		})
	}
	d.set.Findings = d.set.Findings.Sort()
	return d.set, d.refused.Sort().Err()
}

// document reads a document. Of a template without quotes YAML makes mappings with mappings as
// keys: {{ .Values.source }}.
func (d *decoder) document(doc *document.Document) {
	set, before := d.set, len(d.refused)
	if doc.Root.JSON() != nil || !isTemplate(doc.Text) {
		d.root(doc.Root)
		return
	}
	d.set = &Set{}
	d.root(doc.Root)
	read := d.set
	d.set = set
	if len(d.refused) > before && holdsTemplate(doc.Root) {
		line := d.refused[before].Origin.Line
		d.refused = d.refused[:before]
		d.refuse(finding.CodeTemplate, "", line, "", messageTemplate)
		return
	}
	d.set.Add(read)
}

const messageTemplate = "is a template: render it first, and give the result"

// holdsTemplate reports whether a mapping with nothing but a mapping as its key stands somewhere
// below a node.
func holdsTemplate(n *document.Node) bool {
	fields := n.Fields()
	for i := range fields {
		if fields[i].Key.Kind == document.Mapping || holdsTemplate(&fields[i].Value) {
			return true
		}
	}
	for _, item := range n.Items() {
		if holdsTemplate(item) {
			return true
		}
	}
	return false
}

// unreadable refuses the current document.
func (d *decoder) unreadable(bad *document.Error) {
	code, message := finding.CodeUnreadable, bad.Message
	if isTemplate(d.doc.Text) {
		code, message = finding.CodeTemplate, messageTemplate
	}
	if d.among && !speaks(d.doc.Text) {
		d.note(code, finding.SeverityWarning, d.origin("", "", bad.Line), message+"; it speaks of no "+
			"mirrors and was passed over")
		return
	}
	d.refuse(code, "", bad.Line, "", message)
}

// refuse notes that the current document cannot be read.
func (d *decoder) refuse(code finding.Code, object string, line int, field, message string) {
	d.refused = append(d.refused, finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.Reader, Message: message,
		Origin: d.origin(object, field, line),
	})
}
