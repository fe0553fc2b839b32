package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A pkg is one package of the module, as the go command lists it.
type pkg struct {
	ImportPath, Dir, Export string
	GoFiles, Deps           []string
	Module                  struct{ GoVersion string }
	DepOnly                 bool

	files  *token.FileSet
	syntax []*ast.File
	source [][]byte
	types  types.Importer
	dir    string // below the root of the module
}

// list asks the go command for packages.
func list(root string, args ...string) ([]*pkg, error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []*pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// load parses the packages of the patterns: the files built on this machine, without tests and
// generated files.
func load(root string, patterns []string) ([]*pkg, error) {
	all, err := list(root, append([]string{"-export", "-deps"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	all = slices.DeleteFunc(all, func(p *pkg) bool { return p.DepOnly })
	for _, p := range all {
		p.files, p.types = files, imports
		if p.dir, err = filepath.Rel(root, p.Dir); err != nil {
			return nil, err
		}
		for _, name := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), source, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			p.source, p.syntax = append(p.source, source), append(p.syntax, file)
		}
		if err := p.check(p.syntax); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p *pkg) check(files []*ast.File) error {
	config := types.Config{Importer: p.types, GoVersion: "go" + p.Module.GoVersion}
	_, err := config.Check(p.ImportPath, p.files, files, nil)
	return err
}

// compiles reports whether the package with the fault would.
func (m *mutant) compiles() bool {
	files := slices.Clone(m.pkg.syntax)
	var err error
	files[m.index], err = parser.ParseFile(m.pkg.files, m.file, m.apply(m.pkg.source[m.index]), 0)
	return err == nil && m.pkg.check(files) == nil
}

// A mutant is a package with one fault in one of its files.
type mutant struct {
	point
	pkg   *pkg
	index int // of the file
}

// mutants returns every fault of the packages, in order.
func mutants(root string, packages []*pkg) ([]*mutant, error) {
	var all []*mutant
	for _, p := range packages {
		for i, file := range p.syntax {
			if ast.IsGenerated(file) {
				continue
			}
			name, err := filepath.Rel(root, filepath.Join(p.Dir, p.GoFiles[i]))
			if err != nil {
				return nil, err
			}
			for _, at := range points(p.files, filepath.ToSlash(name), file, p.source[i]) {
				all = append(all, &mutant{point: at, pkg: p, index: i})
			}
		}
	}
	return all, nil
}

// dependents returns, for each package by its path, the packages of the module whose tests see it:
// itself first; and where those are in the module.
func dependents(root string, packages []*pkg) (see map[string][]string, dirs map[string]string, err error) {
	all, err := list(root, "-test", "./...")
	if err != nil {
		return nil, nil, err
	}
	see, dirs = map[string][]string{}, map[string]string{}
	for _, p := range all {
		if dirs[p.ImportPath], err = filepath.Rel(root, p.Dir); err != nil {
			return nil, nil, err
		}
	}
	for _, p := range packages {
		for _, test := range all {
			name, ok := strings.CutSuffix(test.ImportPath, ".test")
			switch {
			case !ok:
			case name == p.ImportPath:
				see[name] = slices.Insert(see[name], 0, name)
			case slices.ContainsFunc(test.Deps, func(dep string) bool {
				dep, _, _ = strings.Cut(dep, " [") // As it is built for that test.
				return dep == p.ImportPath
			}):
				see[p.ImportPath] = append(see[p.ImportPath], name)
			}
		}
	}
	return see, dirs, nil
}
