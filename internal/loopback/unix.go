//go:build unix

package loopback

import "syscall"

// letListen lets a listener have the port of a connection. Listeners of Go, and of sshd, ask for the same.
func letListen(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}
