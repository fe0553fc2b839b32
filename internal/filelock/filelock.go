// Package filelock keeps two writers apart, in one process or in several, by a lock on a file that the
// operating system lets go of when its holder ends, however it ends.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// errHeld is returned by tryLock while another holds the lock.
var errHeld = errors.New("is held by another program")

// pause lies between two looks at a lock that another holds.
const pause = 10 * time.Millisecond

// Acquire waits until it holds the lock of name, a slash-separated path under root, and returns what lets go
// of it. The file is made where it does not exist, and stays: it is empty, and says nothing of who holds
// the lock. When ctx is done Acquire gives up, and the error wraps that of ctx. On systems without such locks
// the error is [errors.ErrUnsupported].
func Acquire(ctx context.Context, root *os.Root, name string) (release func() error, err error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, f); err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: f.Name(), Err: err}, f.Close())
	}
	return f.Close, nil // which lets go of the lock
}

func wait(ctx context.Context, f *os.File) error {
	for {
		err := tryLock(f)
		if !errors.Is(err, errHeld) {
			return err
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return fmt.Errorf("%w: %w; try again when it has ended", err, ctx.Err())
		}
	}
}
