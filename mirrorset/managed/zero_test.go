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
