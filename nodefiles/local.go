package nodefiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/pullroute/pullroute/internal/filelock"
	"github.com/pullroute/pullroute/internal/replace"
)

// Local is a directory of this machine, or one that is mounted here. Nothing outside of the directory is
// read or written, whatever symbolic links lie in it: see [os.Root].
//
// The zero value, and nil, is closed: every call fails.
type Local struct {
	root *os.Root
}

// with calls do with the directory; what was not made by [OpenLocal] has none.
func (l *Local) with(do func(root *os.Root) error) error {
	if l == nil || l.root == nil {
		return fs.ErrClosed
	}
	return do(l.root)
}

// OpenLocal opens a directory, which exists. Close it after use.
func OpenLocal(dir string) (*Local, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Local{root}, nil
}

// Close lets go of the directory.
func (l *Local) Close() error { return l.with(func(root *os.Root) error { return root.Close() }) }

// Below opens a directory in this one, which it makes where it is missing. Close it after use.
func (l *Local) Below(dir string) (below *Local, err error) {
	err = l.with(func(root *os.Root) error {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		inner, err := root.OpenRoot(dir)
		if err == nil {
			below = &Local{inner}
		}
		return err
	})
	return below, err
}

// lockWait is how long Locked waits for another program.
const lockWait = time.Minute

// Locked opens a directory of this machine, which it creates where it is missing, and calls do
// while it holds the lock on the file of this name in it. Two that do so wait for each other, in
// one program or in two, at most a minute. The file is empty, and may be left by a program that was
// killed.
func Locked(dir, lock string, do func(*Local) error) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	local, err := OpenLocal(dir)
	if err != nil {
		return err
	}
	defer local.Close()
	waiting, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	release, err := filelock.Acquire(waiting, local.root, lock)
	if err != nil {
		return err
	}
	return errors.Join(do(local), release())
}

// FoldsCase reports whether the file system takes names that differ in letter case only for one. It
// looks for something in the directory under a name in the other case, and where there is nothing,
// for the directory itself: that one may be a mount, whose name is one of another file system.
func (l *Local) FoldsCase() bool {
	if l == nil || l.root == nil {
		return false
	}
	if folds, known := l.foldsNames(); known {
		return folds
	}
	dir, err := filepath.Abs(l.root.Name())
	if err != nil {
		return false
	}
	other := otherCase(filepath.Base(dir))
	a, err := os.Stat(dir)
	if err != nil || other == filepath.Base(dir) {
		return runtime.GOOS == "windows"
	}
	b, err := os.Stat(filepath.Join(filepath.Dir(dir), other))
	return err == nil && os.SameFile(a, b)
}

// foldsNames is FoldsCase by what is in the directory; known is false where nothing tells.
func (l *Local) foldsNames() (folds, known bool) {
	entries, err := l.list(".")
	if err != nil {
		return false, false
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name] = true
	}
	for _, e := range entries {
		other := otherCase(e.Name)
		if other == e.Name {
			continue
		}
		_, err := l.root.Lstat(other)
		switch {
		case names[other], errors.Is(err, fs.ErrNotExist):
			return false, true
		case err == nil:
			return true, true
		}
	}
	return false, false
}

// otherCase returns a name with its small letters in capitals, and its capitals in small ones. It
// leaves letters beyond ASCII alone, about which file systems differ.
func otherCase(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r ^ ' '
		}
		return r
	}, name)
}

// List implements [Transport].
func (l *Local) List(_ context.Context, dir string) ([]DirEntry, error) {
	entries, err := l.list(dir)
	return entries, busy(err)
}

func (l *Local) list(dir string) ([]DirEntry, error) {
	var d *os.File
	err := l.with(func(root *os.Root) (err error) {
		d, err = root.Open(dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := l.look(d, dir)
	if info, e := d.Stat(); errors.Is(err, fs.ErrNotExist) && e == nil && !info.IsDir() {
		// Windows has one code for what is no directory and for what is not there.
		err = &fs.PathError{Op: "readdir", Path: dir, Err: errors.New("not a directory")}
	}
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if e.Mode.Type() == fs.ModeSymlink {
			// Only messages tell it: an error, which means that it was removed meanwhile, does not
			// matter.
			entries[i].Target, _ = l.root.Readlink(path.Join(dir, e.Name))
		}
	}
	return entries, nil
}

// look returns what is in an open directory. One name at a time: [os.File.ReadDir] fails as a whole for
// one of them that cannot be looked at.
func (l *Local) look(d *os.File, dir string) ([]DirEntry, error) {
	if runtime.GOOS == "windows" { // which tells types along with the names, and makes the rest up
		found, err := d.ReadDir(-1)
		entries := make([]DirEntry, len(found))
		for i, e := range found {
			entries[i] = DirEntry{Name: e.Name(), Mode: e.Type()}
		}
		return entries, err
	}
	names, err := d.Readdirnames(-1)
	entries := make([]DirEntry, 0, len(names))
	for _, name := range names {
		entry := DirEntry{Name: name, Mode: fs.ModeIrregular}
		info, err := l.root.Lstat(path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err == nil {
			entry.Mode = info.Mode()
		}
		entries = append(entries, entry)
	}
	return entries, err
}

// ReadFile implements [Transport].
func (l *Local) ReadFile(_ context.Context, name string) (data []byte, err error) {
	err = l.with(func(root *os.Root) (err error) {
		data, err = root.ReadFile(name)
		return err
	})
	return data, busy(err)
}

// Mkdir implements [Transport].
func (l *Local) Mkdir(_ context.Context, name string) error {
	return l.with(func(root *os.Root) error { return root.Mkdir(name, 0o755) })
}

// WriteFile implements [Transport].
func (l *Local) WriteFile(_ context.Context, name string, data []byte, perm fs.FileMode) error {
	return l.with(func(root *os.Root) error { return replace.Write(root, name, data, perm) })
}

// Rename implements [Transport].
func (l *Local) Rename(_ context.Context, from, to string) error {
	return l.unlessReadOnly(l.with(func(root *os.Root) error { return root.Rename(from, to) }), to)
}

// Remove implements [Transport].
func (l *Local) Remove(_ context.Context, name string) error {
	return l.unlessReadOnly(l.with(func(root *os.Root) error { return root.Remove(name) }), name)
}

// Sync implements [Transport].
func (l *Local) Sync(_ context.Context, dir string) error {
	return l.with(func(root *os.Root) error { return replace.SyncDir(root, dir) })
}

// unlessReadOnly is busy for a call that replaces or removes what has a name. Windows refuses that for
// a read-only file, too, and waiting does not help then.
func (l *Local) unlessReadOnly(err error, name string) error {
	if runtime.GOOS != "windows" || err == nil || !inUse(err) {
		return err
	}
	if info, e := l.root.Lstat(name); e == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%w: %s is read-only; clear the attribute (attrib -r)", err, name)
	}
	return busy(err)
}

// busy adds ErrBusy to an error that another process's open file brings about.
func busy(err error) error {
	if err != nil && inUse(err) {
		return &busyError{err}
	}
	return err
}

type busyError struct{ error }

func (e *busyError) Unwrap() []error { return []error{e.error, ErrBusy} }
