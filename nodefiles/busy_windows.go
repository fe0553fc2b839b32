package nodefiles

import (
	"errors"
	"syscall"
)

// Codes of the Windows API, winerror.h.
const (
	errorSharingViolation = syscall.Errno(32)
	errorLockViolation    = syscall.Errno(33)
	errorDeletePending    = syscall.Errno(303)
	errorUserMappedFile   = syscall.Errno(1224)
)

// inUse reports whether an error is one that Windows gives while another process has the file, or
// one in the directory, open: Go programs such as containerd open files without FILE_SHARE_DELETE.
// Access denied is among them, though it may also mean what it says; then the last try returns it.
func inUse(err error) bool {
	for _, code := range []syscall.Errno{
		errorSharingViolation, syscall.ERROR_ACCESS_DENIED, errorLockViolation, errorDeletePending, errorUserMappedFile,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
