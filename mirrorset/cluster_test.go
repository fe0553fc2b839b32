package mirrorset_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func rulesIn(t *testing.T, text string) *mirrorset.Rules {
	t.Helper()
	set, err := mirrorset.Decode("c.yaml", strings.NewReader(text))
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	return rules
}

func TestTheClusterVersionNamesTheReleaseImage(t *testing.T) {
	const version = "apiVersion: config.openshift.io/v1\nkind: ClusterVersion\nmetadata: {name: version}\nspec: {clusterID: x}\nstatus:\n  desired:\n    image: quay.io/a/b@sha256:1\n"
	for name, text := range map[string]string{
		"alone":           version,
		"in a List":       "kind: List\napiVersion: v1\nitems:\n- " + strings.TrimSuffix(strings.ReplaceAll(version, "\n", "\n  "), "  "),
		"in a typed list": "kind: ClusterVersionList\napiVersion: config.openshift.io/v1\nitems:\n- " + strings.TrimSuffix(strings.ReplaceAll(version, "\n", "\n  "), "  "),
	} {
		rules := rulesIn(t, text)
		require.Equal(t, "quay.io/a/b@sha256:1", rules.ReleaseImage.Value, name)
		line := 7 + strings.Count(text, "\n") - strings.Count(version, "\n")
		require.Equal(t, finding.Origin{Object: "ClusterVersion/version", Field: "status.desired.image", File: "c.yaml", Document: 1, Line: line}, rules.ReleaseImage.Origin, name)
		require.Empty(t, rules.Findings, name)
	}
	require.Zero(t, rulesIn(t, strings.Replace(version, "name: version", "name: other", 1)).ReleaseImage, "MCO reads the one named version")
	require.Zero(t, rulesIn(t, strings.Replace(version, "image: quay", "version: quay", 1)).ReleaseImage)
	require.Zero(t, rulesIn(t, strings.Replace(version, "config.openshift.io", "config.example.org", 1)).ReleaseImage, "another API has the kind too")
}

func TestTheMachineConfigurationSaysWhatAChangeOfAFileCosts(t *testing.T) {
	const head = "apiVersion: operator.openshift.io/v1\nkind: MachineConfiguration\nmetadata: {name: cluster}\nspec:\n  managementState: Managed\n  nodeDisruptionPolicy:\n    units: [{name: a.service, actions: [{type: None}]}]\n    files:\n"
	rules := rulesIn(t, head+"    - path: /etc/containers\n      actions:\n      - {type: Reload, reload: {serviceName: crio.service}}\n      - type: Drain\n    - {path: /etc/x, actions: [{type: Restart, restart: {serviceName: kubelet.service}}]}\n")
	require.Len(t, rules.DisruptionPolicies, 2)
	first := rules.DisruptionPolicies[0]
	require.Equal(t, "/etc/containers", first.Path)
	require.Equal(t, finding.Origin{Object: "MachineConfiguration/cluster", Field: "spec.nodeDisruptionPolicy.files[0]", File: "c.yaml", Document: 1, Line: 9}, first.Origin)
	require.Equal(t, "crio.service", first.Actions[0].Service())
	require.Equal(t, mirrorset.ActionDrain, first.Actions[1].Type)
	require.Equal(t, "kubelet.service", rules.DisruptionPolicies[1].Actions[0].Service())
	require.Empty(t, first.Actions[1].Service())
	require.Equal(t, 13, rules.DisruptionPolicies[1].Origin.Line)

	require.Empty(t, rulesIn(t, strings.Replace(head, "name: cluster", "name: other", 1)+"    - {path: /etc/x, actions: [{type: None}]}\n").DisruptionPolicies)
	for text, field := range map[string]string{
		head + "    - {path: /etc/x, actions: [{type: Reboots}]}\n": "spec.nodeDisruptionPolicy.files[0].actions[0].type",
		head + "    - {path: /etc/x}\n":                             "spec.nodeDisruptionPolicy.files[0].actions",
		head + "      path: /etc/x\n":                               "spec.nodeDisruptionPolicy.files",
	} {
		_, err := mirrorset.Decode("c.yaml", strings.NewReader(text))
		var refused *finding.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, field, refused.Findings[0].Origin.Field)
		require.Equal(t, finding.APIServer, refused.Findings[0].RefusedBy)
	}
}
