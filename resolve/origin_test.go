package resolve

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Whoever reads a finding has to know which field to change: those of tables that are made of objects name one.
func TestEveryFindingOfATableNamesAField(t *testing.T) {
	s := random.New(12)
	for range 400 {
		rules, err := s.Set().Rules()
		require.NoError(t, err)
		for _, f := range append(NewLinuxTable(rules).Findings, NewContainerdTable(rules).Findings...) {
			require.NotEqual(t, finding.Origin{}, f.Origin, "%v", f)
		}
	}
}
