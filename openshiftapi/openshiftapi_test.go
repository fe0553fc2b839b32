package openshiftapi_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/openshiftapi"
)

// add decodes a document into the list of its kind, and reports whether there is one.
func add(o *openshiftapi.Objects, document []byte) (bool, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return false, nil
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "config.openshift.io/v1 ImageDigestMirrorSet":
		return decode(document, &o.ImageDigestMirrorSets.Items)
	case "config.openshift.io/v1 ImageTagMirrorSet":
		return decode(document, &o.ImageTagMirrorSets.Items)
	case "operator.openshift.io/v1alpha1 ImageContentSourcePolicy":
		return decode(document, &o.ImageContentSourcePolicies.Items)
	case "config.openshift.io/v1 Image":
		return decode(document, &o.Images.Items)
	case "v1 ConfigMap":
		known, err := decode(document, &o.ConfigMaps.Items)
		last := o.ConfigMaps.Items[len(o.ConfigMaps.Items)-1]
		return known && last.Namespace == "openshift-config", err // others wrap objects
	case "config.openshift.io/v1 ClusterVersion":
		return decode(document, &o.ClusterVersions.Items)
	case "config.openshift.io/v1 ClusterImagePolicy":
		return decode(document, &o.ClusterImagePolicies.Items)
	case "config.openshift.io/v1 ImagePolicy":
		return decode(document, &o.ImagePolicies.Items)
	case "operator.openshift.io/v1 MachineConfiguration":
		return decode(document, &o.MachineConfigurations.Items)
	}
	return false, nil
}

func decode[T any](document []byte, items *[]T) (bool, error) {
	var item T
	err := yaml.UnmarshalStrict(document, &item)
	*items = append(*items, item)
	return err == nil, err
}

// stripped is a set without what a file adds, and without what only Decode keeps.
func stripped(t *testing.T, set *mirrorset.Set) *mirrorset.Set {
	out := &mirrorset.Set{
		ImageDigestMirrorSets: set.ImageDigestMirrorSets, ImageTagMirrorSets: set.ImageTagMirrorSets,
		ImageContentSourcePolicies: set.ImageContentSourcePolicies, Images: set.Images, ConfigMaps: set.ConfigMaps,
		ClusterVersions: set.ClusterVersions, ClusterImagePolicies: set.ClusterImagePolicies,
		ImagePolicies: set.ImagePolicies, MachineConfigurations: set.MachineConfigurations,
	}
	v := reflect.ValueOf(out).Elem()
	for i := range v.NumField() {
		if list := v.Field(i); list.Kind() == reflect.Slice && list.CanSet() {
			for j := range list.Len() {
				for _, name := range []string{"ReadFrom", "TypeMeta"} {
					if f := list.Index(j).FieldByName(name); f.IsValid() {
						f.SetZero()
					}
				}
			}
		}
	}
	return out
}

// Over every manifest of the repository's stories that holds nothing but such objects, Set and Decode read the same.
func TestSetReadsWhatDecodeReads(t *testing.T) {
	stories, err := filepath.Glob("../testdata/*.txtar")
	require.NoError(t, err)
	compared, objects := 0, 0
	for _, name := range append(stories, "../testdata/documented-example.yaml") {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, text := range manifests(name, string(data)) {
			o, n, ok := objectsOf(text)
			if !ok || n == 0 {
				continue
			}
			theirs, err := mirrorset.Decode(name, strings.NewReader(text))
			if err != nil {
				continue // refused
			}
			ours, err := o.Set()
			require.NoError(t, err)
			require.Equal(t, stripped(t, theirs), stripped(t, ours), "%s:\n%s", name, text)
			compared++
			objects += n
		}
	}
	t.Logf("%d manifests, %d objects", compared, objects)
	require.Greater(t, compared, 20)
}

// manifests are the files of a story that hold manifests.
func manifests(name, data string) (texts []string) {
	if !strings.HasSuffix(name, ".txtar") {
		return []string{data}
	}
	for i, part := range strings.Split("\n"+data, "\n-- ") {
		file, text, _ := strings.Cut(part, " --\n")
		if i > 0 && strings.HasSuffix(file, ".yaml") {
			texts = append(texts, text+"\n")
		}
	}
	return texts
}

// objectsOf reads a text into lists; ok is set where all of it is of kinds that there are lists for.
func objectsOf(text string) (o *openshiftapi.Objects, n int, ok bool) {
	o = &openshiftapi.Objects{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return o, n, true
		}
		if err != nil {
			return nil, 0, false
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		if known, err := add(o, document); err != nil || !known {
			return nil, 0, false
		}
		n++
	}
}

func TestAConfigMapElsewhereIsPassedOver(t *testing.T) {
	o := openshiftapi.Objects{ConfigMaps: corev1.ConfigMapList{Items: []corev1.ConfigMap{
		{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "cas"}}, {ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "cas"}},
	}}}
	set, err := o.Set()
	require.NoError(t, err)
	require.Len(t, set.ConfigMaps, 1)
	require.Equal(t, "openshift-config", set.ConfigMaps[0].Metadata.Namespace)
}

func TestThePageHasTheAdapter(t *testing.T) {
	source, err := os.ReadFile("example_mco_test.go")
	require.NoError(t, err)
	_, adapter, _ := strings.Cut(string(source), "// registriesConf is")
	adapter, _, _ = strings.Cut(adapter, "\n\n// The files")
	page, err := os.ReadFile("../docs/from-mco.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "```go\n// registriesConf is"+adapter+"\n```\n")
}
