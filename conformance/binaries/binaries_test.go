//go:build binaries

package binaries_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/binaries"
	"github.com/pullroute/pullroute/conformance/world"
)

var image = world.NewImage("one")

func sandbox(t *testing.T) (*world.World, *binaries.Sandbox) {
	t.Helper()
	w := world.New()
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	s, err := binaries.NewSandbox(t.TempDir(), p)
	require.NoError(t, err)
	return w, s
}

func hosts(t *testing.T, host, content string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, host), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, host, "hosts.toml"), []byte(content), 0o644))
	return root
}

func TestContainerd16(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("containerd needs root")
	}
	w, s := sandbox(t)
	c, err := binaries.StartContainerd(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	w.Put("quay.io/a/b", "1", image)
	w.Put("n.io/a/b", "1", image)
	w.Registry("down.io").State = world.Down
	w.Registry("broken.io").State = world.Broken

	blocking := "server = \"https://quay.io\"\ncapabilities = [\"push\"]\n[host.\"https://quay.io\"]\ncapabilities = [\"push\"]\n"
	digest := "quay.io/a/b@" + image.Manifest.Digest.String()
	for name, tt := range map[string]struct {
		hosts, ref string
		trace      []string
		err        string
	}{
		"a mirror after others that fail": {
			hosts: "server = \"https://quay.io\"\n[host.\"https://down.io\"]\n[host.\"https://broken.io\"]\n[host.\"https://m.io\"]\n[host.\"https://n.io\"]\n",
			ref:   "quay.io/a/b:1", trace: []string{"down.io", "broken.io/a/b", "m.io/a/b", "n.io/a/b"},
		},
		"without a server, the original": {
			hosts: "[host.\"https://m.io\"]\n", ref: "quay.io/a/b:1", trace: []string{"m.io/a/b", "quay.io/a/b"},
		},
		"without a table, the file is ignored": {
			hosts: "server = \"https://n.io\"\n", ref: "quay.io/a/b:1", trace: []string{"quay.io/a/b"},
		},
		"with a repeated table, the file is ignored": {
			hosts: "server = \"https://n.io\"\n[host.\"https://n.io\"]\n[host.\"https://n.io\"]\n", ref: "quay.io/a/b:1", trace: []string{"quay.io/a/b"},
		},
		"a digest-only mirror resolves no tag": {
			hosts: "server = \"https://n.io\"\ncapabilities = [\"pull\"]\n[host.\"https://n.io\"]\ncapabilities = [\"pull\"]\n",
			ref:   "quay.io/a/b:1", err: "no resolve hosts",
		},
		"a digest-only mirror serves a digest": {
			hosts: "server = \"https://n.io\"\ncapabilities = [\"pull\"]\n[host.\"https://n.io\"]\ncapabilities = [\"pull\"]\n",
			ref:   digest, trace: []string{"n.io/a/b"},
		},
		"the blocking file, for a tag":    {hosts: blocking, ref: "quay.io/a/b:1", err: "no resolve hosts"},
		"the blocking file, for a digest": {hosts: blocking, ref: digest, err: "no resolve hosts"},
		"without override_path, ORG/v2": {
			hosts: "server = \"https://n.io\"\n[host.\"https://m.io/org\"]\n", ref: "quay.io/a/b:1",
			trace: []string{"m.io/org/v2/a/b/manifests/1", "n.io/a/b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pull := c.Pull(context.Background(), hosts(t, "quay.io", tt.hosts), tt.ref)
			if tt.err != "" {
				require.ErrorContains(t, pull.Err, tt.err)
				require.Empty(t, pull.Requests)
				return
			}
			require.NoError(t, pull.Err)
			require.Equal(t, image.Manifest.Digest, pull.Digest)
			first := pull.Passes()[0]
			require.Equal(t, tt.trace[len(tt.trace)-1], first.Locations[len(first.Locations)-1])
			require.Equal(t, tt.trace, pull.Trace()[:len(tt.trace)])
		})
	}
	t.Run("timing", func(t *testing.T) {
		dir := hosts(t, "quay.io", "[host.\"https://m.io\"]\n")
		began := time.Now()
		for range 20 {
			require.NoError(t, c.Pull(context.Background(), dir, "quay.io/a/b:1").Err)
		}
		t.Logf("%v per pull", time.Since(began)/20)
	})
}

func TestSkopeo(t *testing.T) {
	w, s := sandbox(t)
	w.Put("quay.io/a", "1", image)
	w.Put("n.io/a", "1", image)
	w.Registry("down.io").State = world.Down
	for name, tt := range map[string]struct {
		conf, ref string
		trace     []string
		err       string
	}{
		"a mirror after others that fail": {
			conf: "[[registry]]\nlocation=\"quay.io\"\nblocked=true\n[[registry.mirror]]\nlocation=\"quay.io/org\"\n" +
				"[[registry.mirror]]\nlocation=\"down.io\"\n[[registry.mirror]]\nlocation=\"m.io\"\n[[registry.mirror]]\nlocation=\"n.io\"\n",
			ref: "quay.io/a:1", trace: []string{"down.io", "m.io/a", "n.io/a"},
		},
		"a blocked source": {
			conf: "[[registry]]\nlocation=\"quay.io\"\nblocked=true\n[[registry.mirror]]\nlocation=\"m.io\"\n",
			ref:  "quay.io/a:1", trace: []string{"m.io/a"}, err: "is blocked",
		},
		"an unwritable mirror": {
			conf: "[[registry]]\nlocation=\"quay.io/a\"\n[[registry.mirror]]\nlocation=\"m.io\"\n",
			ref:  "quay.io/a:1", err: "canonical",
		},
	} {
		t.Run(name, func(t *testing.T) {
			pull := s.SkopeoPull(context.Background(), tt.conf, tt.ref)
			require.Equal(t, tt.trace, pull.Trace())
			if tt.err != "" {
				require.ErrorContains(t, pull.Err, tt.err)
				return
			}
			require.NoError(t, pull.Err)
			require.Equal(t, image.Manifest.Digest, pull.Digest)
		})
	}
	t.Run("timing", func(t *testing.T) {
		began := time.Now()
		for range 20 {
			require.NoError(t, s.SkopeoPull(context.Background(), "", "quay.io/a:1").Err)
		}
		t.Logf("%v per pull", time.Since(began)/20)
	})
}
