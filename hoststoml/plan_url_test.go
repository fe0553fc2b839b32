package hoststoml_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/resolve"
)

// containerd takes the path out of a host decoded, and its requests encode it again.
func TestAPlanEncodesThePathOfAHost(t *testing.T) {
	for host, want := range map[string]string{
		"https://m.io/v2/a-b_c.d/1Z": "https://m.io/v2/a-b_c.d/1Z/team/app/manifests/1?ns=quay.io",
		"https://m.io/v2/a%20b":      "https://m.io/v2/a%20b/team/app/manifests/1?ns=quay.io",
		"https://m.io/v2/a%7Bb":      "https://m.io/v2/a%7Bb/team/app/manifests/1?ns=quay.io",
		"https://m.io/v2/%C3%A4":     "https://m.io/v2/%C3%A4/team/app/manifests/1?ns=quay.io",
		"https://m.io/v2/a%5Eb":      "https://m.io/v2/a%5Eb/team/app/manifests/1?ns=quay.io",
		"https://m.io/v2/a%60b":      "https://m.io/v2/a%60b/team/app/manifests/1?ns=quay.io",
	} {
		file, findings := hoststoml.Parse("hosts.toml", []byte("[host.\""+host+"\"]\noverride_path = true\n"))
		require.NoError(t, findings.Err())
		plan, err := hoststoml.Tree{{Host: "quay.io", File: file}}.Table("certs.d").Plan("quay.io/team/app:1")
		require.NoError(t, err)
		require.Equal(t, want, plan.Resolve[0].URL)
	}
}

func planOf(t *testing.T, text string) resolve.Plan {
	t.Helper()
	file, _ := hoststoml.Parse("hosts.toml", []byte(text))
	plan, err := hoststoml.Tree{{Host: "quay.io", File: file}}.Table("certs.d").Plan("quay.io/team/app:1")
	require.NoError(t, err)
	return plan
}

// As NewHTTPFallback of containerd 1.7 and 2 does wherever there is a setting of TLS.
func TestAHostByHTTPIsAskedByHTTPSFirstWhereItHasASettingOfTLS(t *testing.T) {
	for settings, first := range map[string]string{
		"":                                     "http",
		"skip_verify = true\n":                 "https",
		"skip_verify = false\n":                "https",
		"ca = 'ca.pem'\n":                      "https",
		"client = 'c.pem'\n":                   "https",
		"ca = 'ca.pem'\nclient = 'c.pem'\n":    "https",
		"capabilities = ['pull', 'resolve']\n": "http",
	} {
		for _, text := range []string{"server = 'https://s.io'\n[host.'http://m.io:5000']\n" + settings, "server = 'http://m.io:5000'\n" + settings + "[host]\n"} {
			require.Equal(t, first, planOf(t, text).Pull[0].Scheme, text)
		}
	}
}

func TestOnlySkipVerifyThatIsTrueLeavesACertificateUnchecked(t *testing.T) {
	for _, file := range []string{"server = 'https://s.io'\n[host.'https://m.io']\nskip_verify = %t\n", "server = 'https://m.io'\nskip_verify = %t\n[host]\n", "skip_verify = %t\n[host]\n"} {
		for _, skip := range []bool{true, false} {
			require.Equal(t, skip, planOf(t, fmt.Sprintf(file, skip)).Pull[0].Insecure, file)
		}
	}
}

func TestWhatIsNoURLIsNotAsked(t *testing.T) {
	plan := planOf(t, "server = 'https://'\n[host.'https://']\n[host.'https://m.io']\n")
	require.Len(t, plan.Pull, 2)
	require.Equal(t, "m.io/team/app", plan.Pull[0].Location)
	require.Equal(t, resolve.RoleSource, plan.Pull[1].Role)
}

func TestAnAttemptNamesTheTableThatItIsFrom(t *testing.T) {
	plan := planOf(t, "server = 'https://s.io'\n[host.'https://m.io']\n")
	require.Equal(t, `certs.d/quay.io/hosts.toml host."https://m.io"`, plan.Pull[0].Origins[0].String())
	require.Equal(t, "certs.d/quay.io/hosts.toml server", plan.Pull[1].Origins[0].String())
}
