package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Four times the sources of one registry may cost four times the memory, and some for luck; what looks at
// every source for every source costs sixteen times.
func TestAnswersGrowAsTheirInput(t *testing.T) {
	dir := t.TempDir()
	file := func(sources int, mirror string) string {
		var b strings.Builder
		b.WriteString("apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: many}\n" +
			"spec:\n  imageDigestMirrors:\n")
		for i := range sources {
			fmt.Fprintf(&b, "  - {source: registry.example.com/a%d, mirrors: [%s/a%d]}\n", i, mirror, i)
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%d.yaml", mirror, sources))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		return path
	}
	bytes := func(args ...string) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Zero(t, run(args, strings.NewReader(""), io.Discard, io.Discard), args)
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	const few, many = 500, 2000
	image := "registry.example.com/a1/x@sha256:" + strings.Repeat("a", 64)
	for _, platform := range []string{"linux", "windows"} {
		for name, args := range map[string]func(int) []string{
			"resolve": func(n int) []string { return []string{"-f", file(n, "m.example.com"), image} },
			"render":  func(n int) []string { return []string{"-f", file(n, "m.example.com")} },
			"routes":  func(n int) []string { return []string{"-f", file(n, "m.example.com")} },
			"lint":    func(n int) []string { return []string{"-f", file(n, "m.example.com")} },
			"diff":    func(n int) []string { return []string{file(n, "m.example.com"), file(n, "other.example.com")} },
		} {
			command := func(n int) []string { return append([]string{name, "--platform", platform}, args(n)...) }
			bytes(command(few)...) // what is made once
			require.Less(t, bytes(command(many)...)/bytes(command(few)...), 8.0, "%s on %s", name, platform)
		}
	}
}
