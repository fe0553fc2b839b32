package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

func disruption(path string, actions ...mirrorset.NodeDisruptionAction) mirrorset.DisruptionPolicy {
	return mirrorset.DisruptionPolicy{NodeDisruptionFile: mirrorset.NodeDisruptionFile{Path: path, Actions: actions}}
}

func TestANodeDisruptionPolicyReplacesTheDefaultOfItsFile(t *testing.T) {
	const main, dir, dropIn = "/etc/containers/registries.conf", "/etc/containers", "/etc/containers/registries.conf.d/01-image-searchRegistries.conf"
	do := func(t mirrorset.NodeDisruptionType) mirrorset.NodeDisruptionAction {
		return mirrorset.NodeDisruptionAction{Type: t}
	}
	none, drain, reboot := do(mirrorset.ActionNone), do(mirrorset.ActionDrain), do(mirrorset.ActionReboot)
	restart := mirrorset.NodeDisruptionAction{Type: mirrorset.ActionRestart, Restart: &mirrorset.NodeDisruptionService{ServiceName: "crio.service"}}
	removed := registriesconf.Impact(&registriesconf.Config{Registries: []registriesconf.Registry{{Location: "quay.io"}}}, nil)
	search := &registriesconf.Config{UnqualifiedSearchRegistries: []string{"quay.io"}}
	both := removed.WithDropIn(registriesconf.SearchDropIn, nil, search)
	for _, test := range []struct {
		name          string
		impact        registriesconf.NodeImpact
		policies      []mirrorset.DisruptionPolicy
		drain, reboot bool
		applied       int
	}{
		{"no entry", removed, nil, true, false, 0},
		{"none", removed, []mirrorset.DisruptionPolicy{disruption(main, none)}, false, false, 1},
		{"a service is restarted", removed, []mirrorset.DisruptionPolicy{disruption(main, restart)}, false, false, 1},
		{"a drain that is not needed", removed, []mirrorset.DisruptionPolicy{disruption(main, drain, restart)}, true, false, 1},
		{"a reboot", removed, []mirrorset.DisruptionPolicy{disruption(main, reboot)}, true, true, 1},
		{"a directory does not govern the file, which has a default", removed, []mirrorset.DisruptionPolicy{disruption(dir, none)}, true, false, 0},
		{"the drop-in reboots", both, []mirrorset.DisruptionPolicy{disruption(main, none)}, true, true, 1},
		{"a directory governs the drop-in", both, []mirrorset.DisruptionPolicy{disruption(dir, none)}, true, false, 1},
		{"the longest path governs it", both, []mirrorset.DisruptionPolicy{disruption(dir, none), disruption(dropIn, reboot)}, true, true, 1},
		{"both have an entry", both, []mirrorset.DisruptionPolicy{disruption(dir+"/registries.conf.d/", none), disruption(main, none)}, false, false, 2},
		{"of another directory", both, []mirrorset.DisruptionPolicy{disruption("/etc/cont", none), disruption("/etc/crio", none)}, true, true, 0},
		{"nothing changes", registriesconf.Impact(nil, nil), []mirrorset.DisruptionPolicy{disruption(main, reboot)}, false, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(test.impact.Reasons)
			got := test.impact.Under(test.policies)
			require.Equal(t, test.drain, got.Drain)
			require.Equal(t, test.reboot, got.Reboot)
			require.Len(t, got.Policies, test.applied)
			require.Len(t, test.impact.Reasons, before, "the impact itself is left as it is")
			require.Equal(t, test.impact.Differences, got.Differences)
		})
	}
	require.Equal(t, "no drain: the node disruption policy asks for none; crio.service restarts\n  registries.conf: Restart crio.service, as MachineConfiguration/cluster spec.nodeDisruptionPolicy.files[0] says",
		removed.Under((&mirrorset.Set{MachineConfigurations: []mirrorset.MachineConfiguration{{
			Metadata: mirrorset.ObjectMeta{Name: "cluster"},
			Spec:     mirrorset.MachineConfigurationSpec{NodeDisruptionPolicy: mirrorset.NodeDisruptionPolicy{Files: []mirrorset.NodeDisruptionFile{{Path: main, Actions: []mirrorset.NodeDisruptionAction{restart}}}}},
		}}}).DisruptionPolicies()).String())
}

// Of entries whose paths are as long the first counts, as it does for MCO.
func TestTheFirstOfEntriesWithOnePathCounts(t *testing.T) {
	none, reboot := mirrorset.NodeDisruptionAction{Type: mirrorset.ActionNone}, mirrorset.NodeDisruptionAction{Type: mirrorset.ActionReboot}
	impact := registriesconf.Impact(nil, nil).WithFile("/etc/x/y", nil, []byte("new"))
	require.False(t, impact.Under([]mirrorset.DisruptionPolicy{disruption("/etc/x/", none), disruption("/etc/x/", reboot)}).Reboot)
	require.True(t, impact.Under([]mirrorset.DisruptionPolicy{disruption("/etc/x/", reboot), disruption("/etc/x/", none)}).Reboot)
}

// HyperShift drains each node that it rolls out, whatever MCO would do.
func TestANodeOfAHostedClusterIsRolledOut(t *testing.T) {
	removed := registriesconf.Impact(&registriesconf.Config{Registries: []registriesconf.Registry{{Location: "quay.io"}}}, nil)
	added := registriesconf.Impact(nil, &registriesconf.Config{ShortNameMode: "disabled"})
	rebooted := removed.WithFile("/etc/x", nil, []byte("new")).Under([]mirrorset.DisruptionPolicy{disruption("/etc/containers/registries.conf", mirrorset.NodeDisruptionAction{Type: mirrorset.ActionNone})})
	rollout := &mirrorset.Rollout{Every: true}
	for _, impact := range []registriesconf.NodeImpact{removed, added, rebooted} {
		require.Equal(t, impact, impact.Hosted(nil))
		hosted := impact.Hosted(rollout)
		require.Equal(t, registriesconf.NodeImpact{Differences: impact.Differences, Drain: true, Actions: []string{}, Reasons: []registriesconf.Difference{}, Rollout: rollout}, hosted)
		require.Equal(t, "rollout: "+rollout.String(), hosted.Verdict())
	}
}
