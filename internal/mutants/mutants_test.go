package main

import (
	"flag"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// The flag of the scenarios, so that "go test ./... -update" runs. There is nothing to rewrite here.
var _ = flag.Bool("update", false, "rewrite the results in testdata")

func TestWhatNoTestNoticesSurvives(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/tiny.txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, txtar.Write(archive, dir))
	var out strings.Builder
	require.NoError(t, mutate(dir, options{
		n: 100, seed: 1, parallel: 2, budget: time.Hour, grace: time.Second, skip: "^$",
		patterns: []string{"./port"},
		equivalent: `
			# It was right once.
			port/port.go Valid
			- func Valid(n int) bool { return n > 1 }
			+ func Valid(n int) bool { return n >= 1 }
			It was so.`,
	}, &out, io.Discard))
	require.Equal(t, `stale entry of the list of equivalent faults: port/port.go Valid
	- func Valid(n int) bool { return n > 1 }
	+ func Valid(n int) bool { return n >= 1 }
6 points in 1 packages, 4 tried, seed 1
port/port.go:7:35 Valid
	- func Valid(n int) bool { return n > 0 }
	+ func Valid(n int) bool { return n >= 0 }
killed 3 (1 by time), survived 1, equivalent 0, not compilable 2, not run 0: 75.0 % killed
`, out.String())

	for _, file := range archive.Files {
		got, err := os.ReadFile(filepath.Join(dir, file.Name))
		require.NoError(t, err)
		require.Equal(t, string(file.Data), string(got), "the module stays as it is")
	}
}

// A label stands once in a function, whatever is added to it, and what is outside of functions has no switch.
func TestFaultsThatCannotSimplyBeSwitchedAreTried(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/tiny.txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, txtar.Write(archive, dir))
	var out, progress strings.Builder
	require.NoError(t, mutate(dir, options{n: 100, seed: 1, parallel: 1, budget: time.Hour, grace: time.Second,
		skip: "^$", patterns: []string{"./free"}}, &out, &progress))
	require.Contains(t, progress.String(), "killed: free/free.go:4:11 \n\t- var Top = 65535\n\t+ var Top = (65535+1)")
	require.Contains(t, progress.String(), "killed: free/free.go:12:5 Free\n\t- continue next")
	require.NotContains(t, progress.String(), "survived")
	require.Contains(t, progress.String(), "TestNoSwitches of example.com/tiny/free fails where faults can be switched on, and does not run\n")
}

// What a test did to the module is undone before the next fault.
func TestTheCopyOfTheModuleIsMadeAsItWas(t *testing.T) {
	module, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for _, name := range []string{"changed", "gone", "dir/kept", "a file/once"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(module, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte("as it was"), 0o644))
	}
	require.NoError(t, copyModule(module, copied))

	require.NoError(t, os.WriteFile(filepath.Join(copied, "changed"), []byte("not as it"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(copied, "gone")))
	require.NoError(t, os.RemoveAll(filepath.Join(copied, "a file")))
	require.NoError(t, os.WriteFile(filepath.Join(copied, "a file"), []byte("now"), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(copied, "new", "dir"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(copied, "new", "file"), nil, 0o644))
	require.NoError(t, os.Chmod(filepath.Join(copied, "dir", "kept"), 0o444))

	require.NoError(t, copyModule(module, copied))
	require.Equal(t, tree(t, module), tree(t, copied))
}

// tree returns the mode and the text of each file under a directory.
func tree(t *testing.T, dir string) map[string]string {
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		found[name] = info.Mode().String()
		if !d.IsDir() {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			found[name] += " " + string(data)
		}
		return nil
	}))
	return found
}

func TestAListedFaultIsNotRun(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/tiny.txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, txtar.Write(archive, dir))
	var out strings.Builder
	o := options{n: 100, seed: 1, patterns: []string{"./port"}, skip: "^$"}
	entry := func(function, original, mutated string) {
		o.equivalent += "port/port.go " + function + "\n- " + original + "\n+ " + mutated + "\nThe argument.\n\n"
	}
	entry("None", "func None() int { return 0 }", "func None() int { return (0+1) }")
	for _, value := range []string{"n >= 0", "n > (0+1)", "*new(bool)"} {
		entry("Valid", "func Valid(n int) bool { return n > 0 }", "func Valid(n int) bool { return "+value+" }")
	}
	require.NoError(t, mutate(dir, o, &out, io.Discard))
	require.Equal(t, "6 points in 1 packages, 0 tried, seed 1\n"+
		"killed 0 (0 by time), survived 0, equivalent 4, not compilable 2, not run 0: 0.0 % killed\n", out.String())
}

func TestAnEntryOfTheListNeedsAnArgument(t *testing.T) {
	_, err := readEquivalent("a.go F\n- x\n+ y\n")
	require.ErrorContains(t, err, `the entry "a.go F"`)
}

func TestTheListReads(t *testing.T) {
	_, err := readEquivalent(equivalent)
	require.NoError(t, err)
}

func TestTheFaultsOfAStatement(t *testing.T) {
	for statement, want := range map[string][]string{
		"if a == b { f() }":          {"if a != b { f() }", "if a == b { if false { f() } }"},
		"if a < b { }":               {"if !(a < b) { }", "if a <= b { }"},
		"if ok { }":                  {"if !(ok) { }"},
		"a = append(a, b)":           {"if false { a = append(a, b) }"},
		"a := b":                     nil,
		"a := b - c":                 {"a := b + c"},
		"a := 7":                     {"a := (7+1)"},
		"var a = true":               {"var a = false"},
		"for { break }":              {"for { if false { break } }"},
		"_ = a && b":                 {"if false { _ = a && b }", "_ = (true || a) && b", "_ = a || b", "_ = a && (true || b)"},
		"_ = a || b":                 {"if false { _ = a || b }", "_ = (false && (a)) || b", "_ = a && b", "_ = a || (false && (b))"},
		`a := b != "x"`:              {`a := b == "x"`, `a := b != ""`},
		`a := b == ""`:               {`a := b != ""`, `a := b == "mutant"`},
		`switch a { case "x": }`:     {`switch a { case "": }`},
		`a := strings.Trim(b, "x")`:  {`a := strings.Trim(b, "")`},
		`a := Trim(b, "x")`:          nil,
		"a := make([]int, n+1, n+2)": {"a := make([]int, n-1, n+2)", "a := make([]int, n+(1+1), n+2)"},
		"b.Grow(n + 1)":              nil,
		"a = slices.Grow(a, n+1)":    nil,
		"for { continue }":           {"for { if false { continue } }"},
		"i++":                        {"if false { i++ }"},
		`return a, nil`:              {"if false { return a, nil }", "return *new(string), nil"},
		`return "", e`:               {`if false { return "", e }`, `return "", *new(error)`},
		"a = 1; a = 1":               {"if false { a = 1 }; a = 1", "a = (1+1); a = 1", "a = 1; if false { a = 1 }", "a = 1; a = (1+1)"},
	} {
		source := "package p\nfunc (*T) f() (string, error) {\n" + statement + "\n}\n"
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "p.go", source, 0)
		require.NoError(t, err)
		var got []string
		for _, p := range points(files, "p.go", file, []byte(source)) {
			require.Equal(t, "(*T).f", p.function)
			require.Equal(t, statement, p.original)
			require.Equal(t, strings.Replace(source, statement, p.mutated, 1), string(p.apply([]byte(source))))
			got = append(got, p.mutated)
		}
		require.Equal(t, want, got, statement)
	}
}

func TestFaultsThatReadTheSameAreNumbered(t *testing.T) {
	source := "package p\nfunc f() {\ng()\ng()\n}\n"
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", source, 0)
	require.NoError(t, err)
	found := points(files, "p.go", file, []byte(source))
	require.Len(t, found, 2)
	require.Equal(t, "if false { g() }", found[0].mutated)
	require.Equal(t, "if false { g() } (2)", found[1].mutated)
}
