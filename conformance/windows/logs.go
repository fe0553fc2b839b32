package windows

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/conformance/logs"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/explain"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// filesOf writes the files for one source with mirrors for tags, and returns where they lie.
func filesOf(t testing.TB, entry mirrorset.ImageMirrors) (string, *resolve.ContainerdTable) {
	set := &mirrorset.Set{ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "a"},
		Spec:     mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{entry}},
	}}}
	rules, err := set.Rules()
	require.NoError(t, err)
	tree, table, _ := hoststoml.Render(rules, hoststoml.RenderOptions{Platform: finding.Containerd})
	dir := t.TempDir()
	_, err = tree.Write(dir)
	require.NoError(t, err)
	return dir, table
}

// clientOf returns the range of versions that a client is of.
func clientOf(c clients.Containerd) resolve.Client {
	if isV2(c) {
		return resolve.Containerd2
	}
	return resolve.Containerd1
}

// atInfo returns the lines of a journal that are there without debug messages, as CRI writes it: with the
// image before them, and the error, as the event of the kubelet has it, behind them (internal/cri, client/pull.go).
func atInfo(journal, image string, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "level=info msg=%q\n", fmt.Sprintf("PullImage %q", image))
	for line := range strings.Lines(journal) {
		if !strings.Contains(line, "level=debug") && !strings.Contains(line, `"level":"debug"`) {
			b.WriteString(line)
		}
	}
	if err != nil {
		text := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %[1]q: %v", image, err)
		rpc := "rpc error: code = Unknown desc = " + text
		fmt.Fprintf(&b, "level=error msg=%q error=%q\n", fmt.Sprintf("PullImage %q failed", image), rpc)
		fmt.Fprintf(&b, "  Warning  Failed  3s (x2 over 18s)  kubelet  Failed to pull image %q: %s\n", image, rpc)
	}
	return b.String()
}

// Whatever a location fails with, and wherever it stands, what is read of containerd's journal at level debug
// is every request that the registries saw, and at level info nothing that they did not. The row's
// configurations are the logs that were read, its pulls the attempts.
func aLogSaysWhatTheRegistriesSaw(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "faults × places: what is read of the journal, at two levels = what the registries saw",
		func(y tally, c clients.Containerd) {
			type configured struct {
				dir   string
				table *resolve.ContainerdTable
			}
			configurations := map[bool]configured{}
			for never, policy := range map[bool]mirrorset.MirrorSourcePolicy{false: mirrorset.AllowContactingSource,
				true: mirrorset.NeverContactSource} {
				dir, table := filesOf(y, mirrorset.ImageMirrors{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"},
					MirrorSourcePolicy: policy})
				configurations[never] = configured{dir, table}
			}
			var counts logs.Counts
			for i, test := range failover.Cases() {
				if !random.Long() && i%3 != 0 {
					continue
				}
				in := configurations[test.Never]
				plan, err := in.table.Plan(test.Image)
				require.NoError(y, err)
				plan.Client = clientOf(c)
				var journal bytes.Buffer
				pull := c.Pull(clients.WithLog(context.Background(), &journal, i%2 == 0), test.World(), in.dir, test.Image)
				for name, log := range map[string]logs.Log{
					"debug": {Text: journal.String(), Complete: true, Silent: !isV2(c) || strings.HasPrefix(c.Version, "2.0.")},
					"info":  {Text: atInfo(journal.String(), test.Image, pull.Err)},
				} {
					log.Plan, log.Requests = plan, pull.Requests
					err := log.Compare(&counts)
					if err == nil {
						err = logs.Wrapped(log.Text)
					}
					if err != nil {
						y.mismatch("%s, %s: %v\n%s", test, name, err, log.Text)
					}
				}
			}
			y.row.Configurations, y.row.Pulls = counts.Logs, counts.Attempts
			y.Logf("%d logs, %d attempts, %d answers", counts.Logs, counts.Attempts, counts.Answers)
			require.Greater(y, counts.Answers, 300)
		})
}

// What goes wrong before a registry answers is told in the words of the system, at each of four places.
func aLogSaysWhatTheNetworkDoes(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "faults of a real network × places: what is read of the journal, at two levels",
		func(y tally, c clients.Containerd) {
			for _, fault := range logs.Faults() {
				for at := range 4 {
					if fault.Slow && at != 1 && !random.Long() {
						continue
					}
					hosts, classes := fault.Places(y, at)
					dir, table := filesOf(y, mirrorset.ImageMirrors{Source: hosts[3] + "/a",
						Mirrors: []string{hosts[0] + "/a", hosts[1] + "/a", hosts[2] + "/a"}})
					image := hosts[3] + "/a:1"
					plan, err := table.Plan(image)
					require.NoError(y, err)
					require.Len(y, plan.Resolve, 4)
					plan.Client = clientOf(c)
					var journal bytes.Buffer
					pull := c.Pull(clients.WithLog(context.Background(), &journal, at%2 == 0), nil, dir, image)
					require.Error(y, pull.Err)
					for _, text := range []string{journal.String(), atInfo(journal.String(), image, pull.Err)} {
						y.row.Configurations++
						e := explain.Of(clientlog.Read([]byte(text)).Events, plan)
						for i, a := range e.Attempts[:4] {
							y.row.Pulls++
							if a.Answer.Class != classes[i] || e.Differs != nil || e.Contacted > 0 {
								y.mismatch("%s at %d: the answer of %d is said to be %+v, %v\n%s", fault.Class, at, i,
									a.Answer, e.Differs, text)
							}
						}
					}
				}
			}
			require.Greater(y, y.row.Pulls, 150)
		})
}
