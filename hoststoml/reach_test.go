package hoststoml_test

import (
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/stretchr/testify/require"
)

// A host that may neither pull nor resolve is not asked by a pull: it needs no certificate, and it gets no password.
func TestOnlyEndpointsThatAPullReachesAreGivenCredentialsAndTLS(t *testing.T) {
	ca, _ := newPair(t)
	for name, test := range map[string]struct {
		capabilities []hoststoml.Capability
		reached      bool
	}{
		"no list, which means all": {nil, true},
		"pull":                     {[]hoststoml.Capability{hoststoml.CapabilityPull}, true},
		"resolve":                  {[]hoststoml.Capability{hoststoml.CapabilityResolve}, true},
		"push and pull":            {[]hoststoml.Capability{hoststoml.CapabilityPush, hoststoml.CapabilityPull}, true},
		"push":                     {[]hoststoml.Capability{hoststoml.CapabilityPush}, false},
		"referrers":                {[]hoststoml.Capability{hoststoml.CapabilityReferrers}, false},
		"push and referrers":       {[]hoststoml.Capability{hoststoml.CapabilityPush, hoststoml.CapabilityReferrers}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := hoststoml.Settings{Capabilities: test.capabilities}
			tree := hoststoml.Tree{
				{Host: "a.io", File: &hoststoml.File{Server: "https://o.io", Hosts: []hoststoml.Host{{URL: "https://m.io", Settings: s}}}},
				{Host: "b.io", File: &hoststoml.File{Server: "https://m.io", Settings: s, Hosts: []hoststoml.Host{{URL: "https://o.io"}}}},
				{Host: "m.io", File: &hoststoml.File{Server: "https://o.io"}}, // so that WithTLS and WithCredentials make none
			}
			secured, findings := tree.WithTLS(map[string]hoststoml.TLS{"m.io": {CA: ca, SkipVerify: true}})
			require.Empty(t, findings)
			given, _ := tree.WithCredentials(secretOf(t, "m.io"))
			for what, s := range map[string][2]hoststoml.Settings{
				"host":   {secured[0].File.Hosts[0].Settings, given[0].File.Hosts[0].Settings},
				"server": {secured[1].File.Settings, given[1].File.Settings},
			} {
				require.Equal(t, test.reached, len(s[0].CA) > 0, what)
				require.Equal(t, test.reached, s[0].SkipVerify != nil, what)
				require.Equal(t, test.reached, len(s[1].Header) > 0, what)
			}
			require.Empty(t, secured[0].File.CA, "another host's")
			require.Empty(t, given[0].File.Header, "another host's")
		})
	}
}
