package registriesconf_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func TestAVerdictIsOneSentence(t *testing.T) {
	for want, n := range map[string]registriesconf.NodeImpact{
		"no drain: nothing changes": {},
		"no drain: MCO writes the files, and nothing is reloaded or restarted": {Differences: []registriesconf.Difference{{}}},
		"drain: MCO drains each node in turn; no reboot":                       {Drain: true},
		"drain and reboot: MCO drains each node in turn and reboots it":        {Drain: true, Reboot: true},
	} {
		require.Equal(t, want, n.Verdict())
	}
}

// A file has the kinds of pull that its table has.
func TestTheKindOfPullOfAMirrorIsKept(t *testing.T) {
	for _, pull := range []registriesconf.PullFromMirror{registriesconf.PullUnset, registriesconf.PullAll, registriesconf.PullDigestOnly, registriesconf.PullTagOnly} {
		config := &registriesconf.Config{Registries: []registriesconf.Registry{{Location: "quay.io", Mirrors: []registriesconf.Mirror{{Location: "m.io", PullFromMirror: pull}}}}}
		table := config.Table("")
		files, _, _ := registriesconf.Render(&mirrorset.Rules{Insecure: []mirrorset.Scope{{Value: "other.io"}}}, registriesconf.RenderOptions{Base: config})
		want := map[registriesconf.PullFromMirror]mirrorset.Pull{registriesconf.PullDigestOnly: mirrorset.ByDigest, registriesconf.PullTagOnly: mirrorset.ByTag}[pull]
		require.Equal(t, []resolve.LinuxMirror{{Location: "m.io", Pull: want, Origins: table.Entries()[0].Mirrors[0].Origins}}, table.Entries()[0].Mirrors)
		mirrors := files.Effective().Table("").Entries()
		require.Equal(t, want, mirrors[0].Mirrors[0].Pull)
	}
}

// What MCO does not block it does not block in registries.conf either. What it does not write at all is judged as listed.
func TestARegistryOfThePayloadIsNotBlocked(t *testing.T) {
	scopes := func(values ...string) (scopes []mirrorset.Scope) {
		for _, v := range values {
			scopes = append(scopes, mirrorset.Scope{Value: v})
		}
		return scopes
	}
	blocked := func(rules *mirrorset.Rules) (blocked []string, refused bool) {
		before := slices.Clone(rules.Blocked)
		files, table, findings := registriesconf.Render(rules, registriesconf.RenderOptions{ReleaseImage: "r.io/p@sha256:" + strings.Repeat("a", 64)})
		for i, e := range table.Entries() {
			if e.Blocked {
				blocked = append(blocked, e.Prefix)
				require.True(t, files.Config.Registries[i].Blocked)
			}
		}
		require.Equal(t, before, rules.Blocked)
		return blocked, findings.Err() != nil
	}
	got, refused := blocked(&mirrorset.Rules{Blocked: scopes("r.io", "s.io")})
	require.False(t, refused)
	require.Equal(t, []string{"s.io"}, got)
	got, refused = blocked(&mirrorset.Rules{Blocked: scopes("r.io", "s.io"), Allowed: scopes("a.io")})
	require.True(t, refused)
	require.Equal(t, []string{"r.io", "s.io"}, got)
}

// Everything that is worth knowing of a rendered file is told: what its policies are, what the table says, and what the
// client would refuse, but not what the base says to no effect.
func TestRenderTellsWhatItsClientRefuses(t *testing.T) {
	set, err := mirrorset.Decode("m.yaml", strings.NewReader(`apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: d}
spec:
  imageDigestMirrors:
  - {source: n.io, mirrors: [n.io/b], mirrorSourcePolicy: NeverContactSource}
`))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	rules.Blocked = []mirrorset.Scope{{Value: "quay.io"}}
	base := &registriesconf.Config{ShortNameMode: "always", Registries: []registriesconf.Registry{{Location: "dead.io"}, {Location: "dead.io"}}}
	_, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{Base: base, BaseName: "base.conf"})
	const source = `ImageDigestMirrorSet/d spec.imageDigestMirrors[0]`
	require.Equal(t, `warning: "quay.io": may not be blocked for release payloads of OpenShift, which come from inside it: MCO treats such a scope otherwise, which cannot be said without the release image; give it, or the ClusterVersion [payload-blocked, linux]
error: short-name-mode: "always": the result would be refused by its client: is no short-name mode; the client refuses the file and pulls nothing until it is mended: write enforcing, permissive or disabled [invalid-file, linux, refused by the client]
error: `+source+`: "n.io": cannot be pulled by digest at all: it may not be contacted, and no mirror of it can be asked [no-location, linux] (m.yaml:6)
warning: `+source+`: "n.io": cannot be pulled by tag: NeverContactSource blocks the source for pulls by tag too, and its mirrors serve pulls by digest only; add an ImageTagMirrorSet for it, or pull by digest [pulls-blocked, linux] (m.yaml:6)
warning: `+source+`.mirrors[0]: "n.io/b": is never asked: it lies inside n.io, which may not be contacted; use a mirror outside of it [mirror-blocked, linux] (m.yaml:6)
`, scenario.Text(findings))
}
