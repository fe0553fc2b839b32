//go:build binaries

package windows

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/binaries"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/render"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

const containerd16 = "containerd 1.6.20 (ctr)"

// startContainerd starts Debian's containerd behind a proxy.
func startContainerd(t *testing.T) (*world.Proxy, *binaries.Containerd) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("containerd needs root")
	}
	p, err := world.NewProxy(world.New())
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	s, err := binaries.NewSandbox(t.TempDir(), p)
	require.NoError(t, err)
	c, err := binaries.StartContainerd(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	return p, c
}

// simulate walks through a plan as containerd does, in a world whose registries either fail alike for
// everything or serve whole images, and returns what the world should see: locations, and the bare host of
// a registry that is down, which a proxy cannot see more of.
func simulate(w *world.World, f foretold, reference string) (trace []string, served bool) {
	has := func(location string, d string) (image world.Image, ok bool) {
		host, repository := splitHost(location)
		r := w.Registry(host)
		if r.State != world.Up || r.Auth == world.Basic || r.Auth == world.Bearer && r.Username != "" {
			return image, false
		}
		for tag, i := range r.Repositories[repository] {
			if d == tag || d == i.Manifest.Digest.String() {
				return i, true
			}
		}
		return image, false
	}
	walk := func(plan []string, object string) (image world.Image, ok bool) {
		for _, l := range plan {
			host, _ := splitHost(l)
			if w.Registry(host).State == world.Down {
				trace = append(trace, world.WireLocation(host))
				continue
			}
			trace = append(trace, world.WireLocation(l))
			if image, ok = has(l, object); ok {
				return image, true
			}
		}
		return image, false
	}
	object := reference[len(nameOf(reference))+1:]
	image, ok := walk(f.heads, object)
	if !ok && f.byDigest {
		walk(f.heads, "a blob") // as in 1.7, whatever the registries answered
	}
	for range 3 { // the manifest, the config and the layer, which are at the same places
		if ok {
			_, ok = walk(f.gets, image.Manifest.Digest.String())
		}
	}
	return slices.Compact(trace), ok
}

func TestContainerd16AsksWhatThePlanSays(t *testing.T) {
	p, c := startContainerd(t)
	s := random.New(t.Name())
	row := report.Add(containerd16, "requests = plan, random rules")
	y := tally{t, row}
	root := t.TempDir()
	states := []world.Registry{{}, {}, {}, {Auth: world.Bearer}, {Auth: world.Basic}, {State: world.Down}, {State: world.Broken}, {State: world.Empty}}
	served := 0
	for i := 0; row.Pulls < random.Count(400); i++ {
		conf := newConfiguration(t, s, filepath.Join(root, strconv.Itoa(i)))
		if len(conf.tree) == 0 {
			continue
		}
		row.Configurations++
		for range 2 {
			image := reference(s, conf.rules)
			plan, err := conf.table.Plan(image)
			require.NoError(t, err)
			w := world.New()
			at := append(locations(plan.Pull), nameOf(plan.References[0]))
			for _, l := range at {
				host, _ := splitHost(l)
				*w.Registry(host) = states[s.Intn(len(states))]
			}
			for _, l := range at {
				if s.Intn(2) == 0 {
					put(w, l, images[s.Intn(2)])
				}
			}
			p.Use(w)
			pull := c.Pull(context.Background(), conf.dir, image)
			row.Pulls++
			want, ok := simulate(w, foretell(conf.table, plan), plan.References[0])
			if ok {
				served++
			}
			got := wireTrace(pull.Requests)
			for i, l := range got { // by plain HTTP, a proxy sees what a registry that is down was asked for
				if host, _ := splitHost(l); w.Registry(host).State == world.Down {
					got[i] = host
				}
			}
			if got = slices.Compact(got); !slices.Equal(got, want) || ok != (pull.Err == nil) {
				y.mismatch("%s: asked %q (%v), the plan says %q (%t)\n%s", image, got, pull.Err, want, ok, describe(conf.rules))
			}
			if err := neverAsked(conf.rules, plan, pull.Requests); err != nil {
				y.mismatch("%s: %v\n%s", image, err, describe(conf.rules))
			}
		}
	}
	require.Greater(t, served, row.Pulls/10)
}

func wireTrace(requests []world.Request) (trace []string) {
	for _, l := range world.Trace(requests) {
		trace = append(trace, world.WireLocation(l))
	}
	return slices.Compact(trace)
}

// neverAsked is neverContacted for what a proxy sees: a connection that came to nothing shows no
// repository, and stands for whichever locations of its host the plan has.
func neverAsked(rules *mirrorset.Rules, plan resolve.Plan, requests []world.Request) error {
	var seen []world.Request
	for _, r := range requests {
		if r.Method != http.MethodConnect {
			seen = append(seen, r)
			continue
		}
		if !slices.ContainsFunc(append(locations(plan.Pull), locations(plan.Resolve)...), func(l string) bool {
			host, _ := splitHost(world.WireLocation(l))
			return host == world.WireLocation(r.Host)
		}) {
			return fmt.Errorf("%s was asked, which is not in the plan", r.Host)
		}
	}
	return neverContacted(rules, plan, seen)
}

// 1.6 ignores files that later versions read. Not ours.
func TestNeverContactSourceMeansNeverIn16(t *testing.T) {
	p, c := startContainerd(t)
	row := report.Add(containerd16, "NeverContactSource, all registries failing alike")
	y := tally{t, row}
	digest := "@" + images[0].Manifest.Digest.String()
	never := mirrorset.NeverContactSource
	worlds := map[string]world.Registry{
		"down":   {State: world.Down},
		"broken": {State: world.Broken},
		"empty":  {},
		"basic":  {Auth: world.Basic},
		"bearer": {Auth: world.Bearer, Username: "u", Password: "p"},
		"hangs":  {State: world.Hangs},
	}
	for _, conf := range []struct {
		rules *mirrorset.Rules
		image string
		asked int // mirrors
	}{
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "quay.io/a", Mirrors: []string{"m.io/a", "n.io:5000/x/a"}, MirrorSourcePolicy: never}}, true), "quay.io/a:1", 2},
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io"}, MirrorSourcePolicy: never}}, false), "quay.io/a" + digest, 1},
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io"}, MirrorSourcePolicy: never}}, false), "quay.io/a:1", 0},
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "docker.io", Mirrors: []string{"m.io/hub"}, MirrorSourcePolicy: never}}, true), "busybox:1", 1},
		// The blocking file: nothing is left but the source itself.
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "quay.io/a/b", Mirrors: []string{"quay.io/b"}, MirrorSourcePolicy: never}}, true), "quay.io/a/b:1", 0},
		{rulesOf(t, []mirrorset.ImageMirrors{{Source: "quay.io/a/b", Mirrors: []string{"quay.io/b"}, MirrorSourcePolicy: never}}, true), "quay.io/a/b" + digest, 0},
		{&mirrorset.Rules{Blocked: []mirrorset.Scope{{Value: "quay.io"}}}, "quay.io/a:1", 0},
	} {
		tree, table, _ := hoststoml.Render(conf.rules, hoststoml.RenderOptions{})
		table = here(table)
		dir := t.TempDir()
		_, err := tree.Write(dir)
		require.NoError(t, err)
		row.Configurations++
		plan, err := table.Plan(conf.image)
		require.NoError(t, err)
		for _, state := range []string{"down", "broken", "empty", "basic", "bearer", "hangs"} {
			w := world.New()
			for _, host := range []string{"quay.io", "registry-1.docker.io", "docker.io", "m.io", "n.io:5000"} {
				*w.Registry(host) = worlds[state]
			}
			p.Use(w)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if state == "hangs" { // 1.6 waits for ever
				cancel()
				ctx, cancel = context.WithTimeout(context.Background(), 2*time.Second)
			}
			pull := c.Pull(ctx, dir, conf.image)
			cancel()
			row.Pulls++
			require.Error(t, pull.Err)
			if conf.asked == 0 {
				require.ErrorContains(t, pull.Err, "no resolve hosts")
				require.Empty(t, pull.Requests)
			} else {
				require.NotEmpty(t, pull.Requests)
			}
			if err := neverAsked(conf.rules, plan, pull.Requests); err != nil {
				y.mismatch("%s, %s: %v", conf.image, state, err)
			}
			if got := hostsOf(pull.Requests); state != "hangs" && len(got) != conf.asked {
				y.mismatch("%s, %s: %q was asked, %d mirrors were expected", conf.image, state, got, conf.asked)
			}
		}
	}
}

func hostsOf(requests []world.Request) (hosts []string) {
	for _, r := range requests {
		hosts = append(hosts, r.Host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// From 1.7 on http:// is tried by https first where there is a TLS setting; 1.6 goes by the URL alone, even
// in ctr, which always has one.
func TestContainerd16AsksHTTPAtOnce(t *testing.T) {
	p, c := startContainerd(t)
	for _, settings := range []string{"", "skip_verify = true\n"} {
		w := world.New()
		w.Registry("m.io:5000").PlainHTTP = true
		put(w, "m.io:5000/a", images[0])
		p.Use(w)
		dir := configPath(t, map[string]string{"quay.io": "server = \"https://quay.io\"\n[host.\"http://m.io:5000\"]\n" + settings})
		pull := c.Pull(context.Background(), dir, "quay.io/a:1")
		require.NoError(t, pull.Err)
		require.Equal(t, "http", pull.Requests[0].Scheme)
		require.Equal(t, []string{"m.io:5000/a"}, wireTrace(pull.Requests))
	}
}

// The faults of WMCO's files, in 1.6.
func TestWhatContainerd16DoesWithWMCOsFiles(t *testing.T) {
	p, c := startContainerd(t)
	p.Use(world.New())
	never := mirrorset.NeverContactSource
	entries := []mirrorset.ImageMirrors{{Source: "quay.io/a", Mirrors: []string{"m.io/a", "m.io"}, MirrorSourcePolicy: never}}
	image := "quay.io/a@" + images[0].Manifest.Digest.String()
	pull := c.Pull(context.Background(), configPath(t, wmcoFiles(entries, false)), image)
	require.Equal(t, []string{"quay.io/a"}, wireTrace(pull.Requests))
	dir := t.TempDir()
	_, err := render.Tree(rulesOf(t, entries, false)).Write(dir)
	require.NoError(t, err)
	pull = c.Pull(context.Background(), dir, image)
	require.Equal(t, []string{"m.io/a"}, wireTrace(pull.Requests))
}
