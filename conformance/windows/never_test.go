package windows_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// neverContacted holds requests against the rules themselves, without any table: no location may be asked
// that lies inside a source under NeverContactSource, or inside a blocked scope, except where the plan
// says so of that very location.
func neverContacted(rules *mirrorset.Rules, plan resolve.Plan, requests []world.Request) error {
	for _, r := range requests {
		location, said := r.Location(), func(f finding.Finding) bool { return f.Value == r.Location() }
		if r.Path == "/token" { // part of the attempt at a location of the host
			location, said = r.Host, func(f finding.Finding) bool { return strings.HasPrefix(f.Value, r.Host+"/") }
		}
		source, _ := forbidden(rules, location)
		if source == "" {
			continue
		}
		if !slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool { return said(f) && excuses(rules, plan, f) }) {
			return fmt.Errorf("%s %s://%s was asked, although %s may not be contacted; the plan says %v", r.Method, r.Scheme, location, source, plan.Findings)
		}
	}
	return nil
}

// excuses reports whether a finding is one of the few that a hosts.toml cannot help.
func excuses(rules *mirrorset.Rules, plan resolve.Plan, f finding.Finding) bool {
	switch f.Code {
	case finding.CodeForbiddenContact, finding.CodeWildcardUnused:
		return true
	case finding.CodeNarrowScope:
		_, narrow := forbidden(rules, f.Value)
		return narrow
	case finding.CodeEvadesRule:
		// Only a spelling that no rule has evades one.
		host, _ := splitHost(plan.References[0])
		return !slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
			h, _ := splitHost(r.Source)
			return r.Never && h == host
		})
	}
	return false
}

// forbidden returns the source or scope that a location may not be contacted for. The rules with the
// longest source around it decide, for each kind of pull; Never wins.
func forbidden(rules *mirrorset.Rules, location string) (source string, narrow bool) {
	for _, pull := range []mirrorset.Pull{mirrorset.ByDigest, mirrorset.ByTag} {
		longest, never := "", ""
		for _, r := range rules.Rules {
			s := world.WireLocation(r.Source)
			if r.Pull != pull || !world.Inside(location, r.Source) || len(s) < len(longest) {
				continue
			}
			if len(s) > len(longest) {
				longest, never = s, ""
			}
			if r.Never {
				never = r.Source
			}
		}
		if never != "" {
			return never, false
		}
	}
	for _, s := range rules.Blocked {
		if world.Inside(location, s.Value) {
			source = s.Value
			narrow = narrow || strings.Contains(s.Value, "/")
		}
	}
	return source, narrow
}

// Whatever goes wrong with the mirrors, and with all of them alike.
func TestNeverContactSourceMeansNever(t *testing.T) {
	worlds := map[string]world.Registry{
		"down":    {State: world.Down},
		"broken":  {State: world.Broken},
		"empty":   {State: world.Empty},
		"hanging": {State: world.Hangs},
		"basic":   {Auth: world.Basic},
		"bearer":  {Auth: world.Bearer, Username: "u", Password: "p"},
	}
	inParallel(t, "NeverContactSource, all registries failing alike", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for i := 0; y.row.Configurations < 400; i++ {
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

// A source that is not in the file cannot be asked because of the file, whatever a client makes of it.
func TestTheFileOfANeverRegistryDoesNotNameIt(t *testing.T) {
	s := random.New(t.Name())
	for files := 0; files < 2000; {
		conf := newConfiguration(t, s, "")
		for j, r := range conf.table.Registries() {
			if !r.Never {
				continue
			}
			files++
			self := world.WireLocation(r.Host)
			if slices.ContainsFunc(r.Endpoints, func(e resolve.Endpoint) bool { return world.WireLocation(e.Host) == self }) {
				continue // a mirror on the same host, in a part of it that may be contacted
			}
			for _, spelling := range []string{self, r.Host, strings.TrimPrefix(self, "registry-1.")} {
				require.NotContains(t, strings.ToLower(string(conf.tree[j].File.Bytes())), strings.ToLower(spelling), describe(conf.rules))
			}
		}
	}
}

func TestNoVersionIgnoresAFileOfATree(t *testing.T) {
	inParallel(t, "files of random rules are read", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for y.row.Configurations < 500 {
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
					if e.SkipVerify && !strings.HasSuffix(e.Host, ":80") {
						scheme = "https" // tried first, whatever the URL says
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
