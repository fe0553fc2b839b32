package hoststoml

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/pullroute/pullroute/internal/replace"
)

// A Transport reaches the config_path of one node: over SSH or SFTP, or through a mount of the host's file
// system. [Local] is the one for a directory of this machine.
//
// Names are slash-separated paths below config_path, which exists; "." is config_path itself. They hold
// neither ".." nor, except for directories that are there already, a colon. An error about something that
// is not there wraps [fs.ErrNotExist]. A call returns once the node has done it. After one that fails
// nobody may assume anything: it may have been done, not done, or, for WriteFile, done in part. One that
// containerd is in the way of for a moment fails with an error that wraps [ErrBusy], having done nothing.
//
// What a config_path goes through while it is changed depends on Rename. containerd looks at every pull,
// and a registry whose file is missing is contacted itself, whatever its policy was. A transport that
// deletes the old file and then renames, or that writes into the old file, has that gap, and is none.
// Where the system at the other end offers no rename that replaces (SFTP's own SSH_FXP_RENAME does
// not; OpenSSH's extension posix-rename@openssh.com does, and so do mv -T, MoveFileEx with
// MOVEFILE_REPLACE_EXISTING, and PowerShell's [IO.File]::Move with overwrite) Rename is to fail.
type Transport interface {
	// List returns what is in a directory, in any order.
	List(ctx context.Context, dir string) ([]Entry, error)
	// ReadFile returns the content of a file.
	ReadFile(ctx context.Context, name string) ([]byte, error)
	// Mkdir makes a directory, whose parent exists.
	Mkdir(ctx context.Context, name string) error
	// WriteFile makes a file that does not exist, and returns when its content is on disk: it has to
	// survive a loss of power that follows a Rename. Nobody reads the name yet. perm is 0o644, or 0o600
	// for what holds secrets; systems without modes ignore it.
	WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error
	// Rename gives a file or directory another name, in one step. A file that has the new name already
	// is replaced: whoever opens the name sees the one or the other at every moment. Over a directory it
	// may fail.
	Rename(ctx context.Context, from, to string) error
	// Remove removes a file, a symbolic link (not what it points to), or an empty directory.
	Remove(ctx context.Context, name string) error
	// Sync has the names in a directory written to disk. Where a system cannot (Windows, whose file
	// systems keep a journal of names), it does nothing.
	Sync(ctx context.Context, dir string) error
}

// An Entry is one name in a directory.
type Entry struct {
	Name string
	// Mode is the type of what has the name, symbolic links not followed, and its permissions; zero
	// where the system has none.
	Mode fs.FileMode
}

// ErrBusy is wrapped by what a [Transport] returns where containerd, or whoever else reads the file just
// now, keeps it from being renamed or removed, and nothing was done. Only Windows does that, and only for as
// long as it is open. The call is then repeated, as [Retry] says.
var ErrBusy = errors.New("is in use")

// Local is the config_path of this machine, or one that is mounted here. Nothing outside of the directory is
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

// List implements [Transport].
func (l *Local) List(_ context.Context, dir string) ([]Entry, error) {
	var d *os.File
	err := l.with(func(root *os.Root) (err error) {
		d, err = root.Open(dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	found, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		} else if err != nil {
			return nil, err
		}
		mode := info.Mode()
		if runtime.GOOS == "windows" {
			mode = mode.Type() // the rest is made up
		}
		entries = append(entries, Entry{e.Name(), mode})
	}
	return entries, nil
}

// ReadFile implements [Transport].
func (l *Local) ReadFile(_ context.Context, name string) (data []byte, err error) {
	err = l.with(func(root *os.Root) (err error) {
		data, err = root.ReadFile(name)
		return err
	})
	return data, err
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
	return busy(l.with(func(root *os.Root) error { return root.Rename(from, to) }))
}

// Remove implements [Transport].
func (l *Local) Remove(_ context.Context, name string) error {
	return busy(l.with(func(root *os.Root) error { return root.Remove(name) }))
}

// Sync implements [Transport].
func (l *Local) Sync(_ context.Context, dir string) error {
	return l.with(func(root *os.Root) error { return replace.SyncDir(root, dir) })
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
