package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A test is one test of a package, and what was measured of it without a fault.
type test struct {
	pkg, name string
	took      time.Duration
	reaches   map[int]bool // the numbers of the faults whose functions it runs
}

// slow is the time from which on a test runs only where no quicker one killed.
const slow = time.Second

// A run is of tests of one package in one process.
type run struct {
	pkg   string
	tests []string
	took  time.Duration
}

// limits are how long tests may take.
type limits struct {
	tests []*test
	left  []run // fail with the switches alone
	grace time.Duration
}

func (l *limits) of(r run) time.Duration { return 4*r.took + l.grace }

// A tester runs the tests in a copy of the module of its own. In dir it has
//
//	source    the module with every fault in it that can be switched
//	module    a copy of it, or of a module with one fault, in which tests run
//	bin       the test programs of source, by package
//	alone     those of a module with one fault
//	plain     those of the module without any
//	tmp       for the files of tests
//	on        the number of the fault that is on
type tester struct {
	base   string // an untouched copy of the module
	dir    string
	see    map[string][]string // the packages whose tests see a package
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
	for _, name := range t.packages() {
		if err := t.compile("bin", name); err != nil {
			return err
		}
	}
	return nil
}

// packages returns the packages whose tests run.
func (t *tester) packages() []string {
	names := map[string]bool{}
	for _, see := range t.see {
		for _, name := range see {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// lay makes the copy of a module that tests run in as the module is, and a new directory for their
// temporary files, and switches a fault on.
func (t *tester) lay(module string, number int) error {
	return errors.Join(os.RemoveAll(t.in("tmp")), os.MkdirAll(t.in("tmp"), 0o755),
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

// measure runs every test once alone and without a fault: they have to pass, and tell how long they
// take and which faults they can notice. A test that passes only without the switches, as one that
// counts pieces of memory may, is left out.
func (t *tester) measure() error {
	for _, name := range t.packages() {
		if _, err := os.Stat(t.program("bin", name)); err != nil { // it has no tests
			continue
		}
		list := exec.Command(t.program("bin", name), "-test.list", "^(Test|Example|Fuzz)")
		list.Dir = filepath.Join(t.in("module"), t.dirs[name])
		out, err := list.Output()
		if err != nil {
			return fmt.Errorf("list the tests of %s: %w", name, err)
		}
		for _, line := range strings.Fields(string(out)) {
			if err := t.lay(t.in("source"), record); err != nil {
				return err
			}
			begin, each := time.Now(), run{pkg: name, tests: []string{line}}
			out, ok, err := t.test("bin", each, 10*time.Minute)
			if err != nil {
				return err
			} else if !ok {
				if err := t.passesPlain(each); err != nil {
					return fmt.Errorf("%w:\n%s", err, out)
				}
				t.limits.left = append(t.limits.left, each)
				continue
			}
			reaches, err := reached(t.in("on"))
			if err != nil {
				return err
			}
			t.limits.tests = append(t.limits.tests, &test{pkg: name, name: line, took: time.Since(begin), reaches: reaches})
		}
	}
	return nil
}

// passesPlain returns an error for a test that fails in the module as it is.
func (t *tester) passesPlain(r run) error {
	if err := errors.Join(t.lay(t.base, 0), t.compile("plain", r.pkg)); err != nil {
		return err
	}
	_, ok, err := t.test("plain", r, 10*time.Minute)
	if err == nil && !ok {
		err = fmt.Errorf("%s of %s fails without a fault", r.tests[0], r.pkg)
	}
	return err
}

// runs returns what runs against a mutant: the tests that reach it, the quick ones of a package in one
// process, those that take the least time first.
func (t *tester) runs(m *mutant, number int) []run {
	quick := map[string]*run{}
	var all []run
	for _, test := range t.limits.tests {
		switch {
		case !slices.Contains(t.see[m.pkg.ImportPath], test.pkg):
		case m.declaration() != nil && !test.reaches[number]:
		case test.took >= slow:
			all = append(all, run{pkg: test.pkg, tests: []string{test.name}, took: test.took})
		default:
			r := quick[test.pkg]
			if r == nil {
				r = &run{pkg: test.pkg}
				quick[test.pkg] = r
			}
			r.tests, r.took = append(r.tests, test.name), r.took+test.took
		}
	}
	for _, r := range quick {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b run) int { return cmp.Or(cmp.Compare(a.took, b.took), cmp.Compare(a.pkg, b.pkg)) })
	return all
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
	for _, r := range t.runs(m, number) {
		if err := t.compile(bin, r.pkg); err != nil {
			return "", err
		}
		out, ok, err := t.test(bin, r, t.limits.of(r))
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
	return "survived", nil
}

// test runs tests and reports what they print and whether they pass. A fault that takes memory
// without end is stopped before the machine is.
func (t *tester) test(bin string, r run, limit time.Duration) (out []byte, ok bool, err error) {
	cmd := exec.Command("sh", "-c", `ulimit -v 8000000 2>/dev/null; exec "$@"`, "sh", t.program(bin, r.pkg),
		"-test.failfast", "-test.timeout", limit.String(), "-test.run", "^("+strings.Join(r.tests, "|")+")$")
	cmd.Dir = filepath.Join(t.in("module"), t.dirs[r.pkg])
	cmd.WaitDelay = 10 * time.Second // for programs that a test left behind
	cmd.Env = append(os.Environ(), "TMPDIR="+t.in("tmp"))
	out, err = cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return out, false, nil
	}
	return out, err == nil, err
}

// copyModule makes the directory to hold the files of the module from, and no others. A file of the
// same size and time is there already.
func copyModule(from, to string) error {
	err := walk(to, func(name string, d fs.DirEntry) error {
		if old, err := os.Stat(filepath.Join(from, name)); err == nil && old.IsDir() == d.IsDir() {
			return nil
		}
		if err := os.RemoveAll(filepath.Join(to, name)); err != nil || !d.IsDir() {
			return err
		}
		return fs.SkipDir
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return walk(from, func(name string, d fs.DirEntry) error {
		path := filepath.Join(to, name)
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(path, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		if has, err := os.Lstat(path); err == nil && has.Mode() == info.Mode() && has.Size() == info.Size() &&
			has.ModTime().Equal(info.ModTime()) {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		return errors.Join(os.RemoveAll(path), os.WriteFile(path, data, info.Mode()), os.Chmod(path, info.Mode()),
			os.Chtimes(path, info.ModTime(), info.ModTime()))
	})
}

// walk calls f for all that lies under dir, by its name there, but for what git keeps.
func walk(dir string, f func(name string, d fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && d.IsDir():
			return filepath.SkipDir
		case d.Name() == ".git":
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return f(name, d)
	})
}

// reached returns the numbers of the faults whose functions ran since record was switched on.
func reached(on string) (map[int]bool, error) {
	data, err := os.ReadFile(on + ".reached")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	numbers := map[int]bool{}
	for _, line := range strings.Fields(string(data)) {
		n, err := strconv.Atoi(line)
		if err != nil {
			return nil, fmt.Errorf("%s.reached: %w", on, err)
		}
		numbers[n] = true
	}
	return numbers, nil
}
