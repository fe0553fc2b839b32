package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// ways are the severities and platforms that a code is found with.
type ways struct{ severities, platforms map[string]bool }

type waysOf map[string]ways

func (w waysOf) add(code, severity string, platforms ...string) {
	if _, ok := w[code]; !ok {
		w[code] = ways{map[string]bool{}, map[string]bool{}}
	}
	if severity != "" {
		w[code].severities[severity] = true
	}
	for _, p := range platforms {
		w[code].platforms[p] = true
	}
}

// row writes them as the table of docs/findings.md does.
func (w waysOf) row(code string) string {
	var severities []string
	for _, s := range []string{"error", "warning", "info"} {
		if w[code].severities[s] {
			severities = append(severities, s)
		}
	}
	on := w[code].platforms
	if on["containerd"] { // and on Windows as well
		delete(on, "windows")
	}
	platform := "both"
	if len(on) == 1 && !on[""] {
		for p := range on {
			platform = p
		}
	}
	return strings.Join(severities, ", ") + " | " + platform
}

// dirs have the code that finds something, its tests and their stories.
var dirs = []string{"mirrorset", "resolve", "hoststoml", "registriesconf", "internal", "examples/mirrorctl", "testdata"}

// inCode adds what stands in the source of the module beside each code: a severity, or the name of a function that
// gives it one, and a platform.
func (w waysOf) inCode(t *testing.T) {
	names := map[string]string{}
	for _, name := range []string{"../../mirrorset/finding/codes.go", "required.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil && len(v.Values) == 1 {
				names[v.Names[0].Name] = strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`)
			}
			return true
		})
	}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir("../../"+dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err == nil {
				ast.Inspect(file, func(n ast.Node) bool { w.beside(n, names); return true })
			}
			return err
		}))
	}
}

// beside adds what a call or a literal says of the code in it.
func (w waysOf) beside(n ast.Node, names map[string]string) {
	var parts []ast.Expr
	called := ""
	switch n := n.(type) {
	case *ast.CallExpr:
		parts = n.Args
		called = lastName(n.Fun)
	case *ast.CompositeLit:
		parts = n.Elts
	case *ast.AssignStmt:
		parts = n.Rhs
	}
	code, severity := "", map[string]string{"refuse": "error", "refuseAPI": "error", "refusal": "error", "warn": "warning"}[called]
	var platforms []string
	told := called != "" || len(parts) == 0
	for _, part := range parts {
		if kv, ok := part.(*ast.KeyValueExpr); ok {
			part, told = kv.Value, told || strings.EqualFold(lastName(kv.Key), "platform")
		} else {
			told = true
		}
		switch name := lastName(part); {
		case names[name] != "":
			code = names[name]
		case strings.HasPrefix(name, "Severity"):
			severity = strings.ToLower(strings.TrimPrefix(name, "Severity"))
		case name == "Linux" || name == "Windows" || name == "Containerd":
			platforms = append(platforms, strings.ToLower(name))
		}
	}
	if !told { // a finding of no platform
		platforms = []string{""}
	}
	if code != "" {
		w.add(code, severity, platforms...)
	}
}

// lastName is the name of what an identifier or a selector names.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

var shownFinding = regexp.MustCompile(`\b(error|warning|info)?(?:: [^\n]*?)?\[([a-z-]+)(?:, (linux|windows|containerd))?(?:, refused by [^\]]*)?\\?\]`)

// inTests adds what lint finds in the examples of docs/findings.md and in the stories, and what other tests expect.
func (w waysOf) inTests(t *testing.T, page string) {
	for _, f := range lintedExamples(t, page) {
		w.add(string(f.Code), string(f.Severity), string(f.Platform))
	}
	shown := func(text string) {
		for _, m := range shownFinding.FindAllStringSubmatch(text, -1) {
			w.add(m[2], m[1], m[3])
		}
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		return filepath.Join(dir, name)
	}
	rules := write("rules.yaml", credentialRules)
	secret := write("secret.json", credentials)
	store := write("store.json", brokenStore)
	for _, args := range [][]string{
		{"render", "--platform", "windows", "-f", rules, "--pull-secret", secret},
		{"render", "--platform", "containerd", "-f", rules, "--pull-secret", secret},
		{"image-mirror", "list", "-c", "c", "--store", store},
	} {
		var stdout, stderr bytes.Buffer
		run(args, strings.NewReader(""), &stdout, &stderr)
		shown(stderr.String())
	}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir("../../"+dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".txtar") && !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			shown(string(text))
			return err
		}))
	}
}

// lintedExamples returns what lint finds in the examples of docs/findings.md, each for the platforms of its command line,
// for both, and with containerd in the place of Windows.
func lintedExamples(t *testing.T, page string) (found finding.Findings) {
	for _, m := range section.FindAllStringSubmatch(page, -1) {
		dir := t.TempDir()
		file := filepath.Join(dir, m[4])
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(m[6]), 0o644))
		if filepath.Base(file) == "hosts.toml" {
			file = dir
		}
		args := append([]string{"-f", file}, strings.Fields(m[5])...)
		found = append(found, lintJSON(t, args...)...)
		if !slices.Contains(args, "--platform") {
			found = append(found, lintJSON(t, append(args, "--platform", "linux", "--platform", "windows")...)...)
		}
		onContainerd := slices.Clone(args)
		for i, arg := range args {
			if arg == "windows" {
				onContainerd[i] = "containerd"
			}
		}
		found = append(found, lintJSON(t, onContainerd...)...)
	}
	return found
}

// On a terminal the first part of a message stands in the line of the finding, and what follows stands under it: why,
// and what to do.
func TestTheFirstLineOfAFindingIsShort(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	require.NoError(t, err)
	found := lintedExamples(t, string(text))
	stories, err := filepath.Glob("../../testdata/*.txtar")
	require.NoError(t, err)
	for _, name := range stories {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		dir, args := t.TempDir(), []string{"--platform", "linux", "--platform", "windows"}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".yaml") && !strings.Contains(f.Name, "/") {
				require.NoError(t, os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644))
				args = append(args, "-f", filepath.Join(dir, f.Name))
			}
		}
		if len(args) > 4 {
			found = append(found, lintJSON(t, args...)...)
		}
	}
	require.Greater(t, len(found), 500)
	long := map[string]bool{}
	for _, f := range found {
		message := strings.ReplaceAll(f.Message, os.TempDir(), "") // whose length is the machine's
		if first, _, _ := strings.Cut(message, "; "); utf8.RuneCountInString(first) > 200 {
			long[string(f.Code)] = true
		}
	}
	// These list the locations that are asked.
	require.Equal(t, map[string]bool{"mco-differs": true, "wmco-differs": true, "required-image": true}, long)
}

const (
	credentialRules = `apiVersion: config.openshift.io/v1
kind: Image
metadata: {name: cluster}
spec: {registrySources: {insecureRegistries: [m.corp]}}
---
- {source: quay.io/team, mirrors: [m.corp/team]}
`
	credentials = `{"auths": {
  "quay.io": {"auth": "dTpw"}, "m.corp": {"auth": "dTpw"}, "m.corp/other": {"auth": "dTpw"},
  "n.corp": {"identitytoken": "t"}, "o.corp": {}}}`
	brokenStore = `{"c": [
  {"id": "A", "type": "digest", "source": "quay.io/a", "mirrors": ["m.io"]},
  {"id": "b", "type": "digest", "source": "quay.io/b", "mirrors": ["m.io"]},
  {"id": "b", "type": "digest", "source": "quay.io/c", "mirrors": ["m.io"]}
]}`
)

// The table has each code once, in the order of the page, with every severity and platform that the source gives it or
// that was seen, and no other; its link leads to where the code is explained.
func TestTheTableOfFindingsSaysWhatTheCodeDoes(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	require.NoError(t, err)
	page := string(text)
	found := waysOf{}
	found.inCode(t)
	found.inTests(t, page)

	opening, _, _ := strings.Cut(page, "\n## ")
	var want, got []string
	for _, code := range allCodes() {
		want = append(want, fmt.Sprintf("`%s` | %s", code, found.row(code)))
	}
	for _, m := range tableRow.FindAllStringSubmatch(opening, -1) {
		got = append(got, fmt.Sprintf("`%s` | %s", m[1], m[3]))
		require.Contains(t, strings.ToLower(strings.ReplaceAll(page, " ", "-")), "\n##-"+m[2]+"\n")
		require.LessOrEqual(t, len(m[4]), 100, m[1])
	}
	require.Equal(t, want, got)
}

var tableRow = regexp.MustCompile("(?m)^\\| \\[`([a-z-]+)`\\]\\(#([a-z-]+)\\) \\| (.+? \\| .+?) \\| (.+) \\|$")
