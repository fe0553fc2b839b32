package mirrorset_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
)

const (
	hostedCluster = `apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata: {name: c, namespace: clusters}
spec:
  imageContentSources:
  - {source: quay.io/team, mirrors: [m.corp/team]}
  - {source: quay.io/b, mirrors: [m.corp/b]}
`
	poolA = `---
apiVersion: hypershift.openshift.io/v1beta1
kind: NodePool
metadata: {name: a, namespace: clusters}
spec: {clusterName: c, management: {upgradeType: Replace}, config: [{name: mirrors}]}
`
	poolB = `---
apiVersion: hypershift.openshift.io/v1beta1
kind: NodePool
metadata: {name: b, namespace: clusters}
spec: {clusterName: c, management: {upgradeType: InPlace}}
`
	configMap = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: mirrors, namespace: clusters}
data:
  config: |
    apiVersion: config.openshift.io/v1
    kind: ImageDigestMirrorSet
    metadata: {name: pool}
    spec: {imageDigestMirrors: [{source: docker.io, mirrors: [m.corp/hub]}]}
`
	ownIDMS = `---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: own}
spec: {imageDigestMirrors: [{source: quay.io/own, mirrors: [m.corp/own]}]}
`
	ocmCluster = `kind: Cluster
id: a
registry_config: {registry_sources: {blocked_registries: [docker.io]}}
`
	imageMirrors = `[{"id": "abcdefghijkl", "type": "digest", "source": "quay.io/team", "mirrors": ["m.corp/team"]}]`
)

func read(t *testing.T, text string) *mirrorset.Set {
	t.Helper()
	set, err := mirrorset.Decode("in.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return set
}

func TestWhatAHostedClusterRollsOut(t *testing.T) {
	const generic = "the nodes are replaced by new ones (upgradeType Replace), or drained and changed in place (InPlace)"
	const every = "HyperShift rolls out every NodePool: " + generic
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing changes", hostedCluster + poolA + configMap, hostedCluster + poolA + configMap, ""},
		{"a mirror of the HostedCluster", hostedCluster, strings.ReplaceAll(hostedCluster, "m.corp/team", "n.corp/team"), every},
		{"its entries in another order", hostedCluster, strings.NewReplacer("quay.io/team", "quay.io/b", "m.corp/team", "m.corp/b", "quay.io/b", "quay.io/team", "m.corp/b", "m.corp/team").Replace(hostedCluster), every},
		{"its Image", hostedCluster, hostedCluster + "  configuration: {image: {registrySources: {blockedRegistries: [docker.io]}}}\n", every},
		{"all of it", "", hostedCluster, every},
		{"all of it goes", hostedCluster, "", every},
		{"a ConfigMap of a NodePool that replaces", hostedCluster + poolA + poolB + configMap, hostedCluster + poolA + poolB + strings.ReplaceAll(configMap, "m.corp", "n.corp"),
			"HyperShift rolls out NodePool/clusters/a: the nodes are replaced by new ones"},
		{"of one that changes in place", poolA + strings.ReplaceAll(poolB, "InPlace", "InPlace}, config: [{name: own}]}\n#") + strings.ReplaceAll(configMap, "{name: mirrors", "{name: own"),
			poolA + strings.ReplaceAll(poolB, "InPlace", "InPlace}, config: [{name: own}]}\n#"), "HyperShift rolls out NodePool/clusters/b: the nodes are drained and changed in place, one after another"},
		{"the name of the object in it", hostedCluster + poolA + configMap, hostedCluster + poolA + strings.ReplaceAll(configMap, "{name: pool", "{name: other"),
			"HyperShift rolls out NodePool/clusters/a: the nodes are replaced by new ones"},
		{"a ConfigMap that no NodePool of the input names", hostedCluster + configMap, hostedCluster, "HyperShift rolls out every NodePool with the ConfigMap mirrors: " + generic},
		{"both", hostedCluster + poolA + configMap, poolA, every},
		{"an object of the cluster that hosts it", hostedCluster, hostedCluster + ownIDMS, ""},
		{"a cluster of its own", ownIDMS, "", ""},
		{"ConfigMaps without a NodePool", configMap, "", ""},
		{"image mirrors", imageMirrors, strings.ReplaceAll(imageMirrors, "m.corp", "n.corp"), every},
		{"image mirrors of another id", imageMirrors, strings.ReplaceAll(imageMirrors, "abcdefghijkl", "lkjihgfedcba"), ""},
		{"registry_config", ocmCluster, strings.ReplaceAll(ocmCluster, "docker.io", "quay.io"), every},
	} {
		t.Run(test.name, func(t *testing.T) {
			old, new := read(t, test.old), read(t, test.new)
			r := mirrorset.RollsOut(old, new)
			if test.want == "" {
				require.Nil(t, r)
				return
			}
			require.NotNil(t, r)
			require.Equal(t, test.want, r.String())
			require.True(t, old.Hosted() || new.Hosted())
			require.NotEmpty(t, r.Origin.File)
		})
	}
	require.Nil(t, mirrorset.RollsOut(nil, nil))
	require.Equal(t, []string{"NodePool/clusters/a", "NodePool/clusters/b"}, mirrorset.RollsOut(read(t, poolA+poolB), read(t, hostedCluster+poolA+poolB)).Pools)
	require.Equal(t, []string{"NodePool/clusters/b"}, mirrorset.RollsOut(read(t, hostedCluster+poolA), read(t, poolB)).Pools, "those that there are then")
	require.Equal(t, []string{"NodePool/clusters/a"}, mirrorset.RollsOut(read(t, hostedCluster+poolA), nil).Pools)
	require.Equal(t, []string{"InPlace", "Replace"}, mirrorset.RollsOut(read(t, poolA+poolB), read(t, hostedCluster+poolA+poolB)).UpgradeTypes)
}
