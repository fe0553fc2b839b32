package hoststoml_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/stretchr/testify/require"
)

// governed says which hosts.toml of a config_path decides for each registry, with the certificates that it names.
func governed(node fs.FS, hosts []string) map[string]string {
	governed := map[string]string{}
	for _, host := range hosts {
		governed[host] = governs(node, host)
	}
	return governed
}

func governs(node fs.FS, host string) string {
	for _, dir := range hoststoml.Dirs(host) {
		if info, err := fs.Stat(node, dir); err != nil || !info.IsDir() {
			continue
		}
		data, err := fs.ReadFile(node, dir+"/hosts.toml")
		if errors.Is(err, fs.ErrNotExist) {
			return "a directory without a file"
		} else if err != nil {
			return err.Error()
		}
		text := string(data)
		entries, err := fs.ReadDir(node, dir)
		if err != nil {
			return err.Error()
		}
		for _, e := range entries {
			if !strings.Contains(string(data), `"`+e.Name()+`"`) {
				continue
			}
			named, err := fs.ReadFile(node, dir+"/"+e.Name())
			if err != nil {
				return err.Error()
			}
			text += string(named)
		}
		return text
	}
	return "nothing"
}

// replacements are the cases that were thought of, and random ones.
func replacements(seed int64, random int) []faults.Case {
	cases := slices.Clone(faults.HandPicked)
	r := rand.New(rand.NewSource(seed))
	for range random {
		cases = append(cases, faults.Random(r))
	}
	return cases
}

func TestWhateverStopsAReplacementEachRegistryHasItsOldFileOrItsNewOne(t *testing.T) {
	require.Greater(t, tryAll(t, replacements(1, 10), faults.Try), int64(1000))
}

func TestARegistryThatFailsHoldsBackNoOtherAndLeavesNoGap(t *testing.T) {
	require.Greater(t, tryAll(t, replacements(2, 6), faults.TryOthers), int64(500))
}

// tryAll tries the cases in memory, and returns the number of runs with a fault.
func tryAll(t *testing.T, cases []faults.Case, try func(faults.Case, func(faults.Case) (faults.Site, error)) (faults.Count, error)) int64 {
	var runs, states atomic.Int64
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				count, err := try(c, func(c faults.Case) (faults.Site, error) {
					memory := faults.NewMemory(c)
					memory.Governed = governed
					return memory, nil
				})
				require.NoError(t, err)
				require.Zero(t, count.Gaps, count.First)
				runs.Add(int64(count.Runs))
				states.Add(int64(count.States))
			})
		}
	})
	t.Logf("%d runs with a fault, %d states looked at", runs.Load(), states.Load())
	return runs.Load()
}

// read says what governs each registry by what ReadTree makes of a config_path.
func read(dir string, hosts []string) map[string]string {
	tree, _, err := hoststoml.ReadTree(dir)
	decides := map[string]string{}
	for _, rf := range tree {
		decides[rf.Host] = "a directory without a file"
		if rf.File == nil {
			continue
		}
		text := string(rf.File.Bytes())
		for _, h := range rf.File.Hosts {
			for _, ca := range h.CA {
				text += rf.Extra[ca].Reveal()
			}
		}
		decides[rf.Host] = text
	}
	governed := map[string]string{}
	for _, host := range hosts {
		text, ok := decides[host]
		if !ok {
			text = decides["_default"]
		}
		if err != nil {
			text = err.Error()
		}
		governed[host] = text
	}
	return governed
}

// watched looks at a node after each call that may change its names.
type watched struct {
	faults.Site
	look func()
}

func (w *watched) see(err error) error {
	w.look()
	return err
}

func (w *watched) Mkdir(ctx context.Context, name string) error {
	return w.see(w.Site.Mkdir(ctx, name))
}

func (w *watched) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	return w.see(w.Site.WriteFile(ctx, name, data, perm))
}

func (w *watched) Rename(ctx context.Context, from, to string) error {
	return w.see(w.Site.Rename(ctx, from, to))
}

func (w *watched) Remove(ctx context.Context, name string) error {
	return w.see(w.Site.Remove(ctx, name))
}

func TestAReplacementOnDiskGoesThroughTheStatesThatItGoesThroughInMemory(t *testing.T) {
	hosts := []string{"a.io", "b.io", "b.io:5000", "c.io", "n.io:5000", "p.io:5000", "elsewhere.io"}
	for _, c := range replacements(1, 10) {
		c := c.On(t.TempDir())
		memory := faults.NewMemory(c)
		want := []string{memory.Listing()}
		_, wantErr := c.New.Apply(t.Context(), &watched{memory, func() { want = append(want, memory.Listing()) }}, c.Options)

		disk, err := faults.NewLocal(filepath.Join(t.TempDir(), "certs.d"), c)
		require.NoError(t, err)
		got := []string{disk.Listing()}
		readings := []map[string]string{read(disk.Dir, hosts)}
		_, err = c.New.Apply(t.Context(), &watched{disk, func() {
			got = append(got, disk.Listing())
			readings = append(readings, read(disk.Dir, hosts))
		}}, c.Options)
		require.Equal(t, wantErr, err, c.Name)
		require.Equal(t, want, got, c.Name)
		for i, reading := range readings {
			for host, text := range reading {
				require.Contains(t, []string{readings[0][host], readings[len(readings)-1][host]}, text, "%s: %s after call %d", c.Name, host, i)
			}
		}
		require.NoError(t, disk.Close())
	}
}
