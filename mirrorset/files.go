package mirrorset

import (
	"fmt"
	"io/fs"
	"os"
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

// manifestFiles returns path itself, or the manifests under it, in the order of their names.
func manifestFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != path && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(p))):
			files = append(files, p)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no .yaml, .yml or .json file in this directory", path)
	}
	return files, err
}
