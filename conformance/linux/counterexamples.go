package linux

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/resolve/routes"
)

// A counterexample is a reference that the client takes where the verdict says.
func aCounterexampleIsWhatTheClientDoes(t *testing.T) {
	examples := random.Count(2_000)
	row := newRow(t, containersImage, "counterexamples of statements about all images")
	s := random.New(t.Name())
	for row.Pulls < examples {
		c := newConfig(t, s.Set())
		client := c.load(t)
		row.Configurations++
		for _, v := range routes.Check(random.Statements(s, c.rules), routes.Linux(c.table), nil) {
			if v.Counterexample == nil {
				continue
			}
			row.Pulls++
			plan, err := c.table.Plan(v.Counterexample.Reference)
			require.NoError(t, err)
			require.Equal(t, places(plan), places(v.Counterexample.Plan), v.Statement)
			requireSame(t, c, client, plan)
		}
		require.NoError(t, client.Close())
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
}
