//go:build unix

package replace

import (
	"io/fs"
	"os"
	"syscall"
)

// likeOld gives a new file the owner and group of the one that it replaces, and perm. Only root may
// give files away, and others may give them to their own groups; what the system refuses stays as
// it is. A group that is then another one gets no more than everybody: the rights were those of the
// old group.
func likeOld(f *os.File, old fs.FileInfo, perm fs.FileMode) error {
	if was, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(-1, int(was.Gid))
		_ = f.Chown(int(was.Uid), -1)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Gid != was.Gid {
			perm &^= 0o070 &^ (perm & 0o007 << 3)
		}
	}
	return f.Chmod(perm)
}
