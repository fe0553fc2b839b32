package mirrorset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Inputs are answered with what is refused and found in them, word for word, and with all that was read. A part is
// read under its name; one whose name begins with "among " is one of many files.
func TestInputsAreAnsweredInTheseWords(t *testing.T) {
	for _, file := range []string{"policies", "objects", "wrapped", "files", "validated"} {
		scenario.Answers(t, "testdata/"+file+".txtar", func(t *testing.T, name, text string) string {
			decode := mirrorset.Decode
			if strings.HasPrefix(name, "among ") {
				decode = mirrorset.DecodeAmong
			}
			set, err := decode(name, strings.NewReader(text))
			var b strings.Builder
			tell := func(err error) {
				var refused *finding.RefusedError
				if errors.As(err, &refused) {
					fmt.Fprint(&b, scenario.Text(refused.Findings))
				} else {
					require.NoError(t, err)
				}
			}
			tell(err)
			rules, err := set.Rules()
			if err != nil {
				b.WriteString("-- rules are refused\n")
				tell(err)
			}
			for _, f := range rules.Findings {
				if !f.Refused() {
					fmt.Fprintln(&b, f)
				}
				if f.Related != (finding.Origin{}) {
					fmt.Fprintln(&b, "  related:", f.Related, f.Related.Place())
				}
			}
			b.WriteString(everything(t, set, rules))
			return b.String()
		})
	}
}

// everything returns what was read, a line each.
func everything(t *testing.T, set *mirrorset.Set, rules *mirrorset.Rules) string {
	var b strings.Builder
	at := func(o finding.Origin) string {
		wrapper := ""
		if o.Wrapper != "" {
			wrapper = " in " + o.Wrapper
		}
		return fmt.Sprintf("(%s %s%s:%d:%d)", o.Object, o.Field, wrapper, o.Document, o.Line)
	}
	for _, r := range rules.Rules {
		fmt.Fprintf(&b, "rule %s %s never=%t\n", r.Pull, r.Source, r.Never)
		for _, e := range r.Entries {
			fmt.Fprintf(&b, "  entry %s, source at %d", at(e.Origin), e.SourceOrigin().Line)
			if e.Policy != "" {
				fmt.Fprintf(&b, ", %s at %d", e.Policy, e.PolicyOrigin().Line)
			}
			fmt.Fprintln(&b)
		}
		for _, m := range r.Mirrors() {
			fmt.Fprint(&b, "  mirror ", m.Location)
			for _, o := range m.Origins {
				fmt.Fprint(&b, " ", at(o))
			}
			fmt.Fprintln(&b)
		}
	}
	for _, e := range rules.Unused {
		fmt.Fprintln(&b, "unused", e.Source, at(e.Origin))
	}
	scopes := func(name string, scopes []mirrorset.Scope) {
		for _, s := range scopes {
			fmt.Fprintln(&b, name, s.Value, at(s.Origin))
		}
	}
	scopes("insecure", rules.Insecure)
	scopes("blocked", rules.Blocked)
	scopes("allowed", rules.Allowed)
	if rules.ReleaseImage.Value != "" {
		scopes("release", []mirrorset.Scope{rules.ReleaseImage})
	}
	for _, s := range rules.SearchRegistries {
		fmt.Fprintln(&b, "search", s)
	}
	for _, p := range rules.DisruptionPolicies {
		fmt.Fprintln(&b, "disruption", asJSON(t, p.NodeDisruptionFile), at(p.Origin))
	}
	for _, ca := range rules.TrustedCAs {
		fmt.Fprintln(&b, "ca", ca.Host, len(ca.PEM), at(ca.Origin))
	}
	for _, p := range set.ClusterImagePolicies {
		fmt.Fprintln(&b, "policy", asJSON(t, p.Spec), at(p.Origin("spec")))
	}
	for _, p := range set.ImagePolicies {
		fmt.Fprintln(&b, "policy", asJSON(t, p.Spec), at(p.Origin("spec")))
	}
	for _, m := range set.ImageMirrors {
		fmt.Fprintln(&b, "image mirror", asJSON(t, m))
	}
	file := func(what string, f mirrorset.NodeFile) {
		fmt.Fprintf(&b, "%s %s %q %s %s\n", what, f.Path, f.Data.Bytes(), at(f.Origin), asJSON(t, f.Machine))
	}
	for _, f := range set.NodeFiles {
		file("file", f)
	}
	for _, f := range set.CRIOFiles {
		file("crio file", f)
	}
	for _, p := range set.PullSecrets {
		fmt.Fprintln(&b, "pull secret", at(p.Origin), asJSON(t, p.Machine))
	}
	for _, r := range set.Rendered {
		fmt.Fprintln(&b, "rendered", asJSON(t, r.MachineConfig), at(r.Origin))
	}
	for _, p := range set.NodePools {
		fmt.Fprintln(&b, "node pool", at(p.Origin), p.UpgradeType, p.Config)
	}
	for _, o := range set.HostedClusters {
		fmt.Fprintln(&b, "hosted cluster", at(o))
	}
	fmt.Fprintf(&b, "hosted=%t empty=%t speaks=%t\n", set.Hosted(), set.Empty(), set.Speaks())
	return b.String()
}

func asJSON(t *testing.T, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
