package routes

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// ParseStatements reads statements: a YAML or JSON list of mappings, each with the keys of one
// statement.
//
//   - never: quay.io
//     except: [quay.io/public]
//   - images: registry.redhat.io
//     only: [mirror.corp]
//   - images: registry.redhat.io/ubi9
//     first: mirror.corp/ubi9
//   - mirrored: registry.redhat.io
//     by: digest
//   - image: quay.io/team/app:1
//     linux: [mirror.corp/team/app, quay.io/team/app]
//   - same: quay.io
//
// Lists of one may be written as that one. never takes spelling: any. The error names file, line
// and key of each mistake; name is what it calls the file.
func ParseStatements(name string, data []byte) ([]Statement, error) {
	p := &statementParser{name: name}
	for doc := range document.Read(bytes.NewReader(data), document.Options{}) {
		if doc.Root != nil {
			p.list(doc.Root)
		}
		if err := doc.Err(); err != nil {
			p.mistake(err.Line, "", "%s", err.Message)
		}
	}
	if len(p.statements) == 0 && len(p.mistakes) == 0 {
		p.mistake(1, "", "holds no statement; write a list such as \"- never: quay.io\"")
	}
	return p.statements, errors.Join(p.mistakes...)
}

type statementParser struct {
	name       string
	statements []Statement
	mistakes   []error
}

func (p *statementParser) mistake(line int, key, format string, args ...any) {
	place := fmt.Sprintf("%s:%d: ", shown.Text(p.name), line)
	if key != "" {
		place += shown.Location(key) + ": "
	}
	p.mistakes = append(p.mistakes, errors.New(place+fmt.Sprintf(format, args...)))
}

func (p *statementParser) list(root *document.Node) {
	if root.Kind != document.List {
		p.mistake(root.Line, "", "is to be a list of statements, such as \"- never: quay.io\"")
		return
	}
	for _, item := range root.Items() {
		if item.Kind != document.Mapping {
			p.mistake(item.Line, "", "is to be a mapping, such as never: quay.io")
			continue
		}
		p.statement(item)
	}
}

// The keys that say what a statement is about, and those that may stand beside each.
var statementKeys = map[string][]string{
	"never":    {"except", "spelling"},
	"images":   {"only", "first"},
	"mirrored": {"by"},
	"image":    {"linux", "windows", "containerd"},
	"same":     {},
}

func (p *statementParser) statement(n *document.Node) {
	before := len(p.mistakes)
	fields, subject := p.fields(n)
	if subject == "" {
		return
	}
	s := Statement{
		Line:  n.Line,
		Never: p.scope(fields["never"], "never"), Except: p.scopes(fields["except"], "except"),
		Images: p.scope(fields["images"], "images"), Only: p.scopes(fields["only"], "only"),
		First:    p.location(fields["first"], "first"),
		Mirrored: p.scope(fields["mirrored"], "mirrored"), Same: p.scope(fields["same"], "same"),
		Linux: p.locations(fields["linux"], "linux"), Windows: p.locations(fields["windows"], "windows"),
		Containerd:  p.locations(fields["containerd"], "containerd"),
		By:          mirrorset.Pull(p.word(fields["by"], "by", string(mirrorset.ByDigest), string(mirrorset.ByTag))),
		AnySpelling: p.word(fields["spelling"], "spelling", "any") != "",
	}
	if s.Image = p.text(fields["image"], "image"); s.Image != "" {
		if _, err := resolve.ParseReference(s.Image); err != nil {
			p.mistake(fields["image"].Line, "image", "%v", err)
		}
	}
	switch {
	case subject == "images" && (fields["only"] == nil) == (fields["first"] == nil):
		p.mistake(n.Line, "images", "one of only and first is to stand beside it")
	case subject == "image" && s.Linux == nil && s.Windows == nil && s.Containerd == nil:
		p.mistake(n.Line, "image", "linux, windows or containerd is to stand beside it: the locations that are asked, "+
			"in order, [] for none")
	}
	if len(p.mistakes) == before {
		p.statements = append(p.statements, s)
	}
}

// fields returns the values of a statement by key, and the key that says what it is about; "" where
// none does.
func (p *statementParser) fields(n *document.Node) (fields map[string]*document.Node, subject string) {
	fields = map[string]*document.Node{}
	for _, f := range n.Fields() {
		key := f.Key.Text
		if fields[key] != nil {
			p.mistake(f.Key.Line, key, "stands twice")
			continue
		}
		fields[key] = &f.Value
		if _, ok := statementKeys[key]; ok {
			if subject != "" {
				p.mistake(f.Key.Line, key, "stands beside %s; write two statements", subject)
			}
			subject = key
		}
	}
	if subject == "" {
		p.mistake(n.Line, "", "says nothing: one of never, images, mirrored, image and same is to be there")
		return fields, ""
	}
	for _, f := range n.Fields() {
		if key := f.Key.Text; key != subject && !slices.Contains(statementKeys[subject], key) {
			p.mistake(f.Key.Line, key, "does not go with %s", subject)
		}
	}
	return fields, subject
}

func (p *statementParser) text(n *document.Node, key string) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != document.Text || n.Text == "":
		p.mistake(n.Line, key, "is to be a text")
		return ""
	}
	return n.Text
}

func (p *statementParser) word(n *document.Node, key string, words ...string) string {
	word := p.text(n, key)
	if word != "" && !slices.Contains(words, word) {
		p.mistake(n.Line, key, "\"%s\" is to be %s", shown.Location(word), strings.Join(words, " or "))
	}
	return word
}

func (p *statementParser) scope(n *document.Node, key string) string {
	scope := p.text(n, key)
	if scope != "" && !mirrorset.ValidSource(scope) {
		p.mistake(n.Line, key, "\"%s\" is no scope: write host[:port][/path] or *.host", shown.Location(scope))
	}
	return scope
}

func (p *statementParser) location(n *document.Node, key string) string {
	location := p.text(n, key)
	if location != "" && !mirrorset.ValidMirror(location) {
		p.mistake(n.Line, key, "\"%s\" is no location: write host[:port][/path]", shown.Location(location))
	}
	return location
}

func (p *statementParser) scopes(n *document.Node, key string) []string {
	return p.each(n, key, p.scope)
}

func (p *statementParser) locations(n *document.Node, key string) []string {
	return p.each(n, key, p.location)
}

// each reads a list, or one item alone. An empty list is not nil.
func (p *statementParser) each(n *document.Node, key string, read func(*document.Node, string) string) []string {
	if n == nil {
		return nil
	}
	list := []string{}
	if n.Kind != document.List {
		return append(list, read(n, key))
	}
	for _, item := range n.Items() {
		list = append(list, read(item, key))
	}
	return list
}
