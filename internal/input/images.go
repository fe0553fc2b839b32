package input

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/pattern"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/resolve"
)

// Image is an image of a list.
type Image struct {
	Name string // as resolve takes it
	// Destination is where a mapping (SRC=DST) says that the image was copied to; empty elsewhere.
	Destination string
}

// Images is a list of images.
type Images struct {
	Images []Image
	// Transports counts the names that had docker:// before them, which was taken off.
	Transports int
}

// ErrNoImage is wrapped by the error about a list without an image.
var ErrNoImage = errors.New("holds no image")

// ReadImages reads a list of images: one a line, the mapping of oc-mirror and oc adm (SRC=DST), two
// columns of which the second is the image, what oc adm release info --pullspecs prints, or
// manifests, of which it takes every image that is named as one. The error never repeats a line:
// whatever file was named by mistake, it may hold a secret.
func ReadImages(name string) (*Images, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	l := &Images{}
	switch {
	case releaseTable.Match(text):
		err = l.release(name, text)
	case isManifest(text):
		err = l.manifests(name, text)
	default:
		err = l.lines(name, text)
	}
	if err == nil && len(l.Images) == 0 {
		err = fmt.Errorf("%s %w", shown.Location(name), ErrNoImage)
	}
	return l, err
}

var (
	// releaseTable is the head of the table that oc adm release info prints.
	releaseTable = pattern.New(`(?m)^\s*NAME\s+(PULL SPEC|DIGEST)\s*$`)
	// keyLine is a line of a YAML mapping; no image has white space behind a colon.
	keyLine = pattern.New(`^(-\s+)?[^\s"'{}=]+:(\s|$)`)
)

// isManifest reports whether the first line that says something is one of YAML or JSON.
func isManifest(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		return line[0] == '{' || line[0] == '[' || bytes.HasPrefix(line, []byte("---")) ||
			bytes.HasPrefix(line, []byte("- ")) || keyLine.Match(line)
	}
	return false
}

// add adds an image, unless it is there.
func (l *Images) add(name, destination string) bool {
	if bare, ok := strings.CutPrefix(name, "docker://"); ok {
		l.Transports++
		name = bare
	}
	destination = strings.TrimPrefix(destination, "docker://")
	if _, err := resolve.ParseReference(name); err != nil {
		return false
	}
	if image := (Image{name, destination}); !slices.Contains(l.Images, image) {
		l.Images = append(l.Images, image)
	}
	return true
}

func (l *Images) lines(name string, text []byte) error {
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		line := strings.TrimSpace(string(raw))
		if i := comment(line); i >= 0 {
			line = strings.TrimSpace(line[:i])
		}
		if line == "" {
			continue
		}
		image, destination := line, ""
		if fields := strings.Fields(line); len(fields) == 2 {
			if isImage(fields[0]) {
				return fmt.Errorf("%s:%d: has two images; where the second is where the first was copied to, write "+
					"SRC=DST, else each on a line of its own", shown.Location(name), number)
			}
			image = fields[1]
		}
		if source, to, ok := strings.Cut(image, "="); ok {
			image, destination = source, to
		}
		if !l.add(image, destination) {
			return fmt.Errorf("%s:%d: is not an image reference, host[:port]/repository with a tag or a digest",
				shown.Location(name), number)
		}
	}
	return nil
}

// isImage reports whether a text is an image that names its registry. What stands before an image in two
// columns is a name for it, which has none: cli, namespace/pod.
func isImage(text string) bool {
	text = strings.TrimPrefix(text, "docker://")
	_, err := resolve.ParseReference(text)
	return err == nil && !resolve.IsShortName(text)
}

// comment returns where a comment begins, and -1 where there is none.
func comment(line string) int {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// release reads what oc adm release info prints.
func (l *Images) release(name string, text []byte) error {
	table := false
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(raw))
		switch {
		case releaseTable.Match(raw):
			if fields[1] == "DIGEST" {
				return fmt.Errorf("%s:%d: has digests without repositories; print it with oc adm release "+
					"info --pullspecs", shown.Location(name), number)
			}
			table = true
		case len(fields) == 3 && fields[0] == "Pull" && fields[1] == "From:":
			l.add(fields[2], "") // the release image itself
		case table && len(fields) == 2:
			if !l.add(fields[1], "") {
				return fmt.Errorf("%s:%d: the second column is not an image reference", shown.Location(name), number)
			}
		}
	}
	return nil
}

func (l *Images) manifests(name string, text []byte) error {
	for doc := range document.Read(bytes.NewReader(text), document.Options{}) {
		if doc.Root != nil {
			if bad := l.node(doc.Root, 0); bad != nil {
				return fmt.Errorf("%s:%d: is not an image reference, host[:port]/repository with a tag or a "+
					"digest", shown.Location(name), bad.Line)
			}
		}
		if bad := doc.Err(); bad != nil {
			return fmt.Errorf("%s:%d: %s", shown.Location(name), bad.Line, bad.Message)
		}
	}
	slices.SortStableFunc(l.Images, func(a, b Image) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// maxDepth is how deep manifests are looked into; what the API server takes is nested less than
// twenty deep.
const maxDepth = 1000

// node adds the images below a node. It returns the first that is none.
func (l *Images) node(n *document.Node, depth int) *document.Node {
	if depth > maxDepth {
		return nil
	}
	for _, item := range n.Items() {
		if bad := l.node(item, depth+1); bad != nil {
			return bad
		}
	}
	fields := n.Fields()
	kind := value(fields, "kind", "schema")
	for i := range fields {
		f := &fields[i]
		for _, image := range imagesOf(f, textOf(kind)) {
			if text := textOf(image); text != "" && !l.add(text, "") {
				return image
			}
		}
		if f.Key.Text == "image" && value(fields, "references") != nil { // oc adm release info -o json
			if text := textOf(&f.Value); text != "" && !l.add(text, "") {
				return &f.Value
			}
		}
		if bad := l.node(&f.Value, depth+1); bad != nil {
			return bad
		}
	}
	return nil
}

// imagesOf returns the images that a field of an object of a kind names. It is one list of such fields.
//
//gocyclo:ignore
func imagesOf(f *document.Field, kind string) (images []*document.Node) {
	switch f.Key.Text {
	case "containers", "initContainers", "ephemeralContainers", "relatedImages":
		images = each(&f.Value, "image")
	case "env": // what an operator starts
		for _, item := range f.Value.Items() {
			if strings.HasPrefix(textOf(value(item.Fields(), "name")), "RELATED_IMAGE_") {
				images = append(images, value(item.Fields(), "value"))
			}
		}
	case "volumes":
		for _, item := range f.Value.Items() {
			if image := value(item.Fields(), "image"); image != nil {
				images = append(images, value(image.Fields(), "reference"))
			}
		}
	case "spec":
		if kind == "CatalogSource" {
			images = append(images, value(f.Value.Fields(), "image"))
		}
	case "image":
		if kind == "olm.bundle" {
			images = append(images, &f.Value)
		}
	case "from": // a tag of an image stream, as oc adm release info -o json prints them
		if textOf(value(f.Value.Fields(), "kind")) == "DockerImage" {
			images = append(images, value(f.Value.Fields(), "name"))
		}
	case "mirror":
		if kind == "ImageSetConfiguration" {
			images = append(images, imageSet(&f.Value)...)
		}
	}
	return images
}

// imageSet returns the images that an ImageSetConfiguration names.
func imageSet(n *document.Node) []*document.Node {
	var images []*document.Node
	for _, f := range n.Fields() {
		switch f.Key.Text {
		case "additionalImages":
			images = append(images, each(&f.Value, "name")...)
		case "operators":
			images = append(images, each(&f.Value, "catalog")...)
		}
	}
	return slices.DeleteFunc(images, func(n *document.Node) bool { return strings.HasPrefix(textOf(n), "oci://") })
}

// each returns a field of each item of a list.
func each(list *document.Node, key string) []*document.Node {
	var values []*document.Node
	for _, item := range list.Items() {
		values = append(values, value(item.Fields(), key))
	}
	return values
}

// value returns the first of the fields with one of the keys, and nil where there is none.
func value(fields []document.Field, keys ...string) *document.Node {
	for i := range fields {
		if slices.Contains(keys, fields[i].Key.Text) {
			return &fields[i].Value
		}
	}
	return nil
}

func textOf(n *document.Node) string {
	if n == nil || n.Kind != document.Text {
		return ""
	}
	return n.Text
}
