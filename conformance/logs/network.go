package logs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/loopback"
)

// Fault is a way in which a host on loopback cannot be asked, over a real network: the texts are those of
// the system, and of Go's net and crypto/tls.
type Fault struct {
	Class clientlog.Class
	// Start returns the host of one more of these.
	Start func(t testing.TB) string
	// Slow is set where a client waits for ten seconds.
	Slow bool
}

// Faults returns all of them.
func Faults() []Fault {
	wrongName := clientlog.WrongName
	if runtime.GOOS == "windows" { // which looks at who signed a certificate before it looks at the name
		wrongName = clientlog.UnknownCA
	}
	faults := []Fault{
		{Class: clientlog.Refused, Start: loopback.Address},
		{Class: clientlog.PlainHTTP, Start: plainHTTP},
		{Class: clientlog.UnknownCA, Start: func(t testing.TB) string { return tlsHost(t, "127.0.0.1", time.Hour) }},
		{Class: wrongName, Start: func(t testing.TB) string {
			return strings.Replace(tlsHost(t, "127.0.0.1", time.Hour), "127.0.0.1", "localhost", 1)
		}},
		{Class: clientlog.Reset, Start: cutOff},
		{Class: clientlog.Timeout, Start: silent, Slow: true},
	}
	// Wine has no UDP for programs written in Go, and so no name server.
	if c, err := net.ListenPacket("udp", "127.0.0.1:0"); err == nil {
		c.Close()
		faults = append(faults, Fault{Class: clientlog.NoName, Start: noName})
	}
	return faults
}

// listen returns a listener on loopback that hands its connections to f.
func listen(t testing.TB, f func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f(c)
		}
	}()
	return l.Addr().String()
}

func plainHTTP(t testing.TB) string {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func cutOff(t testing.TB) string { return listen(t, func(c net.Conn) { c.Close() }) }

func silent(t testing.TB) string {
	return listen(t, func(c net.Conn) {
		io.Copy(io.Discard, c)
		c.Close()
	})
}

// tlsHost speaks TLS with a certificate for a name, of an authority that nobody trusts.
func tlsHost(t testing.TB, name string, valid time.Duration) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid), IPAddresses: []net.IP{net.ParseIP(name)}}
	authority := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "nobody"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), key)
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

var nameServer sync.Once

// noName is a host that the only name server, one on loopback, says there is not.
func noName(t testing.TB) string {
	nameServer.Do(func() {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			b := make([]byte, 1500)
			for {
				n, from, err := c.ReadFrom(b)
				if err != nil {
					return
				}
				if n > 3 {
					b[2], b[3] = b[2]|0x80, 0x83 // an answer: there is no such name
					c.WriteTo(b[:n], from)
				}
			}
		}()
		net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "udp", c.LocalAddr().String())
		}}
	})
	_, port, err := net.SplitHostPort(loopback.Address(t))
	require.NoError(t, err)
	return "nowhere.example:" + port
}

// Places are the hosts of one case: a fault at one place of four, three mirrors and a source, and another
// fault at the others.
func (f Fault) Places(t testing.TB, at int) (hosts [4]string, classes [4]clientlog.Class) {
	other := Fault{Class: clientlog.Refused, Start: loopback.Address}
	if f.Class == other.Class {
		other = Fault{Class: clientlog.PlainHTTP, Start: plainHTTP}
	}
	for i := range hosts {
		if i == at {
			hosts[i], classes[i] = f.Start(t), f.Class
		} else {
			hosts[i], classes[i] = other.Start(t), other.Class
		}
	}
	return hosts, classes
}
