package windows_test

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// A configuration is what the tests go through: random rules, their table, and the tree on disk.
type configuration struct {
	rules *mirrorset.Rules
	table *resolve.ContainerdTable
	tree  hoststoml.Tree
	dir   string
	hosts []string // named when the table was made
}

// newConfiguration writes its tree only where dir names a place for it.
func newConfiguration(t testing.TB, s *random.Source, dir string) configuration {
	t.Helper()
	rules, err := s.Set().Rules()
	require.NoError(t, err)
	c := configuration{rules: rules, dir: dir, hosts: named(s)}
	c.tree, c.table, _ = hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: c.hosts})
	if dir == "" {
		return c
	}
	stale, err := c.tree.Write(dir)
	require.NoError(t, err)
	require.Empty(t, stale)
	linkSpellings(t, c.table, dir)
	return c
}

const (
	configurations = 2000
	pullsOfEach    = 4
)

func TestContainerdAsksWhatThePlanSays(t *testing.T) {
	inParallel(t, "requests = plan, random rules", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		served, empty := 0, 0
		for i := range configurations {
			conf := newConfiguration(y, s, filepath.Join(root, strconv.Itoa(i)))
			y.row.Configurations++
			for range pullsOfEach {
				image := reference(s, conf.rules)
				plan, err := conf.table.Plan(image)
				require.NoError(y, err)
				w := stateOf(s, append(locations(plan.Pull), nameOf(plan.References[0]))...)
				pull := c.Pull(context.Background(), w, conf.dir, image)
				y.row.Pulls++
				if pull.Err == nil {
					served++
				} else if len(plan.Pull) == 0 {
					empty++
				}
				if err := foretell(conf.table, plan).compare(c, pull); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
				if err := neverContacted(conf.rules, plan, pull.Requests); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
			}
		}
		// Both ends are compared often enough to mean something.
		require.Greater(y, served, 1000)
		require.Greater(y, empty, 300)
	})
}

// What was written and is read back says the same as what it was written from.
func TestATreeReadBackGivesTheSamePlans(t *testing.T) {
	s := random.New(t.Name())
	root := t.TempDir()
	for i := range configurations / 2 {
		conf := newConfiguration(t, s, filepath.Join(root, strconv.Itoa(i)))
		tree, findings, err := hoststoml.ReadTree(conf.dir)
		require.NoError(t, err)
		require.NoError(t, findings.Err())
		if len(conf.tree) > 0 {
			linked := map[string]bool{}
			for _, r := range conf.table.Registries() {
				for _, spelling := range r.Spellings {
					linked[spelling] = true
				}
			}
			written := slices.DeleteFunc(slices.Clone(tree), func(rf hoststoml.RegistryFile) bool { return linked[rf.Host] })
			require.Equal(t, conf.tree, written, describe(conf.rules))
		}
		table := tree.Table(conf.dir)
		for range 2 * pullsOfEach {
			image := reference(s, conf.rules)
			want, err := conf.table.Plan(image)
			require.NoError(t, err)
			got, err := table.Plan(image)
			require.NoError(t, err)
			require.Equal(t, attempts(want.Resolve), attempts(got.Resolve), "%s\n%s", image, describe(conf.rules))
			require.Equal(t, attempts(want.Pull), attempts(got.Pull), "%s\n%s", image, describe(conf.rules))
			require.Equal(t, want.References, got.References)
			require.True(t, slices.EqualFunc(want.Scopes, got.Scopes, strings.EqualFold), "%s and %s", want.Scopes, got.Scopes)
		}
	}
}

// attempts leaves out where an attempt comes from: a file on disk does not know.
func attempts(of []resolve.Attempt) []resolve.Attempt {
	var out []resolve.Attempt
	for _, a := range of {
		out = append(out, resolve.Attempt{Location: a.Location, Role: a.Role})
	}
	return out
}
