package resolve_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// A table that nobody filled is that of an empty file: every image comes from its source.
func TestTablesWithoutContentAskTheSource(t *testing.T) {
	r, err := resolve.ParseReference("quay.io/a:1")
	require.NoError(t, err)
	for name, table := range map[string]interface {
		Plan(string) (resolve.Plan, error)
		PlanReference(resolve.Reference) (resolve.Plan, error)
	}{
		"nil linux":       (*resolve.LinuxTable)(nil),
		"zero linux":      &resolve.LinuxTable{},
		"no rules, linux": resolve.NewLinuxTable(nil),
		"no file, linux":  resolve.LinuxTableOf(resolve.LinuxConfig{}),
		"edited nil":      (*resolve.LinuxTable)(nil).Edit(nil),
		"nil containerd":  (*resolve.ContainerdTable)(nil),
		"zero containerd": &resolve.ContainerdTable{},
		"no rules":        resolve.NewContainerdTable(nil),
		"no files":        resolve.ContainerdTableOf(nil),
	} {
		p, err := table.Plan("quay.io/a:1")
		require.NoError(t, err, name)
		require.Len(t, p.Pull, 1, name)
		require.Equal(t, "quay.io/a", p.Pull[0].Location, name)
		p, err = table.PlanReference(r)
		require.NoError(t, err, name)
		require.Len(t, p.Pull, 1, name)
		_, err = table.PlanReference(resolve.Reference{})
		require.Error(t, err, name)
	}
}

// Rules made by hand may lack what those of a Set always have.
func TestRulesWithoutEntriesMakeTables(t *testing.T) {
	for _, rules := range []*mirrorset.Rules{
		{Rules: []mirrorset.Rule{{}}},
		{Rules: []mirrorset.Rule{{Source: "quay.io/a", Pull: mirrorset.ByDigest, Never: true}, {Source: "quay.io", Pull: mirrorset.ByTag}}},
		{Rules: []mirrorset.Rule{{Source: "*.example.org", Never: true}, {Source: "a.example.org"}}},
		{Rules: []mirrorset.Rule{{Source: "quay.io/a", Entries: []*mirrorset.Entry{nil, {}}}}},
		{Blocked: []mirrorset.Scope{{}}, Insecure: []mirrorset.Scope{{}}},
		{SearchRegistries: []string{""}, TrustedCAs: []mirrorset.TrustedCA{{}}},
	} {
		for _, image := range []string{"quay.io/a/b:1", "a.example.org/x:1", "x"} {
			for _, plan := range []func(string) (resolve.Plan, error){resolve.NewLinuxTable(rules).Plan, resolve.NewContainerdTable(rules, "a.example.org").Plan} {
				p, err := plan(image)
				if err == nil && len(p.Pull) == 0 {
					require.NotEmpty(t, p.Findings, "%s with %+v", image, rules)
				}
			}
		}
		require.NotPanics(t, func() { _, _ = resolve.Matching(rules, "quay.io/a/b:1") })
	}
	never := &mirrorset.Rules{Rules: []mirrorset.Rule{{Source: "quay.io/a", Pull: mirrorset.ByDigest, Never: true}}}
	for _, plan := range []func(string) (resolve.Plan, error){resolve.NewLinuxTable(never).Plan, resolve.NewContainerdTable(never).Plan} {
		p, err := plan("quay.io/a/b@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
		require.NoError(t, err)
		require.Empty(t, p.Pull, "a rule without entries still forbids")
		require.Equal(t, finding.SeverityError, p.Findings[0].Severity)
	}
}

// Every method of every exported type has an answer for nil and for the zero value.
func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil,
		(*resolve.LinuxTable)(nil), &resolve.LinuxTable{}, (*resolve.ContainerdTable)(nil), &resolve.ContainerdTable{},
		&resolve.LinuxEntry{}, &resolve.LinuxMirror{}, &resolve.LinuxConfig{}, &resolve.Registry{}, &resolve.ContainerdOptions{}, &resolve.Endpoint{},
		&resolve.Plan{}, &resolve.Attempt{}, &resolve.Reference{}, &resolve.Copy{}, new(resolve.Capability), new(resolve.Role))
	require.NotPanics(t, func() { _, _ = resolve.Copies(nil, nil, "quay.io/a:1") })
	_, err := resolve.Matching(nil, "quay.io/a:1")
	require.NoError(t, err)
}
