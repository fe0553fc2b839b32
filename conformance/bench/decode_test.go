package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/internal/shapes"
	"github.com/pullroute/pullroute/mirrorset"
)

// listed returns n objects as an API server keeps them, in the list that oc prints.
func listed(b *testing.B, n int) *configv1.ImageDigestMirrorSetList {
	list := &configv1.ImageDigestMirrorSetList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}}
	for i, o := range openshift.ClusterOf(shapes.Sources(n)).IDMS {
		o.TypeMeta = metav1.TypeMeta{APIVersion: "config.openshift.io/v1", Kind: "ImageDigestMirrorSet"}
		applied, err := json.Marshal(o)
		if err != nil {
			b.Fatal(err)
		}
		created := metav1.NewTime(time.Date(2026, 1, 7, 10, 11, 12, 0, time.UTC))
		o.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(applied) + "\n"}
		o.CreationTimestamp, o.Generation = created, 1
		o.UID, o.ResourceVersion = types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), fmt.Sprint(1000+i)
		o.ManagedFields = []metav1.ManagedFieldsEntry{{
			APIVersion: "config.openshift.io/v1", FieldsType: "FieldsV1", Manager: "oc", Operation: "Update", Time: &created,
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}},"f:spec":{".":{},"f:imageDigestMirrors":{}}}`),
		}}
		list.Items = append(list.Items, *o)
	}
	return list
}

func jsonList(b *testing.B, n int) []byte {
	data, err := json.MarshalIndent(listed(b, n), "", "    ")
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkDecode reads manifests, as Go programs do it that use the types of github.com/openshift/api.
func BenchmarkDecode(b *testing.B) {
	for _, form := range []struct {
		name string
		make func(b *testing.B, n int) []byte
		read func(data []byte) (objects int, err error)
	}{
		{"json-list", jsonList, func(data []byte) (int, error) {
			var list configv1.ImageDigestMirrorSetList
			err := json.Unmarshal(data, &list)
			return len(list.Items), err
		}},
		{"yaml-list", func(b *testing.B, n int) []byte {
			data, err := yaml.Marshal(listed(b, n))
			if err != nil {
				b.Fatal(err)
			}
			return data
		}, func(data []byte) (int, error) {
			var list configv1.ImageDigestMirrorSetList
			err := yaml.Unmarshal(data, &list)
			return len(list.Items), err
		}},
		{"yaml-stream", func(b *testing.B, n int) []byte {
			var data bytes.Buffer
			for _, o := range listed(b, n).Items {
				text, err := yaml.Marshal(o)
				if err != nil {
					b.Fatal(err)
				}
				data.WriteString("---\n")
				data.Write(text)
			}
			return data.Bytes()
		}, func(data []byte) (int, error) {
			var sets []configv1.ImageDigestMirrorSet
			for dec := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
				var o configv1.ImageDigestMirrorSet
				if err := dec.Decode(&o); errors.Is(err, io.EOF) {
					return len(sets), nil
				} else if err != nil {
					return 0, err
				}
				sets = append(sets, o)
			}
		}},
	} {
		for _, n := range []int{1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", form.name, n), func(b *testing.B) {
				data := form.make(b, n)
				b.SetBytes(int64(len(data)))
				beside(b, "peer", func() {
					if got, err := form.read(data); err != nil || got != n {
						b.Fatal(got, err)
					}
				}, func() {
					set, err := mirrorset.Decode("in", bytes.NewReader(data))
					if err != nil || len(set.ImageDigestMirrorSets) != n {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

// BenchmarkProcess runs whole programs: mirrorctl render, and one that does the same with runtime-utils; from
// their start to the registries.conf on disk.
func BenchmarkProcess(b *testing.B) {
	dir := b.TempDir()
	for _, program := range []string{"examples/mirrorctl", "conformance/bench/runtimeutils"} {
		build := exec.Command("go", "build", "-o", dir, "github.com/pullroute/pullroute/"+program)
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			input := filepath.Join(dir, "list.json")
			if err := os.WriteFile(input, jsonList(b, n), 0o644); err != nil {
				b.Fatal(err)
			}
			run := func(name string, args ...string) []byte {
				out := b.TempDir()
				if text, err := exec.Command(filepath.Join(dir, name), append(args, out)...).CombinedOutput(); err != nil {
					b.Fatalf("%s: %v\n%s", name, err, text)
				}
				file, err := os.ReadFile(filepath.Join(out, "registries.conf"))
				if err != nil {
					b.Fatal(err)
				}
				return file
			}
			peer := func() []byte { return run("runtimeutils", input) }
			own := func() []byte { return run("mirrorctl", "render", "--platform", "linux", "-f", input, "--out") }
			if !bytes.Equal(peer(), own()) {
				b.Fatal("the files differ")
			}
			beside(b, "runtimeutils", func() { peer() }, func() { own() })
		})
	}
}
