package windows

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// seen are the requests of a pull: what was asked where, and how. One that is repeated at once, which
// plans write once, is there once; one that is repeated in another spelling of the host is no repeat
// to the client.
func seen(c clients.Containerd, w *world.World, dir, image string) string {
	requests := slices.CompactFunc(c.Pull(context.Background(), w, dir, image).Requests, func(a, b world.Request) bool {
		return a.Method == b.Method && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path
	})
	var lines []string
	for _, r := range requests {
		host := world.Address(r.Scheme, r.Host)
		if name, _, _ := strings.Cut(r.Host, ":"); strings.EqualFold(name, "docker.io") {
			host = strings.ToLower(r.Host) // asked as it is, which is no registry
		}
		lines = append(lines, fmt.Sprintln(r.Method, r.Scheme, host, r.Path))
	}
	return strings.Join(lines, "")
}

// worlds are those that a difference shows in: no registry has the image, or one of them, so that
// where it is fetched shows after a tag was resolved; and registries of which all, or one, speak plain
// HTTP only, or have no layers.
func worlds(locations []string) iter.Seq[*world.World] {
	hosts := map[string]bool{}
	for _, l := range locations {
		host, _ := splitHost(world.WireLocation(l))
		hosts[host] = true
	}
	odd := append(slices.Sorted(maps.Keys(hosts)), "") // the one that differs; all of them
	return func(yield func(*world.World) bool) {
		for _, served := range append([]string{""}, locations...) {
			for _, state := range []world.Registry{{PlainHTTP: true}, {WithoutBlobs: true}} {
				for _, one := range odd {
					w := world.New()
					for host := range hosts {
						if one == "" || host == one {
							*w.Registry(host) = state
						}
					}
					if served != "" {
						put(w, served, images[0])
					}
					if !yield(w) {
						return
					}
				}
			}
		}
	}
}

// The finding wmco-differs is raised for exactly those images that containerd asks elsewhere for with
// WMCO's files. In lint its findings name each of them, by tag or by digest.
func TestWMCODiffersIsSaidWhereItsFilesLeadElsewhere(t *testing.T) {
	const wmco = "WMCO (its steps, August 2026)"
	differ, equal := report.Add(wmco, "wmco-differs, configurations in which its files lead elsewhere"), report.Add(wmco, "wmco-differs, configurations in which they do not")
	s := random.New(t.Name())
	root := t.TempDir()
	newest := versions[len(versions)-1]
	drawn, seldom := 0, 0
	for differ.Configurations < random.Count(5_000) || equal.Configurations < random.Count(5_000) {
		drawn++
		set := s.Set()
		if drawn%2 == 0 { // most that is random differs: one that may not
			set = single(s)
		}
		rules, err := set.Rules()
		require.NoError(t, err)
		table := here(resolve.NewContainerdTable(rules))
		ours := filepath.Join(root, strconv.Itoa(drawn))
		_, err = render.Tree(rules).Write(ours)
		require.NoError(t, err)
		linkSpellings(t, table, ours)
		files := openshift.WMCO(openshift.ClusterOf(set).Items())
		for host := range files {
			if strings.ContainsAny(host, ":*") { // no directory of Windows
				delete(files, host)
			}
		}
		theirs := configPath(t, files)
		operator := resolve.WMCO(rules)
		operator.Containerd = here(operator.Containerd)
		asSpelled := operator
		asSpelled.Containerd = operator.Containerd.AsSpelled()
		differs := func(image string, plan resolve.Plan) bool {
			other, err := operator.Containerd.Plan(image)
			require.NoError(t, err)
			for w := range worlds(append(locations(plan.Pull), locations(other.Pull)...)) {
				w.Reset()
				a := seen(newest, w, ours, image)
				w.Reset()
				if a != seen(newest, w, theirs, image) {
					return true
				}
			}
			return false
		}
		lint := routes.UnderWMCO(table, operator)
		any := false
		for range 2 {
			image := reference(s, rules)
			plan, err := table.Plan(image)
			require.NoError(t, err)
			f, raised := operator.Check(plan)
			require.Equal(t, differs(image, plan), raised, "%s: %s\n%s\n%v", image, f, describe(rules), files)
			differ.Pulls++
			// lint goes by classes, which are of hosts as they are spelled.
			plan, err = table.AsSpelled().Plan(image)
			require.NoError(t, err)
			_, raised = asSpelled.Check(plan)
			any = any || raised
			require.True(t, !raised || contract.Named(lint, plan.References[0], plan.References[0]), "no finding names %s: %v\n%s",
				image, lint, describe(rules))
		}
		changes := routes.Diff(routes.Containerd(table), routes.Containerd(operator.Containerd))
		for _, c := range changes[:min(3, len(changes))] {
			require.True(t, differs(c.Before.Image, c.Before), "%s\n%s\n%v", c.After.Image, describe(rules), files)
		}
		for _, c := range changes {
			require.True(t, contract.Named(lint, c.After.References[0], c.After.References[0]), "no finding names %s: %v\n%s",
				c.After.Image, lint, describe(rules))
		}
		raised := len(lint) > 0
		require.Equal(t, len(changes) > 0, raised)
		require.False(t, any && !raised, "a plan differs, and lint says nothing\n%s\n%v", describe(rules), files)
		if raised && !any {
			seldom++
		}
		row := equal
		if raised {
			row = differ
		}
		if row.Configurations < random.Count(5_000) {
			row.Configurations++
		}
		require.NoError(t, os.RemoveAll(ours))
		require.NoError(t, os.RemoveAll(theirs))
	}
	t.Logf("%d drawn, in %d no image of the sample differed", drawn, seldom)
}

// single is a set that WMCO writes as this module does more often than not.
func single(s *random.Source) *mirrorset.Set {
	var entries []mirrorset.ImageMirrors
	taken := map[string]bool{}
	for range 1 + s.Intn(2) {
		host := s.Pick("quay.io", "n.io", "foo.example.org")
		if taken[host] {
			continue
		}
		taken[host] = true
		path := s.Pick("", "/a", "/b/c-d")
		e := mirrorset.ImageMirrors{Source: host + path, Mirrors: []string{s.Pick("m.io", "m.io/org", "x.io:5000") + path}}
		if s.Intn(4) == 0 {
			e.Mirrors = append(e.Mirrors, "z.io"+path)
		}
		if s.Intn(4) == 0 {
			e.MirrorSourcePolicy = mirrorset.NeverContactSource
		}
		entries = append(entries, e)
	}
	return setOf(entries, s.Intn(2) == 0)
}
