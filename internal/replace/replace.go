// Package replace writes files so that whoever reads them sees the old content or the new, whole.
package replace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

const temporarySuffix = "~new"

// Temporary returns the name that a file or directory is prepared under before it is renamed into place.
// It begins with a dot and holds "~", so it is neither a registry host nor a *.conf or hosts.toml file.
func Temporary(name string) string {
	dir, base := path.Split(name)
	return dir + "." + base + temporarySuffix
}

// replaced returns the name that a temporary one is renamed to, and "" for other names.
func replaced(temporary string) string {
	dir, base := path.Split(temporary)
	base, ok := strings.CutSuffix(base, temporarySuffix)
	if !ok || !strings.HasPrefix(base, ".") {
		return ""
	}
	return dir + base[1:]
}

// File makes data the content of name, a slash-separated path under root whose directory exists. The
// content is on disk before the name shows it. A temporary file left by an interrupted run is replaced.
//
// A file that exists keeps its permissions, and its owner and group where the system lets us; perm,
// less the umask, is for a new one. A symbolic link is refused, whether it leads anywhere or not:
// the rename would put a file in its place, and its target, which somebody meant, would keep its
// old content.
func File(root *os.Root, name string, data []byte, perm fs.FileMode) error {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := root.Readlink(name)
		return errors.Join(fmt.Errorf("%s: is a symbolic link to %s, which is not replaced; write to the "+
			"directory of its target, or remove the link", name, target), err)
	default:
		perm = info.Mode().Perm()
	}
	temporary := Temporary(name)
	if err := Write(root, temporary, data, perm); err != nil {
		return err
	}
	if err := root.Rename(temporary, name); err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return SyncDir(root, path.Dir(name))
}

// Write creates name with data and has it written to disk. It must be a name that nobody reads yet.
// Where it is the Temporary name of a plain file, it gets that one's owner and group, if the system
// lets us, and perm whatever the umask is. On Windows, which has no modes, one without rights for others
// can be read by its owner, SYSTEM and the administrators alone.
func Write(root *os.Root, name string, data []byte, perm fs.FileMode) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	if old, e := root.Lstat(replaced(name)); e == nil && old.Mode().IsRegular() {
		err = likeOld(f, old, perm)
	}
	if err == nil && perm&0o077 == 0 {
		if err = private(f); err != nil {
			err = fmt.Errorf("keeping others from reading %s: %w", name, err)
		}
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

// SyncDir has the names in a directory written to disk, on systems that can.
func SyncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}
