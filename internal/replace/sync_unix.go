//go:build !windows

package replace

import (
	"errors"
	"syscall"
)

// unsupported reports whether a file system has no way to sync a directory.
func unsupported(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
