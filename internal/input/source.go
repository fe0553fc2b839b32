package input

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// disk is the file system of this machine. Unlike os.DirFS it takes names as the user writes them,
// absolute ones and such that lead upwards, with slashes.
type disk struct{}

func (disk) Open(name string) (fs.File, error) { return os.Open(filepath.FromSlash(name)) }

func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(filepath.FromSlash(name)) }

func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(filepath.FromSlash(name)) }

func (disk) ReadFile(name string) ([]byte, error) { return os.ReadFile(filepath.FromSlash(name)) }

// memory is a file system of files that are in memory, by name: what was taken from an archive, or
// out of an object. A name may be any clean path.
type memory struct {
	files map[string][]byte
	dirs  map[string][]fs.DirEntry
}

func newMemory() *memory {
	return &memory{files: map[string][]byte{}, dirs: map[string][]fs.DirEntry{}}
}

// add adds a file, and the directories that it lies in. Of two with one name the later counts.
func (m *memory) add(name string, data []byte) {
	if _, again := m.files[name]; !again {
		m.list(name, false)
	}
	m.files[name] = data
}

// addDir adds a directory.
func (m *memory) addDir(name string) {
	if _, ok := m.dirs[name]; ok {
		return
	}
	m.dirs[name] = nil
	if parent := path.Dir(name); parent != name {
		m.list(name, true)
	}
}

func (m *memory) list(name string, isDir bool) {
	parent := path.Dir(name)
	m.addDir(parent)
	m.dirs[parent] = append(m.dirs[parent], entry{m, name, isDir})
}

func (m *memory) Open(name string) (fs.File, error) {
	name = path.Clean(name)
	if data, ok := m.files[name]; ok {
		return &file{bytes.NewReader(data), entry{m, name, false}}, nil
	}
	if _, ok := m.dirs[name]; ok {
		return &file{bytes.NewReader(nil), entry{m, name, true}}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m *memory) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, ok := m.dirs[path.Clean(name)]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// file is an open file or directory in memory.
type file struct {
	*bytes.Reader
	entry
}

func (f *file) Close() error               { return nil }
func (f *file) Stat() (fs.FileInfo, error) { return f.entry, nil }

// Size tells the two embedded ones apart.
func (f *file) Size() int64 { return f.entry.Size() }

// Read fails for a directory, as on a disk.
func (f *file) Read(p []byte) (int, error) {
	if f.isDir {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrInvalid}
	}
	return f.Reader.Read(p)
}

// entry is a name in memory.
type entry struct {
	in    *memory
	path  string
	isDir bool
}

func (e entry) Name() string               { return path.Base(e.path) }
func (e entry) IsDir() bool                { return e.isDir }
func (e entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) Size() int64                { return int64(len(e.in.files[e.path])) }
func (e entry) ModTime() time.Time         { return time.Time{} }
func (e entry) Sys() any                   { return nil }

func (e entry) Mode() fs.FileMode {
	if e.isDir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

var _ io.Reader = (*file)(nil)
