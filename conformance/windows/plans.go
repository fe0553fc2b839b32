package windows

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/resolve"
)

// pullsOfEach is how many images are pulled with each configuration.
const pullsOfEach = 4

func containerdAsksWhatThePlanSays(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "requests = plan, random rules", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		served, empty := 0, 0
		for i := range random.Count(8_000) {
			conf := newConfiguration(y, s, filepath.Join(root, strconv.Itoa(i)))
			y.row.Configurations++
			for range pullsOfEach {
				image := reference(s, conf.rules)
				plan, err := conf.table.Plan(image)
				require.NoError(y, err)
				w := stateOf(s, append(locations(plan.Pull), nameOf(plan.References[0]))...)
				pull := c.Pull(context.Background(), w, conf.dir, image)
				y.row.Pulls++
				if pull.Err == nil {
					served++
				} else if len(plan.Pull) == 0 {
					empty++
				}
				if err := foretell(conf.table, plan).compare(c, pull); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
				if err := neverContacted(conf.rules, plan, pull.Requests); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
			}
		}
		// Both ends are compared often enough to mean something.
		require.Greater(y, served, y.row.Pulls/10)
		require.Greater(y, empty, y.row.Pulls/40)
	})
}

// attempts leaves out where an attempt comes from: a file on disk does not know.
func attempts(of []resolve.Attempt) []resolve.Attempt {
	var out []resolve.Attempt
	for _, a := range of {
		out = append(out, resolve.Attempt{Location: a.Location, Role: a.Role})
	}
	return out
}
