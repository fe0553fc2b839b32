package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestREADME runs every mirrorctl command that the README shows and compares what it prints, and compares
// the program that the README shows with the one in examples/embed.
func TestREADME(t *testing.T) {
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	ran := 0
	for _, block := range strings.Split(string(readme), "```console\n$ ")[1:] {
		block, _, ok := strings.Cut(block, "```")
		require.True(t, ok)
		line, want, _ := strings.Cut(block, "\n")
		command, ok := strings.CutPrefix(line, "go run ./examples/mirrorctl ")
		if !ok {
			continue
		}
		var stdout, stderr bytes.Buffer
		code := run(strings.Fields(command), strings.NewReader(""), &stdout, &stderr)
		require.Equal(t, 0, code, stderr.String())
		require.Equal(t, want, stdout.String(), line)
		ran++
	}
	require.Equal(t, 2, ran)

	program, err := os.ReadFile("examples/embed/main.go")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\n"+string(program)+"```\n")
}
