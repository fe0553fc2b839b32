package hoststoml

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/mirrorset"
)

// ReadTree reads a config_path as a node has it. A file that containerd ignores is in the tree as one
// that says nothing, which is what containerd makes of it, and the findings tell why; they refuse nothing
// by themselves. Where versions differ, it is containerd 2.4 that counts. What is no directory, or none of a
// registry host, is passed over.
func ReadTree(dir string) (Tree, mirrorset.Findings, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var tree Tree
	var findings mirrorset.Findings
	for _, e := range entries {
		host, ok := HostFromDir(e.Name())
		if !ok {
			continue
		}
		// Of HOST_PORT_ and HOST:PORT the first counts.
		if e.Name() != Dir(host) && slices.ContainsFunc(entries, func(o fs.DirEntry) bool { return o.Name() == Dir(host) }) {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err != nil || !info.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name(), FileName)
		data, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			tree = append(tree, RegistryFile{Host: host}) // the directory decides even so
			continue
		case err != nil:
			return nil, nil, err
		}
		f, problems := current(path, data)
		findings = append(findings, problems...)
		tree = append(tree, RegistryFile{host, f})
	}
	tree.sort()
	return tree, findings.Sort(), nil
}

// Write makes every file of the tree stand under dir, which is created where it is missing. At every
// moment, whatever fails, each registry is governed by its file from before or by its new one, whole: an
// existing file is replaced by rename, and the directory of a new registry is made under a name that no
// host has, because already an empty directory would hide "_default", and renamed into place with its
// file. A file that has its content already is not touched. Nothing outside of dir is written.
//
// Files of registries that the tree does not hold stay as they are; stale lists the paths of those that
// carry the Marker.
func (t Tree) Write(dir string) (stale []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, rf := range t {
		if err := writeRegistry(root, rf); err != nil {
			return nil, err
		}
	}
	return t.stale(root)
}

func writeRegistry(root *os.Root, rf RegistryFile) error {
	data := rf.File.Bytes()
	perm := fs.FileMode(0o644)
	if rf.File.holdsSecrets() {
		perm = 0o600
	}
	name := Dir(rf.Host)
	if _, err := root.Stat(name); err == nil {
		if old, err := root.ReadFile(rf.Path()); err == nil && bytes.Equal(old, data) {
			return nil
		}
		return replace.File(root, rf.Path(), data, perm)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temporary := replace.Temporary(name)
	if err := root.RemoveAll(temporary); err != nil {
		return err
	}
	err := root.Mkdir(temporary, 0o755)
	if err == nil {
		err = replace.Write(root, temporary+"/"+FileName, data, perm)
	}
	if err == nil {
		err = replace.SyncDir(root, temporary)
	}
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, root.RemoveAll(temporary))
	}
	return replace.SyncDir(root, ".")
}

// stale returns the marked files under root that are not in the tree.
func (t Tree) stale(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var stale []string
	for _, name := range names {
		if slices.ContainsFunc(t, func(rf RegistryFile) bool { return Dir(rf.Host) == name }) {
			continue
		}
		data, err := root.ReadFile(name + "/" + FileName)
		if err == nil && bytes.HasPrefix(data, []byte("# "+Marker+"\n")) {
			stale = append(stale, name+"/"+FileName)
		}
	}
	return stale, nil
}

// holdsSecrets reports whether the file has headers, which may hold credentials.
func (f *File) holdsSecrets() bool {
	return len(f.Header) > 0 || slices.ContainsFunc(f.Hosts, func(h Host) bool { return len(h.Header) > 0 })
}
