package clients_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// machine writes the files of a machine at random: main files and drop-ins in the home directory of root, /etc and
// /usr/share. Each names its own mirror of one of three registries.
func machine(t *testing.T, r *rand.Rand, root string) {
	files := 0
	write := func(name string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		text := fmt.Sprintf("[[registry]]\nlocation = \"quay.io/r%d\"\n[[registry.mirror]]\nlocation = \"m%d.io/x\"\n", r.IntN(3), files)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		files++
	}
	for _, layer := range []string{"root/.config/containers", "etc/containers", "usr/share/containers"} {
		if r.IntN(2) == 0 {
			write(layer + "/registries.conf")
		}
		for _, sub := range []string{"registries.conf.d", "registries.rootful.conf.d", "registries.rootless.conf.d", "registries.rootless.conf.d/1000"} {
			for _, name := range []string{"01-a.conf", "02-b.conf", "A.conf", "c.txt", ".hidden.conf"} {
				if r.IntN(6) == 0 {
					write(layer + "/" + sub + "/" + name)
				}
			}
			if r.IntN(6) == 0 {
				write(layer + "/" + sub + "/03-dir.conf/01.conf")
			}
		}
	}
	if files == 0 {
		write("etc/containers/registries.conf")
	}
}

func TestPodmanFindsTheFilesThatItsClientFinds(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("has to be run as root, whose files are looked for")
	}
	client, err := input.ParseClient("podman")
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(uint64(random.Seed()), 3))
	asked := 0
	for n := range random.Count(6000) {
		root := t.TempDir()
		machine(t, r, root)
		t.Setenv("XDG_CONFIG_HOME", filepath.Join(root, "root", ".config"))
		sysregistriesv2.InvalidateCache()
		theirs, err := sysregistriesv2.TryUpdatingCache(&types.SystemContext{RootForImplicitAbsolutePaths: root})
		require.NoError(t, err)
		var want []string
		for _, reg := range theirs.Registries {
			line := reg.Prefix
			for _, m := range reg.Mirrors {
				line += " " + m.Location
			}
			want = append(want, line)
		}
		in, err := input.Read([]string{root}, nil)
		require.NoError(t, err)
		picked, err := in.Pick(finding.Linux, input.Choice{Client: client})
		var refused *finding.RefusedError
		if errors.As(err, &refused) && picked.Linux == nil {
			require.Empty(t, want, "%d: %s\n%s", n, err, tree(root))
			continue
		}
		require.NoError(t, err, "%d\n%s", n, tree(root))
		var got []string
		for _, reg := range picked.Linux.Config().Registries {
			prefix := reg.Prefix
			if prefix == "" {
				prefix = reg.Location
			}
			line := prefix
			for _, m := range reg.Mirrors {
				line += " " + m.Location
			}
			got = append(got, line)
		}
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, "%d\n%s", n, tree(root))
		asked += len(want)
	}
	t.Logf("%d registries found", asked)
	require.NotZero(t, asked)
}

// tree lists the files below a directory.
func tree(root string) string {
	var names []string
	filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(name, root))
		}
		return nil
	})
	return strings.Join(names, "\n")
}
