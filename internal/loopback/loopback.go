// Package loopback holds addresses for tests in which a host refuses connections, or another program listens.
package loopback

import (
	"net"
	"testing"
)

// Hold returns an address of 127.0.0.1 that refuses connections. On Unix, a program may be told to listen there.
//
// Until release is called, the system gives the port to nobody who asks for any: a connection goes out from it,
// which asked for the address before it had a destination. Without that, the system has other connections go out
// from the same port. A listener that is closed at once would refuse as well, and its port would be the next one's.
func Hold() (address string, release func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, Control: letListen}
	held, err := dialer.Dial("tcp", listener.Addr().String())
	if err != nil {
		listener.Close()
		return "", nil, err
	}
	return held.LocalAddr().String(), func() { held.Close(); listener.Close() }, nil
}

// Address holds an address until the test ends.
func Address(t testing.TB) string {
	t.Helper()
	address, release, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}
