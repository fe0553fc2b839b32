package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestValidateRefusesWhatNoFileCanSay(t *testing.T) {
	host := func(url string, s hoststoml.Settings) []hoststoml.Host {
		return []hoststoml.Host{{URL: url, Settings: s}}
	}
	for name, test := range map[string]struct {
		file  hoststoml.File
		field string
	}{
		"a host twice":                             {hoststoml.File{Hosts: append(host("z", hoststoml.Settings{}), host("z", hoststoml.Settings{})...)}, `host."z"`},
		"a host without a URL":                     {hoststoml.File{Hosts: host("", hoststoml.Settings{})}, `host.""`},
		"a quote in a URL":                         {hoststoml.File{Hosts: host(`https://m.io/"`, hoststoml.Settings{})}, `host."[redacted]"`},
		"an IPv6 address":                          {hoststoml.File{Hosts: host("http://[::1]", hoststoml.Settings{})}, `host."http://[::1]"`},
		"a URL that is not UTF-8":                  {hoststoml.File{Server: "m.io/\xff"}, "server"},
		"a carriage return in the comment":         {hoststoml.File{Comment: "a\r\nb"}, "comment"},
		"a comment that is not UTF-8":              {hoststoml.File{Comment: "\xff"}, "comment"},
		"an unknown capability":                    {hoststoml.File{Settings: hoststoml.Settings{Capabilities: []hoststoml.Capability{"PULL"}}}, "capabilities"},
		"an empty certificate":                     {hoststoml.File{Settings: hoststoml.Settings{Client: []hoststoml.KeyPair{{Key: "x"}}}}, "client"},
		"a path that is not UTF-8":                 {hoststoml.File{Settings: hoststoml.Settings{CA: []string{"\xff"}}}, "ca"},
		"a header value that is not UTF-8":         {hoststoml.File{Settings: hoststoml.Settings{Header: hoststoml.Header{"A": hoststoml.Secrets("\xff")}}}, "header.A"},
		"a header without a name":                  {hoststoml.File{Settings: hoststoml.Settings{Header: hoststoml.Header{"": hoststoml.Secrets("x")}}}, `header.""`},
		"a header name with a letter of two bytes": {hoststoml.File{Settings: hoststoml.Settings{Header: hoststoml.Header{"ü": hoststoml.Secrets("x")}}}, `header."ü"`},
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			for _, got := range test.file.Validate() {
				if got.RefusedBy == finding.Client && got.Origin.Field == test.field {
					found = true
					require.Equal(t, finding.CodeInvalidFile, got.Code)
					require.Equal(t, finding.SeverityError, got.Severity)
				}
			}
			require.True(t, found, "%v", test.file.Validate())
		})
	}
}

func TestValidateHasNothingToSayOfAFileThatAllVersionsReadAlike(t *testing.T) {
	f := hoststoml.File{Server: "https://s.io", Hosts: []hoststoml.Host{{URL: "https://m.io/v2/org", Settings: hoststoml.Settings{
		Capabilities: []hoststoml.Capability{hoststoml.CapabilityPull, hoststoml.CapabilityResolve, hoststoml.CapabilityPush},
		OverridePath: true,
	}}}}
	require.Empty(t, f.Validate())
}

// stripOrigin leaves what Validate and Parse have in common.
func stripOrigin(findings finding.Findings) (out finding.Findings) {
	for _, f := range findings {
		f.Origin.File, f.Origin.Line = "", 0
		out = append(out, f)
	}
	return out.Sort()
}
