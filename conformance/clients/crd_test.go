package clients_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
)

func TestTheAPIServerRefuses(t *testing.T) {
	crds, err := openshift.LoadCRDs()
	require.NoError(t, err)
	manifest := func(entry string) string {
		return "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: x}\nspec: {imageDigestMirrors: [" + entry + "]}\n"
	}
	for name, tt := range map[string]struct{ manifest, refusal string }{
		"nothing of a plain entry":      {manifest(`{source: quay.io/a, mirrors: [m.io/a, "m.io:5000"]}`), ""},
		"nothing of a wildcard":         {manifest(`{source: "*.quay.io"}`), ""},
		"nothing of an unknown field":   {manifest(`{source: quay.io, colour: red}`), ""},
		"nothing of null mirrors":       {manifest(`{source: quay.io, mirrors: null}`), ""},
		"nothing of no entries":         {manifest(``), ""},
		"nothing of an upper-case host": {manifest(`{source: Quay.io}`), ""},
		"nothing of NeverContactSource": {manifest(`{source: quay.io, mirrors: [m.io], mirrorSourcePolicy: NeverContactSource}`), ""},
		"a repeated mirror":             {manifest(`{source: quay.io, mirrors: [m.io, n.io, m.io]}`), `spec.imageDigestMirrors[0].mirrors[2]: Duplicate value: "m.io"`},
		"no source":                     {manifest(`{mirrors: [m.io]}`), `spec.imageDigestMirrors[0].source: Required value`},
		"a null source":                 {manifest(`{source: null}`), `spec.imageDigestMirrors[0].source: Required value`},
		"an empty source":               {manifest(`{source: ""}`), `spec.imageDigestMirrors[0].source: Invalid value: ""`},
		"a tag":                         {manifest(`{source: "quay.io/a:1"}`), `spec.imageDigestMirrors[0].source: Invalid value`},
		"a wildcard with a path":        {manifest(`{source: "*.quay.io/a"}`), `spec.imageDigestMirrors[0].source: Invalid value`},
		"a wildcard as a mirror":        {manifest(`{source: quay.io, mirrors: ["*.m.io"]}`), `spec.imageDigestMirrors[0].mirrors[0]: Invalid value`},
		"a trailing slash":              {manifest(`{source: quay.io/}`), `spec.imageDigestMirrors[0].source: Invalid value`},
		"an upper-case path":            {manifest(`{source: quay.io/A}`), `spec.imageDigestMirrors[0].source: Invalid value`},
		"an empty policy":               {manifest(`{source: quay.io, mirrorSourcePolicy: ""}`), `spec.imageDigestMirrors[0].mirrorSourcePolicy: Unsupported value: ""`},
		"an unknown policy":             {manifest(`{source: quay.io, mirrorSourcePolicy: Never}`), `spec.imageDigestMirrors[0].mirrorSourcePolicy: Unsupported value: "Never"`},
		"a number for a source":         {manifest(`{source: 1}`), `spec.imageDigestMirrors[0].source: Invalid value: "integer"`},
		"no spec":                       {"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\n", `spec: Required value`},
		"no name":                       {"apiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nspec: {}\n", `metadata.name: Required value`},
		"nothing of an odd ICSP":        {"apiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nmetadata: {name: x}\nspec: {repositoryDigestMirrors: [{source: \"a b:/\", mirrors: [x, x]}]}\n", ""},
	} {
		errs, err := crds.Validate([]byte(tt.manifest))
		require.NoError(t, err, name)
		if tt.refusal == "" {
			require.Empty(t, errs, name)
			continue
		}
		require.Len(t, errs, 1, name)
		require.Contains(t, errs[0].Error(), tt.refusal, name)
	}
	_, err = crds.Validate([]byte("kind: Pod\napiVersion: v1\n"))
	require.ErrorContains(t, err, "no definition")
}
