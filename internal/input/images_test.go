package input_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/stretchr/testify/require"
)

func imagesOf(t *testing.T, text string) (*input.Images, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "images")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	return input.ReadImages(name)
}

func names(l *input.Images) []string {
	var all []string
	for _, i := range l.Images {
		all = append(all, i.Name)
	}
	return all
}

func TestImagesAreFoundInEveryListThatPeopleHave(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("b", 64)
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"one a line, comments and CRLF": {
			"\ufeff# head\r\nquay.io/a/b:1\r\n\r\n  quay.io/a/c:2   # why\r\nquay.io/a/b:1\r\n", []string{"quay.io/a/b:1", "quay.io/a/c:2"}},
		"a transport":        {"docker://quay.io/a/b:1\n", []string{"quay.io/a/b:1"}},
		"two columns":        {"cli   quay.io/a/b" + digest + "\nweb\tquay.io/a/c:1\n", []string{"quay.io/a/b" + digest, "quay.io/a/c:1"}},
		"a mapping":          {"quay.io/a/b" + digest + "=m.io/a/b:x\n", []string{"quay.io/a/b" + digest}},
		"a port, no mapping": {"m.io:5000/a/b:1\n", []string{"m.io:5000/a/b:1"}},
		"a release": {
			"Name:           4.19.3\nPull From: quay.io/r/release" + digest + "\n\nImages:\n  NAME          PULL SPEC\n  api     quay.io/r/art" + digest + "\n",
			[]string{"quay.io/r/release" + digest, "quay.io/r/art" + digest}},
		"a release in JSON": {
			`{"image": "quay.io/r/release` + digest + `", "references": {"kind": "ImageStream", "spec": {"tags": [` +
				`{"from": {"kind": "DockerImage", "name": "quay.io/r/art` + digest + `"}}]}}}`,
			[]string{"quay.io/r/art" + digest, "quay.io/r/release" + digest}},
		"pods and their images": {"ns/pod quay.io/a/b:1\n", []string{"quay.io/a/b:1"}},
		"pods of every kind": {`
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: a, image: quay.io/init:1}]
      containers:
      - {name: b, image: quay.io/app:1}
      - {name: c, image: quay.io/app:1}
      volumes: [{name: v, image: {reference: quay.io/data:1}}]
---
kind: List
items:
- kind: CronJob
  spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: quay.io/job:1}]}}}}}
---
kind: ConfigMap
data: {image: quay.io/not-this:1}
`, []string{"quay.io/app:1", "quay.io/data:1", "quay.io/init:1", "quay.io/job:1"}},
		"an operator": {`
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
spec:
  relatedImages: [{name: x, image: quay.io/op/x:1}]
  install: {spec: {deployments: [{spec: {template: {spec: {containers: [{image: quay.io/op/y:1, env: [{name: RELATED_IMAGE_Z, value: "quay.io/op/z:1"}, {name: IMAGE, value: no image}]}]}}}}]}}
`, []string{"quay.io/op/x:1", "quay.io/op/y:1", "quay.io/op/z:1"}},
		"a catalog": {"kind: CatalogSource\nspec: {sourceType: grpc, image: 'quay.io/cat/index:v1'}\n", []string{"quay.io/cat/index:v1"}},
		"an image set": {`
kind: ImageSetConfiguration
mirror:
  operators: [{catalog: 'quay.io/cat/index:v1', packages: [{name: a}]}, {catalog: 'oci:///local'}]
  additionalImages: [{name: quay.io/more/a:1}]
  blockedImages: [{name: quay.io/never/a:1}]
`, []string{"quay.io/cat/index:v1", "quay.io/more/a:1"}},
		"a release as JSON": {
			`{"references": {"spec": {"tags": [{"name": "cli", "from": {"kind": "DockerImage", "name": "quay.io/r/art:1"}}]}}}`, []string{"quay.io/r/art:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := imagesOf(t, tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, names(l))
		})
	}
}

func TestAMappingSaysWhereAnImageWent(t *testing.T) {
	l, err := imagesOf(t, "docker://quay.io/a/b:1=docker://m.io/a/b:1\n")
	require.NoError(t, err)
	require.Equal(t, []input.Image{{Name: "quay.io/a/b:1", Destination: "m.io/a/b:1"}}, l.Images)
	require.Equal(t, 1, l.Transports)
}

func TestAListWithoutAnImageIsAnErrorThatRepeatsNoLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "holds no image",
		"# nothing\n":                           "holds no image",
		"kind: ConfigMap\n":                     "holds no image",
		"a: &a\n- *a\n":                         "holds no image",
		"a: [":                                  "not valid YAML",
		"quay.io/a:1\n quay.io/b:1  m.io/b:1\n": ":2: has two images; where the second is where the first was copied to, write SRC=DST",
		"quay.io/a:1\nP4ssw0rd!\n":              ":2: is not an image reference",
		"kind: Pod\nspec: {containers: [{image: 'P4ssw0rd!'}]}\n": ":2: is not an image reference",
		"Name: x\n  NAME   DIGEST\n  cli   sha256:abc\n":          "--pullspecs",
	} {
		_, err := imagesOf(t, text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "P4ssw0rd")
	}
}
