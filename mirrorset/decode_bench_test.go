package mirrorset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// inputs are the forms in which many objects come, each for n of them, and the allocations that one takes at most.
var inputs = []struct {
	name string
	make func(n int) []byte
	most float64
}{
	{"yaml-stream", yamlStream, 225},
	{"yaml-list", yamlList, 225},
	{"json-list", jsonList, 90},
	{"unrelated-yaml-stream", unrelatedStream, 20},
	{"unrelated-json-list", unrelatedList, 45},
}

func manyEntry(i int) (source string, mirrors []string) {
	path := fmt.Sprintf("/org%d/repo%d", i%1000, i)
	return fmt.Sprintf("registry%d.example.com%s", i%97, path), []string{"mirror.corp" + path, "backup.corp" + path}
}

// yamlStream is what people write: one document per object.
func yamlStream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		source, mirrors := manyEntry(i)
		fmt.Fprintf(&b, "---\napiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: m%d\nspec:\n  imageDigestMirrors:\n"+
			"  - source: %s\n    mirrors:\n    - %s\n    - %s\n", i, source, mirrors[0], mirrors[1])
	}
	return b.Bytes()
}

// yamlList is what oc get -o yaml prints.
func yamlList(n int) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: v1\nitems:\n")
	for i := range n {
		source, mirrors := manyEntry(i)
		fmt.Fprintf(&b, "- apiVersion: config.openshift.io/v1\n  kind: ImageDigestMirrorSet\n  metadata:\n    creationTimestamp: \"2026-01-07T10:11:12Z\"\n"+
			"    generation: 1\n    name: m%d\n    resourceVersion: \"%d\"\n    uid: 00000000-0000-4000-8000-%012d\n  spec:\n    imageDigestMirrors:\n"+
			"    - mirrors:\n      - %s\n      - %s\n      source: %s\n", i, 1000+i, i, mirrors[0], mirrors[1], source)
	}
	b.WriteString("kind: List\nmetadata:\n  resourceVersion: \"\"\n")
	return b.Bytes()
}

// jsonObject is an object as an API server keeps it; what differs between many is left to fill in.
func jsonObject(kind string) string {
	field, value := "imageDigestMirrors", map[string]any{"source": "SOURCE", "mirrors": []any{"FIRST", "SECOND"}}
	if kind != "ImageDigestMirrorSet" {
		field, value = "containers", map[string]any{"image": "SOURCE", "args": []any{"FIRST", "SECOND"}}
	}
	spec := map[string]any{field: []any{value}}
	meta := map[string]any{"name": "mINDEX", "annotations": map[string]any{}}
	o := map[string]any{"apiVersion": "config.openshift.io/v1", "kind": kind, "metadata": meta, "spec": spec}
	applied, _ := json.Marshal(o)
	meta["annotations"] = map[string]any{"kubectl.kubernetes.io/last-applied-configuration": string(applied) + "\n"}
	meta["creationTimestamp"] = "2026-01-07T10:11:12Z"
	meta["generation"] = 1
	meta["resourceVersion"] = "INDEX"
	meta["uid"] = "00000000-0000-4000-8000-000000000000"
	meta["managedFields"] = []any{map[string]any{
		"apiVersion": "config.openshift.io/v1", "fieldsType": "FieldsV1", "manager": "oc", "operation": "Update", "time": "2026-01-07T10:11:12Z",
		"fieldsV1": map[string]any{
			"f:metadata": map[string]any{"f:annotations": map[string]any{".": map[string]any{}, "f:kubectl.kubernetes.io/last-applied-configuration": map[string]any{}}},
			"f:spec":     map[string]any{".": map[string]any{}, "f:" + field: map[string]any{}},
		},
	}}
	text, _ := json.MarshalIndent(o, "        ", "    ")
	return "\n        " + string(text)
}

// jsonList is what oc get -o json --show-managed-fields prints.
func jsonList(n int) []byte { return jsonListOf("ImageDigestMirrorSet", n) }

// unrelatedList is jsonList with objects that have nothing to do with mirrors.
func unrelatedList(n int) []byte { return jsonListOf("Deployment", n) }

func jsonListOf(kind string, n int) []byte {
	object := jsonObject(kind)
	var b bytes.Buffer
	b.WriteString("{\n    \"apiVersion\": \"v1\",\n    \"items\": [")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		source, mirrors := manyEntry(i)
		strings.NewReplacer("INDEX", fmt.Sprint(i), "SOURCE", source, "FIRST", mirrors[0], "SECOND", mirrors[1]).WriteString(&b, object)
	}
	b.WriteString("\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n")
	return b.Bytes()
}

// unrelatedStream is what else stands in a directory of manifests.
func unrelatedStream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d%d\n  labels:\n    app: d%[1]d\nspec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: d%[1]d\n"+
			"  template:\n    metadata:\n      labels:\n        app: d%[1]d\n    spec:\n      containers:\n      - name: main\n        image: quay.io/team/app%[1]d:1.0\n        ports:\n        - containerPort: 8080\n", i)
	}
	return b.Bytes()
}

// BenchmarkDecode reads many objects in every form; "MB-set" is what the result takes. For JSON the metric "x-encoding/json" is the time as a
// multiple of what encoding/json takes for the same bytes into the same types.
func BenchmarkDecode(b *testing.B) {
	for _, input := range inputs {
		for _, n := range []int{1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", input.name, n), func(b *testing.B) {
				data := input.make(n)
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				var theirs time.Duration
				for b.Loop() {
					if _, err := Decode("in", bytes.NewReader(data)); err != nil {
						b.Fatal(err)
					}
					if data[0] != '{' {
						continue
					}
					b.StopTimer() // by turns, so that both have the same of what else the machine does
					start := time.Now()
					var list struct {
						Items []ImageDigestMirrorSet `json:"items"`
					}
					if err := json.Unmarshal(data, &list); err != nil {
						b.Fatal(err)
					}
					theirs += time.Since(start)
					b.StartTimer()
				}
				before := heap()
				set, _ := Decode("in", bytes.NewReader(data))
				b.ReportMetric(float64(heap()-before)/1e6, "MB-set")
				runtime.KeepAlive(set)
				runtime.KeepAlive(data)
				if theirs > 0 {
					b.ReportMetric(b.Elapsed().Seconds()/theirs.Seconds(), "x-encoding/json")
				}
			})
		}
	}
}
