package resolve_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

// What a caller prints of a plan shows no password, whether it prints the plan or a field of it.
func TestAPlanHoldsNoUserInformation(t *testing.T) {
	conf, _ := registriesconf.Parse("registries.conf", []byte("[[registry]]\nlocation = 'q.io'\n[[registry.mirror]]\nlocation = 'me:hunter2@m.io'\n"))
	linux, containerd := conf.Table("registries.conf"), &resolve.ContainerdTable{}
	for _, image := range []string{"me:hunter2@q.io/a:1", "https://me:hunter2@q.io/a", "q.io/a:1"} {
		for _, plan := range []func(string) (resolve.Plan, error){linux.Plan, containerd.Plan} {
			p, err := plan(image)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v %v", p, p, p, err), "hunter2")
			for _, f := range p.Findings {
				require.NotContains(t, f.Value+f.Message, "hunter2")
			}
		}
	}
}
