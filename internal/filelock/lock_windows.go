package filelock

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// LOCKFILE_EXCLUSIVE_LOCK and LOCKFILE_FAIL_IMMEDIATELY of the Windows API, and what the latter
// fails with.
const (
	lockExclusive      = 2
	failImmediately    = 1
	errorLockViolation = syscall.Errno(33)
)

// tryLock locks the whole file; the range is given by its length and, in the overlapped structure,
// its start.
func tryLock(f *os.File) error {
	const all = ^uint32(0)
	ok, _, err := lockFileEx.Call(f.Fd(), lockExclusive|failImmediately, 0, uintptr(all), uintptr(all),
		uintptr(unsafe.Pointer(new(syscall.Overlapped))))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, errorLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return errHeld
	}
	return err
}
