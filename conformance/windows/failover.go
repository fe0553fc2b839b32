package windows

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/failover"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// Whatever a location fails with, and wherever it stands, containerd goes on where the plan says, and
// nowhere else.
func aFailingLocationIsLeftAsThePlanSays(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "faults × places: requests and outcome as Plan.After says",
		func(y tally, c clients.Containerd) {
			client := resolve.Containerd1
			if isV2(c) {
				client = resolve.Containerd2
			}
			type configured struct {
				dir   string
				table *resolve.ContainerdTable
			}
			configurations := map[bool]configured{} // by whether the source is under NeverContactSource
			for never, policy := range map[bool]mirrorset.MirrorSourcePolicy{false: mirrorset.AllowContactingSource,
				true: mirrorset.NeverContactSource} {
				set := &mirrorset.Set{ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{
					Metadata: mirrorset.ObjectMeta{Name: "a"},
					Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{
						{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io/a"}, MirrorSourcePolicy: policy}}},
				}}}
				rules, err := set.Rules()
				require.NoError(y, err)
				tree, table, _ := hoststoml.Render(rules, hoststoml.RenderOptions{})
				table = here(table)
				dir := y.TempDir()
				_, err = tree.Write(dir)
				require.NoError(y, err)
				configurations[never] = configured{dir, table}
			}
			var workers sync.WaitGroup
			var mu sync.Mutex
			cases := make(chan failover.Case)
			for range 4 {
				workers.Go(func() {
					for test := range cases {
						in := configurations[test.Never]
						plan, err := in.table.Plan(test.Image)
						if err == nil {
							plan.Client = client
							want, served := test.Foretell(plan, !isV2(c))
							pull := c.Pull(context.Background(), test.World(), in.dir, test.Image)
							err = failover.Compare(want, served, pull.Requests, pull.Err)
						}
						mu.Lock()
						y.row.Configurations++
						y.row.Pulls++
						if err != nil {
							y.mismatch("%s: %v", test, err)
						}
						mu.Unlock()
					}
				})
			}
			for _, test := range failover.Cases() {
				cases <- test
			}
			close(cases)
			workers.Wait()
			require.Greater(y, y.row.Pulls, 300)
		})
}
