//go:build binaries

// Package copies checks that the copy plan fills the mirrors: its lines are run as they are printed, by real
// skopeo and against real registries, and then containerd and skopeo pull through the rendered files while
// every source is down.
package copies

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/binaries"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
)

const manifest = "../../testdata/documented-example.yaml"

// The images of the documented example's three sources.
var sources = []string{
	"registry.access.redhat.com/ubi9/ubi-minimal",
	"registry.redhat.io/rhel9/httpd",
	"docker-mirror.internal/library/busybox",
}

func TestTheCopyPlanOfTheDocumentedExampleFillsItsMirrors(t *testing.T) {
	w := world.New()
	proxy, err := world.NewProxy(w)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, proxy.Close()) })
	sandbox, err := binaries.NewSandbox(t.TempDir(), proxy)
	require.NoError(t, err)
	for _, host := range []string{"example.io", "example.com", "mirror.example.com", "registry-1.docker.io"} {
		r, err := binaries.StartRegistry(sandbox)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Stop()) })
		w.Registry(host).Backend = r.URL
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()

	// One image by digest, one by tag, one by both.
	mirrorctl := filepath.Join(t.TempDir(), "mirrorctl")
	out, err := exec.Command("go", "build", "-o", mirrorctl, "github.com/pullroute/pullroute/examples/mirrorctl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	args := []string{"copy-plan", "-f", manifest}
	var pulls []string
	for i, source := range sources {
		image := world.NewImage(source)
		w.Put(source, "1", image)
		digest := "@" + image.Manifest.Digest.String()
		args = append(args, source+[]string{digest, ":1", ":1" + digest}[i])
		pulls = append(pulls, source+digest)
	}
	var lines, stderr bytes.Buffer
	plan := exec.Command(mirrorctl, args...)
	plan.Stdout, plan.Stderr = &lines, &stderr
	require.NoError(t, plan.Run(), stderr.String())
	require.Equal(t, 6, strings.Count(lines.String(), "\nskopeo copy ")+strings.Count(lines.String()[:12], "skopeo copy"), lines.String())
	for _, line := range strings.Split(lines.String(), "\n") {
		require.NoError(t, sandbox.Shell(ctx, line), line)
	}

	for _, source := range sources {
		host, _, _ := strings.Cut(source, "/")
		w.Registry(host).State = world.Down
	}
	set, err := mirrorset.ReadFiles(manifest)
	require.NoError(t, err)
	rules, err := set.Rules()
	require.NoError(t, err)
	files, _ := render.Linux(rules, nil)
	linux := string(files.Config.Bytes())
	windows := t.TempDir()
	_, err = render.Tree(rules).Write(windows)
	require.NoError(t, err)
	containerd, err := binaries.StartContainerd(sandbox)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, containerd.Stop()) })
	for _, image := range pulls {
		digest := image[strings.Index(image, "@")+1:]
		pull := containerd.Pull(ctx, windows, image)
		require.NoError(t, pull.Err, image)
		require.Equal(t, digest, pull.Digest.String())
		pull = sandbox.SkopeoPull(ctx, linux, image)
		require.NoError(t, pull.Err, image)
		require.Equal(t, digest, pull.Digest.String())
	}
}
