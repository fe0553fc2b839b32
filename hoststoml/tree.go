package hoststoml

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ReadTree reads a config_path as a node has it. A file that containerd ignores is in the tree as one
// that says nothing, which is what containerd makes of it, and the findings tell why; they refuse nothing
// by themselves. Where versions differ, it is containerd 2.4 that counts. What is no directory, or none of a
// registry host, is passed over.
func ReadTree(dir string) (Tree, finding.Findings, error) {
	entries, err := os.ReadDir(dir)
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
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err != nil || !info.IsDir() {
			continue
		}
		rf := RegistryFile{Host: host}
		if e.Name() != Dir(host) {
			rf.found = e.Name()
		}
		extra, err := readExtra(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		rf.Extra = extra
		path := filepath.Join(dir, e.Name(), FileName)
		data, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			tree = append(tree, rf) // the directory decides even so
			continue
		case err != nil:
			return nil, nil, err
		}
		f, problems := current(path, data)
		findings = append(findings, problems...)
		rf.File = f
		tree = append(tree, rf)
	}
	tree.sort()
	return tree, findings.Sort(), nil
}

// readExtra reads the files beside a hosts.toml that pullroute wrote.
func readExtra(dir string) (Extra, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var extra Extra
	for _, e := range entries {
		if !validExtra(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
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
