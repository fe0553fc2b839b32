// Package filelock keeps two writers apart, in one process or in several, by a lock on a file that the
// operating system lets go of when its holder ends, however it ends.
package filelock

import (
	"errors"
	"os"
)

// Acquire waits until it holds the lock of name, a slash-separated path under root, and returns what lets go
// of it. The file is made where it does not exist, and stays: it is empty, and says nothing of who holds
// the lock. On systems without such locks the error is [errors.ErrUnsupported].
func Acquire(root *os.Root, name string) (release func() error, err error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: f.Name(), Err: err}, f.Close())
	}
	return f.Close, nil // which lets go of the lock
}
