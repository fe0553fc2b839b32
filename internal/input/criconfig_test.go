package input_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Each damage is a line of a config.toml, in a table of the plugin or of its registry, and the words of the finding.
var configDamages = []struct{ plugin, registry, top, says string }{
	{registry: "config_path = '/a:/b'", says: "lists several directories, which containerd from 2.1 on takes for one name"},
	{registry: "config_path = ''", says: "is empty"},
	{registry: "headers = {}", says: "is not set"},
	{registry: "config_path = '/a'\n[%s.registry.mirrors.'quay.io']\nendpoint = ['https://x.corp']", says: "stand beside config_path"},
	{registry: "[%s.registry.mirrors.'quay.io']\nendpoint = ['https://x.corp']", says: "mirrors of older versions"},
	{registry: "config_path = '/etc/docker/certs.d'", says: "is another directory than "},
	{registry: "config_path = '/etc/containerd/certs.d'", top: "imports = ['/gone/more.toml']", says: "is imported, and is not in the input"},
	{registry: "config_path = '/a:/b'", plugin: "max_concurrent_downloads = 5", says: "of each registry the first that has a directory"},
}

func TestEveryDamageOfAConfigurationIsNamedByAFinding(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 17))
	seen := map[string]bool{}
	for range 200 {
		dir, version := t.TempDir(), 2+r.IntN(2)
		table := map[int]string{2: "plugins.'io.containerd.grpc.v1.cri'", 3: "plugins.'io.containerd.cri.v1.images'"}[version]
		damage := configDamages[r.IntN(len(configDamages))]
		if r.IntN(3) == 0 { // none
			damage.plugin, damage.registry, damage.top, damage.says = "", "config_path = '/etc/containerd/certs.d'", "", ""
		}
		seen[damage.says] = true
		text := fmt.Sprintf("version = %d\n%s\n[%s]\n%s\n[%[3]s.registry]\n%[5]s\n", version, damage.top, table, damage.plugin,
			strings.ReplaceAll(damage.registry, "%s", table))
		for name, content := range map[string]string{
			"etc/containerd/config.toml":                  text,
			"etc/containerd/certs.d/quay.io/hosts.toml":   "server = 'https://m.corp'\n[host.'https://m.corp']\n",
			"etc/containerd/certs.d/second.io/hosts.toml": "server = 'https://m.corp'\n[host.'https://m.corp']\n",
		} {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
		in, err := input.Read([]string{dir}, nil)
		require.NoError(t, err)
		_, hosts, findings := in.Nodes(input.Client{}, finding.Containerd)
		require.Len(t, hosts, 1)
		require.Empty(t, hosts[0].Findings)
		if damage.says == "" {
			require.Empty(t, findings, text)
			continue
		}
		require.NotEmpty(t, findings, text)
		said := false
		for _, f := range findings {
			said = said || strings.Contains(f.Message, damage.says) && strings.HasSuffix(f.Origin.File, "/etc/containerd/config.toml")
		}
		require.True(t, said, "%s\n%v", text, findings)
	}
	require.Len(t, seen, len(configDamages)+1)
}
