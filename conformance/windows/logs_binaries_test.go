//go:build binaries

package windows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/conformance/logs"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// What ctr prints with --debug, and its error, is what the registries saw.
func TestWhatCtrPrintsIsWhatTheRegistriesSaw(t *testing.T) {
	p, ctr := startContainerd(t)
	row := report.Add(containerd16, "faults × places: what is read of its debug output and error = what the registries saw")
	var counts logs.Counts
	for i, test := range failover.Cases() {
		if !random.Long() && (test.Slow() || i%4 != 0) {
			continue
		}
		policy := mirrorset.AllowContactingSource
		if test.Never {
			policy = mirrorset.NeverContactSource
		}
		dir, table := filesOf(t, mirrorset.ImageMirrors{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"},
			MirrorSourcePolicy: policy})
		plan, err := table.Plan(test.Image)
		require.NoError(t, err)
		plan.Client = resolve.Containerd1
		p.Use(test.World())
		got := ctr.Trace(context.Background(), dir, test.Image)
		log := logs.Log{Text: got.Log, Plan: plan, Requests: got.Requests, Silent: true}
		if err := log.Compare(&counts); err != nil {
			tally{t, row}.mismatch("%s: %v\n%s", test, err, got.Log)
		}
	}
	row.Configurations, row.Pulls = counts.Logs, counts.Attempts
	t.Logf("%d logs, %d attempts, %d answers", counts.Logs, counts.Attempts, counts.Answers)
	require.Greater(t, counts.Answers, 150)
}
