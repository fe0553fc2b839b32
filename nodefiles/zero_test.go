package nodefiles_test

import (
	"testing"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/nodefiles"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, []string{"Operation.Do", "Retry.Do"}, // a transport, or a call, is to be given
		&nodefiles.Operation{}, &nodefiles.Kept{}, &nodefiles.Retry{}, &nodefiles.DirEntry{}, &nodefiles.Local{}, (*nodefiles.Local)(nil))
}
