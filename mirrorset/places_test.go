package mirrorset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// What a CA bundle holds is reported at the line of its key.
func TestATrustedCAIsReportedAtItsLine(t *testing.T) {
	const text = `apiVersion: v1
kind: ConfigMap
metadata:
  name: registry-cas
  namespace: openshift-config
data:
  z.io: "no certificate"
  a.io..5000: "nor this"
---
apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec:
  additionalTrustedCA: {name: registry-cas}
`
	set, err := mirrorset.Decode("f.yaml", strings.NewReader(text))
	require.NoError(t, err)
	rules, _ := set.Rules()
	lines := map[string]int{}
	for _, f := range rules.Findings {
		if f.Code == finding.CodeUnusableCA {
			lines[f.Origin.Field] = f.Origin.Line
		}
	}
	require.Equal(t, map[string]int{`data["z.io"]`: 7, `data["a.io..5000"]`: 8}, lines)
}

// Each kind reports the fields that the API server drops.
func TestUnknownFieldsOfEverySpecAreReported(t *testing.T) {
	for kind, list := range map[string]string{"ImageDigestMirrorSet": "imageDigestMirrors", "ImageTagMirrorSet": "imageTagMirrors"} {
		text := fmt.Sprintf("apiVersion: config.openshift.io/v1\nkind: %s\nmetadata: {name: a}\nspec:\n  odd: 1\n  %s: [{source: quay.io, mirrors: [m.io]}]\n", kind, list)
		set, err := mirrorset.Decode("f.yaml", strings.NewReader(text))
		require.NoError(t, err)
		require.Len(t, set.Findings, 1, kind)
		require.Equal(t, finding.CodeUnknownField, set.Findings[0].Code)
		require.Equal(t, "spec.odd", set.Findings[0].Origin.Field)
		require.Equal(t, 5, set.Findings[0].Origin.Line)
	}
}

// Of many files most are about other things: lists, single values and objects that two kinds were written into are no mistake
// of theirs that concerns us, unless they speak of mirrors.
func TestFilesAboutOtherThingsAreNoMistakesAmongOthers(t *testing.T) {
	for text, refused := range map[string]bool{
		"- hosts: all\n  tasks: []\n": false, "hello\n": false, "kind: A\nkind: B\n": false, "[1, 2]\n": false,
		"- hosts: all\n  imageDigestMirrors: []\n": true, "kind: ImageDigestMirrorSet\nkind: B\n": true, "ImageDigestMirrorSet\n": true,
	} {
		_, err := mirrorset.DecodeAmong("f.yaml", strings.NewReader(text))
		require.Equal(t, refused, err != nil, text)
		_, err = mirrorset.Decode("f.yaml", strings.NewReader(text))
		require.Error(t, err, text)
	}
}

// ConfigMaps of other programs are many; one that holds certificates may be that of the registries, and speaks of no mirror.
func TestCertificatesAreReadAmongOthers(t *testing.T) {
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: registry-ca, namespace: openshift-config}\ndata:\n" +
		"  z.io: |\n    -----BEGIN CERTIFICATE-----\n"
	set, err := mirrorset.DecodeAmong("f.yaml", strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, set.ConfigMaps, 1)
}
