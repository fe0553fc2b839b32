package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
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
		Setup: func(e *testscript.Env) error {
			data, err := os.ReadFile(example)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "example.yaml"), data, 0o644)
		},
	})
}

// The repository under examples/ci passes its own check.
func TestTheExampleForCIHolds(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run([]string{"assert", "-f", "../ci/cluster", "--platform", "linux", "../ci/statements.yaml"}, strings.NewReader(""), &stdout, &stderr)
	require.Equal(t, 0, code, stdout.String()+stderr.String())
	require.Contains(t, stdout.String(), "6 verdicts: 6 hold, 0 do not")
	_, err := os.Stat("../ci/.github/workflows/mirrors.yaml")
	require.NoError(t, err)
}
