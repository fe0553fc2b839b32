package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

func TestVersions(t *testing.T) {
	for in, want := range map[string]string{"": "", "1.7.31": "1.7.31", "v2.0": "2.0", "2": "2.4", "1": "1.7", "2.9.1": "2.4", "3": "2.4", "2.1.4-k3s1": "2.1.4",
		"1.6.20~ds1": "", "1.5": "", "1.8": "1.7", "0": "", "a": "", "1.2.3.4": "", "1.-1": "", "2.4.2+unknown": "2.4.2"} {
		v, err := hoststoml.ParseVersion(in)
		if want == "" {
			require.Error(t, err, in)
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, want, v.String())
		again, err := hoststoml.ParseVersion(v.String())
		require.NoError(t, err)
		require.Equal(t, v, again)
	}
	require.Equal(t, "2.4", hoststoml.Version{}.String())
}

// The hosts that each version asks, as conformance holds them against the versions themselves; nil for a
// file that it ignores.
func TestAFileAsAVersionReadsIt(t *testing.T) {
	const open = "server = 'https://s.io'\n"
	for name, test := range map[string]struct {
		in   string
		want map[string][]string
	}{
		"no host table": {open, map[string][]string{"1.6": nil, "1.7.31": nil, "1.7.32": {}, "1.7": {}, "2.0": {}, "2.4": {}}},
		"referrers": {open + "[host.'https://m.io']\ncapabilities = ['pull', 'referrers']\n",
			map[string][]string{"1.6": nil, "1.7": nil, "2.0": nil, "2.1.5": nil, "2.2.0": {"https://m.io"}, "2.4": {"https://m.io"}}},
		"a byte-order mark":    {"\ufeff" + open + "[host.'https://m.io']\n", map[string][]string{"1.6": {"https://m.io"}, "1.7": {"https://m.io"}, "2.0.0": nil, "2.0": nil, "2.4": nil}},
		"a malformed duration": {open + "[host.'https://m.io']\ndial_timeout = 'x'\n", map[string][]string{"1.7": {"https://m.io"}, "2.0": nil}},
		"dotted and inline keys": {open + "host.'https://d.io'.skip_verify = true\n[host.'https://m.io']\n",
			map[string][]string{"1.6": {"https://d.io", "https://m.io"}, "1.7": {"https://d.io", "https://m.io"}, "2.0": {"https://m.io"}}},
		"a sub-table apart": {open + "[host.'https://m.io']\n[host.'https://n.io']\n[host.'https://m.io'.header]\nA = '1'\n",
			map[string][]string{"1.7": {"https://m.io", "https://n.io"}, "2.4": {"https://m.io", "https://n.io", "https://m.io"}}},
		"an IPv6 address is not known of old ones": {open + "[host.'https://[::1]:5000']\n", map[string][]string{"1.7": {"unsure"}, "2.0": {"https://[::1]:5000"}}},
		"two hosts on one line":                    {open + "host = {'https://a.io' = {}, 'https://b.io' = {}}\n", map[string][]string{"1.7": {"unsure"}, "2.0": {}}},
		"a host whose sub-table stands first": {open + "[host]\n[host.m]\n[host.'https://x.io'.header]\n[host.z]\n[host.'https://x.io']\n",
			map[string][]string{"1.7": {"m", "https://x.io", "z"}, "2.0": {"m", "https://x.io", "z", "https://x.io"}}},
		"a host in braces": {open + "[host.m]\n[host]\nx = {}\n", map[string][]string{"1.7": {"x", "m"}, "2.0": {"m"}}},
		"a host in braces behind one in the first line": {"[host.m]\n[host]\nx = {}\n", map[string][]string{"1.7": {"x", "m"}, "2.0": {"m"}}},
		"hosts in braces that fill several lines": {open + "host = {\n'https://b.io'.skip_verify = true,\n'https://a.io'.skip_verify = true}\n",
			map[string][]string{"1.7": {"unsure"}, "2.0": {}}},
		"another letter case": {open + "[host.'https://m.io']\nSkip_Verify = true\n", map[string][]string{"1.7": {"unsure"}, "2.0": {"https://m.io"}}},
		"malformed":           {"server = \n", map[string][]string{"1.7": {"unsure"}, "2.0": nil}},
		"empty":               {"", map[string][]string{"1.6": {}, "2.0": {}}},
	} {
		t.Run(name, func(t *testing.T) {
			for version, want := range test.want {
				v, err := hoststoml.ParseVersion(version)
				require.NoError(t, err)
				f, _, sure := v.Current("hosts.toml", []byte(test.in))
				if len(want) == 1 && want[0] == "unsure" {
					require.False(t, sure, version)
					continue
				}
				require.True(t, sure, version)
				if want == nil {
					require.Nil(t, f, version)
					continue
				}
				require.NotNil(t, f, version)
				hosts := []string{}
				for _, h := range f.Hosts {
					hosts = append(hosts, h.URL)
				}
				require.Equal(t, want, hosts, version)
			}
		})
	}
	v, err := hoststoml.ParseVersion("1.7")
	require.NoError(t, err)
	yes := true
	f, _, _ := v.Current("hosts.toml", []byte("host.'https://d.io' = {capabilities = ['pull'], ca = ['a', 'b'], client = 'c', skip_verify = true, override_path = true, header = {A = '1'}, dial_timeout = '5s'}\n"))
	require.Equal(t, []hoststoml.Host{{URL: "https://d.io", Settings: hoststoml.Settings{Capabilities: []hoststoml.Capability{"pull"}, CA: []string{"a", "b"},
		Client: []hoststoml.KeyPair{{Cert: "c"}}, SkipVerify: &yes, OverridePath: true, Header: hoststoml.Header{"A": hoststoml.Secrets("1")}}}}, f.Hosts)
}
