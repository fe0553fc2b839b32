package linux

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// machine writes the files of a machine at random: main files and drop-ins in a home directory and, with system, /etc and
// /usr/share. Each names its own mirror of one of three registries.
func machine(t *testing.T, r *rand.Rand, root, home string, system bool) {
	files := 0
	write := func(name string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		text := fmt.Sprintf("[[registry]]\nlocation = \"quay.io/r%d\"\n[[registry.mirror]]\nlocation = "+
			"\"m%d.io/x\"\n", r.IntN(3), files)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		files++
	}
	layers := []string{home + "/.config/containers", "etc/containers", "usr/share/containers"}
	if !system {
		layers = layers[:1]
	}
	for _, layer := range layers {
		if r.IntN(2) == 0 {
			write(layer + "/registries.conf")
		}
		for _, sub := range []string{
			"registries.conf.d", "registries.rootful.conf.d", "registries.rootless.conf.d",
			"registries.rootless.conf.d/1000",
		} {
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
		write(layers[len(layers)/2] + "/registries.conf")
	}
}

// FindsTheFiles holds the files that are read for a client against those that its own library, which the module links,
// finds on random machines: for root, and for the users of other homes, whose configuration is then the only one there.
func FindsTheFiles(t *testing.T, client string, homes ...string) {
	if os.Getuid() != 0 {
		t.Fatal("has to be run as root, whose files are looked for")
	}
	c, err := input.ParseClient(client)
	require.NoError(t, err)
	// 5.38 looks up its home once for a process.
	link := filepath.Join(t.TempDir(), "home")
	t.Setenv("HOME", link)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(link, ".config"))
	r := rand.New(rand.NewPCG(uint64(random.Seed()), 3))
	for _, home := range append([]string{"root"}, homes...) {
		row := report.Add("containers-image "+containersimage.Version, "files found on machines, home "+home)
		for n := range random.Count(6000) {
			root := t.TempDir()
			machine(t, r, root, home, home == "root")
			os.Remove(link)
			require.NoError(t, os.Symlink(filepath.Join(root, home), link))
			want, err := containersimage.Found(root)
			require.NoError(t, err)
			row.Configurations++
			got, err := found(root, c)
			require.NoError(t, err, "%d\n%s", n, tree(root))
			if !slices.Equal(want, got) {
				row.Mismatches++
				require.Equal(t, want, got, "%d\n%s", n, tree(root))
			}
		}
	}
}

// found returns each registry that is read for a client, with its mirrors.
func found(root string, client input.Client) (lines []string, err error) {
	in, err := input.Read([]string{root}, nil)
	if err != nil {
		return nil, err
	}
	picked, err := in.Pick(finding.Linux, input.Choice{Client: client})
	var refused *finding.RefusedError
	if errors.As(err, &refused) && picked.Linux == nil {
		return nil, nil // nothing there is read
	}
	if err != nil {
		return nil, err
	}
	for _, r := range picked.Linux.Config().Registries {
		line := cmp.Or(r.Prefix, r.Location)
		for _, m := range r.Mirrors {
			line += " " + m.Location
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, nil
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
