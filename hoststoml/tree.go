package hoststoml

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ReadTree reads a config_path as a node has it. A file that containerd ignores is in the tree as one
// that says nothing, which is what containerd makes of it, and the findings tell why; they refuse nothing
// by themselves. Where versions differ, it is containerd 2.4 that counts. What is no directory, or none of a
// registry host, is passed over.
func ReadTree(dir string) (Tree, finding.Findings, error) {
	return readTree(disk{}, dir, filepath.Join)
}

// ReadTreeFS is ReadTree for a directory of any file system, an archive for one.
func ReadTreeFS(fsys fs.FS, dir string) (Tree, finding.Findings, error) {
	return readTree(fsys, dir, path.Join)
}

// disk is the file system of this machine, with the names that it has there.
type disk struct{}

func (disk) Open(name string) (fs.File, error)          { return os.Open(name) }
func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

func readTree(fsys fs.FS, dir string, join func(...string) string) (Tree, finding.Findings, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	var tree Tree
	var findings finding.Findings
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	for _, e := range entries {
		host, ok := HostFromDir(e.Name())
		if !ok {
			continue
		}
		// Of HOST_PORT_ and HOST:PORT the first counts.
		if e.Name() != Dir(host) && names[Dir(host)] {
			continue
		}
		if info, err := fs.Stat(fsys, join(dir, e.Name())); err != nil || !info.IsDir() {
			continue
		}
		extra, err := readExtra(fsys, join(dir, e.Name()), join)
		if err != nil {
			return nil, nil, err
		}
		name := join(dir, e.Name(), FileName)
		data, err := fs.ReadFile(fsys, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			tree = append(tree, RegistryFile{Host: host, Extra: extra}) // the directory decides even so
			continue
		case err != nil:
			return nil, nil, err
		}
		f, problems := current(name, data)
		findings = append(findings, problems...)
		tree = append(tree, RegistryFile{Host: host, File: f, Extra: extra})
	}
	tree.sort()
	return tree, findings.Sort(), nil
}

// readExtra reads the files beside a hosts.toml that pullroute wrote.
func readExtra(fsys fs.FS, dir string, join func(...string) string) (Extra, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var extra Extra
	for _, e := range entries {
		if !validExtra(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		data, err := fs.ReadFile(fsys, join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if extra == nil {
			extra = Extra{}
		}
		extra[e.Name()] = NewSecret(data)
	}
	return extra, nil
}

// holdsSecrets reports whether the file has headers, which may hold credentials.
func (f *File) holdsSecrets() bool {
	return len(f.Header) > 0 || slices.ContainsFunc(f.Hosts, func(h Host) bool { return len(h.Header) > 0 })
}
