package managed_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"github.com/stretchr/testify/require"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, []string{"File.Update", "Memory.Update"}, // what changes is to be given
		&managed.File{}, &managed.Memory{}, &managed.Cluster{})
	var m managed.Memory
	require.NoError(t, m.Update("a", func(*managed.Cluster) error { return nil }), "the zero value is a store")
	mirrors, findings := managed.FromRules(nil)
	require.Empty(t, mirrors)
	require.Empty(t, findings)
	mirrors, findings = managed.FromRules(&mirrorset.Rules{Rules: []mirrorset.Rule{{Source: "quay.io/a", Pull: mirrorset.ByDigest}}})
	require.Empty(t, mirrors, "a rule without entries is no image mirror")
	require.Empty(t, findings)
}

// An entry under NeverContactSource forbids, whether or not its rule repeats that: an image mirror would not.
func TestRulesByHandAreCarriedByTheirEntries(t *testing.T) {
	rules := &mirrorset.Rules{Rules: []mirrorset.Rule{
		{Pull: mirrorset.ByDigest, Source: "quay.io/a", Entries: []*mirrorset.Entry{nil, {Source: "quay.io/a", Mirrors: []string{"m.io"}}}},
		{Pull: mirrorset.ByDigest, Source: "quay.io/b", Entries: []*mirrorset.Entry{
			{Source: "quay.io/b", Mirrors: []string{"m.io"}, Policy: mirrorset.NeverContactSource}}},
	}}
	mirrors, findings := managed.FromRules(rules)
	require.Equal(t, []mirrorset.ImageMirror{{Type: mirrorset.ByDigest, Source: "quay.io/a", Mirrors: []string{"m.io"}}}, mirrors)
	require.Len(t, findings, 1)
}
