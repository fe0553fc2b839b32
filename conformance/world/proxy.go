package world

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is a forward proxy on loopback behind which a [World] is the whole network. It ends TLS
// itself, with certificates of its own authority that it makes as hosts are asked for, so that a
// program that trusts the authority takes it for any registry.
type Proxy struct {
	world    atomic.Pointer[World]
	url      *url.URL
	caPEM    []byte
	caCert   *x509.Certificate
	key      *ecdsa.PrivateKey // of the authority and of all hosts: nothing here is secret
	leaves   sync.Map          // host → *tls.Certificate
	outer    *http.Server
	inner    *http.Server
	tunnels  *tunnels
	shutdown context.CancelFunc
}

// NewProxy starts a proxy on a free port of 127.0.0.1.
func NewProxy(w *World) (*Proxy, error) {
	p := &Proxy{}
	p.world.Store(w)
	if err := p.makeAuthority(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.url = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	p.tunnels = &tunnels{conns: make(chan net.Conn), closed: make(chan struct{}), addr: listener.Addr()}

	ctx, cancel := context.WithCancel(context.Background())
	p.shutdown = cancel
	base := func(net.Listener) context.Context { return ctx }
	quiet := log.New(io.Discard, "", 0)
	p.outer = &http.Server{Handler: http.HandlerFunc(p.serveProxy), BaseContext: base, ErrorLog: quiet}
	p.inner = &http.Server{
		Handler:     http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { p.serve(rw, r, "https") }),
		BaseContext: base,
		ErrorLog:    quiet,
	}
	go p.outer.Serve(listener)
	go p.inner.Serve(p.tunnels)
	return p, nil
}

// Use puts another world behind the proxy, for all requests from now on.
func (p *Proxy) Use(w *World) { p.world.Store(w) }

// World returns the world behind the proxy.
func (p *Proxy) World() *World { return p.world.Load() }

// URL is what HTTPS_PROXY and HTTP_PROXY are to be set to.
func (p *Proxy) URL() *url.URL { return p.url }

// CertPool holds the authority that the proxy's certificates are signed by.
func (p *Proxy) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.caCert)
	return pool
}

// WriteCA writes the authority to a PEM file, for SSL_CERT_FILE.
func (p *Proxy) WriteCA(path string) error { return os.WriteFile(path, p.caPEM, 0o644) }

// Env is the environment that leads a program to the proxy; caFile is one that WriteCA wrote.
func (p *Proxy) Env(caFile string) []string {
	u := p.url.String()
	return []string{
		"HTTPS_PROXY=" + u, "HTTP_PROXY=" + u, "NO_PROXY=",
		"https_proxy=" + u, "http_proxy=" + u, "no_proxy=",
		"SSL_CERT_FILE=" + caFile,
	}
}

// Close stops the proxy and lets hanging requests go.
func (p *Proxy) Close() error {
	p.shutdown()
	return errors.Join(p.outer.Close(), p.inner.Close())
}

// serveProxy takes CONNECT for HTTPS, and whole URLs for plain HTTP.
func (p *Proxy) serveProxy(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.serve(rw, r, "http")
		return
	}
	host := strings.TrimSuffix(r.Host, ":443") // which CONNECT spells for every host
	err := p.World().connect(host)
	if errors.Is(err, errRefused) {
		http.Error(rw, "connection refused", http.StatusBadGateway)
		return
	}
	conn, buffered, hijackErr := http.NewResponseController(rw).Hijack()
	if hijackErr != nil {
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	if errors.Is(err, errHangs) {
		io.Copy(io.Discard, conn) // until the client closes it
		conn.Close()
		return
	}
	if errors.Is(err, errNotTLS) {
		// Only after the client's first words: what comes with the proxy's own answer is lost.
		buffered.ReadByte()
		io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n")
		conn.Close()
		return
	}
	config := &tls.Config{
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return p.certificate(host)
		},
	}
	p.tunnels.push(tls.Server(bufferedConn{conn, buffered.Reader}, config))
}

// serve answers a request that has arrived at its registry.
func (p *Proxy) serve(rw http.ResponseWriter, r *http.Request, scheme string) {
	p.World().serve(rw, r, scheme)
}

// ServeHTTP answers as the registry at the request's host, which is to be one of plain HTTP: a
// listener of its own makes a registry for clients that go past any proxy and any transport that a
// test gives them.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, "http") }

func (w *World) serve(rw http.ResponseWriter, r *http.Request, scheme string) {
	a, err := w.answer(scheme, r.Host, r)
	switch {
	case errors.Is(err, errHangs):
		<-r.Context().Done()
		return
	case err != nil:
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	for name, values := range a.header {
		rw.Header()[name] = values
	}
	if r.Method == http.MethodHead {
		rw.Header().Set("Content-Length", big.NewInt(int64(len(a.body))).String())
	}
	rw.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		rw.Write(a.body)
	}
}

func (p *Proxy) makeAuthority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "pullroute conformance test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	p.caCert, err = x509.ParseCertificate(der)
	p.key = key
	p.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return err
}

func (p *Proxy) certificate(host string) (*tls.Certificate, error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if c, ok := p.leaves.Load(host); ok {
		return c.(*tls.Certificate), nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{host},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, p.caCert, p.key.Public(), p.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: p.key}
	p.leaves.Store(host, c)
	return c, nil
}

// tunnels is the listener from which the inner server takes the connections that CONNECT opened.
type tunnels struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

func (t *tunnels) push(c net.Conn) {
	select {
	case t.conns <- c:
	case <-t.closed:
		c.Close()
	}
}

func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (t *tunnels) Addr() net.Addr { return t.addr }

// bufferedConn gives back what the outer server had read ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c bufferedConn) Read(b []byte) (int, error) { return c.r.Read(b) }
