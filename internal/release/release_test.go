// Package release holds that every module of this repository can be released, and the library imported, by what the
// go command itself uses. It is a module of its own: who imports the library needs no golang.org/x/mod.
package release

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const library = "github.com/pullroute/pullroute"

// run returns the standard output of a command. env comes on top of the environment.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s%s", cmd, out, &stderr)
	return strings.TrimSpace(string(out))
}

// root returns the top of this repository.
func root(t *testing.T) string { return run(t, ".", nil, "git", "rev-parse", "--show-toplevel") }

// lastCommit returns a repository whose branch main is the last commit of another one, without a past: a checkout may
// be shallow, detached or a worktree.
func lastCommit(t *testing.T, of string) string {
	dir := t.TempDir()
	run(t, dir, nil, "git", "init", "--quiet", "--initial-branch", "main")
	run(t, dir, nil, "git", "fetch", "--quiet", "--depth", "1", "--no-tags", "--update-head-ok", "file://"+of, "HEAD:main")
	return dir
}

// makeZip makes the zip of the module in a directory, of the files that are there and of those in the last commit,
// and returns what is wrong with them.
func makeZip(t *testing.T, top, dir string) (inDirectory, committed error) {
	data, err := os.ReadFile(filepath.Join(top, dir, "go.mod"))
	require.NoError(t, err)
	version := module.Version{Path: modfile.ModulePath(data), Version: "v0.0.1"}
	_, inDirectory = zip.CheckDir(filepath.Join(top, dir))
	committed = zip.CreateFromVCS(io.Discard, version, lastCommit(t, top), "main", dir)
	return inDirectory, committed
}

func TestEveryModuleCanBeZipped(t *testing.T) {
	top := root(t)
	modules := strings.Fields(run(t, top, nil, "git", "ls-files", "go.mod", "*/go.mod"))
	require.Subset(t, modules, []string{
		"go.mod", "conformance/go.mod", "examples/operator/go.mod", "examples/probe/go.mod", "nodefiles/sftpnode/go.mod",
		"openshiftapi/go.mod",
	})
	for _, mod := range modules {
		dir := path.Dir(mod)
		if dir == "." {
			dir = "" // as zip calls the top of a repository
		}
		t.Run(mod, func(t *testing.T) {
			inDirectory, committed := makeZip(t, top, dir)
			require.NoError(t, inDirectory)
			require.NoError(t, committed)
		})
	}
}

func TestANameThatWindowsOrAModuleZipCannotHoldIsFound(t *testing.T) {
	for _, name := range []string{
		"testdata/nul", "testdata/AUX.txt", "Com1/x", "prn.tar.gz", "a:b", "what?", "end.", `back\slash`, "Twin/x",
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			for name, content := range map[string]string{"go.mod": "module example.com/m\n", "twin/x": "", name: ""} {
				name = filepath.Join(top, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
				require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
			}
			run(t, top, nil, "git", "init", "--quiet")
			run(t, top, nil, "git", "add", ".")
			run(t, top, nil, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "test")
			inDirectory, committed := makeZip(t, top, "")
			require.ErrorContains(t, inDirectory, name)
			require.ErrorContains(t, committed, name)
		})
	}
}

// The module comes through git, as it will from its host, but from a copy of this repository: git is told to go there
// instead. The module cache is empty; the modules that the library needs come from the cache of this machine or from
// the module proxy.
func TestAProgramElsewhereImportsTheLibrary(t *testing.T) {
	top, dir := root(t), t.TempDir()
	gitconfig := filepath.Join(dir, "gitconfig")
	run(t, dir, nil, "git", "config", "--file", gitconfig, "url.file://"+lastCommit(t, top)+".insteadOf", "https://"+library)
	seed := filepath.Join(run(t, dir, nil, "go", "env", "GOMODCACHE"), "cache", "download")
	env := []string{
		"GIT_CONFIG_GLOBAL=" + gitconfig,
		"GOMODCACHE=" + filepath.Join(dir, "modcache"),
		"GOPROXY=file://" + filepath.ToSlash(seed) + "," + run(t, dir, nil, "go", "env", "GOPROXY"),
		"GOPRIVATE=" + library, // from git and not from a proxy, and not in the checksum database
		"GOFLAGS=-mod=mod -modcacherw",
		"GOWORK=off",
	}
	program := filepath.Join(dir, "program")
	require.NoError(t, os.Mkdir(program, 0o755))
	source, err := os.ReadFile(filepath.Join(top, "examples", "embed", "main.go"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(program, "main.go"), source, 0o644))
	run(t, program, env, "go", "mod", "init", "example.com/program")
	run(t, program, env, "go", "get", library+"@main")

	commit := run(t, top, nil, "git", "rev-parse", "HEAD")
	require.Contains(t, run(t, program, env, "go", "list", "-m", library), "-"+commit[:12])
	args := []string{"run", ".", filepath.Join(top, "testdata", "documented-example.yaml"), "quay.io/team/app:1.2"}
	got := run(t, program, env, "go", args...)
	args[1] = "./examples/embed"
	require.NotEmpty(t, got)
	require.Equal(t, run(t, top, nil, "go", args...), got)
}

func TestACheckoutOnWindowsHasTheLineEndsOfTheRepository(t *testing.T) {
	checkout := filepath.Join(t.TempDir(), "checkout")
	run(t, ".", nil, "git", "clone", "--quiet", "--config", "core.autocrlf=true", "file://"+lastCommit(t, root(t)), checkout)
	for line := range strings.Lines(run(t, checkout, nil, "git", "ls-files", "--eol")) {
		ends := strings.Fields(line) // in the index and in the checkout
		require.Equal(t, strings.TrimPrefix(ends[0], "i/"), strings.TrimPrefix(ends[1], "w/"), line)
	}
}
