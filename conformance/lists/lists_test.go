// Package lists holds what pullroute reads from lists of the API against what the operators are given.
package lists

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/openshiftapi"
)

// The lists that MCO and WMCO are asked about everywhere in conformance give the rules that pullroute is asked about.
func TestTheOperatorsAreAskedAboutTheSameObjects(t *testing.T) {
	s := random.New(t.Name())
	compared := 0
	for range random.Count(5_000) {
		set := s.Set()
		cluster := openshift.ClusterOf(set)
		var o openshiftapi.Objects
		o.ImageDigestMirrorSets.Items, o.ImageTagMirrorSets.Items = cluster.Items()
		for _, p := range cluster.ICSP {
			o.ImageContentSourcePolicies.Items = append(o.ImageContentSourcePolicies.Items, *p)
		}
		back, err := o.Set()
		require.NoError(t, err)
		back.Images = set.Images // the operators are given their scopes
		want, err := set.Rules()
		require.NoError(t, err)
		got, err := back.Rules()
		require.NoError(t, err)
		require.Equal(t, plain(want), plain(got))
		compared += len(want.Rules)
	}
	require.Greater(t, compared, 100)
}

// plain are the rules without what a file adds.
func plain(rules *mirrorset.Rules) (all []string) {
	for _, r := range rules.Rules {
		line := string(r.Pull) + " " + r.Source
		if r.Never {
			line += " never"
		}
		for _, m := range r.Mirrors() {
			line += " " + m.Location
			for _, o := range m.Origins {
				line += " (" + o.Object + " " + o.Field + ")"
			}
		}
		all = append(all, line)
	}
	return all
}
