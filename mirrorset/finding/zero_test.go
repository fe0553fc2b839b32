package finding_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil,
		&finding.Finding{}, &finding.Findings{}, &finding.Origin{}, &finding.RefusedError{},
		new(finding.Code), new(finding.Severity), new(finding.Platform), new(finding.Refuser))
	require.NoError(t, finding.Findings(nil).Err(), "no finding refuses nothing")
}
