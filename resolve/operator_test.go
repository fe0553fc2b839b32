package resolve

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestAPlanSaysWhereMCOsFileLeadsElsewhere(t *testing.T) {
	for _, test := range []struct {
		name, rules, image string
		severity           finding.Severity
		says               string // empty where the two files say the same
	}{
		{"the same file", "digest quay.io/a m.io/a never", "quay.io/a/x" + digestA, "", ""},
		{"NeverContactSource is not carried", "digest r.io m.io never\ninsecure r.io/u", "r.io/u/x" + digestA, finding.SeverityWarning,
			"on nodes whose files MCO writes, the image is asked for at m.io/u/x, r.io/u/x (insecure); with these files, the image is asked for at m.io/u/x"},
		{"nor is it elsewhere in the same cluster", "digest r.io m.io never\ninsecure r.io/u", "r.io/v/x" + digestA, "", ""},
		{"kinds shadow each other", "digest quay.io/a d.io/a\ntag quay.io/a/b t.io/b", "quay.io/a/b" + digestA, finding.SeverityWarning,
			"the image is asked for at quay.io/a/b; with these files, the image is asked for at d.io/a/b, quay.io/a/b"},
		{"the wrong one of several sources", "digest quay.io m1.io\ndigest quay.io/a m2.io/a\ninsecure quay.io/a/b", "quay.io/a/b" + digestA, finding.SeverityWarning,
			"the image is asked for at m1.io/a/b, quay.io/a/b (insecure); with"},
		{"insecure scopes of carried mirrors", "digest quay.io m.io\ninsecure m.io/a\ninsecure quay.io/a", "quay.io/a/x" + digestA, finding.SeverityWarning,
			"m.io/a/x, quay.io/a/x (insecure); with these files, the image is asked for at m.io/a/x (insecure), quay.io/a/x (insecure)"},
		{"another spelling", "digest quay.io/a m.io/a never\ndigest other.io QUAY.io/a n.io/a", "other.io/x" + digestA, finding.SeverityWarning, "QUAY.io/a/x, n.io/a/x, other.io/x; with"},
		{"a scope inside a wildcard", "digest *.example.org m.io\ninsecure foo.example.org", "quay.io/x" + digestA, finding.SeverityWarning,
			"MCO ends in an error over these objects and writes no file, so that its nodes keep what they have: the mirrors of the wildcard *.example.org cannot be carried into foo.example.org"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := newRules(t, test.rules)
			plan, err := NewLinuxTable(rules).Plan(test.image)
			require.NoError(t, err)
			f, differs := MCO(rules).Check(plan)
			require.Equal(t, test.says != "", differs, f)
			require.Equal(t, test.severity, f.Severity)
			require.Contains(t, f.Message, test.says)
			if differs {
				require.Equal(t, finding.CodeMCODiffers, f.Code)
			}
			_, differs = WMCO(rules).Check(plan)
			require.False(t, differs, "WMCO says nothing of Linux nodes")
		})
	}
}

func TestAPlanSaysWhereWMCOsFilesLeadElsewhere(t *testing.T) {
	for _, test := range []struct {
		name, rules, image string
		severity           finding.Severity
		says               string
	}{
		{"the same files", "tag quay.io/a m.io/a", "quay.io/a/x:1", "", ""},
		{"a lost NeverContactSource", "digest quay.io/a m.io/a\ndigest quay.io/b m.io/b never", "quay.io/b" + digestA, finding.SeverityWarning,
			"the image is asked for at m.io/b, quay.io/b; with these files, the image is asked for at m.io/b"},
		{"a repeated table", "digest quay.io/a m.io/a m.io never", "quay.io/a/b" + digestA, finding.SeverityWarning, "the image is asked for at quay.io/a/b; with"},
		{"a mirror for digests that resolves tags", "digest quay.io/a m.io/a never", "quay.io/a:1", finding.SeverityWarning, "asked for at m.io/a; with these files, there is nothing to pull from"},
		{"a tag that one location resolves", "digest quay.io/a z.io/a b.io/a", "quay.io/a:1", finding.SeverityInfo, "the tag is resolved at quay.io/a and the image fetched from b.io/a, z.io/a, quay.io/a"},
		{"the order of the alphabet", "tag quay.io/a z.io/a b.io/a", "quay.io/a:1", finding.SeverityInfo, "in another order: the image is asked for at b.io/a, z.io/a, quay.io/a"},
		{"docker.io as a mirror", "digest internal.io docker.io", "internal.io/library/a" + digestA, finding.SeverityWarning, "asked for at docker.io/library/a, internal.io/library/a; with these files, the image is asked for at registry-1.docker.io/library/a"},
		{"a host with a port", "digest quay.io:8443 m.io", "quay.io:8443/a" + digestA, finding.SeverityWarning, "asked for at quay.io:8443/a; with"},
		{"a blocked registry", "blocked quay.io", "quay.io/a:1", finding.SeverityWarning, "with these files, there is nothing to pull from (WMCO does not read the blocked registries of Image)"},
		{"an insecure registry", "insecure quay.io", "quay.io/a:1", finding.SeverityWarning, "(WMCO does not read the insecure registries of Image)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := newRules(t, test.rules)
			plan, err := NewContainerdTable(rules).Plan(test.image)
			require.NoError(t, err)
			f, differs := WMCO(rules).Check(plan)
			require.Equal(t, test.says != "", differs, f)
			require.Equal(t, test.severity, f.Severity)
			require.Contains(t, f.Message, test.says)
			_, differs = MCO(rules).Check(plan)
			require.False(t, differs, "MCO says nothing of Windows nodes")
		})
	}
}

func TestAnOperatorOfNothingAnswersNothing(t *testing.T) {
	zero.RequireAnswers(t, nil, &Operator{})
	linux, err := NewLinuxTable(nil).Plan("a")
	require.NoError(t, err)
	windows, err := NewContainerdTable(nil).Plan("quay.io/a")
	require.NoError(t, err)
	for _, plan := range []Plan{{}, {Image: "quay.io/a"}, {Image: "A", Platform: finding.Linux}, linux, windows} {
		for _, o := range []Operator{{}, MCO(nil), WMCO(nil)} {
			_, differs := o.Check(plan)
			require.False(t, differs, plan)
		}
	}
}

func TestADifferenceWithoutAMirrorNamesTheScopeOfImage(t *testing.T) {
	rules := &mirrorset.Rules{
		Blocked:  []mirrorset.Scope{{Value: "quay.io", Origin: finding.Origin{File: "image.yaml", Line: 6}}},
		Insecure: []mirrorset.Scope{{Value: "*.corp", Origin: finding.Origin{File: "image.yaml", Line: 8}}},
	}
	operator := WMCO(rules)
	for image, line := range map[string]int{"quay.io/team/app:1": 6, "m.corp/team/app:1": 8} {
		table := NewContainerdTable(rules, "m.corp")
		plan, err := table.Plan(image)
		require.NoError(t, err)
		f, differs := operator.Check(plan)
		require.True(t, differs, image)
		require.Equal(t, line, f.Origin.Line, "%s: %v", image, f)
	}
}

// Where the same locations are asked in another order nothing is lost; where a tag is resolved elsewhere it may be another image.
func TestAnotherPlaceThatResolvesATagIsMoreThanAnotherOrder(t *testing.T) {
	plan := func(resolved string, pull ...string) Plan {
		p := Plan{Platform: finding.Windows, Resolve: []Attempt{{Location: resolved}}}
		for _, location := range pull {
			p.Pull = append(p.Pull, Attempt{Location: location})
		}
		return p
	}
	for _, test := range []struct {
		ours, theirs Plan
		want         finding.Severity
	}{
		{plan("a.io/x", "a.io/x", "b.io/x"), plan("a.io/x", "b.io/x", "a.io/x"), finding.SeverityInfo},
		{plan("a.io/x", "a.io/x", "b.io/x"), plan("b.io/x", "b.io/x", "a.io/x"), finding.SeverityWarning},
		{plan("a.io/x", "a.io/x", "b.io/x"), plan("b.io/x", "a.io/x", "b.io/x"), finding.SeverityWarning},
	} {
		f, differs := WMCO(nil).Differs("x", test.ours, test.theirs)
		require.True(t, differs)
		require.Equal(t, test.want, f.Severity)
	}
}
