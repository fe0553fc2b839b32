package windows

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/contract"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// contractOf is what rules forbid on a node where plain HTTP is a matter of whole registries.
func contractOf(rules *mirrorset.Rules) contract.Contract {
	return contract.Of(rules, func(location string) bool {
		return slices.ContainsFunc(rules.Insecure, func(s mirrorset.Scope) bool {
			return !strings.ContainsAny(s.Value, "/:") && world.Inside(location, s.Value)
		})
	})
}

// neverContacted holds requests against the rules themselves, without any table: nothing may be
// asked inside a source under NeverContactSource or a blocked scope, except where the plan says so.
func neverContacted(rules *mirrorset.Rules, plan resolve.Plan, requests []world.Request) error {
	if unsaid := contractOf(rules).Unsaid(plan.References[0], requests, plan.Findings); len(unsaid) > 0 {
		return fmt.Errorf("%v; the plan says %v", unsaid, plan.Findings)
	}
	return nil
}

// Whatever is configured and however hosts are spelled, hosts with credentials and certificates of
// their own included: what is asked inside a source under NeverContactSource or a blocked scope is
// asked only where a finding says so. Nothing has the image, so that the client asks all it would.
func noContactIsUnsaid(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "contacts that no finding speaks of, among the requests of pulls",
		func(y tally, c clients.Containerd) {
			pulls, each := random.Count(34_000), 4
			s := random.New(y.Name())
			forbidden, contacts := 0, 0
			for y.row.Pulls < pulls {
				set, options := s.Set(), hoststoml.RenderOptions{Hosts: named(s), TLS: map[string]hoststoml.TLS{}}
				var keys []string
				for range s.Intn(3) {
					key := s.Location()
					if !slices.ContainsFunc(keys, func(k string) bool { return world.WireLocation(k) == world.WireLocation(key) }) {
						keys = append(keys, key)
					}
				}
				options.PullSecret = pullSecretOf(y, keys...)
				for range s.Intn(3) {
					options.TLS[s.Host()] = hoststoml.TLS{SkipVerify: true}
				}
				ask := func(set *mirrorset.Set, image string) (requests []world.Request, contacts,
					unsaid []contract.Contact, told string) {
					rules, err := set.Rules()
					require.NoError(y, err)
					tree, table, _ := hoststoml.Render(rules, options)
					table = here(table)
					dir, err := os.MkdirTemp(y.TempDir(), "")
					require.NoError(y, err)
					defer os.RemoveAll(dir)
					_, err = tree.Write(dir)
					require.NoError(y, err)
					linkSpellings(y, table, dir)
					plan, err := table.Plan(image)
					require.NoError(y, err)
					w := world.New()
					w.Elsewhere = world.Empty
					pull := c.Pull(context.Background(), w, dir, image)
					require.Error(y, pull.Err)
					judge := contractOf(rules)
					findings := slices.Concat(plan.Findings, table.Findings)
					told = fmt.Sprintf("the plan says %v\n%shosts %q, credentials %q, TLS %q\n", plan.Findings,
						describe(rules), options.Hosts, keys, slices.Sorted(maps.Keys(options.TLS)))
					return pull.Requests, judge.Contacts(pull.Requests),
						judge.Unsaid(plan.References[0], pull.Requests, findings), told
				}
				rules, err := set.Rules()
				require.NoError(y, err)
				y.row.Configurations++
				for range each {
					image := reference(s, rules)
					if s.Intn(3) == 0 && strings.Contains(image, "/") {
						image = s.Respell(image)
					}
					requests, reached, unsaid, _ := ask(set, image)
					y.row.Pulls++
					if contacts += len(reached); len(requests) == 0 {
						forbidden++
					}
					if len(unsaid) == 0 {
						continue
					}
					if y.row.Mismatches >= shown {
						y.mismatch("")
						continue
					}
					smaller := random.Shrink(set, func(set *mirrorset.Set) bool {
						if _, err := set.Rules(); err != nil {
							return false
						}
						_, _, unsaid, _ := ask(set, image)
						return len(unsaid) > 0
					})
					_, _, unsaid, told := ask(smaller, image)
					y.mismatch("%s: %v\n%s", image, unsaid, told)
				}
			}
			y.Logf("nothing asked %d, contacts that findings speak of %d", forbidden, contacts)
			require.Greater(y, forbidden, y.row.Pulls/50, "the random configurations are too tame")
			require.Greater(y, contacts, y.row.Pulls/50, "the random configurations are too tame")
		})
}

// Whatever goes wrong with the mirrors, and with all of them alike.
func neverContactSourceMeansNever(t *testing.T, versions []clients.Containerd) {
	worlds := map[string]world.Registry{
		"down":    {State: world.Down},
		"broken":  {State: world.Broken},
		"empty":   {State: world.Empty},
		"hanging": {State: world.Hangs},
		"basic":   {Auth: world.Basic},
		"bearer":  {Auth: world.Bearer, Username: "u", Password: "p"},
	}
	inParallel(t, versions, "NeverContactSource, all registries failing alike", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for i := 0; y.row.Configurations < random.Count(2_000); i++ {
			conf := newConfiguration(y, s, filepath.Join(root, strconv.Itoa(i)))
			var never []mirrorset.Rule
			for _, r := range conf.rules.Rules {
				if r.Never {
					never = append(never, r)
				}
			}
			if len(never) == 0 {
				continue
			}
			y.row.Configurations++
			for _, state := range []string{"down", "broken", "empty", "hanging", "basic", "bearer"} {
				image := reference(s, &mirrorset.Rules{Rules: never})
				plan, err := conf.table.Plan(image)
				require.NoError(y, err)
				w := world.New()
				for _, host := range random.Hosts {
					*w.Registry(host) = worlds[state]
				}
				w.Elsewhere = worlds[state].State
				var pull clients.Pull
				pullIt := func(*testing.T) { pull = c.Pull(context.Background(), w, conf.dir, image) }
				if state == "hanging" { // 2.4 pauses between its tries; on a clock of the test's own that is free
					synctest.Test(y.T, pullIt)
				} else {
					pullIt(nil)
				}
				y.row.Pulls++
				require.Error(y, pull.Err)
				if err := neverContacted(conf.rules, plan, pull.Requests); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
				if err := foretell(conf.table, plan).compare(c, pull); err != nil {
					y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
				}
			}
		}
	})
}

func noVersionIgnoresAFileOfATree(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "files of random rules are read", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for y.row.Configurations < random.Count(4_000) {
			conf := newConfiguration(y, s, filepath.Join(root, strconv.Itoa(y.row.Configurations)))
			y.row.Configurations++
			for i, f := range conf.tree {
				r := conf.table.Registries()[i]
				hosts, err := c.LoadHosts(filepath.Join(conf.dir, filepath.Dir(f.Path())), r.Host)
				if err != nil || hosts.Ignored != nil {
					y.mismatch("%s: %v, %v\n%s", f.Path(), err, hosts.Ignored, f.File.Bytes())
					continue
				}
				var want, got []string
				for _, e := range append(slices.Clone(r.Endpoints), *r.Server) {
					scheme := e.Scheme
					if e.SkipVerify && !strings.HasSuffix(e.Host, ":80") &&
						(!is16(c) || strings.Contains(e.Host, ":")) {
						scheme = "https" // tried first, whatever the URL says; in 1.6 only where a port is spelled
					}
					want = append(want, scheme+"://"+e.Host+e.Root)
				}
				for _, h := range hosts.Hosts {
					got = append(got, h.Scheme+"://"+h.Host+h.Path)
				}
				if !slices.Equal(want, got) {
					y.mismatch("%s: want %q, got %q", f.Path(), want, got)
				}
			}
		}
	})
}
