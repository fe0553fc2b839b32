package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/loopback"
)

// A world has hosts by name, all of them on the loopback interface, and notes who is connected to.
type world struct {
	t     *testing.T
	dir   string
	ca    authority
	mu    sync.Mutex
	at    map[string]string // host:port → address
	dials []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), ca: newAuthority(t), at: map[string]string{}}
}

// dial connects to a host of the world. Any other refuses.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, address)
	at, ok := w.at[address]
	w.mu.Unlock()
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return new(net.Dialer).DialContext(ctx, network, at)
}

// asked returns who was connected to, each once.
func (w *world) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := slices.Clone(w.dials)
	slices.Sort(asked)
	return slices.Compact(asked)
}

// serve has a handler answer for a host by HTTPS, or by HTTP for a host with the port 80.
func (w *world) serve(host string, h http.Handler) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	if strings.HasSuffix(host, ":80") {
		s.Start()
	} else {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.pair(w.t, strings.TrimSuffix(host, ":443"))}}
		s.StartTLS()
	}
	w.t.Cleanup(s.Close)
	w.at[host] = s.Listener.Addr().String()
}

// path writes a file and returns its path.
func (w *world) path(file, content string) string {
	path := filepath.Join(w.dir, file)
	require.NoError(w.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// probe runs the command, and returns its exit code and what it prints.
func (w *world) probe(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, messages bytes.Buffer
	code = runWith(context.Background(), &options{dial: w.dial}, args, strings.NewReader(""), &out, &messages)
	return code, out.String(), messages.String()
}

// reports runs the command for its JSON.
func (w *world) reports(args ...string) (code int, reports []Report) {
	w.t.Helper()
	code, out, messages := w.probe(append(args, "-o", "json")...)
	require.NoError(w.t, json.Unmarshal([]byte(out), &reports), messages)
	return code, reports
}

// outcomes are those of a report's attempts, by location.
func (r *Report) outcomes() (all []string) {
	for _, a := range r.Attempts {
		all = append(all, a.Location+" "+string(a.Outcome))
	}
	return all
}

// An authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// pair returns a certificate for a host.
func (a authority) pair(t *testing.T, host string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// dockerRegistry starts Debian's docker-registry for a host: by HTTPS and with a password, or by HTTP without.
func (w *world) dockerRegistry(host, user, password string) {
	w.t.Helper()
	binary, err := exec.LookPath("docker-registry")
	require.NoError(w.t, err, "apt-get install docker-registry")
	address := loopback.Address(w.t)
	config := fmt.Sprintf("version: 0.1\nlog: {level: error}\n"+
		"storage: {filesystem: {rootdirectory: %q}}\nhttp:\n  addr: %q\n", w.t.TempDir(), address)
	if user != "" {
		pair := w.ca.pair(w.t, strings.TrimSuffix(host, ":443"))
		key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		require.NoError(w.t, err)
		config += fmt.Sprintf("  tls: {certificate: %q, key: %q}\nauth: {htpasswd: {realm: test, path: %q}}\n",
			w.path(host+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
				Bytes: pair.Certificate[0]}))),
			w.path(host+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))),
			w.path(host+".htpasswd", w.htpasswd(user, password)))
	}
	daemon := exec.Command(binary, "serve", w.path(host+".yml", config))
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var output bytes.Buffer
	daemon.Stdout, daemon.Stderr = &output, &output
	require.NoError(w.t, daemon.Start())
	w.t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	require.Eventually(w.t, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 30*time.Second, 20*time.Millisecond, "docker-registry does not listen")
	w.at[host] = address
}

// htpasswd returns the line of a user, with bcrypt as docker-registry wants it.
func (w *world) htpasswd(user, password string) string {
	out, err := exec.Command("htpasswd", "-nbB", user, password).Output()
	require.NoError(w.t, err, "apt-get install apache2-utils")
	return string(out)
}

// push puts an image or an index into a registry of the world, past any probe.
func (w *world) push(image string, what any, auth authn.Authenticator) {
	w.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.certificate)
	host, _, _ := strings.Cut(image, "/")
	options := []name.Option{name.WeakValidation}
	if strings.HasSuffix(host, ":80") {
		options = append(options, name.Insecure)
	}
	ref, err := name.ParseReference(image, options...)
	require.NoError(w.t, err)
	to := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, w.at[address])
		}}
	defer to.CloseIdleConnections()
	with := []remote.Option{remote.WithAuth(auth), remote.WithTransport(to)}
	switch what := what.(type) {
	case v1.Image:
		require.NoError(w.t, remote.Write(ref, what, with...))
	case v1.ImageIndex:
		require.NoError(w.t, remote.WriteIndex(ref, what, with...))
	}
}
