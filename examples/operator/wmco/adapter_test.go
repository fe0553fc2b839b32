package wmco

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestThePageHasTheAdapter(t *testing.T) {
	code, err := os.ReadFile("adapter.go")
	require.NoError(t, err)
	page, err := os.ReadFile("../../../docs/from-wmco.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "```go\n"+string(code)+"```\n")
}

func TestTheAdapterTakesANodeOver(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, configv1.Install(scheme))
	require.NoError(t, corev1.AddToScheme(scheme))
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&configv1.ImageDigestMirrorSet{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: configv1.ImageDigestMirrorSetSpec{
			ImageDigestMirrors: []configv1.ImageDigestMirrors{{Source: "quay.io/team", Mirrors: []configv1.ImageMirror{"m.corp/team"}}}}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "pull-secret"}, Data: map[string][]byte{
			corev1.DockerConfigJsonKey: []byte(`{"auths": {"m.corp": {"auth": "dXNlcjpwYXNz"}, "quay.io": {"auth": "dXNlcjpwYXNz"}}}`)}},
	).Build()
	tree, _, err := Render(t.Context(), cluster)
	require.NoError(t, err)

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "quay.io"), 0o755))
	file := filepath.Join(dir, "quay.io", "hosts.toml")
	require.NoError(t, os.WriteFile(file, []byte("server = \"https://quay.io/v2\"\n\noverride_path = true\n\n"+
		"[host.\"https://m.corp/v2\"]\n  capabilities = [\"pull\"]\n  override_path = true\n"), 0o644))
	near, far := net.Pipe()
	server, err := sftp.NewServer(far)
	require.NoError(t, err)
	go server.Serve()
	node, err := sftp.NewClientPipe(near, near)
	require.NoError(t, err)
	defer near.Close()
	change, err := Apply(t.Context(), node, dir, tree)
	require.NoError(t, err)
	require.Empty(t, change.Kept)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(data), "Basic dXNlcjpwYXNz"), "that of the mirror:\n%s", data)
	require.Contains(t, string(data), "[host.\"https://m.corp\".header]")
}
