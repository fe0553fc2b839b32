package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

// The expectations are what ConfigureHosts of containerd 1.6.20, 1.7.35 and 2.4.2 returns, its path
// joined as dockerBase.request does.
func TestParseTargetIsTheRuleOfContainerd(t *testing.T) {
	for _, test := range []struct {
		url      string
		override bool
		want     hoststoml.Target
	}{
		{"https://m.io", false, hoststoml.Target{"https", "m.io", "/v2"}},
		{"http://m.io:80", false, hoststoml.Target{"http", "m.io:80", "/v2"}},
		{"m.io:5000/x", false, hoststoml.Target{"https", "m.io:5000", "/x/v2"}},
		{"https://m.io/", false, hoststoml.Target{"https", "m.io", "/v2"}},
		{"https://m.io/v2/", false, hoststoml.Target{"https", "m.io", "/v2"}},
		{"https://m.io/org/v2", false, hoststoml.Target{"https", "m.io", "/org/v2"}},
		{"https://m.io/orgv2", false, hoststoml.Target{"https", "m.io", "/orgv2/v2"}},
		{"https://m.io/v2/org", false, hoststoml.Target{"https", "m.io", "/v2/org/v2"}},
		{"https://m.io/v2/org", true, hoststoml.Target{"https", "m.io", "/v2/org"}},
		{"https://m.io", true, hoststoml.Target{"https", "m.io", ""}},
		{"https://m.io/", true, hoststoml.Target{"https", "m.io", ""}},
		{"https://m.io/../x//y/./", false, hoststoml.Target{"https", "m.io", "/x/y/v2"}},
		{"https://m.io/a%2Fb", false, hoststoml.Target{"https", "m.io", "/a/b/v2"}},
		{"https://u:p@M.io?q#f", false, hoststoml.Target{"https", "M.io", "/v2"}},
		{"http://[::1]:5000", false, hoststoml.Target{"http", "[::1]:5000", "/v2"}},
	} {
		got, err := hoststoml.ParseTarget(test.url, test.override)
		require.NoError(t, err, test.url)
		require.Equal(t, test.want, got, test.url)
	}
}

func TestParseTargetRefusesWhatCannotBeAsked(t *testing.T) {
	for url, message := range map[string]string{
		"":                        "empty",
		"httpbin.org":             `begins with "http"`,
		"http:m.io":               "no host",
		"https://":                "no host",
		"https://:5000":           "no host",
		"httpx://m.io":            `scheme "httpx"`,
		"https://a b":             "not a URL",
		"https://m.io:x":          "not a URL",
		"a:b:1":                   "not a URL",
		"https://u:secret^[@m.io": "[redacted]@m.io",
	} {
		_, err := hoststoml.ParseTarget(url, false)
		require.ErrorContains(t, err, message)
		require.NotContains(t, err.Error(), "secret")
	}
}
