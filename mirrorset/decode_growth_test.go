package mirrorset

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What an object costs must not depend on how many there are. Counted, not timed.
func TestDecodingAnObjectCostsTheSameAmongFewAndMany(t *testing.T) {
	const few, many = 1000, 10_000
	for _, input := range inputs {
		t.Run(input.name, func(t *testing.T) {
			cost := func(n int) (allocs, size float64) {
				data := input.make(n)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := Decode("in", bytes.NewReader(data))
				runtime.ReadMemStats(&after)
				require.NoError(t, err)
				return float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
			}
			fewAllocs, fewBytes := cost(few)
			manyAllocs, manyBytes := cost(many)
			t.Logf("among %d: %.1f allocations, %.0f bytes; among %d: %.1f, %.0f", few, fewAllocs, fewBytes, many, manyAllocs, manyBytes)
			require.Less(t, manyAllocs, fewAllocs*1.03)
			require.Less(t, manyAllocs, input.most)
			require.Less(t, manyBytes, fewBytes*1.2, "a list that grows is copied, at sizes that lie unevenly")
		})
	}
}

// heap returns the bytes that are reachable.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// padded is an object with much in it that is read and not kept.
func padded(i int) string {
	return fmt.Sprintf(`{"apiVersion": "config.openshift.io/v1", "kind": "ImageDigestMirrorSet", "metadata": {"name": "m%d", "uid": "%s",
  "managedFields": [{"manager": "%[2]s"}]}, "spec": {"imageDigestMirrors": [{"source": "quay.io/%[1]d", "mirrors": ["m.io/%[1]d"]}]}, "status": {"a": "%[2]s"}}`,
		i, strings.Repeat("x", 4000))
}

func TestWhatIsReadDoesNotKeepTheInput(t *testing.T) {
	const n = 500 // 6 MB of text, 0.3 MB of which is wanted
	var objects []string
	for i := range n {
		objects = append(objects, padded(i))
	}
	for name, text := range map[string]string{
		"JSON list":    `{"kind": "List", "apiVersion": "v1", "items": [` + strings.Join(objects, ",\n") + `]}`,
		"JSON values":  strings.Join(objects, "\n"),
		"YAML list":    "kind: List\napiVersion: v1\nitems:\n- " + strings.Join(objects, "\n- "),
		"YAML stream":  strings.Join(objects, " # YAML\n---\n"),
		"unknown keys": `{"kind": "List", "apiVersion": "v1", "items": [` + strings.ReplaceAll(strings.Join(objects, ",\n"), `"status"`, `"stat"`) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			set, err := Decode("in", io.MultiReader(strings.NewReader(text)))
			require.NoError(t, err)
			require.Len(t, set.ImageDigestMirrorSets, n)
			require.Less(t, heap()-before, n*1500)
			runtime.KeepAlive(set)
		})
	}
}

// watched measures the heap while a stream is read.
type watched struct {
	r    io.Reader
	n    int
	most int
}

func (w *watched) Read(p []byte) (int, error) {
	if w.n++; w.n%10 == 0 {
		w.most = max(w.most, heap())
	}
	return w.r.Read(p)
}

func TestOneDocumentOfAStreamIsInMemoryAtATime(t *testing.T) {
	const n = 1000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\n# YAML\n%s\n", padded(i))
	}
	before := heap()
	w := &watched{r: strings.NewReader(b.String())}
	set, err := Decode("in", w)
	require.NoError(t, err)
	require.Len(t, set.ImageDigestMirrorSets, n)
	result := heap() - before
	require.Less(t, w.most-before, result+1<<20, "of 12 MB")
	runtime.KeepAlive(set)
}
