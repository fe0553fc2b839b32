package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

// linux and windows are one node of each kind.
func linux() *NodePulls   { return newNode("linux", finding.Linux) }
func windows() *NodePulls { return newNode("windows", finding.Windows) }

// documented is the example of the OpenShift documentation.
func documented() *configv1.ImageDigestMirrorSet {
	return digestMirrors("ubi9repo",
		byDigest("registry.access.redhat.com/ubi9/ubi-minimal", allow, "example.io/example/ubi-minimal", "example.com/example2/ubi-minimal"),
		byDigest("registry.redhat.io", never, "mirror.example.com"),
		byDigest("docker-mirror.internal", allow, "docker.io"))
}

func TestNodesGetWhatMirrorctlRenders(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.start(Directories(c.dir), testOptions)
	c.create(documented())
	c.settled(linux(), windows())

	manifest, err := yaml.Marshal(documented())
	require.NoError(t, err)
	manifest = append([]byte("apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\n"), manifest...)
	file := filepath.Join(t.TempDir(), "mirrors.yaml")
	require.NoError(t, os.WriteFile(file, manifest, 0o600))
	for _, node := range []*NodePulls{linux(), windows()} {
		out := t.TempDir()
		render := exec.Command("go", "run", "./examples/mirrorctl", "render", "--platform", string(node.Spec.Platform), "-f", file, "--out", out)
		render.Dir = "../.."
		text, err := render.CombinedOutput()
		require.NoError(t, err, string(text))
		rendered := onDisk(t, out)
		for _, lock := range []string{".registries.conf~lock", ".hosts.toml~lock"} { // of mirrorctl, for others like it
			delete(rendered, lock)
		}
		require.Equal(t, rendered, onDisk(t, c.path(node.Name)))
	}
}

func TestObjectsComeChangeAndGo(t *testing.T) {
	c := newCluster(t, linux(), windows())
	foreign := c.path("windows", "by-hand.example.com")
	require.NoError(t, os.Mkdir(foreign, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "hosts.toml"), []byte("server = \"https://elsewhere.example.com\"\n"), 0o644))
	c.start(Directories(c.dir), testOptions)
	has := func() {
		t.Helper()
		c.settled(linux())
		want := c.want().content(finding.Windows)
		want["by-hand.example.com/hosts.toml"] = "server = \"https://elsewhere.example.com\"\n"
		c.eventually("the Windows node has its files, and what was put there by hand", func() bool {
			return c.node("windows").Status.Applied == c.want().Windows.Hash
		})
		require.Equal(t, want, onDisk(t, c.path("windows")))
	}
	has() // nothing
	c.create(documented())
	has()
	c.create(tagMirrors("tags", byTag("quay.io/team", never, "mirror.example.com/team")))
	has()
	c.create(&configv1.Image{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Spec: configv1.ImageSpec{RegistrySources: configv1.RegistrySources{
			BlockedRegistries: []string{"evil.example.com"}, ContainerRuntimeSearchRegistries: []string{"quay.io"},
		}},
	})
	has()
	require.Contains(t, onDisk(t, c.path("linux")), "registries.conf.d/01-image-searchRegistries.conf")
	changed := documented()
	changed.Spec.ImageDigestMirrors[1].Mirrors = []configv1.ImageMirror{"other.example.com", "mirror.example.com"}
	c.put(changed)
	has()
	require.Contains(t, onDisk(t, c.path("windows"))["registry.redhat.io/hosts.toml"], "other.example.com")
	c.delete(&configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}})
	has()
	require.NotContains(t, onDisk(t, c.path("linux")), "registries.conf.d/01-image-searchRegistries.conf")
	c.delete(tagMirrors("tags"))
	has()
	c.delete(documented())
	has()
	require.Len(t, onDisk(t, c.path("windows")), 1, "only what was put there by hand")
	require.Contains(t, c.node("windows").Status.Kept[0].Path, "by-hand.example.com")
}

func TestNodesThatComeLaterAndHostsForWildcards(t *testing.T) {
	c := newCluster(t)
	c.start(Directories(c.dir), testOptions)
	c.create(digestMirrors("wild", byDigest("*.example.org", never, "mirror.example.com/wild")))
	c.eventually("the status says what nodes are to have", func() bool { return c.pulls().Status.Windows == c.want().Windows.Hash })
	require.Empty(t, c.want().Windows.Tree, "containerd knows no wildcards")

	require.NoError(t, os.Mkdir(c.path("windows"), 0o755))
	c.create(windows())
	c.settled(windows())
	pulls := c.pulls()
	pulls.Spec.WindowsHosts = []string{"a.example.org"}
	require.NoError(t, c.Update(c.ctx, pulls))
	c.settled(windows())
	require.Contains(t, onDisk(t, c.path("windows")), "a.example.org/hosts.toml")

	c.delete(c.pulls())
	c.delete(digestMirrors("wild"))
	c.create(&ClusterPulls{ObjectMeta: metav1.ObjectMeta{Name: clusterName}})
	c.settled(windows())
	require.Empty(t, onDisk(t, c.path("windows")))
}

func TestTheExampleObjectsAreTaken(t *testing.T) {
	c := newCluster(t)
	c.delete(c.pulls())
	data, err := os.ReadFile("config/example.yaml")
	require.NoError(t, err)
	for _, document := range strings.Split(string(data), "\n---\n") {
		var o unstructured.Unstructured
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), &o.Object))
		c.create(&o)
	}
	for _, name := range []string{"worker-0", "winworker-0"} {
		require.NoError(t, os.Mkdir(c.path(name), 0o755))
	}
	c.start(Directories(c.dir), testOptions)
	c.create(digestMirrors("wild", byDigest("*.example.org", never, "mirror.example.com/wild")))
	c.settled(newNode("worker-0", finding.Linux), newNode("winworker-0", finding.Windows))
	require.Contains(t, onDisk(t, c.path("winworker-0")), "images.example.org/hosts.toml")
}

func TestTheAPIServerRefusesInvalidObjects(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.start(Directories(c.dir), testOptions)
	c.create(documented())
	c.settled(linux(), windows())
	before := []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))}

	for name, tt := range map[string]struct {
		object  client.Object
		refusal string
	}{
		"a source with a tag":       {digestMirrors("x", byDigest("quay.io/a:1", "")), "spec.imageDigestMirrors[0].source: Invalid value"},
		"a source with a scheme":    {tagMirrors("x", byTag("https://quay.io/a", "")), "spec.imageTagMirrors[0].source: Invalid value"},
		"no source":                 {digestMirrors("x", byDigest("", "")), "spec.imageDigestMirrors[0].source: Invalid value"},
		"a wildcard with a path":    {tagMirrors("x", byTag("*.quay.io/a", "")), "spec.imageTagMirrors[0].source: Invalid value"},
		"a wildcard as a mirror":    {digestMirrors("x", byDigest("quay.io", "", "*.m.io")), "spec.imageDigestMirrors[0].mirrors[0]: Invalid value"},
		"a mirror named twice":      {tagMirrors("x", byTag("quay.io", "", "m.io", "n.io", "m.io")), `spec.imageTagMirrors[0].mirrors[2]: Duplicate value: "m.io"`},
		"an unknown policy":         {digestMirrors("x", byDigest("quay.io", "Sometimes", "m.io")), "spec.imageDigestMirrors[0].mirrorSourcePolicy: Unsupported value"},
		"a capital in a repository": {tagMirrors("x", byTag("quay.io/A", "", "m.io")), "spec.imageTagMirrors[0].source: Invalid value"},
		"a list of two kinds of registries": {&configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: configv1.ImageSpec{
			RegistrySources: configv1.RegistrySources{ContainerRuntimeSearchRegistries: []string{"a/b c"}},
		}}, ""}, // the real definition takes any text: pullroute has to look itself
		"a second ClusterPulls": {&ClusterPulls{ObjectMeta: metav1.ObjectMeta{Name: "other"}}, "only the object named cluster counts"},
		"a node of no platform": {newNode("other", "plan9"), "spec.platform: Unsupported value"},
	} {
		err := c.Create(c.ctx, tt.object)
		if tt.refusal == "" {
			require.NoError(t, err, name)
			c.delete(tt.object)
			continue
		}
		require.ErrorContains(t, err, tt.refusal, name)
	}
	untyped := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "config.openshift.io/v1", "kind": "ImageTagMirrorSet", "metadata": map[string]any{"name": "x"},
		"spec": map[string]any{"imageTagMirrors": "all of them"},
	}}
	require.ErrorContains(t, c.Create(c.ctx, untyped), "spec.imageTagMirrors: Invalid value")
	c.settled(linux(), windows())
	require.Equal(t, before, []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))})
}

func TestObjectsThatMCORefusesChangeNoNode(t *testing.T) {
	c := newCluster(t, linux(), windows())
	op := c.start(Directories(c.dir), testOptions)
	c.create(documented())
	c.settled(linux(), windows())
	before := []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))}
	hash := c.pulls().Status.Windows

	// Each is fine by itself, so the API server takes both; together they say two things of one source.
	c.create(tagMirrors("contradicts", byTag("registry.redhat.io", allow, "other.example.com")))
	c.create(digestMirrors("fine", byDigest("quay.io", allow, "mirror.example.com/quay")))
	refused := func() bool {
		condition := meta.FindStatusCondition(c.pulls().Status.Conditions, conditionRendered)
		return condition != nil && condition.Reason == "Refused" && strings.Contains(condition.Message, "registry.redhat.io")
	}
	c.eventually("the status says that the objects are refused", refused)
	condition := meta.FindStatusCondition(c.pulls().Status.Conditions, conditionRendered)
	require.Contains(t, condition.Message, "ImageTagMirrorSet/contradicts spec.imageTagMirrors[0]")
	require.Equal(t, hash, c.pulls().Status.Windows)
	require.Equal(t, finding.MCO, c.pulls().Status.Findings[0].RefusedBy)
	c.eventually("an event at the object says so", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "PolicyConflict ImageDigestMirrorSet/ubi9repo: ")
	})
	require.Equal(t, 1.0, gathered(t, op.registry)["pullroute_render_refused"])

	// Neither do they after a restart, and nodes that come new get what the others have.
	op.stop(t)
	late := newNode("late", finding.Windows)
	lateLinux := newNode("late-linux", finding.Linux)
	for _, n := range []*NodePulls{late, lateLinux} {
		require.NoError(t, os.Mkdir(c.path(n.Name), 0o755))
		c.create(n)
	}
	require.NoError(t, os.WriteFile(c.path("windows", "registry.redhat.io", "hosts.toml"), []byte("# "+hoststoml.Marker+"\n# no more\n"), 0o644))
	op = c.start(Directories(c.dir), testOptions)
	c.eventually("the new operator has looked", func() bool { return gathered(t, op.registry)["pullroute_render_refused"] == 1 })
	c.eventually("and all nodes have files", func() bool { return nodeStates(t, op)["applied"] == 4 })
	require.Equal(t, before, []map[string]string{onDisk(t, c.path("linux")), onDisk(t, c.path("windows"))})
	require.Equal(t, before, []map[string]string{onDisk(t, c.path("late-linux")), onDisk(t, c.path("late"))})
	c.eventually("and say so", func() bool { return c.node("late").Status.Applied == hash }) // the metrics do first
	require.Equal(t, hash, c.pulls().Status.Windows)
	require.True(t, refused())
	require.True(t, meta.IsStatusConditionTrue(c.pulls().Status.Conditions, conditionStored))

	c.delete(tagMirrors("contradicts"))
	c.settled(linux(), windows(), late, lateLinux)
	require.Contains(t, onDisk(t, c.path("windows")), "quay.io/hosts.toml")
	c.eventually("the status says that all is well again", func() bool {
		return meta.IsStatusConditionTrue(c.pulls().Status.Conditions, conditionRendered)
	})
	c.eventually("and an event does", func() bool {
		return strings.Contains(strings.Join(c.events(), "\n"), "FindingsGone ClusterPulls/cluster: ")
	})
}

// What the pull secret, the certificates and an ImageContentSourcePolicy say reaches the nodes, and so does a change.
func TestSecretsCertificatesAndPoliciesAreWatched(t *testing.T) {
	c := newCluster(t, linux(), windows())
	c.start(Directories(c.dir), testOptions)
	c.create(documented())
	c.settled(linux(), windows())

	c.create(&operatorv1alpha1.ImageContentSourcePolicy{ObjectMeta: metav1.ObjectMeta{Name: "old"}, Spec: operatorv1alpha1.ImageContentSourcePolicySpec{
		RepositoryDigestMirrors: []operatorv1alpha1.RepositoryDigestMirrors{{Source: "quay.io/old", Mirrors: []string{"m.example.com/old"}}}}})
	c.eventually("the policy is on the node", func() bool {
		return strings.Contains(onDisk(t, c.path("linux"))[registriesconf.FileName], "m.example.com/old")
	})
	c.settled(linux(), windows())

	c.create(&configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: configv1.ImageSpec{
		AdditionalTrustedCA: configv1.ConfigMapNameReference{Name: "cas"}}})
	c.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: configNamespace, Name: "cas"}, Data: map[string]string{"m.example.com": testCA(t)}})
	c.eventually("the certificates are on the node", func() bool {
		for name := range onDisk(t, c.path("windows")) {
			if strings.HasPrefix(name, "quay.io/pullroute-") {
				return true
			}
		}
		return false
	})
	c.settled(linux(), windows())

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: configNamespace, Name: pullSecretName}, Data: map[string][]byte{
		corev1.DockerConfigJsonKey: []byte(`{"auths": {"m.example.com": {"auth": "dXNlcjpwYXNz"}}}`)}}
	c.create(secret)
	has := func(credential string) func() bool {
		return func() bool { return strings.Contains(onDisk(t, c.path("windows"))["quay.io/hosts.toml"], credential) }
	}
	c.eventually("the credential is on the node", has("Basic dXNlcjpwYXNz"))
	c.settled(linux(), windows())
	secret.Data[corev1.DockerConfigJsonKey] = []byte(`{"auths": {"m.example.com": {"auth": "dXNlcjpvdGhlcg=="}}}`)
	secret.ResourceVersion = ""
	c.put(secret)
	c.eventually("the new one is", has("Basic dXNlcjpvdGhlcg=="))
	c.settled(linux(), windows())
	info, err := os.Stat(c.path("windows", "quay.io", "hosts.toml"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	for _, text := range append(c.events(), fmt.Sprint(c.pulls().Status), fmt.Sprint(c.node("windows").Status)) {
		require.NotContains(t, text, "dXNlcj")
	}

	// A pull secret that cannot be read changes no node.
	secret.Data[corev1.DockerConfigJsonKey] = []byte(`{"auths": `)
	secret.ResourceVersion = ""
	c.put(secret)
	c.eventually("the status says so", func() bool { return c.condition(conditionRendered).Status == metav1.ConditionFalse })
	require.True(t, has("Basic dXNlcjpvdGhlcg==")())
	c.delete(secret)
	c.eventually("without one, there is no credential", func() bool { return !has("Basic")() })
	c.settled(linux(), windows())
}

// testCA returns a certificate.
func testCA(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
