package mirrorset

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var listSeeds = []string{
	string(yamlList(3)),
	"kind: List\napiVersion: v1\nitems:\n- kind: Pod\n- kind: List\n  items:\n  - kind: Job\n# a comment\n\n- a: |\n\n    - b\n- \"c\n  d\"\nmetadata: {}\n",
	"items:\n- kind: Pod\nkind: ImageMirrorList\n", "\nitems:\n- {id: a, source: b.io, mirrors: [c.io]}\nkind: ImageMirrorList\n",
	"kind: ImageTagMirrorSetList\napiVersion: config.openshift.io/v1\nitems:\n- metadata: {name: a}\n  spec: {x: 1}\n- 3\n",
	"kind: ImageTagMirrorSetList\napiVersion: v1\nitems:\n- metadata: {name: a}\n",
	"kind: List\nitems:\n- &a {kind: Pod}\n- *a\n", "kind: List\nx: &a {kind: Pod}\nitems:\n- *a\n", "kind: List\nitems:\n- &a {kind: Pod}\nx: *a\n",
	"kind: List\nitems:\n- a: \"b\n- c\"\n- d\n", "kind: List\nitems:\n- {a: b,\n- c: d}\n", "kind: List\nx: \"\nitems:\n- a\n\"\n", "kind: List\nx: {y: z,\nitems:\n- a\n}\n",
	"kind: List\nitems: []\nitems:\n- a: b\n", "kind: List\nitems:\n- a: b\nitems:\n- c: d\n", "kind: List\nitems:\n- a\n b\n", "kind: List\nitems:\n- a\n...\n---\nkind: Pod\n",
	"kind: Image\nitems:\n- a: [\n", "kind: List\nitems:\n- kind: Pod\n- a: [\n", "kind: List\nitems:\n-\n- kind: Pod\n", "kind: List\nitems:\n- kind: Pod\n-a\n", "kind: List\nitems:\n- kind: Pod\u2028- kind: Job\n- kind: Pod\u2028kind: Job\n",
	"%TAG ! tag:a,2000:\n---\nkind: List\nitems:\n- kind: !a Pod\n", "kind: List\r\nitems:\r\n- kind: Pod\r\n", "kind: List\nitems:\n- kind: Pod\n\tx: y\n", "kind: List\n\nitems:\n- a: b\n- ? c\n  : d\n-   - e\n",
}

// requireSameList holds a list that is read in parts to the same list in one piece.
func requireSameList(t *testing.T, data []byte) (read bool) {
	t.Helper()
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return false
	}
	whole, parts := &decoder{name: "in", set: &Set{}}, &decoder{name: "in", set: &Set{}}
	whole.skip("Before")
	whole.yaml(data, 5, true)
	parts.skip("Before")
	if read = parts.yamlList(data, 5, 1); !read {
		parts.yaml(data, 5, true)
	}
	require.Equal(t, whole.set, parts.set)
	require.Equal(t, whole.refused, parts.refused)
	require.Equal(t, whole.others, parts.others)
	require.Equal(t, whole.document, parts.document)
	require.Equal(t, whole.aliased, parts.aliased)
	return read
}

func TestALongYAMLListIsReadInPartsAsInOnePiece(t *testing.T) {
	for i, s := range listSeeds {
		read := requireSameList(t, []byte(s))
		require.True(t, read || i > 1, s)
	}
	// Random lines of lists, most of which break something.
	lines := strings.Split(strings.Join(listSeeds, "\n"), "\n")
	rnd := rand.New(rand.NewPCG(3, 4))
	parts := 0
	for range 2000 {
		var b bytes.Buffer
		fmt.Fprintf(&b, "kind: List\n%s\nitems:\n- kind: Pod\n", lines[rnd.IntN(len(lines))])
		for range rnd.IntN(6) {
			b.WriteString(lines[rnd.IntN(len(lines))] + "\n")
		}
		if requireSameList(t, b.Bytes()) {
			parts++
		}
	}
	require.Greater(t, parts, 100, "lists read in parts")
}

func FuzzYAMLList(f *testing.F) {
	for _, s := range listSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { requireSameList(t, data) })
}
