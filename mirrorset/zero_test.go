package mirrorset_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/stretchr/testify/require"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil,
		&mirrorset.Set{}, &mirrorset.Rules{}, &mirrorset.Rule{}, &mirrorset.Entry{}, &mirrorset.Mirror{}, &mirrorset.Scope{}, &mirrorset.Image{},
		&mirrorset.ImageDigestMirrorSet{}, &mirrorset.ImageTagMirrorSet{}, &mirrorset.ImageContentSourcePolicy{}, &mirrorset.DigestSources{},
		&mirrorset.ImageMirror{}, &mirrorset.ImageMirrors{}, &mirrorset.ConfigMap{}, &mirrorset.RegistrySources{},
		&mirrorset.ClusterImagePolicy{}, &mirrorset.ImagePolicy{}, &mirrorset.ImagePolicySpec{}, &mirrorset.SignedIdentity{}, &mirrorset.RootOfTrust{}, &mirrorset.TrustedCA{},
		&mirrorset.Migration{}, &mirrorset.NodeFile{}, &mirrorset.MachineConfig{}, &mirrorset.ReadFrom{}, (*mirrorset.ReadFrom)(nil), new(mirrorset.Pull), new(mirrorset.MirrorSourcePolicy))
}

// A Set is nil where reading it failed. That it has no rules is then no answer.
func TestRulesOfNoSetAreAnError(t *testing.T) {
	set, err := mirrorset.ReadFiles("no such file")
	require.Error(t, err)
	rules, err := set.Rules()
	require.ErrorContains(t, err, "there is no set of objects")
	require.Empty(t, rules.Rules)
}

func TestRulesByHandMayHoldNil(t *testing.T) {
	rule := mirrorset.Rule{Source: "quay.io", Entries: []*mirrorset.Entry{nil, {Source: "quay.io", Mirrors: []string{"m.io"}}}}
	mirrors := rule.Mirrors()
	require.Len(t, mirrors, 1)
	require.Len(t, mirrors[0].Origins, 1)
	require.Empty(t, (*mirrorset.Rollout)(nil).String(), "nothing is rolled out")
}

func TestNothingIsAnsweredWithNothing(t *testing.T) {
	rules, err := (&mirrorset.Set{}).Rules()
	require.NoError(t, err)
	require.Empty(t, rules.Rules)
	require.Empty(t, rules.Findings)
	order, loop := mirrorset.PreferenceOrder(nil, "")
	require.Empty(t, order)
	require.Empty(t, loop)
	clusters, err := mirrorset.DecodeClusters("", nil)
	require.Error(t, err, "no bytes are no JSON")
	require.Empty(t, clusters)
	require.False(t, mirrorset.ValidSource(""))
	require.False(t, mirrorset.ValidMirror(""))
}
