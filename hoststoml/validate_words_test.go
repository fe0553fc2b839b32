package hoststoml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// What is said of a file beside its code: each value and its neighbour that is fine.
func TestValidateSaysWhatIsWrongWithAValue(t *testing.T) {
	with := func(s hoststoml.Settings) hoststoml.File {
		return hoststoml.File{Server: "https://s.io", Settings: s, Hosts: []hoststoml.Host{{URL: "https://m.io"}}}
	}
	at := func(server string) hoststoml.File {
		return hoststoml.File{Server: server, Hosts: []hoststoml.Host{{URL: "https://m.io"}}}
	}
	header := func(name, value string) hoststoml.File {
		return with(hoststoml.Settings{Header: hoststoml.Header{name: hoststoml.Secrets("fine", value)}})
	}
	client := func(cert, key string) hoststoml.File {
		return with(hoststoml.Settings{Client: []hoststoml.KeyPair{{Cert: "fine.pem"}, {Cert: cert, Key: key}}})
	}
	for name, test := range map[string]struct {
		file hoststoml.File
		want []string // severity, field, value and the beginning of the message
	}{
		"a pair":                          {client("a.pem", "a.key"), nil},
		"a certificate alone":             {client("a.pem", ""), nil},
		"no certificate":                  {client("", "a.key"), []string{`error client: an empty path`}},
		"a certificate that is not UTF-8": {client("\xff", "a.key"), []string{`error client: not UTF-8`}},
		"a key that is not UTF-8":         {client("a.pem", "\xff"), []string{`error client: not UTF-8`}},
		"no CA":                           {with(hoststoml.Settings{CA: []string{"a.pem", ""}}), []string{`error ca: an empty path`}},
		"a header":                        {header("X-Y_1", "a\tb"), nil},
		"a header of odd letters":         {header("!#$%&'*+.^`|~", " "), nil},
		"a header with a space":           {header("a b", "x"), []string{`error header."a [redacted]": not a name`}},
		"a header with a colon":           {header("a:", "x"), []string{`error header."a:": not a name`}},
		"a header line that ends":         {header("A", "x\n"), []string{`error header.A: a control character`}},
		"a header value with DEL":         {header("A", "\x7f"), []string{`error header.A: a control character`}},
		"a time-out":                      {with(hoststoml.Settings{DialTimeout: 1}), []string{`info dial_timeout "1ns": read by containerd 2 only`}},
		"a time-out below zero": {with(hoststoml.Settings{DialTimeout: -time.Second}),
			[]string{`info dial_timeout "-1s": read by containerd 2 only`, `error dial_timeout "-1s": negative`}},
		"referrers":                       {with(hoststoml.Settings{Capabilities: []hoststoml.Capability{hoststoml.CapabilityReferrers}}), []string{`warning capabilities "referrers": known from containerd 2.2 on`}},
		"a capability in capitals":        {with(hoststoml.Settings{Capabilities: []hoststoml.Capability{"Pull"}}), []string{`error capabilities "Pull": unknown capability`}},
		"no server":                       {at(""), []string{`warning server: absent`}},
		"a host by name":                  {at("s.io:5000"), []string{`warning server "s.io:5000": has no scheme: it is asked by https`}},
		"http":                            {at("http://s.io"), nil},
		"the largest port":                {at("https://s.io:65535"), nil},
		"a port that is too large":        {at("https://s.io:65536"), []string{`warning server "https://s.io:65536": is the name of no host`}},
		"a port beyond all bounds":        {at("https://s.io:99999999999999999999"), []string{`warning server "https://s.io:99999999999999999999": is the name of no host`}},
		"a dot at the end":                {at("https://s.io.:5000"), nil},
		"two dots":                        {at("https://s..io"), []string{`warning server "https://s..io": is the name of no host`}},
		"letters of other scripts":        {at("https://b\u00fccher.example"), nil},
		"the first sign that is no ASCII": {at("https://a\u0080.io"), nil},
		"a scheme in capitals":            {at("HTTPS://s.io"), []string{`error server "HTTPS://s.io": a URL has to begin with`}},
		"another scheme":                  {at("ftp://s.io"), []string{`error server "ftp://s.io": a URL has to begin with`}},
		"a query":                         {at("https://s.io/?a=b"), []string{`warning server "https://s.io/?[redacted]": containerd does not send the query`}},
		"an empty query":                  {at("https://s.io/?"), []string{`warning server "https://s.io/?[redacted]": containerd does not send the query`}},
		"a fragment":                      {at("https://s.io/#a"), []string{`warning server "https://s.io/#[redacted]": containerd does not send the fragment`}},
		"a user":                          {at("https://me@s.io"), []string{`warning server "https://[redacted]@s.io": containerd does not send user information`}},
		"no URL":                          {at("https://s.io:x"), []string{`error server "https://s.io:[redacted]": `}},
		"settings without a server": {hoststoml.File{Settings: hoststoml.Settings{OverridePath: true, Capabilities: []hoststoml.Capability{hoststoml.CapabilityPull}}, Hosts: []hoststoml.Host{{URL: "https://m.io"}}},
			[]string{`warning capabilities: not read without server`, `warning override_path: not read without server`, `warning server: absent`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range test.file.Validate() {
				if f.Code == finding.CodeServerOnly || f.Code == finding.CodeCAAlone {
					continue // the settings of these files stand at the top alone
				}
				line := string(f.Severity) + " " + f.Origin.Field
				if f.Value != "" {
					line += ` "` + f.Value + `"`
				}
				got = append(got, line+": "+f.Message)
			}
			require.Len(t, got, len(test.want), strings.Join(got, "\n"))
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(got[i], want), got[i])
			}
		})
	}
}
