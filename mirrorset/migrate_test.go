package mirrorset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/stretchr/testify/require"
)

// policies returns a set of random policies, among other objects. With repeats, lists name mirrors twice.
func policies(r *random.Source, repeats bool) *mirrorset.Set {
	set := r.Set()
	for i := range 1 + r.Intn(3) {
		p := mirrorset.ImageContentSourcePolicy{Metadata: mirrorset.ObjectMeta{Name: fmt.Sprint("more", i)}}
		for range 1 + r.Intn(4) {
			e := mirrorset.RepositoryDigestMirrors{Source: r.Pick("quay.io", "quay.io/a", "quay.io/a/b", "*.example.org", r.Scope())}
			for range r.Intn(5) {
				m := r.Pick("m.io/a", "n.io:5000/a", "o.io/x/a", e.Source, r.Location())
				again := false
				for _, before := range e.Mirrors {
					again = again || before == m
				}
				if mirrorset.ValidMirror(m) && (repeats || !again) {
					e.Mirrors = append(e.Mirrors, m)
				}
			}
			p.Spec.RepositoryDigestMirrors = append(p.Spec.RepositoryDigestMirrors, e)
		}
		set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, p)
	}
	set.ImageTagMirrorSets = append(set.ImageTagMirrorSets, mirrorset.ImageTagMirrorSet{Spec: mirrorset.ImageTagMirrorSetSpec{
		ImageTagMirrors: []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"t.io"}}, {Source: "quay.io/a", Mirrors: []string{"t.io/a"}}},
	}})
	return set
}

// migrate puts the migrations in the place of the policies, by way of their text.
func migrate(t *testing.T, set *mirrorset.Set) (*mirrorset.Set, finding.Findings) {
	next := *set
	next.ImageContentSourcePolicies = nil
	var findings finding.Findings
	for _, m := range set.MigrateContentSourcePolicies() {
		read, err := mirrorset.Decode(m.From, strings.NewReader(string(m.YAML())))
		require.NoError(t, err, string(m.YAML()))
		require.Empty(t, read.Findings)
		require.Len(t, read.ImageDigestMirrorSets, 1)
		o := read.ImageDigestMirrorSets[0]
		o.ReadFrom = nil
		require.Equal(t, m.Object.Metadata, o.Metadata)
		next.ImageDigestMirrorSets = append(next.ImageDigestMirrorSets, o)
		findings = append(findings, m.Findings...)
	}
	return &next, findings
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

// attempts is what a plan asks, without why.
func attempts(p resolve.Plan) (lines []string) {
	for _, list := range [][]resolve.Attempt{p.Resolve, p.Pull} {
		for _, a := range list {
			lines = append(lines, string(a.Role)+" "+a.Location)
		}
		lines = append(lines, "")
	}
	return lines
}

func TestMigratedPoliciesResolveAsBefore(t *testing.T) {
	r := random.New(6)
	compared := 0
	for range 300 {
		set := policies(r, false)
		before, err := set.Rules()
		if err != nil {
			continue // a source under both policies
		}
		compared++
		migrated, findings := migrate(t, set)
		require.Empty(t, findings)
		after, err := migrated.Rules()
		require.NoError(t, err)
		require.Equal(t, summary(before), summary(after))
		tables := [][2]func(string) (resolve.Plan, error){
			{resolve.NewLinuxTable(before).Plan, resolve.NewLinuxTable(after).Plan},
			{resolve.NewContainerdTable(before).Plan, resolve.NewContainerdTable(after).Plan},
		}
		for range 5 {
			image := r.Name() + "@" + random.Digest
			for _, tables := range tables {
				was, err := tables[0](image)
				require.NoError(t, err)
				is, err := tables[1](image)
				require.NoError(t, err)
				require.Equal(t, attempts(was), attempts(is), image)
			}
		}
	}
	require.Greater(t, compared, 150)
}

func TestMigratedListsWithRepetitionsKeepTheOrderOfLinuxNodesOrSaySo(t *testing.T) {
	r := random.New(7)
	kept, lost := 0, 0
	for range 300 {
		set := policies(r, true)
		before, err := set.Rules()
		if err != nil {
			continue
		}
		migrated, findings := migrate(t, set)
		after, err := migrated.Rules()
		require.NoError(t, err)
		said := ""
		for _, f := range findings {
			require.Equal(t, finding.CodeNotCarried, f.Code)
			if strings.Contains(f.Message, "their order is another") {
				said += f.Value + "\n"
			}
		}
		was, is := summary(before), summary(after)
		require.Len(t, is, len(was))
		for i := range was {
			if was[i] == is[i] {
				kept++
				if before.Rules[i].Pull == mirrorset.ByDigest {
					require.NotContains(t, "\n"+said, "\n"+before.Rules[i].Source+"\n", was[i])
				}
				continue
			}
			lost++
			require.Contains(t, said, before.Rules[i].Source+"\n", "%s\n%s", was[i], is[i])
		}
	}
	require.Greater(t, kept, 20*lost, "%d kept, %d lost", kept, lost)
}

func TestMigrateKeepsWhatTheOwnerWroteAndSaysWhatItLeavesOut(t *testing.T) {
	set, err := mirrorset.Decode("icsp.yaml", strings.NewReader(`
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata:
  name: corp
  uid: 6e7d9b1e-8f9c-4d42-9d0a-1f1f2b1f4a55
  resourceVersion: "12"
  creationTimestamp: "2020-01-01T00:00:00Z"
  managedFields: [{manager: oc}]
  labels: {team: "yes", on: "12:30", number: "1"}
  annotations:
    note: "two\nlines"
    kubectl.kubernetes.io/last-applied-configuration: "{}"
status: {}
spec:
  repositoryDigestMirrors:
  - {source: quay.io/z, mirrors: [m.io/z, n.io/z], mirrorSourcePolicy: NeverContactSource}
  - {source: quay.io/a, mirrors: [n.io/a, m.io/a, n.io/a]}
  - {source: "quay.io/b:1", mirrors: [m.io/b]}
  - {source: quay.io/c, mirrors: ["https://m.io/c", n.io/c]}
  - {source: quay.io/d}
---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: corp}
spec: {imageDigestMirrors: []}
`))
	require.NoError(t, err)
	migrations := set.MigrateContentSourcePolicies()
	require.Len(t, migrations, 1)
	require.Equal(t, `# From ImageContentSourcePolicy/corp.
# info: metadata.annotations.kubectl.kubernetes.io/last-applied-configuration: describes the ImageContentSourcePolicy, and is left out [not-carried]
# warning: metadata.name: "corp": is the name of an ImageDigestMirrorSet too, which applying this one would replace; give this one another name, or put the entries of both into one [duplicate-object]
# warning: spec.repositoryDigestMirrors[0].mirrorSourcePolicy: has no effect: this object has no such field, and the API server drops it, as does this reader [unknown-field]
# warning: spec.repositoryDigestMirrors[1]: "quay.io/a": lists n.io/a more than once, which an ImageDigestMirrorSet may not; each is written once, in the order that MCO makes of the list; on Windows nodes the order was n.io/a, m.io/a [not-carried]
# warning: spec.repositoryDigestMirrors[2].source: "quay.io/b:1": is no source of an ImageDigestMirrorSet: it has a tag; rules are for repositories, write it without ":tag"; the entry is left out [not-carried]
# warning: spec.repositoryDigestMirrors[3].mirrors[0]: "https://m.io/c": is no mirror of an ImageDigestMirrorSet: it has a URL scheme; write only host[:port]/path; it is left out [not-carried]
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: corp
  labels:
    number: "1"
    "on": "12:30"
    team: "yes"
  annotations:
    note: |-
      two
      lines
spec:
  imageDigestMirrors:
  - source: quay.io/z
    mirrors:
    - m.io/z
    - n.io/z
  - source: quay.io/a
    mirrors:
    - m.io/a
    - n.io/a
  - source: quay.io/c
    mirrors:
    - n.io/c
  - source: quay.io/d
`, string(migrations[0].YAML()))
	require.Len(t, set.ImageContentSourcePolicies[0].Metadata.Annotations, 2, "the policy itself stays as it was")
}

// Alone the first list would become b.io, c.io, and with the second one the order b.io, a.io, c.io. What the source has
// for tags is another order.
func TestAMigratedListGetsTheOrderOfAllListsOfItsSource(t *testing.T) {
	const policy = `apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {name: %s}
spec:
  repositoryDigestMirrors:
  - {source: "quay.io/s:1", mirrors: [m.io]}
  - {source: quay.io/s, mirrors: %s}
---
`
	set, err := mirrorset.Decode("icsp.yaml", strings.NewReader(fmt.Sprintf(policy, "p", "[b.io, c.io, b.io]")+fmt.Sprintf(policy, "q", "[b.io, a.io]")+`
apiVersion: config.openshift.io/v1
kind: ImageTagMirrorSet
metadata: {name: t}
spec: {imageTagMirrors: [{source: quay.io/s, mirrors: [t.io]}]}
`))
	require.NoError(t, err)
	migrations := set.MigrateContentSourcePolicies()
	require.Equal(t, `# From ImageContentSourcePolicy/p.
# warning: spec.repositoryDigestMirrors[0].source: "quay.io/s:1": is no source of an ImageDigestMirrorSet: it has a tag; rules are for repositories, write it without ":tag"; the entry is left out [not-carried]
# warning: spec.repositoryDigestMirrors[1]: "quay.io/s": lists b.io more than once, which an ImageDigestMirrorSet may not; each is written once, in the order that MCO makes of the list [not-carried]
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: p
spec:
  imageDigestMirrors:
  - source: quay.io/s
    mirrors:
    - a.io
    - b.io
    - c.io
`, string(migrations[0].YAML()))
	require.Equal(t, []string{"b.io", "a.io"}, migrations[1].Object.Spec.ImageDigestMirrors[0].Mirrors)

	// Here both orders are the same, and no mirrors of other lists are put into a list.
	set, err = mirrorset.Decode("icsp.yaml", strings.NewReader(fmt.Sprintf(policy, "p", "[b.io, c.io, c.io]")+fmt.Sprintf(policy, "q", "[a.io]")))
	require.NoError(t, err)
	require.Equal(t, []string{"b.io", "c.io"}, set.MigrateContentSourcePolicies()[0].Object.Spec.ImageDigestMirrors[0].Mirrors)
}

func TestAMigrationTellsOfTheFieldsOfItsOwnObject(t *testing.T) {
	const policy = "apiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nmetadata: {name: p}\nspec: {}\n"
	const more = policy + "more: field\n"
	set := &mirrorset.Set{}
	flow := "{apiVersion: operator.openshift.io/v1alpha1, kind: ImageContentSourcePolicy, metadata: {name: %s}, spec: {}%s}"
	for _, input := range [][2]string{{"a.yaml", more}, {"b.yaml", policy}, {"c.yaml", "---\n" + policy + "---\n" + more},
		{"d.yaml", "apiVersion: v1\nkind: List\nitems:\n- " + fmt.Sprintf(flow, "p", "") + "\n- " + fmt.Sprintf(flow, "q", ", more: field") + "\n"},
		{"e.yaml", "apiVersion: a.io/v1\nkind: Kustomization\npatches:\n- " + fmt.Sprintf(flow, "p", "") + "\n"}} {
		one, err := mirrorset.Decode(input[0], strings.NewReader(input[1]))
		require.NoError(t, err)
		set.Add(one)
	}
	set.ImageContentSourcePolicies = append(set.ImageContentSourcePolicies, mirrorset.ImageContentSourcePolicy{Metadata: mirrorset.ObjectMeta{Name: "p"}})
	var told []string
	for _, m := range set.MigrateContentSourcePolicies() {
		told = append(told, "")
		for _, f := range m.Findings {
			told[len(told)-1] += f.Origin.Place()
		}
	}
	require.Equal(t, []string{"a.yaml:5", "", "", "c.yaml:11 (document 2)", "", "d.yaml:5", "", ""}, told)
}

func TestMigrateKeepsAGeneratedName(t *testing.T) {
	set, err := mirrorset.Decode("icsp.yaml", strings.NewReader(
		"apiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nmetadata: {generateName: corp-}\nspec: {}\n"))
	require.NoError(t, err)
	require.Contains(t, string(set.MigrateContentSourcePolicies()[0].YAML()), "metadata:\n  generateName: corp-\n")
}

func FuzzMigrationYAML(f *testing.F) {
	for _, s := range []string{"", "a", "yes", "1e3", "12:30", "a: b", "- x", "#", "\n", " a ", "\x00", "\xff", "\u2028", "\ufeff", "| a", "'", "\"", "&a", "*a", "!t", "~", "<<", "---", "2020-01-01", "\t", "%x", "a\r\nb\n\n", "\t\n", "00000000\x000"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		clean := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		key, value = clean(key), clean(value)
		set := &mirrorset.Set{ImageContentSourcePolicies: []mirrorset.ImageContentSourcePolicy{{
			Metadata: mirrorset.ObjectMeta{Name: "n", Labels: map[string]string{key: value}},
			Spec: mirrorset.ImageContentSourcePolicySpec{RepositoryDigestMirrors: []mirrorset.RepositoryDigestMirrors{
				{Source: value, Mirrors: []string{key, value}},
			}},
		}}}
		text := set.MigrateContentSourcePolicies()[0].YAML()
		if strings.ContainsRune(key+value, 0) {
			return // a manifest with a NUL is not text
		}
		read, err := mirrorset.Decode("fuzz", strings.NewReader(string(text)))
		require.NoError(t, err, string(text))
		require.Equal(t, map[string]string{key: value}, read.ImageDigestMirrorSets[0].Metadata.Labels, string(text))
	})
}
