// Package sarif holds what mirrorctl lint -o sarif prints against the published schema of SARIF 2.1.0 (OASIS). The
// schema is the copy in the module of gosec, byte for byte that of github.com/oasis-tcs/sarif-spec: it is read from
// the module cache, so that no copy of it stands here.
package sarif

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	gosec "github.com/securego/gosec/v2/report/sarif"
	"github.com/stretchr/testify/require"
)

func schema(t *testing.T) *jsonschema.Schema {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/securego/gosec/v2").Output()
	require.NoError(t, err)
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "report/sarif/testdata/sarif-schema-2.1.0.json"))
	require.NoError(t, err)
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(gosec.Schema, document))
	compiled, err := compiler.Compile(gosec.Schema)
	require.NoError(t, err)
	return compiled
}

func TestWhatLintPrintsIsSARIF(t *testing.T) {
	published := schema(t)
	mirrorctl := filepath.Join(t.TempDir(), "mirrorctl.exe")
	build := exec.Command("go", "build", "-o", mirrorctl, "./examples/mirrorctl")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	results := 0
	for _, args := range [][]string{
		{"every-finding.yaml", "--platform", "linux", "--platform", "windows", "--host", "a.example.com"},
		{"documented-example.yaml", "--platform", "windows", "--require", "quay.io/a:1"},
		{"documented-example.yaml", "--ignore", "foreign-layers", "--ignore", "pulls-blocked", "--ignore", "unwritable-location"},
		{"missing file.yaml"},
		{os.DevNull},
		{"-"},
	} {
		lint := exec.Command(mirrorctl, append([]string{"lint", "-o", "sarif"}, args...)...)
		lint.Dir = "../../testdata"
		lint.Stdin = strings.NewReader("a: [1\n")
		text, _ := lint.Output() // the exit code says what was found
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err, "%v: %s", args, text)
		require.NoError(t, published.Validate(document), args)

		var log struct {
			Runs []struct {
				Tool struct {
					Driver struct{ Rules []struct{ ID string } }
				}
				Results []struct {
					RuleID    string
					RuleIndex int
					Locations []any
				}
			}
		}
		require.NoError(t, json.Unmarshal(text, &log))
		require.Len(t, log.Runs, 1)
		for _, r := range log.Runs[0].Results {
			require.Equal(t, r.RuleID, log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
			require.NotEmpty(t, r.Locations, "code scanning takes no result without a place")
		}
		results += len(log.Runs[0].Results)
	}
	require.Greater(t, results, 100)

	broken, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": "2.1.0", "runs": [{"results": []}]}`))
	require.NoError(t, err)
	require.Error(t, published.Validate(broken), "the schema tells a log that is none")
}
