package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// declaredCodes returns every code that package finding and this program declare.
func declaredCodes(t *testing.T) []string {
	var codes []string
	for _, name := range []string{"../../mirrorset/finding/codes.go", "required.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		before := len(codes)
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); !ok || d.Tok != token.CONST {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
					code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
					require.NoError(t, err)
					codes = append(codes, code)
				}
				return true
			})
		}
		require.Greater(t, len(codes), before, name)
	}
	return codes
}

// lintJSON runs lint with --json and returns its findings.
func lintJSON(t *testing.T, args ...string) finding.Findings {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"lint", "--json"}, args...), strings.NewReader(""), &stdout, &stderr)
	require.Less(t, code, exitUsage, stderr.String())
	var out struct{ Findings finding.Findings }
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &out))
	return out.Findings
}

var section = regexp.MustCompile("(?s)\n## ([a-z-]+)\n\n(error|warning|info)(?:, (linux|windows|containerd))? — .+?\n\n" +
	"What to do: .+?\n\n`mirrorctl lint -f (\\S+) ?([^\n]*)`\n\n```(?:yaml|toml)\n(.+?)```\n")

func TestTheFindingsPageHoldsEveryCodeAndItsExamplesPrintThem(t *testing.T) {
	page, err := os.ReadFile("../../docs/findings.md")
	require.NoError(t, err)
	var documented []string
	for _, m := range section.FindAllStringSubmatch(string(page), -1) {
		code, severity, platform, file, flags, example := m[1], m[2], m[3], m[4], m[5], m[6]
		documented = append(documented, code)
		t.Run(code, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(example), 0o644))
			if dir, name := filepath.Split(file); name == "hosts.toml" {
				file = filepath.Dir(filepath.Clean(dir)) // lint takes the tree
			}
			findings := lintJSON(t, append([]string{"-f", file}, strings.Fields(flags)...)...)
			require.True(t, slices.ContainsFunc(findings, func(f finding.Finding) bool {
				return string(f.Code) == code && string(f.Severity) == severity && concerns(platform, f.Platform)
			}), "%v", findings)
		})
	}
	require.Equal(t, strings.Count(string(page), "\n## "), len(documented)+3, "a section is not of the form that the test reads")
	_, table, found := strings.Cut(string(page), "\n## Credentials\n")
	require.True(t, found)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
		documented = append(documented, m[1])
	}
	require.ElementsMatch(t, declaredCodes(t), documented)
}

// TestAManifestWithEveryFindingPrintsEveryCode lints one stream of all the examples, and beside it what no
// manifest can show: an empty input, and a node's own files.
func TestAManifestWithEveryFindingPrintsEveryCode(t *testing.T) {
	every, err := filepath.Abs("../../testdata/every-finding.yaml")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, f := range lintJSON(t, "-f", every, "--platform", "linux", "--platform", "windows", "--host", "a.example.com",
		"--require", "Quay.io/team/app@sha256:"+strings.Repeat("a", 64), "--require", "third.io/team/app@sha256:"+strings.Repeat("a", 64),
		"--require", "unnamed.io/x:1", "--require", "quay.io/team/app@sha256:"+strings.Repeat("a", 64)) {
		found[string(f.Code)] = true
	}
	elsewhere := []string{
		"nothing-read", "file-not-read", "ambiguous-input", "short-name", "invalid-file", "ignored-setting", "no-search-registry", "other-path",
		"docker-io-server", "unreachable-host", "no-scheme", "https-first", "server-only", "rewrite-order", "ca-alone",
		// of pull secrets, image mirrors and conversions, with scripts of their own
		"invalid-id", "id-in-use", "unknown-id", "invalid-type", "source-in-use", "source-fixed", "not-carried", "merged",
		"source-contacted", "node-differs", // of logs
		"unusable-credential", "identity-token", "narrow-credential", "bearer-token", "insecure-credential",
	}
	for _, code := range declaredCodes(t) {
		require.Equal(t, !slices.Contains(elsewhere, code), found[code], code)
	}
}

// TestLintExitsAsTheScenariosSay lints the manifests of every scenario: the exit code is 1 where the
// scenario holds a finding of severity error, and 0 elsewhere.
func TestLintExitsAsTheScenariosSay(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/*.txtar")
	require.NoError(t, err)
	codes := map[int]int{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		args, want := []string{"lint", "--platform", "linux", "--platform", "windows"}, 0
		dir := t.TempDir()
		for _, f := range archive.Files {
			switch {
			case strings.HasSuffix(f.Name, ".yaml") && !strings.HasPrefix(f.Name, "linux/"):
				name := filepath.Join(dir, f.Name)
				require.NoError(t, os.WriteFile(name, f.Data, 0o644))
				args = append(args, "-f", name)
			case f.Name == "hosts":
				for _, host := range strings.Fields(string(f.Data)) {
					args = append(args, "--host", host)
				}
			case strings.HasSuffix(f.Name, "findings.txt") && strings.Contains("\n"+string(f.Data), "\nerror: "):
				want = exitRefused
			}
		}
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, run(args, strings.NewReader(""), &stdout, &stderr), "%s\n%s", path, &stderr)
		require.Empty(t, stderr.String())
		codes[want]++
	}
	require.Greater(t, codes[0], 10)
	require.Greater(t, codes[exitRefused], 2)
}
