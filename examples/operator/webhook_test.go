package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pullroute/pullroute/internal/loopback"
)

type noDecoder struct{ admission.Decoder }

func (noDecoder) Decode(admission.Request, runtime.Object) error { return nil }

func requestOf(kind, name string, object any) admission.Request {
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: types.UID("uid-" + name), Kind: metav1.GroupVersionKind{Kind: kind}, Name: name, Operation: admissionv1.Create,
		Object: runtime.RawExtension{Raw: raw},
	}}
}

// memory is a reader of objects as caches hold them.
type memory struct {
	client.Reader
	objects mirrorObjects
	nodes   []NodePulls
}

func (m *memory) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch list := list.(type) {
	case *configv1.ImageDigestMirrorSetList:
		list.Items = m.objects.ImageDigestMirrorSets.Items
	case *configv1.ImageTagMirrorSetList:
		list.Items = m.objects.ImageTagMirrorSets.Items
	case *operatorv1alpha1.ImageContentSourcePolicyList:
		list.Items = m.objects.ImageContentSourcePolicies.Items
	case *configv1.ImageList:
		list.Items = m.objects.Images.Items
	case *NodePullsList:
		list.Items = m.nodes
	default:
		return fmt.Errorf("%T is not read", list)
	}
	return nil
}

func (m *memory) webhook() *Webhook {
	return &Webhook{Reader: m, Decoder: admission.NewDecoder(newScheme())}
}

func TestTheWebhookRefusesWhatMCOStopsAtAndWarnsOfTheRest(t *testing.T) {
	ctx := context.Background()
	m := &memory{}
	m.objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{*digestMirrors("never", byDigest("quay.io/team", never, "m.corp/team"))}
	w := m.webhook()

	response := w.Handle(ctx, requestOf("ImageDigestMirrorSet", "good", digestMirrors("good", byDigest("docker.io/x", never, "m.corp/x"))))
	require.True(t, response.Allowed)
	for name, object := range map[string]*configv1.ImageDigestMirrorSet{
		"a second policy for one source":     digestMirrors("a", byDigest("quay.io/team", allow, "n.corp/team")),
		"the source among the mirrors":       digestMirrors("a", byDigest("quay.io/other", never, "quay.io/other", "m.corp/x")),
		"the contradiction of one by itself": digestMirrors("a", byDigest("x.io", never, "m.corp"), byDigest("x.io", allow, "m.corp")),
	} {
		response := w.Handle(ctx, requestOf("ImageDigestMirrorSet", "a", object))
		require.False(t, response.Allowed, name)
		require.Contains(t, response.Result.Message, "ImageDigestMirrorSet/a", name)
		require.Contains(t, response.Result.Message, "MCO", name)
	}

	// MCO ends in an internal error, and writes nothing.
	m.objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{*digestMirrors("wild", byDigest("*.example.org", allow, "m.corp/wild"))}
	image := &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Spec: configv1.ImageSpec{RegistrySources: configv1.RegistrySources{
		InsecureRegistries: []string{"foo.example.org"}}}}
	response = w.Handle(ctx, requestOf("Image", "cluster", image))
	require.False(t, response.Allowed)
	image.Spec.RegistrySources = configv1.RegistrySources{BlockedRegistries: []string{"a.io"}, AllowedRegistries: []string{"b.io"}}
	require.False(t, w.Handle(ctx, requestOf("Image", "cluster", image)).Allowed)

	// What is wrong already holds nobody up who mends a part of it.
	m.objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{
		*digestMirrors("b", byDigest("x.io", never, "m.corp"), byDigest("x.io", allow, "m.corp")),
		*digestMirrors("c", byDigest("y.io", never, "m.corp"), byDigest("y.io", allow, "m.corp"))}
	require.True(t, w.Handle(ctx, requestOf("ImageDigestMirrorSet", "b", digestMirrors("b", byDigest("x.io", never, "m.corp")))).Allowed)
	require.True(t, w.Handle(ctx, requestOf("ImageDigestMirrorSet", "d", digestMirrors("d", byDigest("z.io", never, "m.corp")))).Allowed)

	deletion := requestOf("ImageDigestMirrorSet", "b", nil)
	deletion.Operation = admissionv1.Delete
	require.True(t, w.Handle(ctx, deletion).Allowed)
	require.False(t, w.Handle(ctx, requestOf("Pod", "x", nil)).Allowed)
}

func TestWarningsAreAboutTheObjectAndFitTheAPIServer(t *testing.T) {
	ctx := context.Background()
	m := &memory{}
	w := m.webhook()
	nested := digestMirrors("nested", byDigest("quay.io", never, "quay.io/mirrors"))
	response := w.Handle(ctx, requestOf("ImageDigestMirrorSet", "nested", nested))
	require.True(t, response.Allowed)
	require.NotEmpty(t, response.Warnings)
	require.Contains(t, strings.Join(response.Warnings, "\n"), "ImageDigestMirrorSet/nested")

	m.objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{*nested}
	response = w.Handle(ctx, requestOf("ImageDigestMirrorSet", "fine", digestMirrors("fine", byDigest("docker.io/x/y", allow, "m.corp/x/y"))))
	require.Empty(t, response.Warnings, "others' warnings are told to others")

	// What holds on Windows alone is said where there are such nodes.
	inexact := requestOf("ImageDigestMirrorSet", "inexact", digestMirrors("inexact", byDigest("mcr.microsoft.com/a/b", allow, "m.corp/c")))
	require.Empty(t, w.Handle(ctx, inexact).Warnings)
	m.nodes = []NodePulls{*windows()}
	require.NotEmpty(t, w.Handle(ctx, inexact).Warnings)

	var many []configv1.ImageDigestMirrors
	for i := range 100 {
		many = append(many, byDigest(fmt.Sprintf("r%d.example.com/%s", i, strings.Repeat("long/", 30)+"x"), never, configv1.ImageMirror(fmt.Sprintf("r%d.example.com/y", i))))
	}
	response = w.Handle(ctx, requestOf("ImageDigestMirrorSet", "many", digestMirrors("many", many...)))
	require.Len(t, response.Warnings, maxWarnings)
	size := 0
	for _, line := range response.Warnings {
		require.LessOrEqual(t, len(line), 256)
		size += len(line)
	}
	require.LessOrEqual(t, size, 4096)
	require.Regexp(t, `^and \d+ more`, response.Warnings[maxWarnings-1])
}

// The program answers AdmissionReviews over HTTPS, with what the cluster holds.
func TestAdmissionReviewsOverHTTPS(t *testing.T) {
	c := newCluster(t)
	c.create(digestMirrors("never", byDigest("quay.io/team", never, "m.corp/team")))
	c.create(&operatorv1alpha1.ImageContentSourcePolicy{ObjectMeta: metav1.ObjectMeta{Name: "old"}, Spec: operatorv1alpha1.ImageContentSourcePolicySpec{
		RepositoryDigestMirrors: []operatorv1alpha1.RepositoryDigestMirrors{{Source: "docker.io/library", Mirrors: []string{"m.corp/library"}}}}})
	certs, trusted := t.TempDir(), x509.NewCertPool()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	trusted.AppendCertsFromPEM(certificate)
	require.NoError(t, os.WriteFile(filepath.Join(certs, "tls.crt"), certificate, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(certs, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	address := loopback.Address(t)
	_, port, _ := net.SplitHostPort(address)
	program, err := build()
	require.NoError(t, err)
	c.run(program, "--leader-elect=false", "--webhook-cert-dir", certs, "--webhook-host", "127.0.0.1", "--webhook-port", port)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer client.CloseIdleConnections()
	review := func(request admission.Request) *admissionv1.AdmissionResponse {
		body, err := json.Marshal(admissionv1.AdmissionReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &request.AdmissionRequest})
		require.NoError(t, err)
		response, err := client.Post("https://"+address+webhookPath, "application/json", bytes.NewReader(body))
		if err != nil {
			return nil // it does not listen yet
		}
		defer response.Body.Close()
		var answer admissionv1.AdmissionReview
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		require.Equal(t, request.UID, answer.Response.UID)
		require.Equal(t, "admission.k8s.io/v1", answer.APIVersion)
		return answer.Response
	}
	second := requestOf("ImageDigestMirrorSet", "second", digestMirrors("second", byDigest("quay.io/team", allow, "n.corp/team")))
	c.eventually("a second policy is refused", func() bool {
		r := review(second)
		return r != nil && !r.Allowed
	})
	require.Contains(t, review(second).Result.Message, "ImageDigestMirrorSet/second")
	again := digestMirrors("again", byDigest("docker.io/library", never, "m.corp/library"))
	require.False(t, review(requestOf("ImageDigestMirrorSet", "again", again)).Allowed, "ImageContentSourcePolicies count")
	r := review(requestOf("ImageDigestMirrorSet", "nested", digestMirrors("nested", byDigest("gcr.io", never, "gcr.io/mirrors"))))
	require.True(t, r.Allowed)
	require.NotEmpty(t, r.Warnings)
}

// Those of the reader are judged once for each of their versions.
func TestTheWebhookRemembersWhatItJudged(t *testing.T) {
	m := &memory{}
	put := func(version string, policy configv1.MirrorSourcePolicy) {
		o := digestMirrors("a", byDigest("quay.io/team", policy, "m.corp/team"))
		o.ResourceVersion, o.UID = version, "a"
		m.objects.ImageDigestMirrorSets.Items = []configv1.ImageDigestMirrorSet{*o}
	}
	w := m.webhook()
	request := requestOf("ImageDigestMirrorSet", "b", digestMirrors("b", byDigest("quay.io/team", never, "n.corp/team")))
	for i := range 3 {
		put(fmt.Sprint("allow-", i), allow)
		require.False(t, w.Handle(t.Context(), request).Allowed)
		require.False(t, w.Handle(t.Context(), request).Allowed)
		put(fmt.Sprint("never-", i), never)
		require.True(t, w.Handle(t.Context(), request).Allowed)
	}
}

// BenchmarkWebhook judges one object among 100, with 5 entries of 3 mirrors each, for both platforms.
func BenchmarkWebhook(b *testing.B) {
	for _, what := range []string{"after a change", "of the same objects again"} {
		b.Run(what, func(b *testing.B) { benchmarkWebhook(b, what == "after a change") })
	}
}

func benchmarkWebhook(b *testing.B, changed bool) {
	m := &memory{nodes: []NodePulls{*windows()}}
	entries := func(i int) []configv1.ImageDigestMirrors {
		var all []configv1.ImageDigestMirrors
		for j := range 5 {
			path := fmt.Sprintf("team-%d/app-%d", i, j)
			all = append(all, byDigest("quay.io/"+path, allow, configv1.ImageMirror("m.corp/"+path), configv1.ImageMirror("n.corp/"+path), configv1.ImageMirror("o.corp/copies/"+path)))
		}
		return all
	}
	for i := range 100 {
		o := digestMirrors(fmt.Sprintf("set-%d", i), entries(i)...)
		o.ResourceVersion, o.UID = fmt.Sprint(i+1), types.UID(o.Name)
		m.objects.ImageDigestMirrorSets.Items = append(m.objects.ImageDigestMirrorSets.Items, *o)
	}
	w := m.webhook()
	request := requestOf("ImageDigestMirrorSet", "new", digestMirrors("new", entries(1000)...))
	if r := w.Handle(context.Background(), request); !r.Allowed {
		b.Fatal(r.Result)
	}
	b.ReportAllocs()
	for b.Loop() {
		if changed {
			w.last.Store(nil)
		}
		w.Handle(context.Background(), request)
	}
}
