package managed_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var (
	monday  = time.Date(2026, 1, 5, 10, 11, 12, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
)

// team is a cluster with one image mirror.
func team(t *testing.T) *managed.Cluster {
	c := &managed.Cluster{}
	_, err := c.Create(mirrorset.ImageMirror{
		ID: "abc123def456", Source: "registry.example.com/team",
		Mirrors: []string{"mirror.corp.com/team", "backup.corp.com/team"}, CreationTimestamp: monday,
	})
	require.NoError(t, err)
	return c
}

func TestCreateFillsInTypeAndTimes(t *testing.T) {
	got, err := team(t).Get("abc123def456")
	require.NoError(t, err)
	data, err := json.MarshalIndent(got, "", "  ")
	require.NoError(t, err)
	require.Equal(t, `{
  "id": "abc123def456",
  "type": "digest",
  "source": "registry.example.com/team",
  "mirrors": [
    "mirror.corp.com/team",
    "backup.corp.com/team"
  ],
  "creation_timestamp": "2026-01-05T10:11:12Z",
  "last_update_timestamp": "2026-01-05T10:11:12Z"
}`, string(data))
}

func TestCreateRefusesWithFieldValueAndAdvice(t *testing.T) {
	for _, test := range []struct {
		name    string
		request mirrorset.ImageMirror
		code    finding.Code
		want    string
	}{
		{"no id", mirrorset.ImageMirror{Source: "quay.io/a", Mirrors: []string{"m.io"}}, finding.CodeMissingField, "ImageMirror id: is missing"},
		{"an id with capitals", mirrorset.ImageMirror{ID: "ABC", Source: "quay.io/a", Mirrors: []string{"m.io"}}, finding.CodeInvalidID, `ImageMirror id: "ABC": is not an id: it is to be lower-case letters and digits`},
		{"an id in use", mirrorset.ImageMirror{ID: "abc123def456", Source: "quay.io/a", Mirrors: []string{"m.io"}}, finding.CodeIDInUse, `ImageMirror id: "abc123def456": is the id of another image mirror, of the source registry.example.com/team`},
		{"no source", mirrorset.ImageMirror{ID: "x1", Mirrors: []string{"m.io"}}, finding.CodeInvalidSource, "ImageMirror source: is missing or empty; name the registry, namespace or repository to redirect"},
		{"no mirrors", mirrorset.ImageMirror{ID: "x1", Source: "quay.io/a"}, finding.CodeMissingField, "ImageMirror mirrors: is missing; name at least one mirror"},
		{"a type for tags", mirrorset.ImageMirror{ID: "x1", Type: mirrorset.ByTag, Source: "quay.io/a", Mirrors: []string{"m.io"}}, finding.CodeInvalidType, `ImageMirror type: "tag": is not a type of image mirrors; write digest`},
		{"a source in use", mirrorset.ImageMirror{ID: "x1", Source: "registry.example.com/team", Mirrors: []string{"m.io"}}, finding.CodeSourceInUse, `ImageMirror source: "registry.example.com/team": has an image mirror already, ImageMirror/abc123def456; edit the mirrors of that one`},
		{"a source with a tag", mirrorset.ImageMirror{ID: "x1", Source: "quay.io/a:1", Mirrors: []string{"m.io"}}, finding.CodeInvalidSource, `ImageMirror source: "quay.io/a:1": is not a source: it has a tag`},
		{"a wildcard", mirrorset.ImageMirror{ID: "x1", Source: "*.example.org", Mirrors: []string{"m.io"}}, finding.CodeInvalidSource, `ImageMirror source: "*.example.org": is a wildcard, which an image mirror does not take`},
		{"a mirror with a scheme", mirrorset.ImageMirror{ID: "x1", Source: "quay.io/a", Mirrors: []string{"m.io", "https://n.io"}}, finding.CodeInvalidMirror, `ImageMirror mirrors[1]: "https://n.io": is not a mirror: it has a URL scheme`},
		{"a mirror twice", mirrorset.ImageMirror{ID: "x1", Source: "quay.io/a", Mirrors: []string{"m.io", "m.io"}}, finding.CodeRepeatedMirror, `ImageMirror mirrors[1]: "m.io": is listed already as mirrors[0]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := team(t)
			_, err := c.Create(test.request)
			require.ErrorIs(t, err, test.code)
			var refused *finding.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Len(t, refused.Findings, 1)
			require.ErrorContains(t, err, test.want)
			require.Equal(t, finding.ClusterService, refused.Findings[0].RefusedBy)
			require.Equal(t, team(t), c, "what is refused changes nothing")
		})
	}
}

func TestCreateSaysAllThatIsWrongAtOnce(t *testing.T) {
	c := managed.Cluster{}
	_, err := c.Create(mirrorset.ImageMirror{ID: "x1", Type: "all", Source: "quay.io/", Mirrors: []string{"m.io:x", "n.io@d"}})
	var refused *finding.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Findings, 4)
}

func TestEditReplacesTheMirrorsWhole(t *testing.T) {
	c := team(t)
	got, err := c.Edit(mirrorset.ImageMirror{ID: "abc123def456", Mirrors: []string{"single-mirror.company.com/team"}, LastUpdateTimestamp: tuesday})
	require.NoError(t, err)
	require.Equal(t, mirrorset.ImageMirror{
		ID: "abc123def456", Type: mirrorset.ByDigest, Source: "registry.example.com/team",
		Mirrors: []string{"single-mirror.company.com/team"}, CreationTimestamp: monday, LastUpdateTimestamp: tuesday,
	}, got)
	require.Equal(t, []mirrorset.ImageMirror{got}, c.List())
}

func TestEditRefusesWithFieldValueAndAdvice(t *testing.T) {
	for _, test := range []struct {
		name   string
		change mirrorset.ImageMirror
		code   finding.Code
		want   string
	}{
		{"no id", mirrorset.ImageMirror{Mirrors: []string{"m.io"}}, finding.CodeMissingField, "ImageMirror id: is missing; name the image mirror by its id"},
		{"an unknown id", mirrorset.ImageMirror{ID: "nosuch", Mirrors: []string{"m.io"}}, finding.CodeUnknownID, `ImageMirror id: "nosuch": is the id of no image mirror of this cluster`},
		{"another source", mirrorset.ImageMirror{ID: "abc123def456", Source: "quay.io/b", Mirrors: []string{"m.io"}}, finding.CodeSourceFixed, `ImageMirror/abc123def456 source: "quay.io/b": differs from registry.example.com/team, and the source of an image mirror cannot be changed; delete it and create another`},
		{"another type", mirrorset.ImageMirror{ID: "abc123def456", Type: mirrorset.ByTag, Mirrors: []string{"m.io"}}, finding.CodeInvalidType, `ImageMirror/abc123def456 type: "tag"`},
		{"no mirrors", mirrorset.ImageMirror{ID: "abc123def456"}, finding.CodeMissingField, "ImageMirror/abc123def456 mirrors: is missing"},
		{"an invalid mirror", mirrorset.ImageMirror{ID: "abc123def456", Mirrors: []string{"M_.io"}}, finding.CodeInvalidMirror, `ImageMirror/abc123def456 mirrors[0]: "M_.io"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := team(t)
			_, err := c.Edit(test.change)
			require.ErrorIs(t, err, test.code)
			require.ErrorContains(t, err, test.want)
			require.Equal(t, team(t), c, "what is refused changes nothing")
		})
	}
	c := team(t)
	_, err := c.Edit(mirrorset.ImageMirror{ID: "abc123def456", Source: "registry.example.com/team", Type: mirrorset.ByDigest, Mirrors: []string{"m.io"}})
	require.NoError(t, err, "the source and type that it has change nothing")
}

func TestDeleteFreesTheSource(t *testing.T) {
	c := team(t)
	_, err := c.Delete("nosuch")
	require.ErrorIs(t, err, finding.CodeUnknownID)
	gone, err := c.Delete("abc123def456")
	require.NoError(t, err)
	require.Empty(t, c.List())
	gone.ID = "other"
	_, err = c.Create(gone)
	require.NoError(t, err)
}

func TestAnImageMirrorIsFoundAmongSeveral(t *testing.T) {
	var c managed.Cluster
	for _, id := range []string{"a", "b", "c"} {
		_, err := c.Create(mirrorset.ImageMirror{ID: id, Source: "quay.io/" + id, Mirrors: []string{"m.io"}})
		require.NoError(t, err)
	}
	m, err := c.Get("b")
	require.NoError(t, err)
	require.Equal(t, "quay.io/b", m.Source)
	m, err = c.Edit(mirrorset.ImageMirror{ID: "b", Mirrors: []string{"n.io"}})
	require.NoError(t, err)
	require.Equal(t, "quay.io/b", m.Source)
	m, err = c.Delete("b")
	require.NoError(t, err)
	require.Equal(t, mirrorset.ImageMirror{ID: "b", Type: mirrorset.ByDigest, Source: "quay.io/b", Mirrors: []string{"n.io"}}, m)
	require.Len(t, c.List(), 2)
}

func TestCopiesOfAClusterAreIndependent(t *testing.T) {
	c := team(t)
	before := *c
	list := c.List()
	list[0].Mirrors[0] = "changed.io"
	_, err := c.Edit(mirrorset.ImageMirror{ID: "abc123def456", Mirrors: []string{"m.io"}})
	require.NoError(t, err)
	require.Equal(t, *team(t), before)
}

func TestImageMirrorsRoundTripThroughTheirFormats(t *testing.T) {
	c := team(t)
	data, err := json.Marshal(c)
	require.NoError(t, err)
	var back managed.Cluster
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, *c, back)
	require.ErrorIs(t, json.Unmarshal([]byte(`[{"id":"a","source":"quay.io","mirrors":[]}]`), &back), finding.CodeMissingField)

	text, err := yaml.Marshal(c.List())
	require.NoError(t, err)
	for name, input := range map[string]string{
		"the list as JSON":     string(data),
		"the list as YAML":     string(text),
		"one as JSON":          strings.Trim(string(data), "[]"),
		"times without quotes": strings.ReplaceAll(string(text), `"`, ""),
		"as the API marks it": `{"kind":"ImageMirrorList","page":1,"size":1,"total":1,"items":` +
			strings.Replace(string(data), `{"id"`, `{"kind":"ImageMirror","href":"/api/x","id"`, 1) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := mirrorset.Decode("list", strings.NewReader(input))
			require.NoError(t, err)
			require.Empty(t, set.Findings)
			require.Len(t, set.ImageMirrors, 1)
			set.ImageMirrors[0].ReadFrom = nil
			require.Equal(t, c.List(), set.ImageMirrors)
		})
	}
}

func TestImageMirrorsOfRulesSayWhatTheyCannotCarry(t *testing.T) {
	set, err := mirrorset.Decode("in.yaml", strings.NewReader(`
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: d}
spec:
  imageDigestMirrors:
  - {source: quay.io/a, mirrors: [m.io/a, n.io/a]}
  - {source: quay.io/never, mirrors: [m.io/n], mirrorSourcePolicy: NeverContactSource}
  - {source: "*.example.org", mirrors: [m.io]}
  - {source: quay.io/none}
  - {source: quay.io/a, mirrors: [l.io/a, m.io/a]}
---
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: t}
spec: {imageTagMirrors: [{source: quay.io/t, mirrors: [m.io/t]}]}
---
apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec: {registrySources: {blockedRegistries: [b.io], insecureRegistries: [m.io]}}
`))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	mirrors, findings := managed.FromRules(rules)
	require.Equal(t, []mirrorset.ImageMirror{{Type: mirrorset.ByDigest, Source: "quay.io/a", Mirrors: []string{"l.io/a", "m.io/a", "n.io/a"}}}, mirrors)
	var got []string
	for _, f := range append(rules.Findings, findings...) {
		got = append(got, fmt.Sprintf("%s %s %s", f.Code, f.Origin, f.Value))
	}
	slices.Sort(got)
	require.Equal(t, `warning: ImageDigestMirrorSet/d spec.imageDigestMirrors[1]: "quay.io/never": is under NeverContactSource, and an image mirror always allows contacting its source [not-carried] (in.yaml:8)
warning: ImageDigestMirrorSet/d spec.imageDigestMirrors[2]: "*.example.org": is a wildcard, which an image mirror does not take; create one for each registry [not-carried] (in.yaml:9)
info: ImageDigestMirrorSet/d spec.imageDigestMirrors[4]: "quay.io/a": is the source of ImageDigestMirrorSet/d spec.imageDigestMirrors[0] too; a source has one image mirror, which gets the mirrors of both in the order that nodes try them [merged] (in.yaml:11)
warning: ImageTagMirrorSet/t spec.imageTagMirrors[0]: "quay.io/t": is a rule for pulls by tag, which image mirrors do not redirect; pull by digest [not-carried] (in.yaml:16 (document 2))
warning: Image/cluster spec.registrySources.blockedRegistries[0]: "b.io": is blocked, which image mirrors do not say; it stays a setting of the cluster's Image [not-carried] (in.yaml:21 (document 3))
warning: Image/cluster spec.registrySources.insecureRegistries[0]: "m.io": is insecure, which image mirrors do not say; it stays a setting of the cluster's Image [not-carried] (in.yaml:21 (document 3))
`, scenario.Text(findings))
	require.Equal(t, []string{
		"foreign-layers ImageDigestMirrorSet/d spec.imageDigestMirrors[1] quay.io/never",
		"merged ImageDigestMirrorSet/d spec.imageDigestMirrors[4] quay.io/a",
		"no-effect ImageDigestMirrorSet/d spec.imageDigestMirrors[3] quay.io/none",
		"not-carried Image/cluster spec.registrySources.blockedRegistries[0] b.io",
		"not-carried Image/cluster spec.registrySources.insecureRegistries[0] m.io",
		"not-carried ImageDigestMirrorSet/d spec.imageDigestMirrors[1] quay.io/never",
		"not-carried ImageDigestMirrorSet/d spec.imageDigestMirrors[2] *.example.org",
		"not-carried ImageTagMirrorSet/t spec.imageTagMirrors[0] quay.io/t",
	}, got)
}

// create gives image mirrors ids and times.
func create(t *testing.T, mirrors []mirrorset.ImageMirror) *managed.Cluster {
	c := &managed.Cluster{}
	for i, m := range mirrors {
		m.ID, m.CreationTimestamp = fmt.Sprintf("id%d", i), monday
		_, err := c.Create(m)
		require.NoError(t, err)
	}
	return c
}

func TestImageMirrorsAndDigestRulesAreConvertedWithoutLoss(t *testing.T) {
	r := random.New(5)
	carried := 0
	for range 500 {
		rules, err := r.Set().Rules()
		require.NoError(t, err)
		mirrors, findings := managed.FromRules(rules)
		left := map[string]bool{}
		for _, f := range findings {
			if f.Code == finding.CodeNotCarried {
				left[f.Value] = true
			}
		}
		var want []string
		for _, r := range rules.Rules {
			if r.Pull == mirrorset.ByDigest && !r.Never && !strings.HasPrefix(r.Source, "*.") {
				want = append(want, summary(&mirrorset.Rules{Rules: []mirrorset.Rule{r}})...)
			} else {
				require.True(t, left[r.Source], r.Source)
			}
		}
		carried += len(want)
		c := create(t, mirrors)
		// The image mirrors, and the object made of them, ask for the same rules.
		for _, set := range []*mirrorset.Set{
			{ImageMirrors: c.List()},
			{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{c.ImageDigestMirrorSet("all")}},
		} {
			back, err := set.Rules()
			require.NoError(t, err)
			require.Equal(t, want, summary(back))
			again, findings := managed.FromRules(back)
			require.Empty(t, findings)
			require.Equal(t, mirrors, again)
		}
	}
	require.Greater(t, carried, 500)
}

// summary is what rules say, without where each part comes from.
func summary(rules *mirrorset.Rules) []string {
	var lines []string
	for _, r := range rules.Rules {
		line := fmt.Sprintf("%s %s never=%t", r.Pull, r.Source, r.Never)
		for _, m := range r.Mirrors() {
			line += " " + m.Location
		}
		lines = append(lines, line)
	}
	return lines
}
