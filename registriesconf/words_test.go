package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
