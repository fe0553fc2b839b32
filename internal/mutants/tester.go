package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A run is of the tests of a package that are slow, or of the others.
type run struct {
	name string
	slow bool
}

// limits are how long tests may take.
type limits struct {
	of    map[run]time.Duration
	grace time.Duration
}

// never is the limit of a run without tests.
const never time.Duration = -1

// A tester runs the tests in a copy of the module of its own. In dir it has
//
//	source    the module with every fault in it that can be switched
//	module    a copy of it, or of a module with one fault, in which tests run
//	bin       the test programs of source, by package
//	alone     those of a module with one fault
//	tmp       for the files of tests
//	on        the number of the fault that is on
type tester struct {
	base   string // an untouched copy of the module
	dir    string
	slow   string
	see    map[string][]string // the packages whose tests see a package: itself, then the fastest first
	dirs   map[string]string   // where the packages are in the module
	limits *limits
}

func (t *tester) in(name string) string { return filepath.Join(t.dir, name) }

// prepare puts the faults into the tester's source, and compiles the tests.
func (t *tester) prepare(sample []*mutant) error {
	if err := copyModule(t.base, t.in("source")); err != nil {
		return err
	}
	if err := switched(t.in("source"), t.in("on"), sample); err != nil {
		return err
	}
	if err := t.lay(t.in("source"), 0); err != nil {
		return err
	}
	for _, names := range t.see {
		for _, name := range names {
			if err := t.compile("bin", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// lay makes a new copy of a module to run tests in, and a new directory for their temporary files, and
// switches a fault on.
func (t *tester) lay(module string, number int) error {
	return errors.Join(os.RemoveAll(t.in("module")), os.RemoveAll(t.in("tmp")), os.MkdirAll(t.in("tmp"), 0o755),
		copyModule(module, t.in("module")), turn(t.in("on"), number))
}

// program is the test program of a package.
func (t *tester) program(bin, name string) string {
	return filepath.Join(t.in(bin), filepath.FromSlash(name)+".test")
}

// compile builds the test program of a package, if it has tests and there is none yet.
func (t *tester) compile(bin, name string) error {
	program := t.program(bin, name)
	if _, err := os.Stat(program); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-o", program, name)
	cmd.Dir = t.in("module")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the tests of %s do not build: %w\n%s", name, err, out)
	}
	return nil
}

// measure runs every test once without a fault: they have to pass, and tell how long they may take.
func (t *tester) measure() error {
	limit := t.limits.of
	for _, names := range t.see {
		for _, name := range names {
			for _, r := range []run{{name, false}, {name, true}} {
				if limit[r] != 0 {
					continue
				}
				if _, err := os.Stat(t.program("bin", name)); err != nil { // it has no tests
					limit[r] = never
					continue
				}
				limit[r] = 10 * time.Minute
				begin := time.Now()
				out, ok, err := t.test("bin", r)
				if err != nil {
					return err
				} else if !ok {
					return fmt.Errorf("%s fails without a fault:\n%s", name, out)
				}
				if bytes.Contains(out, []byte("no tests to run")) {
					limit[r] = never
					continue
				}
				limit[r] = 4*time.Since(begin) + t.limits.grace
			}
		}
	}
	for p, names := range t.see {
		slices.SortFunc(names, func(a, b string) int {
			if (a == p) != (b == p) {
				return map[bool]int{true: -1, false: 1}[a == p]
			}
			return cmp.Compare(limit[run{a, false}], limit[run{b, false}])
		})
	}
	return nil
}

// try says what the tests make of a mutant: killed, timed out, or survived.
func (t *tester) try(m *mutant, number int) (string, error) {
	bin, err := "bin", error(nil)
	if m.declaration() != nil {
		err = t.lay(t.in("source"), number)
	} else {
		bin = "alone"
		err = errors.Join(os.RemoveAll(t.in(bin)), t.lay(t.base, 0),
			os.WriteFile(filepath.Join(t.in("module"), m.file), m.apply(m.pkg.source[m.index]), 0o644))
	}
	if err != nil {
		return "", err
	}
	for _, slow := range []bool{false, true} {
		for _, name := range t.see[m.pkg.ImportPath] {
			r := run{name, slow}
			if t.limits.of[r] == never {
				continue
			}
			if err := t.compile(bin, name); err != nil {
				return "", err
			}
			out, ok, err := t.test(bin, r)
			switch {
			case err != nil:
				return "", err
			case ok:
			case bytes.Contains(out, []byte("panic: test timed out")):
				return "timed out", nil
			default:
				return "killed", nil
			}
		}
	}
	return "survived", nil
}

// test runs tests and reports what they print and whether they pass. A fault that takes memory
// without end is stopped before the machine is.
func (t *tester) test(bin string, r run) (out []byte, ok bool, err error) {
	which := "-test.skip"
	if r.slow {
		which = "-test.run"
	}
	cmd := exec.Command("sh", "-c", `ulimit -v 8000000 2>/dev/null; exec "$@"`, "sh", t.program(bin, r.name),
		"-test.failfast", "-test.timeout", t.limits.of[r].String(), which, t.slow)
	cmd.Dir = filepath.Join(t.in("module"), t.dirs[r.name])
	cmd.WaitDelay = 10 * time.Second // for programs that a test left behind
	cmd.Env = append(os.Environ(), "TMPDIR="+t.in("tmp"))
	out, err = cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return out, false, nil
	}
	return out, err == nil, err
}

func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.Name() == ".git":
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644)
	})
}
