package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPodImagesFindsThemInEveryKind(t *testing.T) {
	images, err := podImages("pods.yaml", strings.NewReader(`
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: a, image: quay.io/init:1}]
      containers:
      - {name: b, image: quay.io/app:1}
      - {name: c, image: quay.io/app:1}
---
kind: List
items:
- kind: CronJob
  spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: quay.io/job:1}]}}}}}
---
kind: ConfigMap
data: {image: quay.io/not-this:1}
`))
	require.NoError(t, err)
	require.Equal(t, []string{"quay.io/app:1", "quay.io/init:1", "quay.io/job:1"}, images)
	_, err = podImages("pods.yaml", strings.NewReader("a: ["))
	require.ErrorContains(t, err, "not valid YAML")
	images, err = podImages("pods.yaml", strings.NewReader("a: &a\n- *a\n"))
	require.NoError(t, err)
	require.Empty(t, images)
}
