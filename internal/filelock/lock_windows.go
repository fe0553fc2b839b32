package filelock

import (
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// lockExclusive is LOCKFILE_EXCLUSIVE_LOCK of the Windows API.
const lockExclusive = 2

// lock locks the whole file; the range is given by its length and, in the overlapped structure, its start.
func lock(f *os.File) error {
	const all = ^uint32(0)
	ok, _, err := lockFileEx.Call(f.Fd(), lockExclusive, 0, uintptr(all), uintptr(all), uintptr(unsafe.Pointer(new(syscall.Overlapped))))
	if ok == 0 {
		return err
	}
	return nil
}
