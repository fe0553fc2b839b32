package mirrorset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

const idms = `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: a
spec:
  imageDigestMirrors:
  - source: quay.io/a
    mirrors:
    - m.io/a
    - n.io/a
    mirrorSourcePolicy: NeverContactSource
`

func decode(t *testing.T, input string) (*Set, finding.Findings) {
	t.Helper()
	set, err := Decode("in.yaml", strings.NewReader(input))
	require.NotNil(t, set)
	if err == nil {
		return set, nil
	}
	var refused *finding.RefusedError
	require.ErrorAs(t, err, &refused)
	return set, refused.Findings
}

func TestDecodeReadsEveryFormOfAnObject(t *testing.T) {
	asJSON := `{"apiVersion":"config.openshift.io/v1","kind":"ImageDigestMirrorSet","metadata":{"name":"a"},` +
		`"spec":{"imageDigestMirrors":[{"source":"quay.io\/a","mirrors":["m.io/a","n.io/a"],"mirrorSourcePolicy":"NeverContactSource"}]}}`
	indented := strings.ReplaceAll(strings.TrimSpace(idms), "\n", "\n  ")
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(idms)) {
		wide.WriteByte(byte(u))
		wide.WriteByte(byte(u >> 8))
	}
	for name, input := range map[string]string{
		"YAML":                               idms,
		"a byte-order mark":                  "\ufeff" + idms,
		"UTF-16":                             wide.String(),
		"CRLF line ends":                     strings.ReplaceAll(idms, "\n", "\r\n"),
		"JSON":                               asJSON,
		"indented JSON behind blank lines":   "\n\n" + strings.ReplaceAll(asJSON, ",", ",\n"),
		"JSON behind a separator":            "---\n" + asJSON,
		"a separator first":                  "---\n" + idms,
		"words behind the separator":         "--- # the mirrors\n" + idms,
		"comments and empty documents":       "# hello\n---\n---\n# more\n---\n" + idms + "---\n",
		"a YAML directive":                   "%YAML 1.1\n---\n" + idms,
		"an end marker":                      idms + "...\n",
		"a List":                             "apiVersion: v1\nkind: List\nitems:\n- " + indented,
		"a typed list":                       "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSetList\nitems:\n- " + indented,
		"a List in a List":                   "apiVersion: v1\nkind: List\nitems:\n- kind: List\n  apiVersion: v1\n  items:\n  - " + strings.ReplaceAll(indented, "\n", "\n  "),
		"a YAML flow mapping":                "{apiVersion: config.openshift.io/v1, kind: ImageDigestMirrorSet, metadata: {name: a}, spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a, n.io/a], mirrorSourcePolicy: NeverContactSource}]}}",
		"items of a typed list without kind": "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSetList\nitems:\n- metadata: {name: a}\n  spec: {imageDigestMirrors: [{source: quay.io/a, mirrors: [m.io/a, n.io/a], mirrorSourcePolicy: NeverContactSource}]}",
	} {
		t.Run(name, func(t *testing.T) {
			set, refused := decode(t, input)
			require.Empty(t, refused)
			require.Empty(t, set.Findings)
			require.Len(t, set.ImageDigestMirrorSets, 1)
			got := set.ImageDigestMirrorSets[0]
			require.Equal(t, 1, got.ReadFrom.Document)
			got.ReadFrom = nil
			require.Equal(t, ImageDigestMirrorSet{
				TypeMeta: TypeMeta{Kind: "ImageDigestMirrorSet", APIVersion: "config.openshift.io/v1"},
				Metadata: ObjectMeta{Name: "a"},
				Spec: ImageDigestMirrorSetSpec{ImageDigestMirrors: []ImageMirrors{
					{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"}, MirrorSourcePolicy: NeverContactSource},
				}},
			}, got)
		})
	}
}

func TestDecodeReadsEveryKind(t *testing.T) {
	set, refused := decode(t, idms+`---
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: t, labels: {x: "1"}, uid: abc, managedFields: [{manager: oc}]}
spec: {imageTagMirrors: [{source: quay.io/t, mirrors: [m.io/t]}]}
status: {anything: true}
---
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {name: p}
spec: {repositoryDigestMirrors: [{source: quay.io/p, mirrors: [m.io/p]}]}
---
apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec:
  additionalTrustedCA: {name: ca}
  registrySources:
    insecureRegistries: [i.io]
    blockedRegistries: ["*.b.io"]
    containerRuntimeSearchRegistries: [s.io]
---
apiVersion: image.openshift.io/v1
kind: Image
metadata: {name: sha256-something}
---
apiVersion: v1
metadata: {name: mycluster}
imageDigestSources: [{source: quay.io/i, mirrors: [m.io/i], sourcePolicy: NeverContactSource}]
---
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata: {name: h, namespace: clusters}
spec: {release: {image: x}, imageContentSources: [{source: quay.io/h, mirrors: [m.io/h]}]}
---
imageContentSources: [{source: quay.io/c, mirrors: [m.io/c]}]
---
- {source: quay.io/bare, mirrors: [m.io/bare]}
`)
	require.Empty(t, refused)
	require.Equal(t, map[string]string{"x": "1"}, set.ImageTagMirrorSets[0].Metadata.Labels)
	require.Equal(t, RegistrySources{
		InsecureRegistries: []string{"i.io"}, BlockedRegistries: []string{"*.b.io"}, ContainerRuntimeSearchRegistries: []string{"s.io"},
	}, set.Images[0].Spec.RegistrySources)
	require.Len(t, set.Images, 1, "the Image kind of another API group is unrelated")
	require.Len(t, set.Findings, 1)
	require.Equal(t, finding.CodeUnrelatedKind, set.Findings[0].Code)

	rules, err := set.Rules()
	require.NoError(t, err)
	var got []string
	for _, r := range rules.Rules {
		got = append(got, fmt.Sprintf("%s %s never=%t %s", r.Pull, r.Source, r.Never, r.Entries[0].Origin))
	}
	require.Equal(t, []string{
		"digest quay.io/a never=true ImageDigestMirrorSet/a spec.imageDigestMirrors[0]",
		"digest quay.io/bare never=false in.yaml [0]",
		"digest quay.io/c never=false in.yaml imageContentSources[0]",
		"digest quay.io/h never=false HostedCluster/clusters/h spec.imageContentSources[0]",
		"digest quay.io/i never=true InstallConfig/mycluster imageDigestSources[0]",
		"digest quay.io/p never=false ImageContentSourcePolicy/p spec.repositoryDigestMirrors[0]",
		"tag quay.io/t never=false ImageTagMirrorSet/t spec.imageTagMirrors[0]",
	}, got)
}

func TestDecodeRefusesWithThePlaceAndTheReason(t *testing.T) {
	const head = "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: a}\n"
	for _, test := range []struct {
		name, input string
		line        int
		want        string
	}{
		{"malformed YAML", idms + "---\na: [1\n", 13, "not valid YAML"},
		{"a wildcard without quotes", head + "spec:\n  imageDigestMirrors:\n  - source: *.example.org\n", 6, "put a text that begins with * in quotes"},
		{"malformed JSON", "{\n\"a\": 1,\n\"b\" 2}", 3, "not valid JSON"},
		{"JSON cut off", "{\n\"kind\": \"List\",", 2, "ends in the middle"},
		{"a binary file", "PK\x03\x04\x00\x00", 1, "is not text"},
		{"text in Latin-1", "a: \xe9", 1, "is not text"},
		{"a single word", "hello", 1, "single value"},
		{"a list of something", "- a\n- b\n", 1, "not of {source, mirrors}"},
		{"a wrong apiVersion", "apiVersion: config.openshift.io/v2\nkind: ImageDigestMirrorSet\nmetadata: {name: a}\nspec: {}", 1, `"config.openshift.io/v2": is not an apiVersion of ImageDigestMirrorSet`},
		{"an ICSP under the IDMS group", "apiVersion: config.openshift.io/v1\nkind: ImageContentSourcePolicy\nmetadata: {name: a}\nspec: {}", 1, "write operator.openshift.io/v1alpha1"},
		{"no apiVersion", "kind: ImageTagMirrorSet\nmetadata: {name: a}\nspec: {}", 1, "apiVersion: is missing"},
		{"no spec", head, 1, "spec: is missing"},
		{"no name", "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nspec: {}", 1, "metadata.name: is missing"},
		{"a scalar for a list", head + "spec:\n  imageDigestMirrors:\n  - source: quay.io/a\n    mirrors: m.io/a", 7, `spec.imageDigestMirrors[0].mirrors: "m.io/a": is to be a list, and is a text`},
		{"a number for a text", head + "spec:\n  imageDigestMirrors:\n  - source: 5000\n    mirrors: []", 6, "put it in quotes"},
		{"null in a list", head + "spec:\n  imageDigestMirrors:\n  - source: quay.io/a\n    mirrors:\n    - ", 8, "is to be a text, and is empty"},
		{"null for spec", head + "spec:\n", 1, "spec: is missing"},
		{"an object for a list", head + "spec:\n  imageDigestMirrors: {source: quay.io/a}", 5, "is to be a list, and is an object"},
		{"an empty policy", head + "spec:\n  imageDigestMirrors:\n  - source: quay.io/a\n    mirrorSourcePolicy: \"\"", 7, "leave the field out"},
		{"two objects without a separator", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n" + head + "spec: {}", 5, "kind: is written twice; put a line \"---\" between two objects"},
		{"the same with quotes", "apiVersion: v1\nkind: Service\n\"apiVersion\": config.openshift.io/v1\n\"kind\": ImageDigestMirrorSet", 4, "kind: is written twice"},
		{"a List and an object without a separator", "apiVersion: v1\nkind: List\nitems: []\n" + head + "spec: {}", 5, "kind: is written twice"},
		{"two objects in one of JSON", "{\"kind\": \"Service\",\n \"kind\": \"ImageDigestMirrorSet\"}", 2, "kind: is written twice"},
		{"a key twice", head + "spec:\n  imageDigestMirrors: []\n  imageDigestMirrors: []", 6, "is written twice"},
		{"a list without items", "apiVersion: v1\nkind: List", 1, "items: is missing"},
		{"an alias to itself", "apiVersion: v1\nkind: List\nitems: &a\n- apiVersion: v1\n  kind: List\n  items: *a", 4, "nested too deep"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, refused := decode(t, test.input)
			require.Len(t, refused, 1)
			require.Contains(t, refused[0].String(), test.want)
			require.Equal(t, test.line, refused[0].Origin.Line, refused[0].String())
			require.Equal(t, "in.yaml", refused[0].Origin.File)
		})
	}
}

func TestDecodeTakesNullForAbsentAsTheAPIServerDoes(t *testing.T) {
	set, refused := decode(t, strings.NewReplacer("    mirrors:\n    - m.io/a\n    - n.io/a\n", "    mirrors:\n", "NeverContactSource", "null").Replace(idms))
	require.Empty(t, refused)
	require.Equal(t, []ImageMirrors{{Source: "quay.io/a"}}, set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors)
	require.Equal(t, finding.CodeNoEffect, set.Validate()[0].Code)
}

func TestDecodeReportsAllProblemsAtOnceAndKeepsTheRest(t *testing.T) {
	set, refused := decode(t, "a: [\n---\n"+idms+"---\nkind: ImageTagMirrorSet\n---\nb: ]\n")
	require.Len(t, refused, 3)
	require.Len(t, set.ImageDigestMirrorSets, 1)
	require.Equal(t, 2, set.ImageDigestMirrorSets[0].ReadFrom.Document)
}

func TestDecodeStopsAliasesThatExpandWithoutBound(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: List\nx0: &x0 [{kind: ConfigMap}]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("{kind: List, items: *x%d},", i-1), 10), ","))
	}
	b.WriteString("items: *x11\n")
	_, refused := decode(t, b.String())
	require.NotEmpty(t, refused)
	require.Contains(t, refused.Err().Error(), "expands through aliases to more than")
}

func TestTheLinesOfManyDocumentsAreThoseOfTheInput(t *testing.T) {
	set, refused := decode(t, strings.Repeat("---\n"+idms, 8000))
	require.Empty(t, refused)
	require.Len(t, set.ImageDigestMirrorSets, 8000)
	require.Equal(t, 7999*12+2, set.ImageDigestMirrorSets[7999].ReadFrom.Line)
}

func TestDecodeReportsUnknownFieldsWithTheirLines(t *testing.T) {
	set, refused := decode(t, strings.Replace(idms, "    mirrors:", "    mirror: x\n    mirrors:", 1)+"extra: 1\n")
	require.Empty(t, refused)
	require.Len(t, set.Findings, 2)
	require.Equal(t, "warning: ImageDigestMirrorSet/a spec.imageDigestMirrors[0].mirror: has no effect: this object has no such field, and the API server drops it, as does this reader; did you mean mirrors? [unknown-field] (in.yaml:8)", set.Findings[0].String())
	require.Equal(t, "extra", set.Findings[1].Origin.Field)
}

func TestDecodeSaysWhenAnInputHoldsNothing(t *testing.T) {
	for _, input := range []string{"", "# only a comment\n", "---\n---\n", "apiVersion: v1\nkind: ConfigMap\n"} {
		set, refused := decode(t, input)
		require.Empty(t, refused)
		require.Equal(t, finding.CodeNothingRead, set.Findings[0].Code)
	}
}

func TestTypedValuesRoundTripThroughJSON(t *testing.T) {
	set, _ := decode(t, idms)
	data, err := json.Marshal(set.ImageDigestMirrorSets[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"apiVersion":"config.openshift.io/v1","kind":"ImageDigestMirrorSet","metadata":{"name":"a"},
		"spec":{"imageDigestMirrors":[{"source":"quay.io/a","mirrors":["m.io/a","n.io/a"],"mirrorSourcePolicy":"NeverContactSource"}]}}`, string(data))
	var back ImageDigestMirrorSet
	require.NoError(t, json.Unmarshal(data, &back))
	want := set.ImageDigestMirrorSets[0]
	want.ReadFrom = nil
	require.Equal(t, want, back)
}

func TestReadFilesTakesFilesAndDirectories(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	write("a.yaml", idms)
	write("sub/b.json", `{"kind":"List","apiVersion":"v1","items":[]}`)
	write("sub/notes.txt", "not read: [")
	write(".git/c.yaml", "not read: [")
	set, err := ReadFiles(dir)
	require.NoError(t, err)
	require.Len(t, set.ImageDigestMirrorSets, 1)
	require.Equal(t, filepath.Join(dir, "a.yaml"), set.ImageDigestMirrorSets[0].ReadFrom.File)

	_, err = ReadFiles(filepath.Join(dir, "missing.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	_, err = ReadFiles(filepath.Join(dir, "empty"))
	require.ErrorContains(t, err, "no .yaml, .yml or .json file")
	write("z.yaml", "a: [ # imageDigestMirrors:")
	write("zz.yaml", "b: ] # imageDigestMirrors:")
	_, err = ReadFiles(dir)
	var refused *finding.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Findings, 2)
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		idms, strings.ReplaceAll(idms, "\n", "\r\n"), "---\n---\n", "{\"kind\":\"List\",\"items\":[{}]}", "a: &a [*a]", "%YAML 1.1\n---\nx",
		"\xff\xfe{\x00}\x00", "- {source: a, mirrors: [b]}", "kind: List\nitems: [1, {kind: Image}]", "<<: [a, {b: c}]\nkind: ImageTagMirrorSet",
		"imageDigestSources: [{source: [], mirrors: {}}]", "? [a]\n: b", "--- |\n x", "a: !!binary x", "\ufeff---\n...\n---",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Decode("fuzz", strings.NewReader(string(data)))
		require.NotNil(t, set)
		if err != nil {
			var refused *finding.RefusedError
			require.ErrorAs(t, err, &refused)
			require.NotEmpty(t, refused.Error())
		}
		if rules, err := set.Rules(); err == nil {
			for _, r := range rules.Rules {
				require.True(t, ValidSource(r.Source))
				require.NotEmpty(t, r.Mirrors())
			}
		}
	})
}

const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n"

var unrelatedSeeds = []string{
	deployment, "---\n# Source: a.yaml\n\n" + deployment, strings.ReplaceAll(deployment, "\n", "\r\n"), "kind: Service\napiVersion: v1", "kind: A\napiVersion: v1\n# end",
	"kind: CronJobList\napiVersion: v1\nitems: []", "apiVersion: v1\nkind: Pod\n...\n---\n" + idms,
}

func TestUnrelatedDocumentsArePassedOver(t *testing.T) {
	for _, s := range unrelatedSeeds {
		set, refused := decode(t, s+"\nbroken: [\n---\n"+idms)
		require.Len(t, set.ImageDigestMirrorSets, 1)
		require.Equal(t, strings.Contains(s, "..."), refused != nil, s)
	}
	for _, kind := range []string{
		"ImageDigestMirrorSet", "ImageDigestMirrorSetList", "ImageTagMirrorSet", "ImageContentSourcePolicyList", "List", "ConfigMap", "Image", "ImageMirrorList", "HostedCluster",
	} {
		require.False(t, passedOver(kind, nil), kind)
	}
}

// FuzzUnrelated holds what is passed over to what parsing says of it.
func FuzzUnrelated(f *testing.F) {
	for _, s := range unrelatedSeeds {
		f.Add([]byte(s + "\nspec: {}\n"))
	}
	f.Add([]byte(deployment + "kind: Image\nspec: |\n  kind: List\n<<: {kind: Pod}\n? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		kinds := map[string]int{}
		passed, parsed := &decoder{name: "in.yaml", set: &Set{}}, &decoder{name: "in.yaml", set: &Set{}}
		passed.decode(bytes.NewReader(data), document.Options{PassOver: func(kind string, text []byte) bool {
			if passedOver(kind, text) {
				kinds[kind]++
			}
			return passedOver(kind, text)
		}})
		parsed.decode(bytes.NewReader(data), document.Options{})
		if len(kinds) == 0 || parsed.refused != nil {
			return // of what is broken, some was passed over all the same
		}
		require.Equal(t, parsed.set, passed.set)
		require.Equal(t, parsed.others, passed.others)
		require.Empty(t, passed.refused)
		for kind, n := range kinds {
			require.LessOrEqual(t, n, parsed.others[kind])
		}
	})
}

// JSON is YAML too, to a parser that shares nothing with the scanner of JSON.
func TestRandomJSONIsReadAsTheSameYAML(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	objects := 0
	for range 2000 {
		var b bytes.Buffer
		randomJSON(rnd, &b, 0)
		requireSameAsYAML(t, b.Bytes())
		if set, _ := decode(t, b.String()); !set.Empty() {
			objects++
		}
	}
	require.Greater(t, objects, 50)
	for _, s := range jsonObjects {
		requireSameAsYAML(t, []byte(s))
	}
}

// requireSameAsYAML reads a JSON value behind an empty line, which leaves it JSON, and behind a comment, which makes
// it YAML.
func requireSameAsYAML(t *testing.T, text []byte) {
	t.Helper()
	asJSON, refused := decode(t, "\n"+string(text))
	asYAML, yamlRefused := decode(t, "#\n"+strings.ReplaceAll(string(text), `\/`, "/")) // an escape that the YAML library lacks
	require.Equal(t, asYAML, asJSON, "%s", text)
	require.Equal(t, yamlRefused, refused, "%s", text)
}

var jsonObjects = []string{
	`{"apiVersion":"v1","items":[{"apiVersion":"config.openshift.io/v1","kind":"ImageDigestMirrorSet","metadata":{"name":"a","labels":{"a":"b"},"uid":"1","managedFields":[{"a":{}}]},"spec":{"imageDigestMirrors":[{"source":"quay.io\/a","mirrors":["m.io/a",2,null],"x":1}],"y":{}},"status":{},"z":[]},{"kind":"Deployment","spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}},3,{"kind":"List","items":[{"id":"1","source":"a","mirrors":[]}]}],"kind":"List","metadata":{}}`,
	`{"items":[{"metadata":{"name":"a"},"spec":{}}],"kind":"ImageTagMirrorSetList","apiVersion":"config.openshift.io/v1"}`,
	`{"kind":"ImageMirrorList","items":[{"kind":"ImageMirror","id":"1","type":"digest","source":"a.io/b","mirrors":["c.io"],"creation_timestamp":"2026-01-07T10:11:12Z","q":1}]}`,
	`[{"source":"a","mirrors":["b"]},{"source":"c"}]`, `[{"id":"1","source":"a","mirrors":["b"]}]`, `{"c":[{"id":"1","source":"a"}],"d":[{"kind":"ImageMirror"}]}`, `{"items":[{"id":"1","source":"a"}]}`,
	`{"imageDigestSources":[{"source":"a","mirrors":["b"],"sourcePolicy":""}],"imageContentSources":{}}`,
	`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"-----BEGIN CERTIFICATE-----","b":1}}`,
	`{"kind":"HostedCluster","apiVersion":"hypershift.openshift.io/v1beta1","metadata":{"name":"h","namespace":"n"},"spec":{"imageContentSources":[{"source":"a","mirrors":["b"]}],"configuration":{"image":{"registrySources":{}}}}}`,
	`{"kind":"Image","apiVersion":"config.openshift.io/v1","metadata":{"generateName":"i"},"spec":{"registrySources":{"blockedRegistries":["a",1]},"additionalTrustedCA":{"name":"c"}}}`,
}

var jsonWords = []string{
	"apiVersion", "kind", "metadata", "spec", "items", "status", "name", "namespace", "generateName", "labels", "annotations", "managedFields",
	"imageDigestMirrors", "imageTagMirrors", "repositoryDigestMirrors", "registrySources", "blockedRegistries", "imageContentSources", "imageDigestSources",
	"source", "mirrors", "mirrorSourcePolicy", "sourcePolicy", "id", "type", "data", "containers", "image", "configuration", "<<",
	"List", "ImageDigestMirrorSet", "ImageDigestMirrorSetList", "ImageTagMirrorSet", "ImageContentSourcePolicy", "Image", "ImageMirror", "ImageMirrorList", "ConfigMap", "HostedCluster", "Deployment",
	"v1", "config.openshift.io/v1", "operator.openshift.io/v1alpha1", "hypershift.openshift.io/v1beta1", "quay.io/a", `m.io\/a`, "NeverContactSource", "", `\u00e4`, `a\"b\\`, "ä", "-----BEGIN CERTIFICATE-----",
}

// randomJSON writes documents of the words that the reader knows.
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
