package mirrorset

import (
	"cmp"
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// digests and tags build objects from lines "source mirror… [policy]".
func digests(name string, lines ...string) ImageDigestMirrorSet {
	return ImageDigestMirrorSet{Metadata: ObjectMeta{Name: name}, Spec: ImageDigestMirrorSetSpec{ImageDigestMirrors: entriesOf(lines)}}
}

func tags(name string, lines ...string) ImageTagMirrorSet {
	return ImageTagMirrorSet{Metadata: ObjectMeta{Name: name}, Spec: ImageTagMirrorSetSpec{ImageTagMirrors: entriesOf(lines)}}
}

func entriesOf(lines []string) []ImageMirrors {
	var entries []ImageMirrors
	for _, line := range lines {
		words := strings.Split(line, " ")
		e := ImageMirrors{Source: words[0]}
		for _, w := range words[1:] {
			switch w {
			case "never":
				e.MirrorSourcePolicy = NeverContactSource
			case "allow":
				e.MirrorSourcePolicy = AllowContactingSource
			case "maybe":
				e.MirrorSourcePolicy = "Maybe"
			default:
				e.Mirrors = append(e.Mirrors, w)
			}
		}
		entries = append(entries, e)
	}
	return entries
}

func refusals(fs finding.Findings) []string {
	var lines []string
	for _, f := range fs {
		if f.Refused() {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", f.RefusedBy, f.Code, f.Origin))
		}
	}
	return lines
}

func TestValidateSaysWhoRefusesWhat(t *testing.T) {
	set := &Set{
		ImageDigestMirrorSets: []ImageDigestMirrorSet{digests("a",
			"https://quay.io m.io",
			"quay.io/a m.io:x m.io m.io",
			"quay.io/b m.io/b maybe",
			"quay.io/never m.io/n quay.io/never never",
			"quay.io/both m.io/x never",
			"quay.io/icsp m.io/x never",
			"quay.io/idle never",
		)},
		ImageTagMirrorSets: []ImageTagMirrorSet{tags("t", "quay.io/both m.io/y", "quay.io/idle allow")},
		ImageContentSourcePolicies: []ImageContentSourcePolicy{{
			Metadata: ObjectMeta{Name: "p"},
			Spec: ImageContentSourcePolicySpec{RepositoryDigestMirrors: []RepositoryDigestMirrors{
				{Source: "quay.io/icsp", Mirrors: []string{"m.io/y", "m.io/y"}}, {Source: "quay.io/UPPER"},
			}},
		}},
		Images: []Image{{Spec: ImageSpec{RegistrySources: RegistrySources{
			BlockedRegistries: []string{"quay.io:tag"}, AllowedRegistries: []string{"a.io"}, ContainerRuntimeSearchRegistries: []string{"s.io/x"},
		}}}},
	}
	findings := set.Validate()
	require.Equal(t, []string{
		"API server: blocked-and-allowed: Image spec.registrySources.blockedRegistries",
		"API server: invalid-scope: Image spec.registrySources.blockedRegistries[0]",
		"client: invalid-scope: Image spec.registrySources.containerRuntimeSearchRegistries[0]",
		"MCO: invalid-source: ImageContentSourcePolicy/p spec.repositoryDigestMirrors[1].source",
		"API server: invalid-source: ImageDigestMirrorSet/a spec.imageDigestMirrors[0].source",
		"API server: invalid-mirror: ImageDigestMirrorSet/a spec.imageDigestMirrors[1].mirrors[0]",
		"API server: repeated-mirror: ImageDigestMirrorSet/a spec.imageDigestMirrors[1].mirrors[2]",
		"API server: invalid-policy: ImageDigestMirrorSet/a spec.imageDigestMirrors[2].mirrorSourcePolicy",
		"MCO: source-as-mirror: ImageDigestMirrorSet/a spec.imageDigestMirrors[3].mirrors[1]",
		"MCO: policy-conflict: ImageDigestMirrorSet/a spec.imageDigestMirrors[4].mirrorSourcePolicy",
		"MCO: policy-conflict: ImageDigestMirrorSet/a spec.imageDigestMirrors[5].mirrorSourcePolicy",
		"MCO: policy-conflict: ImageDigestMirrorSet/a spec.imageDigestMirrors[6].mirrorSourcePolicy",
	}, refusals(findings))
	require.ErrorContains(t, findings.Err(), "ImageContentSourcePolicy/p spec.repositoryDigestMirrors[0] is of a kind that always means AllowContactingSource")
}

func TestValidateWarnsOfWhatHasNoEffect(t *testing.T) {
	set := &Set{
		ImageDigestMirrorSets: []ImageDigestMirrorSet{digests("a", "quay.io/a", "quay.io/b quay.io/b", "quay.io/c never"), digests("a", "quay.io/d m.io/d")},
		Images:                []Image{{Metadata: ObjectMeta{Name: "other"}}, {Metadata: ObjectMeta{Name: "cluster"}, Spec: ImageSpec{RegistrySources: RegistrySources{AllowedRegistries: []string{"a.io"}}}}},
	}
	findings := set.Validate()
	require.NoError(t, findings.Err())
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s %s", f.Code, f.Origin))
	}
	require.Equal(t, []string{
		"not-applied Image/cluster spec.registrySources.allowedRegistries", // on Linux
		"not-applied Image/cluster spec.registrySources.allowedRegistries", // on Windows
		"no-effect Image/other metadata.name",
		"duplicate-object ImageDigestMirrorSet/a",
		"no-effect ImageDigestMirrorSet/a spec.imageDigestMirrors[0]",
		"no-effect ImageDigestMirrorSet/a spec.imageDigestMirrors[1]",
		"no-effect ImageDigestMirrorSet/a spec.imageDigestMirrors[2]",
	}, got)
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Len(t, rules.Rules, 1)
}

func TestRulesMergeEntriesOfOneSourceAndRememberThem(t *testing.T) {
	set := &Set{
		ImageDigestMirrorSets: []ImageDigestMirrorSet{digests("z", "quay.io/a b.io c.io never"), digests("a", "quay.io/a a.io b.io never")},
		ImageTagMirrorSets:    []ImageTagMirrorSet{tags("t", "quay.io/a t.io never")},
	}
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Len(t, rules.Rules, 2)
	r := rules.Rules[0]
	require.True(t, r.Never)
	require.Equal(t, ByDigest, r.Pull)
	require.Equal(t, []Mirror{
		{"a.io", []finding.Origin{{Object: "ImageDigestMirrorSet/a", Field: "spec.imageDigestMirrors[0].mirrors[0]"}}},
		{"b.io", []finding.Origin{{Object: "ImageDigestMirrorSet/a", Field: "spec.imageDigestMirrors[0].mirrors[1]"}, {Object: "ImageDigestMirrorSet/z", Field: "spec.imageDigestMirrors[0].mirrors[0]"}}},
		{"c.io", []finding.Origin{{Object: "ImageDigestMirrorSet/z", Field: "spec.imageDigestMirrors[0].mirrors[1]"}}},
	}, r.Mirrors())
	require.Equal(t, ByTag, rules.Rules[1].Pull)
}

func TestRulesOfARefusedSetTakeTheStricterSide(t *testing.T) {
	set := &Set{ImageDigestMirrorSets: []ImageDigestMirrorSet{digests("a",
		"quay.io/a m.io never", "quay.io/a n.io",
		"quay.io/b https://m.io never",
		"quay.io/c quay.io/c m.io never",
		"quay.io:bad m.io",
		"quay.io/idle never", "quay.io/idle m.io",
		"quay.io/maybe quay.io/maybe m.io maybe",
	)}}
	rules, err := set.Rules()
	require.Error(t, err)
	var got []string
	for _, r := range rules.Rules {
		var mirrors []string
		for _, m := range r.Mirrors() {
			mirrors = append(mirrors, m.Location)
		}
		got = append(got, fmt.Sprintf("%s %t %v", r.Source, r.Never, mirrors))
	}
	require.Equal(t, []string{"quay.io/a true [m.io n.io]", "quay.io/b true []", "quay.io/c true [m.io]", "quay.io/idle true [m.io]", "quay.io/maybe true [m.io]"}, got)
}

func TestALoopIsReportedWithEveryEntry(t *testing.T) {
	set := &Set{ImageDigestMirrorSets: []ImageDigestMirrorSet{digests("a", "quay.io a.io b.io"), digests("b", "quay.io b.io a.io")}}
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Len(t, rules.Findings, 1)
	require.Equal(t, finding.CodeOrderConflict, rules.Findings[0].Code)
	require.Contains(t, rules.Findings[0].Message, "ImageDigestMirrorSet/b spec.imageDigestMirrors[0]")
}

func TestTheOrderOfObjectsNeverChangesTheRules(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 300 {
		set := &Set{}
		for i := range 4 {
			var lines []string
			for range 1 + random.Intn(3) {
				line := []string{[]string{"quay.io", "quay.io/a", "*.example.org"}[random.Intn(3)]}
				for _, m := range random.Perm(4)[:random.Intn(4)] {
					line = append(line, []string{"a.io", "b.io/x", "c.io", "d.io:5000/y"}[m])
				}
				lines = append(lines, strings.Join(line, " "))
			}
			set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, digests(fmt.Sprint("d", i%3), lines...))
			set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, tags(fmt.Sprint("t", i), lines...))
		}
		before, err := set.Rules()
		require.NoError(t, err)
		slices.Reverse(set.ImageDigestMirrorSets)
		random.Shuffle(len(set.ImageTagMirrorSets), func(i, j int) {
			set.ImageTagMirrorSets[i], set.ImageTagMirrorSets[j] = set.ImageTagMirrorSets[j], set.ImageTagMirrorSets[i]
		})
		after, err := set.Rules()
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

func TestFindingsSortNumbersInFieldsAsNumbers(t *testing.T) {
	fs := finding.Findings{
		{Code: "x", Origin: finding.Origin{Field: "spec.a[10]"}}, {Code: "x", Origin: finding.Origin{Field: "spec.a[2]"}},
		{Code: "x", Origin: finding.Origin{Field: "spec.a[2].b"}}, {Code: "x", Origin: finding.Origin{Field: "spec.a[2]"}},
	}.Sort()
	require.Len(t, fs, 3, "a repetition is dropped")
	require.Equal(t, "spec.a[2]", fs[0].Origin.Field)
	require.Equal(t, "spec.a[10]", fs[2].Origin.Field)
}

func TestNumbersInFieldsCompareAsNumbers(t *testing.T) {
	w := rand.New(rand.NewSource(1))
	pieces := []string{"a", "[", "].", "0", "1", "2", "10", "09"}
	text := func() (s string) {
		for range w.Intn(5) {
			s += pieces[w.Intn(len(pieces))]
		}
		return s
	}
	for range 20_000 {
		a, b := text(), text()
		require.Equal(t, slowNatural(a, b), finding.Origin{Field: a}.Compare(finding.Origin{Field: b}), "%q and %q", a, b)
	}
}

// slowNatural compares piece by piece.
func slowNatural(a, b string) int {
	piece := regexp.MustCompile(`^(?:[0-9]+|[^0-9])`)
	for a != "" && b != "" {
		x, y := piece.FindString(a), piece.FindString(b)
		c := cmp.Compare(x, y)
		if m, err := strconv.Atoi(x); err == nil {
			if n, err := strconv.Atoi(y); err == nil {
				c = cmp.Or(cmp.Compare(m, n), cmp.Compare(len(x), len(y)))
			}
		}
		if c != 0 {
			return c
		}
		a, b = a[len(x):], b[len(y):]
	}
	return cmp.Compare(len(a), len(b))
}

func TestTwoPoliciesOfOneSourceAreRefusedWhereverTheyStand(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	pick := func(list ...string) string { return list[random.Intn(len(list))] }
	refused := 0
	for range 3000 {
		set := &Set{}
		policies := map[string]map[bool]bool{}
		for i := range 1 + random.Intn(6) {
			e := ImageMirrors{
				Source: pick("", "a.io", "a.io/x", "b.io", "B", "/"), Mirrors: []string{"m.io"},
				MirrorSourcePolicy: MirrorSourcePolicy(pick("", string(AllowContactingSource), string(NeverContactSource))),
			}
			meta := ObjectMeta{Name: fmt.Sprint(i)}
			switch pick("digest", "tag", "content") {
			case "digest":
				set.ImageDigestMirrorSets = append(set.ImageDigestMirrorSets, ImageDigestMirrorSet{Metadata: meta, Spec: ImageDigestMirrorSetSpec{[]ImageMirrors{e}}})
			case "tag":
				set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, ImageTagMirrorSet{Metadata: meta, Spec: ImageTagMirrorSetSpec{[]ImageMirrors{e}}})
			default:
				e.MirrorSourcePolicy = ""
				set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, ImageContentSourcePolicy{
					Metadata: meta, Spec: ImageContentSourcePolicySpec{[]RepositoryDigestMirrors{{Source: e.Source, Mirrors: e.Mirrors}}},
				})
			}
			if policies[e.Source] == nil {
				policies[e.Source] = map[bool]bool{}
			}
			policies[e.Source][e.MirrorSourcePolicy == NeverContactSource] = true
		}
		want, got := []string{}, []string{}
		for source, both := range policies {
			if len(both) == 2 {
				want = append(want, source)
			}
		}
		for _, f := range set.Validate() {
			if f.Code == finding.CodePolicyConflict {
				got = append(got, f.Value)
			}
		}
		require.ElementsMatch(t, want, got)
		refused += len(want)
	}
	require.Greater(t, refused, 500)
}

func TestAMirrorBesideARefusedOneKeepsItsPlace(t *testing.T) {
	const manifest = `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: a
spec:
  imageDigestMirrors:
  - source: quay.io/a
    mirrors:
    - https://m.io
    - n.io/a
`
	set, err := Decode("a.yaml", strings.NewReader(manifest))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.ErrorIs(t, err, finding.CodeInvalidMirror)
	require.Equal(t, []Mirror{{"n.io/a", []finding.Origin{{
		Object: "ImageDigestMirrorSet/a", Field: "spec.imageDigestMirrors[0].mirrors[1]", File: "a.yaml", Document: 1, Line: 10,
	}}}}, rules.Rules[0].Mirrors())
}
