//go:build binaries

package linux

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/binaries"
	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/conformance/logs"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/resolve"
)

// What skopeo and podman print at level debug, and their error, is what the registries saw.
func TestWhatProgramsPrintIsWhatTheRegistriesSaw(t *testing.T) {
	p := newProxy(t)
	sandbox, err := binaries.NewSandbox(t.TempDir(), p)
	require.NoError(t, err)
	configurations := map[bool]config{
		false: newConfig(t, newSet(t, "digest quay.io/a m.io/a n.io/a\ntag quay.io/a m.io/a n.io/a")),
		true:  newConfig(t, newSet(t, "digest quay.io/a m.io/a n.io/a never\ntag quay.io/a m.io/a n.io/a never")),
	}
	for _, program := range []struct {
		name  string
		trace func(ctx context.Context, conf, ref string) binaries.Trace
		every int // of the cases
	}{{skopeo, sandbox.SkopeoTrace, 5}, {"podman 4.3.1 (Debian)", sandbox.PodmanTrace, 15}} {
		row := report.Add(program.name, "faults × places: what is read of its debug output and error = what the registries saw")
		var counts logs.Counts
		for i, test := range failover.Cases() {
			if !random.Long() && (test.Slow() || i%program.every != 0) {
				continue
			}
			c := configurations[test.Never]
			plan, err := c.table.Plan(test.Image)
			require.NoError(t, err)
			plan.Client = resolve.ContainersImage538
			p.Use(test.World())
			got := program.trace(context.Background(), c.file, test.Image)
			log := logs.Log{Text: got.Log, Plan: plan, Requests: version2(got.Requests), Complete: true}
			if err := log.Compare(&counts); err != nil {
				row.Mismatches++
				if row.Mismatches < 4 {
					t.Errorf("%s, %s: %v\n%s", program.name, test, err, got.Log)
				}
			}
		}
		row.Configurations, row.Pulls = counts.Logs, counts.Attempts
		t.Logf("%s: %d logs, %d attempts, %d answers", program.name, counts.Logs, counts.Attempts, counts.Answers)
		require.Zero(t, row.Mismatches)
		require.Greater(t, counts.Answers, 40)
	}
}
