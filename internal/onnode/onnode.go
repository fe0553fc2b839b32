// Package onnode holds what stands in a directory of a node, as a Transport shows it, and knows
// what it takes to replace a file there.
package onnode

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"

	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/internal/sealed"
	"github.com/pullroute/pullroute/nodefiles"
)

// An Entry is one name in a directory. It may hold secrets, and shows none.
type Entry struct {
	Name    string
	Mode    fs.FileMode
	Target  string   // of a symbolic link, where it is known
	Entries []*Entry // of a directory that was read, by name

	content sealed.Text // of a file that was read
}

// File returns an entry for a file with a content.
func File(name string, mode fs.FileMode, content string) *Entry {
	return &Entry{Name: name, Mode: mode, content: sealed.New(content)}
}

// List returns what is in a directory, by name.
func List(ctx context.Context, t nodefiles.Transport, dir string) ([]*Entry, error) {
	found, err := t.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	for _, f := range found {
		entries = append(entries, &Entry{Name: f.Name, Mode: f.Mode, Target: f.Target})
	}
	Sort(entries)
	return entries, nil
}

// Patient returns the Transport with calls that read made again, as those that change something are,
// while another program holds the file.
func Patient(t nodefiles.Transport, retry nodefiles.Retry) nodefiles.Transport {
	return patient{t, retry}
}

type patient struct {
	nodefiles.Transport
	retry nodefiles.Retry
}

func (p patient) List(ctx context.Context, dir string) (entries []nodefiles.DirEntry, err error) {
	err = p.retry.Do(ctx, func() error { entries, err = p.Transport.List(ctx, dir); return err })
	return entries, err
}

func (p patient) ReadFile(ctx context.Context, name string) (data []byte, err error) {
	err = p.retry.Do(ctx, func() error { data, err = p.Transport.ReadFile(ctx, name); return err })
	return data, err
}

// Sort sorts entries by name.
func Sort(entries []*Entry) {
	slices.SortFunc(entries, func(a, b *Entry) int { return cmp.Compare(a.Name, b.Name) })
}

// Tree returns what is in a directory and in those below it.
func Tree(ctx context.Context, t nodefiles.Transport, dir string) ([]*Entry, error) {
	entries, err := List(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Mode.IsDir() {
			if e.Entries, err = Tree(ctx, t, path.Join(dir, e.Name)); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

// Read reads the content of a file in a directory.
func (e *Entry) Read(ctx context.Context, t nodefiles.Transport, dir string) error {
	data, err := t.ReadFile(ctx, path.Join(dir, e.Name))
	if err != nil {
		return err
	}
	e.content = sealed.New(data)
	return nil
}

// WasRead reports whether the content is known.
func (e *Entry) WasRead() bool { return !e.content.IsZero() }

// Content returns what was read of a file.
func (e *Entry) Content() string { return e.content.Open() }

// Find returns what has a name in a directory, and nil where nothing has.
func (e *Entry) Find(name string) *Entry { return Find(e.Entries, name) }

// Find returns the entry of a name, and nil where there is none. The entries are sorted by name.
func Find(entries []*Entry, name string) *Entry {
	if i, ok := slices.BinarySearchFunc(entries, name, func(e *Entry,
		name string) int {
		return cmp.Compare(e.Name, name)
	}); ok {
		return entries[i]
	}
	return nil
}

// A New is a file as it is to be.
type New struct {
	Name string
	Data []byte
	Mode fs.FileMode // 0o600 for what holds secrets
}

// holdsSecrets reports whether others may not read the file.
func (f New) holdsSecrets() bool { return f.Mode == 0o600 }

// Is reports whether the file is on the node as it is to be. One that holds secrets is not while
// others may read it.
func (f New) Is(current *Entry) bool {
	return current != nil && current.Mode.IsRegular() && current.Content() == string(f.Data) &&
		(!f.holdsSecrets() || current.Mode.Perm()&0o077 == 0)
}

// Like returns the file with the permissions of the one that it replaces; those of one that holds
// secrets give nothing to others.
func (f New) Like(current *Entry) New {
	if current == nil || !current.Mode.IsRegular() || current.Mode.Perm() == 0 { // Windows has none
		return f
	}
	secret := f.holdsSecrets()
	f.Mode = current.Mode.Perm()
	if secret {
		f.Mode &^= 0o077
	}
	return f
}

// Replace returns the operations that give a file in a directory its content, without the Sync of
// the directory that is to follow. left is what has the name that the file is prepared under, nil
// for nothing.
func Replace(dir string, f New, left *Entry) []nodefiles.Operation {
	name := path.Join(dir, f.Name)
	temporary := replace.Temporary(name)
	var operations []nodefiles.Operation
	if left != nil {
		operations = append(operations,
			nodefiles.Operation{Kind: nodefiles.OperationRemove, Path: temporary},
			// On disk, so that the old one cannot come back under the rename of the new one.
			nodefiles.Operation{Kind: nodefiles.OperationSync, Path: dir})
	}
	return append(operations, nodefiles.Write(temporary, f.Data, f.Mode),
		nodefiles.Operation{Kind: nodefiles.OperationRename, Path: temporary, To: name})
}
