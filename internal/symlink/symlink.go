// Package symlink makes symbolic links for tests, on machines that can.
package symlink

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// errNone is returned where a system says that it made a link and has made none, as Wine does.
var errNone = errors.New("none was made")

// New makes a symbolic link. Where the machine makes none, the test is skipped: Windows asks for a
// privilege, and Wine's own call does nothing.
func New(t *testing.T, target, name string) {
	t.Helper()
	if err := Make(target, name); err != nil {
		t.Skipf("this machine makes no symbolic links: %v", err)
	}
}

// Make makes a symbolic link, and looks whether it is there.
func Make(target, name string) error {
	if err := os.Symlink(target, name); err != nil {
		return err
	}
	if info, err := os.Lstat(name); err != nil || info.Mode().Type() != os.ModeSymlink {
		return errors.Join(errNone, os.RemoveAll(name))
	}
	return nil
}

// Possible reports whether links can be made in a directory.
func Possible(dir string) bool {
	name := filepath.Join(dir, ".symlink")
	if Make(dir, name) != nil {
		return false
	}
	return os.Remove(name) == nil
}
