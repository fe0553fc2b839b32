// Package filelock keeps two writers apart, in one process or in several, by a lock on a file that the
// operating system lets go of when its holder ends, however it ends.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// errHeld is returned by tryLock while another holds the lock.
var errHeld = errors.New("is held by another program")

// pause lies between two looks at a lock that another holds.
const pause = 10 * time.Millisecond

// Acquire waits until it holds the lock of name, a slash-separated path under root, and returns
// what lets go of it. The file is made where it does not exist; it is empty, and says nothing of
// who holds the lock. Letting go removes it, except on Windows, where it stays, as it does after a
// program that was killed. When ctx is done Acquire gives up, and the error wraps that of ctx. On
// systems without such locks the error is [errors.ErrUnsupported].
func Acquire(ctx context.Context, root *os.Root, name string) (release func() error, err error) {
	for {
		f, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if err := wait(ctx, f); err != nil {
			return nil, errors.Join(&os.PathError{Op: "lock", Path: f.Name(), Err: err}, f.Close())
		}
		if runtime.GOOS == "windows" {
			// While another program has it open, a name that is removed cannot be made again there.
			return f.Close, nil // which lets go of the lock
		}
		if is(f, root, name) {
			return func() error {
				var err error
				if is(f, root, name) { // nobody removed it by hand
					err = root.Remove(name)
				}
				return errors.Join(err, f.Close())
			}, nil
		}
		// The one that held it has removed it meanwhile, and others may hold a new one.
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// is reports whether the name is that of the open file.
func is(f *os.File, root *os.Root, name string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := root.Stat(name)
	return err == nil && os.SameFile(open, named)
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
