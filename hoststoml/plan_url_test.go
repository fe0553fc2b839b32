package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
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
