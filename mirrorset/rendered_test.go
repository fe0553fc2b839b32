package mirrorset_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The size is that of the JSON which MCO hands to the API server, the files of pulls aside.
func TestTheSizeOfARenderedMachineConfig(t *testing.T) {
	machineConfig := func(name, pool, created string, padding int) string {
		return `---
apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata:
  name: ` + name + `
  creationTimestamp: "` + created + `"
  labels: {machineconfiguration.openshift.io/role: ` + pool + `}
spec:
  kernelArguments: [quiet, 'a="b\c"']
  config:
    ignition: {version: 3.2.0}
    storage:
      files:
      - {path: /etc/containers/registries.conf, mode: 420, overwrite: true, contents: {source: "data:,` + strings.Repeat("x", 1000) + `"}}
      - {path: /etc/other, contents: {source: "data:;base64,` + strings.Repeat("y", padding) + `"}}
`
	}
	size := func(text string) int {
		var value any
		require.NoError(t, yaml.Unmarshal([]byte(strings.TrimPrefix(text, "---\n")), &value))
		data, err := json.Marshal(value)
		require.NoError(t, err)
		return len(data) - 1000 - len("data:,")
	}
	one := machineConfig("rendered-worker-1", "worker", "2026-01-01T00:00:00Z", 5000)
	rules, err := read(t, one).Rules()
	require.NoError(t, err)
	require.Equal(t, "MachineConfig/rendered-worker-1", rules.Rendered.Origin.Object)
	require.InDelta(t, size(one), rules.Rendered.Rest, 20)

	// Of each pool the newest, and of several pools the largest. What is not rendered is a part.
	newer := machineConfig("rendered-worker-2", "worker", "2026-01-02T00:00:00Z", 300)
	master := machineConfig("rendered-master-1", "master", "2025-01-02T00:00:00Z", 400)
	rules, err = read(t, newer+one+machineConfig("99-worker", "worker", "", 9000)).Rules()
	require.NoError(t, err)
	require.Equal(t, "rendered-worker-2", rules.Rendered.Name)
	rules, err = read(t, newer+one+master).Rules()
	require.NoError(t, err)
	require.Equal(t, "rendered-master-1", rules.Rendered.Name)
	rules, err = read(t, configMap).Rules()
	require.NoError(t, err)
	require.Zero(t, rules.Rendered)
}
