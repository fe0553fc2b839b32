package linux

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// The image that registries have, where they have one, and another that only has the same tag.
var image, other = world.NewImage("one"), world.NewImage("other")

func newProxy(t *testing.T) *world.Proxy {
	t.Helper()
	p, err := world.NewProxy(world.New())
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// A fate is how a registry treats a client without credentials.
type fate struct {
	name   string
	server world.Registry
	// answers is set where the client gets as far as asking for the manifest. Otherwise all that is seen
	// of its attempt is the host.
	answers bool
	// serves is set where it gets the manifest, if the registry has it.
	serves bool
}

var (
	up       = fate{"up", world.Registry{}, true, true}
	open     = fate{"up, with tokens for anyone", world.Registry{Auth: world.Bearer}, true, true}
	empty    = fate{"empty", world.Registry{State: world.Empty}, true, false}
	basic    = fate{"401", world.Registry{Auth: world.Basic, Username: "u"}, true, false}
	noToken  = fate{"401, and no token", world.Registry{Auth: world.Bearer, Username: "u"}, false, false}
	broken   = fate{"500", world.Registry{State: world.Broken}, false, false}
	down     = fate{"down", world.Registry{State: world.Down}, false, false}
	failures = []fate{empty, basic, noToken, broken, down}
)

// state is a world in which every host that matters has a fate.
type state struct {
	*world.World
	fates map[string]fate
	has   map[string]bool // locations, as the network sees them, that have the image
}

func newState() state { return state{world.New(), map[string]fate{}, map[string]bool{}} }

func hostOf(location string) string {
	host, _, _ := strings.Cut(world.WireLocation(location), "/")
	return host
}

// set gives a host its fate, if it has none.
func (st state) set(location string, f fate) {
	host := hostOf(location)
	if _, ok := st.fates[host]; !ok {
		st.fates[host] = f
		*st.Registry(host) = f.server
	}
}

// put gives a location the image under all names that images are pulled by here.
func (st state) put(location string) {
	location = onTheWire(location)
	st.Put(location, "1", image)
	st.Put(location, "latest", image)
	st.has[world.WireLocation(location)] = true
}

// expect says what will be seen of a plan: the locations up to the one that serves, only the host
// of those that do not get to be asked, repeats in a row written once.
func (st state) expect(plan []string) (trace []string, served bool) {
	for _, location := range plan {
		f, known := st.fates[hostOf(location)]
		if !known {
			f = up
		}
		seen := world.WireLocation(location)
		if !f.answers {
			seen = hostOf(location)
		}
		if n := len(trace); n == 0 || trace[n-1] != seen {
			trace = append(trace, seen)
		}
		if f.serves && st.has[world.WireLocation(location)] {
			return trace, true
		}
	}
	return trace, false
}

// trace is what the registries saw, in one spelling.
func trace(requests []world.Request) (list []string) {
	for _, location := range world.Trace(requests) {
		location = world.WireLocation(location)
		if n := len(list); n == 0 || list[n-1] != location {
			list = append(list, location)
		}
	}
	return list
}

// pull pulls an image as a pod names it: each reference that it stands for, until one is there.
func pull(client *containersimage.Registries, p *world.Proxy, image string) (requests []world.Request, err error) {
	return pullBy(image, client, func(ref string) clients.Pull { return client.Pull(context.Background(), p, ref) })
}

// pullBy is pull in another way.
func pullBy(image string, client *containersimage.Registries, by func(ref string) clients.Pull) (
	requests []world.Request, err error) {
	refs, err := client.Expand(image)
	for _, ref := range refs {
		got := by(ref)
		requests, err = append(requests, got.Requests...), got.Err
		if err == nil {
			break
		}
	}
	return requests, err
}

func aPullGoesWhereThePlanSays(t *testing.T) {
	configurations, images := random.Count(10_000), 1
	row := newRow(t, containersImage, "requests of pulls, up to the location that serves")
	s := random.New(t.Name())
	p := newProxy(t)
	byMirror, bySource, failed := 0, 0, 0
	for range configurations {
		c := newConfig(t, s.Set())
		client := c.load(t)
		row.Configurations++
		for range images {
			var name string
			var plan resolve.Plan
			for range 4 { // most names have no mirrors
				name = c.image(s, image.Manifest.Digest.String())
				var err error
				plan, err = c.table.Plan(name)
				require.NoError(t, err, name)
				if len(plan.Pull) > 1 {
					break
				}
			}
			st := randomState(s, c, plan)
			p.Use(st.World)
			requests, err := pull(client, p, name)
			row.Pulls++

			want, served := st.expect(locations(plan))
			require.Equal(t, want, trace(requests), "%s: the plan's trace, and the client's; %v\n%s", name, st.fates, c)
			require.Equal(t, served, err == nil, "%s: %v; %v\n%s", name, err, st.fates, c)
			requireNever(t, c, client, plan)
			requireAllowed(t, c, client, plan, requests)
			switch {
			case !served:
				failed++
			case want[len(want)-1] == world.WireLocation(plan.Pull[len(plan.Pull)-1].Location):
				bySource++
			default:
				byMirror++
			}
		}
		require.NoError(t, client.Close())
	}
	t.Logf("served by a mirror %d, by the last location %d, by none %d", byMirror, bySource, failed)
	for _, n := range []int{byMirror, bySource, failed} {
		require.Greater(t, n, row.Pulls/10, "the random worlds are too tame")
	}
}

// randomState gives the hosts of a plan random fates, and the image to some of its locations and to some
// that the client has to stay away from.
func randomState(s *random.Source, c config, plan resolve.Plan) state {
	st := newState()
	fates := append([]fate{up, up, open}, failures...)
	if s.Intn(2) == 0 {
		fates = []fate{up, open, failures[s.Intn(len(failures))]}
	}
	seen := map[string]bool{}
	for _, a := range plan.Pull {
		if seen[world.WireLocation(a.Location)] {
			continue
		}
		seen[world.WireLocation(a.Location)] = true
		st.set(a.Location, fates[s.Intn(len(fates))])
		switch s.Intn(4) {
		case 0, 1:
			st.put(a.Location)
		case 2: // the tag, with another image: for pulls by digest as good as none
			st.Put(a.Location, "1", other)
			st.Put(a.Location, "latest", other)
			if !strings.Contains(plan.Image, "@") {
				st.has[world.WireLocation(a.Location)] = true
			}
		}
	}
	for _, ref := range plan.References {
		name, _, _ := strings.Cut(ref, "@")
		if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
			name = name[:i]
		}
		if s.Intn(2) == 0 && !seen[world.WireLocation(onTheWire(name))] {
			st.put(name)
		}
	}
	return st
}

// requireAllowed holds the requests themselves against the rules, whatever the plan says.
func requireAllowed(t *testing.T, c config, client *containersimage.Registries, plan resolve.Plan,
	requests []world.Request) {
	t.Helper()
	// A host alone may be that of a source and of a repository that is allowed again inside it; the
	// trace, which is that of the plan, tells them apart.
	requests = slices.DeleteFunc(slices.Clone(requests), func(r world.Request) bool { return r.Object() == "" })
	require.Empty(t, c.contract(client).Unsaid(own(plan), requests,
		slices.Concat(plan.Findings, c.table.Findings)), "%s: %v\n%s", plan.Image, plan.Findings, c)
}

// Whatever the mirrors do, the source is not asked; it would serve.
func neverMeansNeverWithEveryMirrorFailing(t *testing.T) {
	pulls := random.Count(600)
	s := random.New(t.Name())
	p := newProxy(t)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			row := newRow(t, containersImage, "NeverContactSource, every mirror: "+f.name)
			for row.Pulls < pulls {
				c := newConfig(t, s.Set())
				name, source := forbiddenImage(s, c)
				if name == "" {
					continue
				}
				plan, st, ok := failing(t, c, name, source, f)
				if !ok {
					continue
				}
				row.Configurations++
				row.Pulls++
				client := c.load(t)
				p.Use(st.World)
				requests, err := pull(client, p, name)
				require.Error(t, err, "%s is served\n%s", name, c)
				want, _ := st.expect(locations(plan))
				require.Equal(t, want, trace(requests), "%s\n%s", name, c)
				requireAllowed(t, c, client, plan, requests)
				require.NoError(t, client.Close())
			}
		})
	}
}

// failing returns the plan of a forbidden image and a world in which no mirror serves it, and only
// the source would. It is false where nothing is to be learnt: no mirror is left, or the image
// evades the rule.
func failing(t *testing.T, c config, name, source string, f fate) (plan resolve.Plan, st state, ok bool) {
	t.Helper()
	plan, err := c.table.Plan(name)
	require.NoError(t, err)
	st = newState()
	for _, a := range plan.Pull {
		st.set(a.Location, f)
	}
	st.set(source, up) // unless a mirror is on its host
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ":1"), "@")
	st.put(name)
	return plan, st, len(plan.Pull) > 0 && !hasCode(plan.Findings, finding.CodeEvadesRule)
}

// forbiddenImage returns an image that the rules forbid to ask its own location for, and the source
// that it lies inside; both are empty where the configuration has none.
func forbiddenImage(s *random.Source, c config) (name, source string) {
	for _, i := range s.Perm(len(c.rules.Rules)) {
		r := c.rules.Rules[i]
		if !r.Never {
			continue
		}
		source = r.Source
		if domain, ok := strings.CutPrefix(source, "*."); ok {
			source = "foo." + domain
		}
		name = source + "/z/z"
		if c.contract(nil).Forbids(manifestOf(name).Place()) == "" {
			continue // opened again by a longer source
		}
		if r.Pull == mirrorset.ByDigest {
			return name + "@" + image.Manifest.Digest.String(), source
		}
		return name + ":1", source
	}
	return "", ""
}

// A mirror that has the manifest and lost the blobs makes this client look further down its list
// for them, and no further.
func neverMeansNeverWhenMirrorsLostTheirBlobs(t *testing.T) {
	pulls := random.Count(600)
	row := newRow(t, containersImage, "NeverContactSource, every mirror: without its blobs")
	s := random.New(t.Name())
	p := newProxy(t)
	for row.Pulls < pulls {
		c := newConfig(t, s.Set())
		name, source := forbiddenImage(s, c)
		if name == "" {
			continue
		}
		plan, st, ok := failing(t, c, name, source, up)
		if !ok || hostOf(name) == hostOf(plan.Pull[0].Location) {
			continue
		}
		for _, a := range plan.Pull {
			if hostOf(a.Location) != hostOf(name) {
				st.put(a.Location)
				st.Registry(hostOf(a.Location)).WithoutBlobs = true
			}
		}
		row.Configurations++
		row.Pulls++
		client := c.load(t)
		p.Use(st.World)
		requests, err := pull(client, p, name)
		require.Error(t, err, "%s is served\n%s", name, c)
		for _, location := range trace(requests) {
			require.Contains(t, onTheWireAll(locations(plan)), location, "%s\n%s", name, c)
		}
		requireAllowed(t, c, client, plan, requests)
		require.NoError(t, client.Close())
	}
}

func onTheWireAll(names []string) (list []string) {
	for _, n := range names {
		list = append(list, world.WireLocation(n))
	}
	return list
}

// A registry that hangs holds the client up for as long as the caller waits; it goes nowhere else then.
func neverMeansNeverWhileAMirrorHangs(t *testing.T) {
	row := newRow(t, containersImage, "NeverContactSource, a mirror that hangs")
	p := newProxy(t)
	for _, name := range []string{"quay.io/a/b:1", "quay.io/a/b@" + image.Manifest.Digest.String()} {
		c := newConfig(t, newSet(t, "digest quay.io/a m.io/a n.io/a never\ntag quay.io/a m.io/a n.io/a "+
			"never\ninsecure quay.io/a/b"))
		client := c.load(t)
		w := world.New()
		w.Registry("m.io").State = world.Hangs
		w.Put("quay.io/a/b", "1", image)
		p.Use(w)
		got := waitFor(t, client, p, name, "m.io")
		row.Configurations++
		row.Pulls++
		require.Error(t, got.Err)
		require.Equal(t, []string{"m.io"}, trace(got.Requests))
		plan, err := c.table.Plan(name)
		require.NoError(t, err)
		require.NoError(t, world.Follow(trace(got.Requests), locations(plan)))
	}
}

// waitFor pulls an image, and gives up a moment after a host was asked.
func waitFor(t *testing.T, client *containersimage.Registries, p *world.Proxy, name, host string) clients.Pull {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := p.World()
	go func() {
		for ctx.Err() == nil && !slices.ContainsFunc(w.Requests(),
			func(r world.Request) bool { return r.Host == host }) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		cancel()
	}()
	return client.Pull(ctx, p, name)
}

// The insecure flag, and where it has to stand for the client to heed it.
func anInsecureScopeReachesARegistryWithoutTLS(t *testing.T) {
	row := newRow(t, containersImage, "pulls through insecure mirrors and sources")
	p := newProxy(t)
	for _, test := range []struct {
		rules, image, plain string
		serves              bool
	}{
		{"tag quay.io m.io", "quay.io/a:1", "m.io/a", false},
		{"tag quay.io m.io\ninsecure m.io", "quay.io/a:1", "m.io/a", true},
		{"tag quay.io m.io/x\ninsecure m.io", "quay.io/a:1", "m.io/x/a", true},
		{"tag quay.io m.io\ninsecure quay.io", "quay.io/a:1", "m.io/a", false},
		{"tag quay.io m.io\ninsecure quay.io", "quay.io/a:1", "quay.io/a", true},
		{"tag quay.io m.io\ninsecure quay.io/a", "quay.io/a/b:1", "quay.io/a/b", true},
		{"tag quay.io m.io\ninsecure quay.io/a\ninsecure m.io/a", "quay.io/a/b:1", "m.io/a/b", true},
		{"tag quay.io foo.example.org\ninsecure *.example.org", "quay.io/a:1", "foo.example.org/a", true},
		{"tag *.example.org m.io\ninsecure foo.example.org", "foo.example.org/a:1", "foo.example.org/a", true},
		{"tag *.example.org m.io\ninsecure m.io", "foo.example.org/a:1", "m.io/a", true},
	} {
		c := newConfig(t, newSet(t, test.rules))
		client := c.load(t)
		st := newState()
		st.Registry(hostOf(test.plain)).PlainHTTP = true
		st.put(test.plain)
		p.Use(st.World)
		requests, err := pull(client, p, test.image)
		row.Configurations++
		row.Pulls++
		require.Equal(t, test.serves, err == nil, "%s %s: %v\n%v", test.image, test.plain, err, c)
		plan, err := c.table.Plan(test.image)
		require.NoError(t, err)
		require.NoError(t, world.Follow(trace(requests), locations(plan)))
	}
}
