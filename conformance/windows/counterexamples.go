package windows

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/resolve/routes"
)

// A counterexample is a reference that the client takes where the verdict says, once all that comes
// before fails.
func aCounterexampleIsWhatContainerdDoes(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "counterexamples of statements about all images", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for i := 0; y.row.Pulls < random.Count(2_000); i++ {
			conf := newConfiguration(y, s, filepath.Join(root, strconv.Itoa(i)))
			y.row.Configurations++
			for _, v := range routes.Check(random.Statements(s, conf.rules), nil, routes.Containerd(conf.table)) {
				if v.Counterexample == nil {
					continue
				}
				y.row.Pulls++
				image := v.Counterexample.Reference
				plan, err := conf.table.Plan(image)
				require.NoError(y, err)
				w := stateOf(s, append(locations(plan.Pull), nameOf(plan.References[0]))...)
				if err := foretell(conf.table, plan).compare(c, c.Pull(context.Background(), w, conf.dir, image)); err != nil {
					y.mismatch("%s for %s: %v\n%s", image, v.Statement, err, describe(conf.rules))
				}
			}
		}
	})
}
