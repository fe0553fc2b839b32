package mirrorset

import (
	"bytes"
	"slices"
	"time"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// looksLikeImageMirror reports whether an item of a list without a name is an image mirror.
func looksLikeImageMirror(n *document.Node) bool {
	return isImageMirror(n, TypeMeta{Kind: text(lookup(n, "kind")), APIVersion: text(lookup(n, "apiVersion"))})
}

// isImageMirrorStore reports whether a mapping is what a managed.File holds: lists of image mirrors by
// the names of clusters.
func isImageMirrorStore(n *document.Node) bool {
	other := func(f document.Field) bool { return !holdsImageMirrors(&f.Value) }
	return len(n.Fields()) > 0 && !slices.ContainsFunc(n.Fields(), other)
}

// holdsImageMirrors reports whether one of the items of a list is an image mirror.
func holdsImageMirrors(n *document.Node) bool {
	for _, item := range n.Items() {
		if looksLikeImageMirror(item) {
			return true
		}
	}
	return false
}

// isImageMirror reports whether a mapping is an image mirror: the API marks it by its kind, and what
// "mirrorctl image-mirror list" prints has the id, which no other form of {source, mirrors} has.
func isImageMirror(n *document.Node, t TypeMeta) bool {
	return t.APIVersion == "" && (t.Kind == kindImageMirror ||
		t.Kind == "" && lookup(n, "id") != nil && lookup(n, "source") != nil)
}

// imageMirrorList reads the items of the API's {"kind": "ImageMirrorList"}.
func (d *decoder) imageMirrorList(n *document.Node) {
	if items := lookup(n, "items"); items != nil {
		d.imageMirrorItems(items, kindImageMirror+"List", "items")
	}
}

// imageMirrorItems reads a list of image mirrors.
func (d *decoder) imageMirrorItems(n *document.Node, object, path string) {
	if n.Kind != document.List {
		d.wrongType(object, n, path, "a list")
	}
	for _, item := range n.Items() {
		d.imageMirror(item)
	}
}

// imageMirror reads one image mirror.
func (d *decoder) imageMirror(n *document.Node) {
	m := ImageMirror{ID: text(lookup(n, "id"))}
	o := &object{decoder: d, node: n, name: m.object(), lines: []entryLines{{}}}
	lines := &o.lines[0]
	lines.entry, lines.source = int32(n.Line), int32(n.Line)
	before := len(d.refused)
	fields, ok := o.fields(n, o.name, "")
	for _, f := range fields {
		switch f.key {
		case "id":
			o.str(f.value, o.name, f.key)
		case "type":
			s, _ := o.str(f.value, o.name, f.key)
			m.Type = Pull(s)
		case "source":
			m.Source, _ = o.str(f.value, o.name, f.key)
			lines.source = int32(f.line)
		case "mirrors":
			m.Mirrors, lines.mirrors = o.strs(f.value, f.key)
		case "creation_timestamp":
			m.CreationTimestamp = o.time(f)
		case "last_update_timestamp":
			m.LastUpdateTimestamp = o.time(f)
		case "kind", "href": // as the API marks every object
		default:
			o.unknown(f, o.name, "")
		}
	}
	for i := range d.refused[before:] {
		if f := &d.refused[before+i]; f.RefusedBy == finding.APIServer {
			f.RefusedBy = finding.ClusterService
		}
	}
	if ok {
		m.ReadFrom = o.readFrom()
		d.set.ImageMirrors = append(d.set.ImageMirrors, m)
	}
}

// time reads a time; YAML has a type for it, JSON has not.
func (o *object) time(f field) time.Time {
	if isText(f.value) {
		if t, err := time.Parse(time.RFC3339Nano, f.value.Text); err == nil {
			return t
		}
	}
	o.refuseAPI(finding.CodeWrongType, o.name, f.line, f.key, f.value.Text, "is to be a time, such as "+
		"2026-01-07T10:11:12Z")
	return time.Time{}
}

// DecodeClusters reads what a store of the image mirrors of several managed clusters holds: one
// JSON object of lists, by the names of the clusters. name is what findings call the input.
//
// It reads image mirrors as Decode does, but refuses unknown fields: a program that writes the
// store again would lose them. It does not hold the image mirrors of a cluster against each other.
// The error is a *RefusedError; the lists are then what could be read.
func DecodeClusters(name string, data []byte) (map[string][]ImageMirror, error) {
	d := &decoder{name: name, set: &Set{}, doc: &document.Document{Number: 1}}
	nodes, bad := document.ParseJSON(bytes.TrimPrefix(data, []byte("\ufeff")))
	switch {
	case bad != nil:
		d.refuse(finding.CodeUnreadable, "", bad.Line, "", bad.Message)
	case len(nodes) != 1 || nodes[0].Kind != document.Mapping:
		d.refuse(finding.CodeUnreadable, "", 1, "", "is not a store of image mirrors: a JSON object of "+
			"lists by cluster; remove the file, or name another")
	}
	if err := d.refused.Err(); err != nil {
		return nil, err
	}
	clusters := map[string][]ImageMirror{}
	fields, _ := d.fields(&nodes[0], "", "")
	for _, f := range fields {
		d.set.ImageMirrors = nil
		d.imageMirrorItems(f.value, "", shown.Key(f.key))
		clusters[f.key] = d.set.ImageMirrors
	}
	for _, f := range d.set.Findings {
		f.Severity, f.RefusedBy, f.Message = finding.SeverityError, finding.Reader, "is not a field of "+
			"this object; remove it, or it would be lost"
		d.refused = append(d.refused, f)
	}
	return clusters, d.refused.Sort().Err()
}
