package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mirrorctl": main})
}

func TestScripts(t *testing.T) {
	example, err := filepath.Abs("../../testdata/documented-example.yaml")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "capture": capture, "rewrite": rewrite},
		Setup: func(e *testscript.Env) error {
			data, err := os.ReadFile(example)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "example.yaml"), data, 0o644)
		},
	})
}

// exits CODE COMMAND [ARGS...] runs a command that ends with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS...]")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d", code)
	}
}

// capture NAME REGEXP FILE gives a variable the first group of what matches in a file, stdout or stderr.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture NAME REGEXP FILE")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if len(found) != 2 {
		ts.Fatalf("%s does not match %s", args[2], args[1])
	}
	ts.Setenv(args[0], found[1])
}

// rewrite FROM TO [REGEXP REPLACEMENT...] writes a file, stdout or stderr to a file, with replacements and, as the files
// of a script have it, a line end at the end.
func rewrite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args)%2 != 0 {
		ts.Fatalf("usage: rewrite FROM TO [REGEXP REPLACEMENT...]")
	}
	text := ts.ReadFile(args[0])
	for pair := range slices.Chunk(args[2:], 2) {
		text = regexp.MustCompile(pair[0]).ReplaceAllString(text, pair[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.TrimSuffix(text, "\n")+"\n"), 0o644))
}

// The repository under examples/ci passes its own check.
func TestTheExampleForCIHolds(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run([]string{"assert", "-f", "../ci/cluster", "--platform", "linux", "../ci/statements.yaml"}, strings.NewReader(""), &stdout, &stderr)
	require.Equal(t, 0, code, stdout.String()+stderr.String())
	require.Contains(t, stdout.String(), "6 verdicts: 6 hold, 0 do not")

	stdout.Reset()
	code = run([]string{"lint", "../ci/cluster", "--fail-on", "warning"}, strings.NewReader(""), &stdout, &stderr)
	require.Equal(t, 0, code, stdout.String()+stderr.String())
}

var commandLine = regexp.MustCompile(`(?m)^.*?\bmirrorctl (lint|assert|diff|render)\b([^|>\n]*)`)

// The commands in the examples for CI systems are ones that the command line has.
func TestTheExamplesForCISystemsAreReadByTheirLanguageAndHaveCommandsThatThereAre(t *testing.T) {
	commands := 0
	for _, name := range []string{
		"../ci/.github/workflows/mirrors.yaml", "../ci/.gitlab-ci.yml", "../ci/.pre-commit-config.yaml", "../../.pre-commit-hooks.yaml",
	} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var document any
		require.NoError(t, yaml.Unmarshal(text, &document), name)
		for _, line := range commandLine.FindAllSubmatch(text, -1) {
			args := append([]string{string(line[1])}, strings.Fields(string(line[2]))...)
			p := &program{stdin: strings.NewReader(""), stdout: newOutput(io.Discard), stderr: newOutput(io.Discard)}
			c, rest, err := p.root().Find(args)
			require.NoError(t, err, line)
			require.NoError(t, c.ParseFlags(rest), "%s", line)
			commands++
		}
	}
	require.Equal(t, 9, commands)
}

// manyEntries is an object as mirroring tools write them: repositories of some registries, with mirrors below paths of
// their own.
func manyEntries(entries, mirrors int) string {
	registries := []string{"registry.redhat.io", "quay.io", "registry.connect.redhat.com", "docker.io", "ghcr.io", "gcr.io"}
	var b strings.Builder
	b.WriteString("apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: many}\nspec:\n  imageDigestMirrors:\n")
	for i := range entries {
		fmt.Fprintf(&b, "  - source: %s/team-%d/app-%d\n    mirrors:\n", registries[i%len(registries)], i/4, i)
		for m := range mirrors {
			fmt.Fprintf(&b, "    - mirror-%d.example.com:5000/mirror/app-%d\n", m, i)
		}
	}
	return b.String()
}

func TestLintOfManyEntriesFitsAScreen(t *testing.T) {
	for _, size := range [][2]int{{68, 4}, {300, 1}} {
		for platforms, most := range map[string]int{"": 2, "--platform linux --platform windows": 20} {
			var stdout, stderr bytes.Buffer
			args := append([]string{"lint", "-"}, strings.Fields(platforms)...)
			require.Equal(t, 0, run(args, strings.NewReader(manyEntries(size[0], size[1])), &stdout, &stderr), stdout.String())
			require.LessOrEqual(t, strings.Count(stdout.String(), "\n"), most, "%v %s\n%s", size, platforms, stdout.String())
		}
	}
}

// What a memory holds is not read again, and the answers are the same.
func TestAMemoryReadsOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mirrors.yaml")
	require.NoError(t, os.WriteFile(file, []byte(manyEntries(2, 3)), 0o644))
	answer := func(m memory, args ...string) string {
		var stdout, stderr bytes.Buffer
		runWith(m, append(args, "-f", file), strings.NewReader(""), &stdout, &stderr)
		return stdout.String() + stderr.String()
	}
	commands := [][]string{
		{"resolve", "--platform", "linux", "quay.io/team-0/app:1", "busybox"}, {"resolve", "--platform", "windows", "quay.io/team-1/app:1"},
		{"resolve", "-o", "json", "--platform", "windows", "quay.io/team-1/app:1"}, {"routes", "--platform", "linux"},
		{"resolve", "--platform", "linux", "--client", "podman", "busybox"},
	}
	m := memory{}
	want := map[int]string{}
	for i, args := range commands {
		want[i] = answer(nil, args...)
		require.Equal(t, want[i], answer(m, args...))
	}
	require.Len(t, m, 3)
	require.NoError(t, os.WriteFile(file, []byte("changed"), 0o644))
	for range 2 {
		for i, args := range commands {
			require.Equal(t, want[i], answer(m, args...))
		}
	}
	require.NotEqual(t, want[0], answer(nil, commands[0]...))
}
