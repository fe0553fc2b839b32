package windows

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
)

// treeTo is the tree that sends each registry to one mirror and never to itself.
func treeTo(t testing.TB, mirror string, registries ...string) hoststoml.Tree {
	t.Helper()
	var entries []mirrorset.ImageMirrors
	for _, r := range registries {
		entries = append(entries, mirrorset.ImageMirrors{Source: r, Mirrors: []string{mirror}, MirrorSourcePolicy: mirrorset.NeverContactSource})
	}
	return render.Tree(rulesOf(t, entries, true))
}

// unopened is what governs a registry on Windows in the moment in which its file is replaced: opening it fails, and with
// it the pull, which contacts nothing.
const unopened = "the file could not be opened"

// governs returns the first host that containerd asks for a registry, as it chooses the directory.
func governs(t testing.TB, root, registry string) string {
	for _, dir := range hoststoml.Dirs(registry) {
		dir = filepath.Join(root, dir)
		if _, err := os.Stat(dir); err == nil {
			h, err := containerd2.Client.LoadHosts(dir, registry)
			if err != nil && runtime.GOOS == "windows" && !errors.Is(err, fs.ErrNotExist) {
				return unopened
			}
			if err != nil || h.Ignored != nil {
				t.Errorf("%s: %v, %v", dir, err, h.Ignored)
				return ""
			}
			return h.Hosts[0].Host
		}
	}
	return registry
}

func TestARegistryIsAlwaysGovernedByOneWholeFile(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "_default", "hosts.toml"), "server = \"https://default.io\"\n[host.\"https://default.io\"]\n")
	_, err := treeTo(t, "old.io", "quay.io", "n.io:5000").Write(root)
	require.NoError(t, err)

	rounds := 2 * random.Count(500)
	newHost := func(i int) string { return "h" + strconv.Itoa(i) + ".io:5000" }
	done := make(chan error, 1)
	var round atomic.Int64
	go func() {
		done <- func() error {
			for i := range rounds {
				round.Store(int64(i))
				mirror := "new.io"
				if i%2 == 1 {
					mirror = "old.io"
				}
				if _, err := treeTo(t, mirror, "quay.io", "n.io:5000", newHost(i)).Write(root); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for seen := 0; ; seen++ {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Greater(t, seen, 0)
			require.Equal(t, "old.io", governs(t, root, "quay.io"))
			return
		default:
			i := int(round.Load())
			require.Contains(t, []string{"old.io", "new.io", unopened}, governs(t, root, "quay.io"))
			require.Contains(t, []string{"old.io", "new.io", unopened}, governs(t, root, "n.io:5000"))
			// Until its own directory is there, with its file, _default goes on.
			require.Contains(t, []string{"default.io", "old.io", "new.io", unopened}, governs(t, root, newHost(i)))
		}
	}
}

// Whatever stops a write, each registry has its old file or its new one.
func TestAWriteThatFailsLeavesEachRegistryItsFile(t *testing.T) {
	for name, test := range map[string]struct {
		inTheWay string // made before, as a directory with something in it
		fails    bool
	}{
		"nothing in the way": {"", false},
		"a new registry's directory, from an interrupted run": {".new.io~new/left", false},
		"an old registry's file, from an interrupted run":     {"quay.io/.hosts.toml~new", false},
		"a directory where the file is prepared":              {"quay.io/.hosts.toml~new/left", true},
		"a directory where the file belongs":                  {"p.io/hosts.toml/left", true},
		"a file where a directory belongs":                    {"p.io", true},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			_, err := treeTo(t, "old.io", "a.io", "quay.io", "z.io").Write(root)
			require.NoError(t, err)
			if test.inTheWay != "" {
				writeFile(t, filepath.Join(root, test.inTheWay), "x")
			}
			_, err = treeTo(t, "new.io", "a.io", "new.io:5000", "p.io", "quay.io", "z.io").Write(root)
			require.Equal(t, test.fails, err != nil, "%v", err)
			for _, registry := range []string{"a.io", "quay.io", "z.io"} {
				got := governs(t, root, registry)
				if test.fails {
					require.Contains(t, []string{"old.io", "new.io"}, got, registry)
				} else {
					require.Equal(t, "new.io", got, registry)
				}
			}
			entries, err := os.ReadDir(root)
			require.NoError(t, err)
			if !test.fails {
				require.False(t, slices.ContainsFunc(entries, func(e os.DirEntry) bool {
					lock := runtime.GOOS == "windows" && e.Name() == ".hosts.toml~lock" // it stays there
					return e.Name()[0] == '.' && e.Name() != ".new.io~new" && !lock
				}))
			}
		})
	}
}
