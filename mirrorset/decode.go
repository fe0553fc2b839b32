package mirrorset

import (
	"io"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Decode reads every object in r: a YAML stream, JSON values one after another, List objects and typed
// lists, in UTF-8 or UTF-16 with a byte-order mark, with LF or CRLF line ends. name is what findings call
// the input; a file's path, or "-" for standard input.
//
// Unknown fields are reported and left out, as the API server leaves them out; objects of other kinds
// are counted and skipped. A YAML document that begins with the apiVersion and the kind of such an object is
// not looked at any further: what is wrong below is not reported.
//
// What cannot be read is collected over the whole input into one *RefusedError; the set then holds the
// objects that could be read. Beside the set, the text of one document is in memory at a time. Documents of
// more than 512 MiB are refused.
func Decode(name string, r io.Reader) (*Set, error) {
	d := &decoder{name: name, set: &Set{}}
	return d.decode(r, document.Options{PassOver: passedOver})
}

// passedOver reports whether an object would only be counted for its kind.
func passedOver(kind string) bool {
	switch strings.TrimSuffix(kind, "List") {
	case "", kindIDMS, kindITMS, kindICSP, kindImage, kindHostedCluster, kindConfigMap, kindImageMirror:
		return false
	}
	return true
}

type decoder struct {
	name    string
	set     *Set
	refused finding.Findings
	doc     *document.Document // that is being read
	others  map[string]int     // objects of other kinds, counted by kind
}

func (d *decoder) decode(r io.Reader, o document.Options) (*Set, error) {
	for doc := range document.Read(r, o) {
		d.doc = doc
		if doc.Root != nil {
			d.root(doc.Root)
		} else if doc.PassedOver != "" {
			d.skip(doc.PassedOver)
		}
		if bad := doc.Err(); bad != nil {
			d.refuse(finding.CodeUnreadable, "", bad.Line, "", bad.Message)
		}
	}
	d.reportOthers()
	if d.set.Empty() && len(d.refused) == 0 {
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
		Origin: d.origin(object, field, line),
	})
}
