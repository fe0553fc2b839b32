package mirrorset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ReadFiles reads manifests from files and directories. Of a directory it reads every .yaml, .yml
// and .json file, those of its subdirectories included, and passes over names that begin with a
// dot. The error is a *RefusedError, or one of the file system. The files of a directory are read
// as by DecodeAmong.
func ReadFiles(paths ...string) (*Set, error) {
	set := &Set{}
	var refused finding.Findings
	for _, path := range paths {
		files, err := manifestFiles(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			err := readFile(set, file, file != path)
			if r, ok := err.(*finding.RefusedError); ok {
				refused = append(refused, r.Findings...)
			} else if err != nil {
				return nil, err
			}
		}
	}
	return set, refused.Err()
}

// readFile reads a file into a set; among is set for one of a directory.
func readFile(set *Set, path string, among bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	decode := Decode
	if among {
		decode = DecodeAmong
	}
	one, err := decode(path, f)
	set.Add(one)
	return err
}

// manifestFiles returns name itself, or the manifests under it, in the order of their names.
func manifestFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	names, err := manifests(os.DirFS(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range names {
		names[i] = filepath.Join(name, filepath.FromSlash(names[i]))
	}
	return names, nil
}

// manifests returns the names of the manifests in a directory.
func manifests(dir fs.FS) (names []string, err error) {
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(name))):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no .yaml, .yml or .json file in this directory")
	}
	return names, nil
}
