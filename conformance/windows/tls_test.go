package windows

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A ca signs certificates for 127.0.0.1.
type ca struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newCA(t testing.TB, name string) *ca {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &ca{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (c *ca) issue(t testing.TB) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.certificate, &private.PublicKey, c.key)
	require.NoError(t, err)
	der8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8})
}

// A server is a registry of a world on a port of its own.
type server struct {
	host  string // 127.0.0.1:PORT
	world *world.World
	wire  *wire
}

// serve starts a registry that has quay.io/team/app, as its own team/app and x/team/app. Without a signer it
// speaks plain HTTP. clients, where it is set, is who has to have signed a client's certificate.
func serve(t testing.TB, signer, clients *ca) *server {
	t.Helper()
	w := world.New()
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = "http", r.Host
		if r.TLS != nil {
			out.URL.Scheme = "https"
		}
		response, err := w.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		for name, values := range response.Header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(response.StatusCode)
		io.Copy(rw, response.Body)
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	s := &server{host: h.Listener.Addr().String(), world: w, wire: &wire{}}
	h.Listener = &tapped{h.Listener, s.wire}
	put(w, s.host+"/team/app", images[0])
	put(w, s.host+"/x/team/app", images[0])
	if signer == nil {
		w.Registry(s.host).PlainHTTP = true
		h.Start()
	} else {
		certificate, err := tls.X509KeyPair(signer.issue(t))
		require.NoError(t, err)
		h.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		if clients != nil {
			h.TLS.ClientAuth, h.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
			h.TLS.ClientCAs.AddCert(clients.certificate)
		}
		h.StartTLS()
	}
	t.Cleanup(h.Close)
	return s
}

// wire keeps what came in without TLS.
type wire struct {
	mu    sync.Mutex
	plain bytes.Buffer
}

func (w *wire) inTheClear() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plain.String()
}

type tapped struct {
	net.Listener
	wire *wire
}

func (l *tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &tap{Conn: c, wire: l.wire}, err
}

type tap struct {
	net.Conn
	wire        *wire
	began, seen bool // whether anything was read, and whether it is to be kept
}

func (c *tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.began {
		c.began, c.seen = true, b[0] != 0x16 // the record of a handshake
	}
	if c.seen {
		c.wire.mu.Lock()
		c.wire.plain.Write(b[:n])
		c.wire.mu.Unlock()
	}
	return n, err
}

// puller pulls with a real client on a real network.
type puller func(t *testing.T, dir, image string) error

// tlsCases is what every version of containerd does with our trees, except that 1.6 tries HTTP where the
// others do not.
func tlsCases(t *testing.T, pull puller, is16 bool) {
	right, wrong := newCA(t, "right"), newCA(t, "wrong")
	secure := serve(t, right, nil)
	mutual := serve(t, right, right)
	plain := serve(t, nil, nil)
	certificate, key := right.issue(t)
	otherCertificate, otherKey := wrong.issue(t)

	for name, test := range map[string]struct {
		server   *server
		insecure bool // in an insecure scope of Image
		tls      *hoststoml.TLS
		works    bool
	}{
		"no CA":                               {secure, false, nil, false},
		"the right CA":                        {secure, false, &hoststoml.TLS{CA: right.pem}, true},
		"the wrong CA":                        {secure, false, &hoststoml.TLS{CA: wrong.pem}, false},
		"both CAs in one file":                {secure, false, &hoststoml.TLS{CA: append(bytes.Clone(wrong.pem), right.pem...)}, true},
		"unverified":                          {secure, false, &hoststoml.TLS{SkipVerify: true}, true},
		"insecure, by HTTPS":                  {secure, true, nil, true},
		"insecure, by HTTP":                   {plain, true, nil, true},
		"insecure, with a CA":                 {plain, true, &hoststoml.TLS{CA: right.pem}, true},
		"HTTP":                                {plain, false, nil, false},
		"HTTP, unverified":                    {plain, false, &hoststoml.TLS{SkipVerify: true}, false},
		"a client certificate":                {mutual, false, &hoststoml.TLS{CA: right.pem, Certificate: certificate, Key: hoststoml.NewSecret(key)}, true},
		"no client certificate":               {mutual, false, &hoststoml.TLS{CA: right.pem}, false},
		"another's client certificate":        {mutual, false, &hoststoml.TLS{CA: right.pem, Certificate: otherCertificate, Key: hoststoml.NewSecret(otherKey)}, false},
		"insecure, with a client certificate": {mutual, true, &hoststoml.TLS{Certificate: certificate, Key: hoststoml.NewSecret(key)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
			if test.insecure {
				image.Spec.RegistrySources.InsecureRegistries = []string{test.server.host}
			}
			// Through a mirror, with a path and without, and from the registry itself, whose file has no mirror.
			for mirror, pulled := range map[string]string{
				test.server.host:        "quay.io/team/app:1",
				test.server.host + "/x": "quay.io/team/app:1",
				"":                      test.server.host + "/team/app:1",
			} {
				set := mirrorset.Set{Images: []mirrorset.Image{image}}
				if mirror != "" {
					set.ImageTagMirrorSets = []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "x"}, Spec: mirrorset.ImageTagMirrorSetSpec{
						ImageTagMirrors: []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{mirror}, MirrorSourcePolicy: mirrorset.NeverContactSource}}}}}
				}
				rules, err := set.Rules()
				require.NoError(t, err)
				o := hoststoml.RenderOptions{}
				if test.tls != nil {
					o.TLS = map[string]hoststoml.TLS{test.server.host: *test.tls}
				}
				tree, _, findings := hoststoml.Render(rules, o)
				require.False(t, slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Code == finding.CodeUnusableCA }))
				for _, rf := range tree {
					require.NoError(t, rf.File.Validate().Err())
				}
				if len(tree) == 0 {
					continue // without a file containerd has rules of its own for localhost
				}
				dir := t.TempDir()
				_, err = tree.Write(dir)
				require.NoError(t, err)
				err = pull(t, dir, pulled)
				require.Equal(t, test.works, err == nil, "mirror %q: %v", mirror, err)
			}
		})
	}

	// Why an insecure endpoint stands in the file twice: none of its URLs alone does for every version.
	for _, alone := range []struct {
		scheme string
		server *server
		works  bool
	}{
		{"https", secure, true}, {"https", plain, false}, {"http", secure, !is16}, {"http", plain, true},
	} {
		t.Run("one table, "+alone.scheme+" asks "+alone.server.host, func(t *testing.T) {
			url := alone.scheme + "://" + alone.server.host
			dir := configPath(t, map[string]string{"quay.io": "server = \"" + url + "\"\nskip_verify = true\n[host.\"" + url + "\"]\nskip_verify = true\n"})
			err := pull(t, dir, "quay.io/team/app:1")
			require.Equal(t, alone.works, err == nil, "%v", err)
		})
	}

	t.Run("additionalTrustedCA", func(t *testing.T) {
		manifest := "apiVersion: config.openshift.io/v1\nkind: Image\nmetadata: {name: cluster}\nspec:\n  additionalTrustedCA: {name: cas}\n" +
			"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cas, namespace: openshift-config}\ndata:\n  " +
			strings.Replace(secure.host, ":", "..", 1) + ": |\n    " + strings.ReplaceAll(strings.TrimSpace(string(right.pem)), "\n", "\n    ") + "\n" +
			"---\napiVersion: config.openshift.io/v1\nkind: ImageTagMirrorSet\nmetadata: {name: x}\nspec:\n  imageTagMirrors:\n" +
			"  - {source: quay.io, mirrors: [\"" + secure.host + "\"], mirrorSourcePolicy: NeverContactSource}\n"
		set, err := mirrorset.Decode("manifests.yaml", strings.NewReader(manifest))
		require.NoError(t, err)
		rules, err := set.Rules()
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(rules.Findings, func(f finding.Finding) bool { return f.Code == finding.CodeUnusableCA }))
		tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{})
		require.False(t, slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Code == finding.CodeUnusableCA }))
		require.Len(t, tree, 2)
		dir := t.TempDir()
		_, err = tree.Write(filepath.Join(dir, "first"))
		require.NoError(t, err)
		require.NoError(t, pull(t, filepath.Join(dir, "first"), "quay.io/team/app:1"))
		require.NoError(t, pull(t, filepath.Join(dir, "first"), secure.host+"/team/app:1"))
	})

	// An insecure registry that does speak TLS, and has not got the image, so that every way to it is tried.
	t.Run("what goes in the clear", func(t *testing.T) {
		s := serve(t, right, nil)
		rules, err := (&mirrorset.Set{
			Images: []mirrorset.Image{{Spec: mirrorset.ImageSpec{RegistrySources: mirrorset.RegistrySources{InsecureRegistries: []string{s.host}}}}},
			ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "x"}, Spec: mirrorset.ImageTagMirrorSetSpec{
				ImageTagMirrors: []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{s.host}, MirrorSourcePolicy: mirrorset.NeverContactSource}}}}},
		}).Rules()
		require.NoError(t, err)
		tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{PullSecret: pullSecretOf(t, s.host)})
		require.True(t, slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Code == finding.CodeInsecureCredential }))
		dir := t.TempDir()
		_, err = tree.Write(dir)
		require.NoError(t, err)
		require.Error(t, pull(t, dir, "quay.io/not/there:1"))
		if is16 {
			require.Contains(t, s.wire.inTheClear(), "Authorization: Basic")
		} else {
			require.Empty(t, s.wire.inTheClear())
		}
		require.NoError(t, pull(t, dir, "quay.io/team/app:1"))
	})
}

func TestTLSWithRealServers(t *testing.T) {
	for _, c := range versions {
		t.Run(c.Version, func(t *testing.T) {
			tlsCases(t, func(t *testing.T, dir, image string) error {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				return c.Pull(ctx, nil, dir, image).Err
			}, false)
		})
	}
}
