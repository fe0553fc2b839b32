package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
)

// The cases are those of MCO's own tests of its default entries and of entries of the cluster
// (pkg/daemon/update_test.go, TestCalculatePostConfigChangeNodeDisruptionAction and TestFindClosestFilePolicyPathMatch).
func TestWhatOtherFilesCost(t *testing.T) {
	const policy, attachments, namespace, secret = "policy.json", "registries.d/sigstore-registries.yaml", "/etc/crio/policies/team.json", registriesconf.PullSecretPath
	do := func(t mirrorset.NodeDisruptionType) mirrorset.NodeDisruptionAction {
		return mirrorset.NodeDisruptionAction{Type: t}
	}
	none, drain, reboot, daemon := do(mirrorset.ActionNone), do(mirrorset.ActionDrain), do(mirrorset.ActionReboot), do(mirrorset.ActionDaemonReload)
	restart := mirrorset.NodeDisruptionAction{Type: mirrorset.ActionRestart, Restart: &mirrorset.NodeDisruptionService{ServiceName: "kubelet.service"}}
	reload := mirrorset.NodeDisruptionAction{Type: mirrorset.ActionReload, Reload: &mirrorset.NodeDisruptionService{ServiceName: "x.service"}}
	type entries = []mirrorset.DisruptionPolicy
	for _, test := range []struct {
		name     string
		files    []string
		policies entries
		verdict  string
		actions  []string
		applied  int
	}{
		{"nothing", nil, nil, "no drain: nothing changes", []string{}, 0},
		{"policy.json", []string{policy}, nil, "no drain: CRI-O reloads its configuration, pods keep running", []string{"Reload crio.service"}, 0},
		{"all policies", []string{policy, attachments, namespace}, nil, "no drain: CRI-O reloads its configuration, pods keep running", []string{"Reload crio.service"}, 0},
		{"the pull secret", []string{secret}, nil, "no drain: MCO writes the files, and nothing is reloaded or restarted", []string{}, 0},
		{"None beside Reload goes", []string{secret, policy}, nil, "no drain: CRI-O reloads its configuration, pods keep running", []string{"Reload crio.service"}, 0},
		{"a file without a rule", []string{policy, "/etc/crio/crio.conf.d/01"}, nil, "drain and reboot: MCO drains each node in turn and reboots it", []string{"Reboot"}, 0},
		{"a directory around a default does not replace it", []string{policy, attachments}, entries{disruption("/etc/containers", reboot), disruption("/etc", reboot)},
			"no drain: CRI-O reloads its configuration, pods keep running", []string{"Reload crio.service"}, 0},
		{"the very path of a default does", []string{policy, attachments}, entries{disruption("/etc/containers/policy.json", drain)},
			"drain: MCO drains each node in turn, then CRI-O reloads its configuration; no reboot", []string{"Reload crio.service"}, 1},
		{"a directory that is a default", []string{attachments}, entries{disruption("/etc/containers/registries.d", none)}, "no drain: the node disruption policy asks for none", []string{}, 1},
		{"a file below it counts before it", []string{attachments}, entries{disruption("/etc/containers/registries.d", none), disruption("/etc/containers/"+attachments, reboot)},
			"drain and reboot: MCO drains each node in turn and reboots it", []string{"Reboot"}, 1},
		{"a file below it, and the default stays", []string{attachments, "registries.d/other.yaml"}, entries{disruption("/etc/containers/"+attachments, restart)},
			"no drain: the node disruption policy asks for none; kubelet.service restarts and CRI-O reloads its configuration", []string{"Restart kubelet.service", "Reload crio.service"}, 1},
		{"the pull secret reboots", []string{secret}, entries{disruption(secret, reboot)}, "drain and reboot: MCO drains each node in turn and reboots it", []string{"Reboot"}, 1},
		{"a drain alone", []string{"/etc/x"}, entries{disruption("/etc/x", drain)}, "drain: MCO drains each node in turn; no reboot", []string{}, 1},
		{"every action", []string{"/etc/x"}, entries{disruption("/etc/x", drain, daemon, reload, restart)},
			"drain: MCO drains each node in turn, then systemd reloads its units and x.service reloads its configuration and kubelet.service restarts; no reboot",
			[]string{"DaemonReload", "Reload x.service", "Restart kubelet.service"}, 1},
		{"a directory with part of the name", []string{"/etc/crio/policies.d/x"}, nil, "drain and reboot: MCO drains each node in turn and reboots it", []string{"Reboot"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			impact := registriesconf.Impact(nil, nil)
			for _, file := range test.files {
				impact = impact.WithFile(file, []byte("old"), []byte("new"))
			}
			got := impact.Under(test.policies)
			require.Equal(t, test.verdict, got.Verdict())
			require.Equal(t, test.actions, got.Actions)
			require.Len(t, got.Policies, test.applied)
			require.Len(t, got.Differences, len(test.files))
		})
	}
}

func TestAFileIsNewGoneOrChanged(t *testing.T) {
	none := registriesconf.Impact(nil, nil)
	for _, test := range []struct {
		old, new []byte
		want     string
	}{
		{nil, []byte{}, "policy.json: is new; by default CRI-O reloads its configuration, and nothing is drained [file-changed]"},
		{[]byte{}, nil, "policy.json: is gone; by default CRI-O reloads its configuration, and nothing is drained [file-changed]"},
		{[]byte("a"), []byte("b"), "policy.json: changes; by default CRI-O reloads its configuration, and nothing is drained [file-changed]"},
	} {
		impact := none.WithFile("policy.json", test.old, test.new)
		require.Len(t, impact.Differences, 1)
		require.Equal(t, test.want, impact.Differences[0].String())
		require.Empty(t, impact.Reasons)
	}
	require.Equal(t, none, none.WithFile("policy.json", []byte("a"), []byte("a")))
	require.Equal(t, none, none.WithFile("policy.json", nil, nil))
	require.Contains(t, none.WithFile(registriesconf.PullSecretPath, nil, []byte("a")).Differences[0].Message, "nothing is drained, reloaded or restarted")
	other := none.WithFile("/etc/x", nil, []byte("a"))
	require.Contains(t, other.Reasons[0].Message, "MCO has no rule for the file")
	require.True(t, other.Drain && other.Reboot)
}
