package mirrorset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// slowJSON makes the trees of JSON values, whole and token by token: the plain way, which jsonTree has to
// agree with.
func slowJSON(data []byte, start int) ([]*yaml.Node, *jsonError) {
	p := &slowParser{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: start}
	p.dec.UseNumber()
	var nodes []*yaml.Node
	for {
		n, err := p.value()
		if errors.Is(err, io.EOF) && p.depth == 0 {
			return nodes, nil
		}
		if err != nil {
			return nil, p.failure(err, start)
		}
		nodes = append(nodes, n)
	}
}

type slowParser struct {
	dec    *json.Decoder
	data   []byte
	line   int   // line at offset
	offset int64 // up to where lines were counted
	depth  int
}

func (p *slowParser) value() (*yaml.Node, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	end := p.dec.InputOffset()
	p.line += bytes.Count(p.data[p.offset:end], []byte("\n"))
	p.offset = end

	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line}
	switch t := token.(type) {
	case json.Delim:
		if t == '}' || t == ']' {
			return nil, nil // the caller's collection ends
		}
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		if t == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		if p.depth++; p.depth > maxDepth {
			return nil, errors.New("nested too deep")
		}
		for {
			child, err := p.value()
			if err != nil {
				return nil, err
			}
			if child == nil {
				p.depth--
				return n, nil
			}
			n.Content = append(n.Content, child)
		}
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
	case bool:
		n.Tag, n.Value = "!!bool", "false"
		if t {
			n.Value = "true"
		}
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

func (p *slowParser) failure(err error, start int) *jsonError {
	offset := p.dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	message := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, message = int64(len(p.data)), "it ends in the middle of a value"
	}
	return &jsonError{start + bytes.Count(p.data[:min(offset, int64(len(p.data)))], []byte("\n")), message}
}

// whole makes everything below a node.
func (d *decoder) whole(n *yaml.Node) *yaml.Node {
	for _, c := range d.content(n) {
		d.whole(c)
	}
	n.Column = 0
	return n
}

// requireSameJSON holds jsonTree to slowJSON: the same trees, the same objects and findings read from them,
// the same mistakes.
func requireSameJSON(t *testing.T, text []byte) {
	t.Helper()
	slow, wantErr := slowJSON(text, 7)
	d := &decoder{}
	fast, err := d.parseJSON(text, 7)
	require.Equal(t, wantErr, err)
	require.Len(t, fast, len(slow))
	for i := range slow {
		want, _ := yaml.Marshal(slow[i]) // for a message that can be read
		if n := d.whole(fast[i]); !sameTree(slow[i], n) {
			got, _ := yaml.Marshal(n)
			require.Equal(t, string(want), string(got))
			require.Equal(t, slow[i], n)
		}
	}
	if err != nil {
		return
	}
	read := func(parse func(d *decoder) []*yaml.Node) (*Set, finding.Findings, []string) {
		d := &decoder{name: "in", set: &Set{}}
		for _, n := range parse(d) {
			before := d.json.mark()
			d.root(n)
			d.json.release(before)
		}
		d.reportOthers()
		var images []string
		v := &decoder{set: &Set{}}
		for _, n := range parse(v) {
			images = podImages(v, n, images, 0)
		}
		return d.set, d.refused, images
	}
	wantSet, wantRefused, wantImages := read(func(*decoder) []*yaml.Node { return slow })
	set, refused, images := read(func(d *decoder) []*yaml.Node {
		nodes, _ := d.parseJSON(text, 7)
		return nodes
	})
	require.Equal(t, wantSet, set)
	require.Equal(t, wantRefused, refused)
	require.Equal(t, wantImages, images)
}

func sameTree(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Style != b.Style || a.Line != b.Line || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !sameTree(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

var jsonSeeds = []string{
	``, ` `, `{}`, "\n[ ]\n", `{"a":1}{"b":2} [3]`, `1 2`, `{}truefalse`, `{}00`, `{}1-2`, `{}1.5.5`, `{}1e`, `{}"a""b"`, `{}nulltrue`, `{} nul`,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[1 2]`, `[01]`, `[-]`, `[1.]`, `[1e+]`, `{"a" 1}`, "{\n\"a\": 1,\n\"b\" 2}", "{\n\"kind\": \"List\",", `[}`, `{]`, `]`, `{}]`, `["a`, `["a\`, `["a\"`,
	`["\ud800", "\ud83d\ude00", "\u0041", "\/\b\f\n\r\t\\\"", "\x"]`, "[\"a\nb\"]", "[\"a\x01b\"]", `["\u00zz"]`, `["\\"]`, `["\\\""]`, "[\"\xff\"]",
	`[true,false,null,1,-0,0.5,1e5,-1E-5,"",{},[]]`, `[tru]`, `[nulll]`, `[NaN]`, `['a']`, `{a: b}`, `{"a":1,"a":2}`, `{"a":{"b":[{"c":[[]]}]}}`,
	`{"apiVersion":"v1","items":[{"apiVersion":"config.openshift.io/v1","kind":"ImageDigestMirrorSet","metadata":{"name":"a","labels":{"a":"b"},"uid":"1","managedFields":[{"a":{}}]},"spec":{"imageDigestMirrors":[{"source":"quay.io\/a","mirrors":["m.io/a",2,null],"x":1}],"y":{}},"status":{},"z":[]},{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}},3,{"kind":"List","items":[{"id":"1","source":"a","mirrors":[]}]}],"kind":"List","metadata":{}}`,
	`{"items":[{"metadata":{"name":"a"},"spec":{}}],"kind":"ImageTagMirrorSetList","apiVersion":"config.openshift.io/v1"}`,
	`{"kind":"ImageMirrorList","items":[{"kind":"ImageMirror","id":"1","type":"digest","source":"a.io/b","mirrors":["c.io"],"creation_timestamp":"2026-01-07T10:11:12Z","q":1}]}`,
	`[{"source":"a","mirrors":["b"]},{"source":"c"}]`, `[{"id":"1","source":"a","mirrors":["b"]}]`, `{"c":[{"id":"1","source":"a"}],"d":[{"kind":"ImageMirror"}]}`, `{"items":[{"id":"1","source":"a"}]}`,
	`{"imageDigestSources":[{"source":"a","mirrors":["b"],"sourcePolicy":""}],"imageContentSources":{}}`,
	`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"-----BEGIN CERTIFICATE-----","b":1}}`,
	`{"kind":"HostedCluster","apiVersion":"hypershift.openshift.io/v1beta1","metadata":{"name":"h","namespace":"n"},"spec":{"imageContentSources":[{"source":"a","mirrors":["b"]}],"configuration":{"image":{"registrySources":{}}}}}`,
	`{"kind":"Image","apiVersion":"config.openshift.io/v1","metadata":{"generateName":"i"},"spec":{"registrySources":{"blockedRegistries":["a",1]},"additionalTrustedCA":{"name":"c"}}}`,
}

func TestJSONIsReadAsItsTokensSay(t *testing.T) {
	for _, text := range append([]string{strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1001) + strings.Repeat("]", 1001),
		strings.Repeat(`{"a":`, 1001), strings.Repeat("[", 20000)}, jsonSeeds...) {
		requireSameJSON(t, []byte(text))
	}
}

// Random documents of the words that the reader knows, each also with a few bytes changed.
func TestRandomJSONIsReadAsItsTokensSay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		var b bytes.Buffer
		for range 1 + rnd.IntN(3) {
			randomJSON(rnd, &b, 0)
			b.WriteString([]string{"", " ", "\n", "\r\n\t"}[rnd.IntN(4)])
		}
		requireSameJSON(t, b.Bytes())
		text := b.Bytes()
		for range rnd.IntN(3) {
			text[rnd.IntN(len(text))] = "{}[]\":,\\0a \n"[rnd.IntN(12)]
		}
		requireSameJSON(t, text)
	}
}

var jsonWords = []string{
	"apiVersion", "kind", "metadata", "spec", "items", "status", "name", "namespace", "generateName", "labels", "annotations", "managedFields",
	"imageDigestMirrors", "imageTagMirrors", "repositoryDigestMirrors", "registrySources", "blockedRegistries", "imageContentSources", "imageDigestSources",
	"source", "mirrors", "mirrorSourcePolicy", "sourcePolicy", "id", "type", "data", "containers", "image", "configuration", "<<",
	"List", "ImageDigestMirrorSet", "ImageDigestMirrorSetList", "ImageTagMirrorSet", "ImageContentSourcePolicy", "Image", "ImageMirror", "ImageMirrorList", "ConfigMap", "HostedCluster", "Deployment",
	"v1", "config.openshift.io/v1", "operator.openshift.io/v1alpha1", "hypershift.openshift.io/v1beta1", "quay.io/a", `m.io\/a`, "NeverContactSource", "", `\u00e4`, `\ud800`, `a\"b\\`, "ä", "-----BEGIN CERTIFICATE-----",
}

func randomJSON(rnd *rand.Rand, b *bytes.Buffer, depth int) {
	space := func() { b.WriteString([]string{"", "", " ", "\n", "\n    "}[rnd.IntN(5)]) }
	word := func() { b.WriteString(`"` + jsonWords[rnd.IntN(len(jsonWords))] + `"`) }
	object := func(i int) {
		if i > 0 {
			b.WriteString(",")
		}
		space()
		// Half of what is a mapping is an object of a kind that is known.
		if i < 2 && rnd.IntN(2) == 0 {
			b.WriteString([]string{`"kind"`, `"apiVersion"`}[i])
			space()
			b.WriteString(`:"` + jsonWords[30+rnd.IntN(15)] + `"`)
			return
		}
		word()
		b.WriteString(":")
		space()
		randomJSON(rnd, b, depth+1)
	}
	switch kind := rnd.IntN(10); {
	case depth < 7 && (kind < 4 || depth == 0):
		b.WriteString("{")
		for i := range rnd.IntN(6) {
			object(i)
		}
		space()
		b.WriteString("}")
	case depth < 7 && kind < 7:
		b.WriteString("[")
		for i := range rnd.IntN(4) {
			if i > 0 {
				b.WriteString(",")
			}
			space()
			randomJSON(rnd, b, depth+1)
		}
		space()
		b.WriteString("]")
	case kind < 9:
		word()
	default:
		b.WriteString([]string{"true", "false", "null", "0", "-1.5e3"}[rnd.IntN(5)])
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 { // nothing else gets there
			requireSameJSON(t, data)
		}
	})
}
