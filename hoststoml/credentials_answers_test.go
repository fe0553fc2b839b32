package hoststoml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
)

// A part is a pull secret, and behind a line "====" manifests. It is answered with what is found in the secret, and
// with the files that get a credential of it, which is nowhere shown.
func TestPullSecretsAreReadAndUsedInTheseWords(t *testing.T) {
	scenario.Answers(t, "testdata/pullsecrets.txtar", func(t *testing.T, name, text string) string {
		text, manifests, render := strings.Cut(text, "====\n")
		secret, findings := hoststoml.ParsePullSecret("secret.json", []byte(text))
		var b strings.Builder
		b.WriteString(scenario.Text(findings))
		fmt.Fprintln(&b, secret)
		if !render {
			return b.String()
		}
		set, err := mirrorset.Decode("m.yaml", strings.NewReader(manifests))
		require.NoError(t, err)
		rules, err := set.Rules()
		require.NoError(t, err)
		tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{PullSecret: secret, NoSourceCredentials: strings.Contains(name, "mirrors alone")})
		b.WriteString(scenario.Text(findings))
		for _, rf := range tree {
			fmt.Fprintf(&b, "== %s %q\n", rf.Path(), rf.File.Comment)
			header := func(url string, s hoststoml.Settings) {
				for name, values := range s.Header {
					fmt.Fprintf(&b, "%s has %s of %d characters\n", url, name, len(values[0].Reveal()))
				}
			}
			header(rf.File.Server, rf.File.Settings)
			for _, h := range rf.File.Hosts {
				header(h.URL, h.Settings)
			}
		}
		return b.String()
	})
}
