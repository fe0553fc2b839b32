// Package sftpnode reaches a directory of a node over SFTP: a nodefiles.Transport on github.com/pkg/sftp. It
// is a module of its own.
//
//	client, err := sftp.NewClient(connection) // an *ssh.Client
//	…
//	node, err := sftpnode.Open(client, "/C:/k/containerd/registries")
//	…
//	change, err := tree.Apply(ctx, node, hoststoml.Options{TakeOverWMCO: true})
//
// The server has to offer posix-rename@openssh.com, the rename that replaces; every OpenSSH does, that of
// Windows too. Where it lacks fsync@openssh.com files are written all the same, and [Node.Limits] says
// what that costs.
package sftpnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"

	"github.com/pkg/sftp"

	"github.com/pullroute/pullroute/nodefiles"
)

// A Node is a directory of a machine that is reached over SFTP. It implements [nodefiles.Transport]. Its calls
// may be made from any number of goroutines.
//
// Symbolic links in the directory are followed by the machine, unlike those of [nodefiles.Local]: whoever may
// write there may lead a call elsewhere.
type Node struct {
	client  *sftp.Client
	dir     string
	syncs   bool
	windows bool
}

var _ nodefiles.Transport = (*Node)(nil)

const (
	extensionRename = "posix-rename@openssh.com"
	extensionSync   = "fsync@openssh.com"
)

// ErrNoRename is wrapped by the error of [Open] about a server that offers no rename which replaces. Between the
// removal of an old file and the renaming of a new one, clients would contact the sources.
var ErrNoRename = errors.New("offers no " + extensionRename)

// drive is how OpenSSH for Windows writes an absolute path: /C:/k.
var drive = regexp.MustCompile(`^/?[A-Za-z]:`)

// Open returns a directory of the machine, which exists. Closing the client closes it.
func Open(client *sftp.Client, dir string) (*Node, error) {
	if _, ok := client.HasExtension(extensionRename); !ok {
		return nil, fmt.Errorf("the SFTP server %w: without it no file can be replaced in one step", ErrNoRename)
	}
	info, err := client.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: is no directory", dir)
	}
	_, syncs := client.HasExtension(extensionSync)
	return &Node{client, dir, syncs, drive.MatchString(dir)}, nil
}

// Limits says what the server cannot do, a sentence each; nil where it can do everything.
func (n *Node) Limits() []string {
	if n.syncs {
		return nil
	}
	return []string{"the SFTP server offers no " + extensionSync + ": after a loss of power a file that was " +
		"written shortly before may be empty, and clients then contact the sources; apply again once the node is back"}
}

func (n *Node) path(name string) string { return path.Join(n.dir, name) }

// under makes a call while the context lasts. When it ends during the call, the connection is closed: SFTP
// cannot take a request back, and nobody knows whether it was done.
func (n *Node) under(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { n.client.Close() })
	err := call()
	if !stop() && err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}

// List implements [nodefiles.Transport].
func (n *Node) List(ctx context.Context, dir string) (entries []nodefiles.DirEntry, err error) {
	err = n.under(ctx, func() error {
		found, err := n.client.ReadDirContext(ctx, n.path(dir))
		for _, info := range found {
			entry := nodefiles.DirEntry{Name: info.Name(), Mode: info.Mode()}
			if n.windows {
				entry.Mode = entry.Mode.Type() // the rest is made up
			}
			if entry.Mode.Type() == fs.ModeSymlink {
				entry.Target, _ = n.client.ReadLink(n.path(path.Join(dir, entry.Name))) // only messages tell it
			}
			entries = append(entries, entry)
		}
		return err
	})
	return entries, err
}

// ReadFile implements [nodefiles.Transport].
func (n *Node) ReadFile(ctx context.Context, name string) (data []byte, err error) {
	err = n.under(ctx, func() error {
		f, err := n.client.Open(n.path(name))
		if err != nil {
			return err
		}
		data, err = io.ReadAll(f)
		return errors.Join(err, f.Close())
	})
	return data, err
}

// Mkdir implements [nodefiles.Transport].
func (n *Node) Mkdir(ctx context.Context, name string) error {
	return n.under(ctx, func() error {
		if err := n.client.Mkdir(n.path(name)); err != nil || n.windows {
			return err
		}
		return n.client.Chmod(n.path(name), 0o755) // whatever the umask of the server is
	})
}

// WriteFile implements [nodefiles.Transport].
func (n *Node) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	return n.under(ctx, func() error {
		f, err := n.client.OpenFile(n.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		if !n.windows {
			err = f.Chmod(perm) // before there is anything to be read
		}
		if err == nil {
			_, err = f.ReadFrom(bytes.NewReader(data))
		}
		if err == nil && n.syncs {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	})
}

// Rename implements [nodefiles.Transport].
func (n *Node) Rename(ctx context.Context, from, to string) error {
	return n.busy(n.under(ctx, func() error { return n.client.PosixRename(n.path(from), n.path(to)) }))
}

// Remove implements [nodefiles.Transport].
func (n *Node) Remove(ctx context.Context, name string) error {
	return n.busy(n.under(ctx, func() error { return n.client.Remove(n.path(name)) }))
}

// Sync implements [nodefiles.Transport]. SFTP knows no sync of a directory; OpenSSH opens one like a file.
// A server that does not is tolerated: a file may then have its old name after a loss of power.
func (n *Node) Sync(ctx context.Context, dir string) error {
	return n.under(ctx, func() error {
		if !n.syncs || n.windows {
			return nil
		}
		f, err := n.client.Open(n.path(dir))
		if errors.Is(err, fs.ErrNotExist) {
			return err
		} else if err != nil {
			return nil
		}
		f.Sync()
		return f.Close()
	})
}

// busy marks what OpenSSH for Windows answers where a file is open: it has no code for that alone. Of what fails for
// another reason the last try returns the error.
func (n *Node) busy(err error) error {
	var status *sftp.StatusError
	failed := errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxFailure
	if n.windows && (failed || errors.Is(err, fs.ErrPermission)) {
		return fmt.Errorf("%w: %w", nodefiles.ErrBusy, err)
	}
	return err
}
