package nodefiles

import (
	"context"
	"errors"
	"io/fs"
)

// A Transport reaches one directory of one node: over SSH or SFTP, or through a mount of the host's
// file system. The directory is config_path for the files of package hoststoml, and /etc/containers
// for those of package registriesconf. [Local] is the Transport for a directory of this machine.
//
// Names are slash-separated paths below the directory, which exists; "." is the directory itself.
// They hold neither ".." nor, except for directories that are there already, a colon. An error
// about something that is not there wraps [fs.ErrNotExist]. A call returns once the node has done
// it. After one that fails nobody may assume anything: it may have been done, not done, or, for
// WriteFile, done in part. One that a client is in the way of for a moment fails with an error that
// wraps [ErrBusy], having done nothing.
//
// What a node goes through while its files are changed depends on Rename. containerd looks at every
// pull, and contacts a registry itself, whatever its policy was, while the file is missing. A
// transport that deletes the old file and then renames, or that writes into the old file, has that
// gap, and is none. Where the system at the other end offers no rename that replaces, Rename has to
// fail. SFTP's own SSH_FXP_RENAME does not replace. OpenSSH's extension posix-rename@openssh.com
// does, and so do mv -T, MoveFileEx with MOVEFILE_REPLACE_EXISTING, and PowerShell's
// [IO.File]::Move with overwrite.
//
// A transport may say whether the node takes names that differ in letter case only for one, by a
// method FoldsCase() bool, as [Local] has. Otherwise that is found out from the directories that are
// there.
//
// A reader on Windows can meet more than the old file and the new one: while the one is renamed over
// the other, opening the name may fail for a moment (a sharing violation, or access denied). To
// containerd that is an error other than "no such file": the pull fails, nothing is contacted, and
// the kubelet tries again (hosts.go, loadHostDir). So a transport need not keep readers away, and
// must not take such an error as a reason to delete first.
type Transport interface {
	// List returns what is in a directory, in any order.
	List(ctx context.Context, dir string) ([]DirEntry, error)
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

// A DirEntry is one name in a directory.
type DirEntry struct {
	Name string
	// Mode is the type of what has the name, symbolic links not followed, and its permissions; zero
	// where the system has none. It is [fs.ModeIrregular] where that cannot be told, as of a dead
	// mount: whoever asks for what is there is told why.
	Mode fs.FileMode
	// Target is what a symbolic link leads to. It may be empty; only messages tell it.
	Target string
}

// ErrBusy is wrapped by what a [Transport] returns where a client, or whoever else has the file open
// just now, keeps it from being renamed or removed, or, as a virus scanner does, from being read, and
// nothing was done. Only Windows does that, and only for as long as it is open. The call is then
// repeated, as [Retry] says. Where waiting does not help, as with a read-only file, the error is
// another one.
var ErrBusy = errors.New("is in use")
