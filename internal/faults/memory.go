package faults

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"syscall"
	"testing/fstest"

	"github.com/pullroute/pullroute/nodefiles"
)

// Memory is a Site without a disk, so that many states can be looked at in a short time. Its calls
// do what those of Local do on Linux, which a test compares. Directories have entries of their own;
// nothing is changed through a symbolic link.
type Memory struct {
	Files fstest.MapFS
	// Governed is what Governs does with the files.
	Governed func(files fs.FS, hosts []string) map[string]string
}

// NewMemory makes the node of a case.
func NewMemory(c Case) *Memory {
	m := &Memory{Files: fstest.MapFS{}}
	for name, content := range c.Node {
		clean := strings.TrimSuffix(name, "/")
		for dir := path.Dir(clean); dir != "."; dir = path.Dir(dir) {
			m.Files[dir] = directory()
		}
		if clean != name {
			m.Files[clean] = directory()
		} else if target, ok := strings.CutPrefix(content, "-> "); ok {
			m.Files[clean] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		} else {
			m.Files[clean] = &fstest.MapFile{Data: []byte(content), Mode: 0o600}
		}
	}
	return m
}

func directory() *fstest.MapFile { return &fstest.MapFile{Mode: fs.ModeDir | 0o755} }

// Governs implements [Site].
func (m *Memory) Governs(hosts []string) map[string]string { return m.Governed(m.Files, hosts) }

// Listing implements [Site].
func (m *Memory) Listing() string { return listing(m.Files) }

// Close implements [Site].
func (m *Memory) Close() error { return nil }

// List implements [nodefiles.Transport].
func (m *Memory) List(_ context.Context, dir string) (entries []nodefiles.DirEntry, err error) {
	found, err := fs.ReadDir(m.Files, dir)
	for _, e := range found {
		f := m.Files[path.Join(dir, e.Name())]
		entry := nodefiles.DirEntry{Name: e.Name(), Mode: f.Mode}
		if f.Mode.Type() == fs.ModeSymlink {
			entry.Target = string(f.Data)
		}
		entries = append(entries, entry)
	}
	return entries, err
}

// ReadFile implements [nodefiles.Transport].
func (m *Memory) ReadFile(_ context.Context, name string) ([]byte, error) {
	return fs.ReadFile(m.Files, name)
}

// Mkdir implements [nodefiles.Transport].
func (m *Memory) Mkdir(_ context.Context, name string) error { return m.create(name, directory()) }

// WriteFile implements [nodefiles.Transport].
func (m *Memory) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	if m.Files[name] != nil {
		if err := m.Remove(ctx, name); err != nil {
			return err
		}
	}
	return m.create(name, &fstest.MapFile{Data: data, Mode: perm})
}

// Rename implements [nodefiles.Transport].
func (m *Memory) Rename(_ context.Context, from, to string) error {
	moved, replaced := m.Files[from], m.Files[to]
	switch {
	case moved == nil:
		return failed("rename", from, syscall.ENOENT)
	case !m.isDir(path.Dir(to)):
		return failed("rename", to, syscall.ENOENT)
	case replaced == nil:
	case replaced.Mode.IsDir(): // an empty one too: os.Rename refuses it
		return failed("rename", to, syscall.EEXIST)
	case moved.Mode.IsDir():
		return failed("rename", to, syscall.ENOTDIR)
	case from == to:
		return nil
	}
	if strings.HasPrefix(to, from+"/") {
		return failed("rename", to, syscall.EINVAL)
	}
	for name, f := range maps.Clone(m.Files) {
		if rest, ok := strings.CutPrefix(name, from); ok && (rest == "" || rest[0] == '/') {
			delete(m.Files, name)
			m.Files[to+rest] = f
		}
	}
	return nil
}

// Remove implements [nodefiles.Transport].
func (m *Memory) Remove(_ context.Context, name string) error {
	if m.Files[name] == nil {
		return failed("remove", name, syscall.ENOENT)
	}
	if m.hasEntries(name) {
		return failed("remove", name, syscall.ENOTEMPTY)
	}
	delete(m.Files, name)
	return nil
}

// Sync implements [nodefiles.Transport].
func (m *Memory) Sync(_ context.Context, dir string) error {
	_, err := fs.Stat(m.Files, dir)
	return err
}

func (m *Memory) create(name string, f *fstest.MapFile) error {
	if !m.isDir(path.Dir(name)) {
		return failed("create", name, syscall.ENOENT)
	}
	if m.Files[name] != nil {
		return failed("create", name, syscall.EEXIST)
	}
	m.Files[name] = f
	return nil
}

func (m *Memory) isDir(name string) bool {
	f := m.Files[name]
	return name == "." || f != nil && f.Mode.IsDir()
}

func (m *Memory) hasEntries(dir string) bool {
	for name := range m.Files {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

func failed(call, name string, err error) error {
	return &fs.PathError{Op: call, Path: name, Err: err}
}

// listing returns all names below a directory with their types, and the content of files.
func listing(files fs.FS) string {
	var b strings.Builder
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s\n", d.Type(), name)
		if d.Type().IsRegular() {
			data, err := fs.ReadFile(files, name)
			fmt.Fprintf(&b, "%s\n", data)
			return err
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	return b.String()
}
