package linux

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// Every location of a plan is asked with the parameter ns that the plan has for it, by the version that
// sends one; the other sends none.
func theNamespaceIsSentAsPlanned(t *testing.T) {
	row := newRow(t, containersImage, "namespace-proxy: the parameter ns of each request")
	s := random.New(t.Name())
	p := newProxy(t)
	told := 0
	for row.Configurations < random.Count(2_000) {
		base, findings := registriesconf.Parse("base", baseFile(s))
		require.NoError(t, findings.Err())
		base.CredentialHelpers = nil // none is there to be asked
		if len(base.Registries) == 0 {
			continue
		}
		name := func() string { return s.Pick("", "quay.io", "a b&c=d", "ns"+fmt.Sprint(s.Intn(9))) }
		for i := range base.Registries {
			r := &base.Registries[i]
			r.NamespaceProxy = name()
			for j := range r.Mirrors {
				r.Mirrors[j].NamespaceProxy = name()
			}
		}
		client, err := containersimage.LoadRegistries(t.TempDir(), string(base.Bytes()))
		require.NoError(t, err, string(base.Bytes()))
		row.Configurations++
		table := base.Table("registries.conf")
		for _, r := range base.Registries {
			scope := r.Scope()
			if scope[0] == '*' {
				scope = "a" + scope[1:]
			}
			plan, err := table.Plan(scope + "/x/app@" + random.Digest)
			require.NoError(t, err)
			plan.Client = linked()
			p.Use(world.New()) // nobody has it, so everybody is asked
			requests, err := pull(client, p, plan.Image)
			require.Error(t, err)
			row.Pulls++
			var want, got []string
			for _, a := range plan.Pull {
				want = appended(want, world.WireLocation(a.Location), plan.Namespace(a))
				if plan.Namespace(a) != "" {
					told++
				}
			}
			for _, r := range requests {
				if r.Object() != "" {
					got = appended(got, world.WireLocation(r.Location()), r.Namespace)
				}
			}
			require.Equal(t, want, got, "%s\n%s", plan.Image, base.Bytes())
		}
		require.NoError(t, client.Close())
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	require.Equal(t, linked() == resolve.ContainersImage542, told > row.Pulls/2, told)
}

// appended appends an attempt, repeats in a row written once.
func appended(list []string, location, namespace string) []string {
	if namespace != "" {
		location += " ns=" + namespace
	}
	if n := len(list); n > 0 && list[n-1] == location {
		return list
	}
	return append(list, location)
}
