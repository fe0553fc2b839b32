package mirrorset_test

import (
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/stretchr/testify/require"
)

func TestRulesNameTheImageMirror(t *testing.T) {
	set, err := mirrorset.Decode("list.yaml", strings.NewReader(`
- id: abc123def456
  type: digest
  source: registry.example.com/team
  mirrors:
  - mirror.corp.com/team
  - backup.corp.com/team
`))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Empty(t, rules.Findings)
	origin := rules.Rules[0].Mirrors()[1].Origins[0]
	require.Equal(t, "ImageMirror/abc123def456 mirrors[1]", origin.String())
	require.Equal(t, "list.yaml:7", origin.Place())
	require.Equal(t, "ImageMirror/abc123def456 source", rules.Rules[0].Entries[0].SourceOrigin().String())
}

func TestImageMirrorsInManifestsAreHeldToTheRules(t *testing.T) {
	for _, test := range []struct{ name, input, want string }{
		{"a source twice", "- {id: b, source: quay.io/a, mirrors: [m.io]}\n- {id: a, source: quay.io/a, mirrors: [n.io]}", `error: ImageMirror/a source: "quay.io/a": has an image mirror already, ImageMirror/b; edit the mirrors of that one, or delete it first [source-in-use, refused by the cluster-management API] (in.yaml:2)`},
		{"a source three times", "- {id: b, source: quay.io/a, mirrors: [m.io]}\n- {id: a, source: quay.io/a, mirrors: [n.io]}\n- {id: c, source: quay.io/a, mirrors: [o.io]}", `ImageMirror/c source: "quay.io/a": has an image mirror already, ImageMirror/b; edit`},
		{"two versions of one", "- {id: a, source: quay.io/a, mirrors: [m.io]}\n- {id: a, source: quay.io/a, mirrors: [n.io]}", `is the id of another image mirror`},
		{"one without an id", "- {id: a, source: quay.io/a, mirrors: [m.io]}\n- {source: quay.io/b, mirrors: [n.io]}", `ImageMirror id: is missing; every image mirror has an id`},
		{"no mirrors", "- {id: a, source: quay.io/a}", `ImageMirror/a mirrors: is missing; name at least one mirror`},
		{"a type for tags", "- {id: a, type: tag, source: quay.io/a, mirrors: [m.io]}", `ImageMirror/a type: "tag"`},
		{"an id that reads as a number", "- {id: 123, source: quay.io/a, mirrors: [m.io]}", `id: "123": is to be a text, and is a number; put it in quotes`},
		{"a time that is none", "- {id: a, source: quay.io/a, mirrors: [m.io], creation_timestamp: yesterday}", `creation_timestamp: "yesterday": is to be a time`},
		{"a store", `{"mycluster": [{"id": "a", "source": "quay.io/a", "mirrors": ["m.io"]}]}`, `is a store of the image mirrors of clusters; print those of one cluster`},
	} {
		t.Run(test.name, func(t *testing.T) {
			set, err := mirrorset.Decode("in.yaml", strings.NewReader(test.input))
			if err == nil {
				_, err = set.Rules()
			}
			require.ErrorContains(t, err, test.want)
		})
	}
	same := "- {id: a, source: quay.io/a, mirrors: [m.io]}\n"
	set, err := mirrorset.Decode("in.yaml", strings.NewReader(same+same+"- {id: a, type: digest, source: quay.io/a, mirrors: [m.io]}\n"))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err, "one that was read twice is fine")
	require.Len(t, rules.Rules[0].Entries, 1)

	set, err = mirrorset.Decode("in.yaml", strings.NewReader("- {id: a, source: quay.io/a, mirrors: [quay.io/a]}"))
	require.NoError(t, err)
	rules, err = set.Rules()
	require.NoError(t, err)
	require.Equal(t, `warning: ImageMirror/a: "quay.io/a": redirects and forbids nothing: it has no mirror but its own `+
		`source; add mirrors or remove the entry [no-effect] (in.yaml:1)`, rules.Findings[0].String())
}
