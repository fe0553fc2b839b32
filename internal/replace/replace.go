// Package replace writes files so that whoever reads them sees the old content or the new, whole.
package replace

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// Temporary returns the name that a file or directory is prepared under before it is renamed into place.
// It begins with a dot and holds "~", so it is neither a registry host nor a *.conf or hosts.toml file.
func Temporary(name string) string {
	dir, base := path.Split(name)
	return dir + "." + base + "~new"
}

// File makes data the content of name, a slash-separated path under root whose directory exists. The
// content is on disk before the name shows it. A temporary file left by an interrupted run is replaced.
func File(root *os.Root, name string, data []byte, perm fs.FileMode) error {
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
func Write(root *os.Root, name string, data []byte, perm fs.FileMode) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
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
