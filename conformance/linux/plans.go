package linux

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func thePlanIsWhatTheClientWouldDo(t *testing.T) {
	configurations, images := random.Count(10_000), 6
	row := newRow(t, containersImage, "locations of plans, without network")
	s := random.New(t.Name())
	mirrored, stopped, unqualified, never := 0, 0, 0, 0
	for range configurations {
		c := newConfig(t, s.Set())
		client := c.load(t)
		row.Configurations++

		parsed, findings := registriesconf.Parse("registries.conf", []byte(c.file))
		require.NoError(t, findings.Err(), c)
		if c.dropIns != nil {
			dropIn, findings := registriesconf.Parse("drop-in", []byte(c.dropIns[0]))
			require.NoError(t, findings.Err(), c)
			parsed = parsed.Overlay(dropIn)
		}
		reread := parsed.Table("registries.conf")

		for range images {
			image := c.image(s, random.Digest)
			plan, err := c.table.Plan(image)
			require.NoError(t, err, image)
			requireSame(t, c, client, plan)
			requireNever(t, c, client, plan)
			row.Pulls++

			again, err := reread.Plan(image)
			require.NoError(t, err, image)
			require.Equal(t, places(plan), places(again), "%s, of the table that the file was read into\n%s", image, c)

			if len(plan.Pull) > 1 {
				mirrored++
			}
			if hasCode(plan.Findings, finding.CodeUnwritable) {
				stopped++
			}
			if len(plan.References) > 1 {
				unqualified++
			}
			if len(plan.Pull) > 0 && len(plan.References) == 1 &&
				plan.Pull[len(plan.Pull)-1].Role == resolve.RoleMirror {
				never++
			}
		}
		require.NoError(t, client.Close())
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	t.Logf("with mirrors %d, stopped %d, unqualified %d, without the source %d", mirrored, stopped, unqualified, never)
	for _, n := range []int{mirrored, stopped, unqualified, never} {
		require.Greater(t, n, row.Pulls/50, "the random configurations are too tame")
	}
}

// The same on top of a file that a node has already.
func anEditedBaseFileIsReadAsPlanned(t *testing.T) {
	configurations, images := random.Count(5_000), 4
	row := newRow(t, containersImage, "locations of plans, on top of a base file")
	s := random.New(t.Name())
	refused := 0
	for row.Configurations < configurations {
		base, findings := registriesconf.Parse("base", baseFile(s))
		require.NoError(t, findings.Err())
		c := newConfig(t, s.Set()).on(base)
		// Two entries of the base file, or one and a rule, may end up with one location and
		// different flags.
		if _, problems := registriesconf.Parse("edited", []byte(c.file)); problems.Err() != nil {
			_, err := containersimage.LoadRegistries(t.TempDir(), c.file, c.dropIns...)
			require.Error(t, err, c)
			refused++
			continue
		}
		client := c.load(t)
		row.Configurations++
		for range images {
			plan, err := c.table.Plan(c.image(s, random.Digest))
			require.NoError(t, err)
			if base.ShortNameMode != "enforcing" || len(plan.References) < 2 {
				requireSame(t, c, client, plan)
			} else {
				require.Error(t, attempts(client, plan.Image).err)
				require.Empty(t, plan.Pull)
			}
			requireNever(t, c, client, plan)
			row.Pulls++
		}
		require.NoError(t, client.Close())
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	t.Logf("%d files refused", refused)
}

// What is looked up is the location that is about to be asked. So it is the prefix of an entry that
// has to be blocked for a source not to be contacted, wherever the entry itself leads.
func aBaseEntryThatLeadsElsewhereIsBlockedForItsPrefix(t *testing.T) {
	base, findings := registriesconf.Parse("base", []byte("[[registry]]\nprefix = \"quay.io/a\"\nlocation "+
		"= \"internal.io/a\"\n"))
	require.NoError(t, findings.Err())
	c := newConfig(t, newSet(t, "digest quay.io/a m.io/a never\ndigest other.io quay.io/a n.io")).on(base)
	client := c.load(t)
	for image, want := range map[string][]string{
		"other.io/x@" + random.Digest:  {"n.io/x", "other.io/x"},
		"quay.io/a/x@" + random.Digest: {"m.io/a/x", "internal.io/a/x"},
	} {
		plan, err := c.table.Plan(image)
		require.NoError(t, err)
		requireSame(t, c, client, plan)
		require.Equal(t, want, locations(plan), "%s\n%s", image, c)
	}
}

// requireSame holds a plan against the client's own list of locations.
func requireSame(t *testing.T, c config, client *containersimage.Registries, plan resolve.Plan) {
	t.Helper()
	got := attempts(client, plan.Image)
	require.Equal(t, got.locations, locations(plan), "%s: the client's locations, and the plan's\n%s", plan.Image, c)
	require.Equal(t, got.stopped > 0, hasCode(plan.Findings, finding.CodeUnwritable),
		"%s: the client says %v, the plan %v\n%s", plan.Image, got.err, plan.Findings, c)
	if len(plan.Pull) == 0 {
		require.True(t, hasError(plan.Findings), "%s: nothing is asked, and no finding says why\n%s", plan.Image, c)
	}
}

// requireNever holds a plan, and with it the client, against the rules: no location is asked that
// lies inside a source under NeverContactSource or a blocked scope, unless the plan says so.
func requireNever(t *testing.T, c config, client *containersimage.Registries, plan resolve.Plan) {
	t.Helper()
	var requests []world.Request
	for _, l := range locations(plan) {
		requests = append(requests, manifestOf(l))
	}
	require.Empty(t, c.contract(client).Unsaid(own(plan), requests,
		slices.Concat(plan.Findings, c.table.Findings)), "%s: %v\n%s", plan.Image, plan.Findings, c)
}

// own is the reference that an image is, and empty for a name without a registry.
func own(plan resolve.Plan) string {
	host, _, ok := strings.Cut(plan.Image, "/")
	if len(plan.References) != 1 || !ok || !strings.ContainsAny(host, ".:") {
		return ""
	}
	return plan.References[0]
}

// manifestOf is the request for a manifest at a location, or the ping of a host.
func manifestOf(location string) world.Request {
	host, repository, ok := strings.Cut(location, "/")
	if !ok {
		return world.Request{Scheme: "https", Host: host, Path: "/v2/"}
	}
	return world.Request{Scheme: "https", Host: host, Path: "/v2/" + repository + "/manifests/1"}
}

type place struct {
	Location string
	Role     resolve.Role
}

// places is a plan without the origins, which differ between a file and the objects that it was made of.
func places(p resolve.Plan) (list []place) {
	for _, a := range p.Pull {
		list = append(list, place{a.Location, a.Role})
	}
	return list
}

// What no random configuration reaches: images that the two might read differently.
func anImageThatTheClientRefusesHasNoPlan(t *testing.T) {
	row := newRow(t, containersImage, "odd image names")
	digest := "@" + random.Digest
	long := strings.Repeat("a/", 130)
	c := newConfig(t, newSet(t, "tag quay.io m.io/x\ndigest quay.io n.io/a-very-long-name/"+strings.Repeat("b", 200)+
		"\ntag docker.io hub.io\ntag localhost/a m.io/local"))
	client := c.load(t)
	row.Configurations++
	refused := 0
	for _, image := range []string{
		"", " ", "a", "A", "a:1", "a:", "a@", ":1", "@", "/", "//", "a/", "/a", "a//b", "a b", "quay.io",
		"quay.io:5000", "quay.io:5000:1", "quay.io/",
		"quay.io/a", "quay.io/A", "QUAY.IO/a", "quay.io/a:1", "quay.io/a:" + strings.Repeat("1", 128),
		"quay.io/a:" + strings.Repeat("1", 129),
		"quay.io/a:-1", "quay.io/a:.1", "quay.io/a:_1", "quay.io/a:1:2", "quay.io/a" + digest,
		"quay.io/a:1" + digest, "quay.io/a" + digest + ":1",
		"quay.io/a@sha256:aa", "quay.io/a@sha256:" + strings.Repeat("A", 64),
		"quay.io/a@md5:" + strings.Repeat("a", 32),
		"quay.io/a@sha512:" + strings.Repeat("a", 128), "quay.io/a@sha384:" + strings.Repeat("a", 96),
		"quay.io/a@sha512:" + strings.Repeat("a", 64),
		"https://quay.io/a", "docker://quay.io/a", "quay.io/a?x=1", "quay.io/a#1",
		"localhost/a", "localhost/a/b:1", "localhost:5000/a", "localhost", "Localhost/a", "LOCALHOST/a",
		"host/a", "host:80/a", "HOST/a", "Host/a/b", "hosT:1/a",
		"127.0.0.1/a", "127.0.0.1:5000/a", "[::1]/a", "[::1]:5000/a", "[fe80::1%eth0]/a", "::1/a",
		"a_b/c", "a_b.io/c", "a-b.io/c", "-a.io/c", "a-.io/c", "a..io/c", ".io/c", "a.io./c", "a./c",
		"quay.io/a__b", "quay.io/a___b", "quay.io/a---b", "quay.io/a.b", "quay.io/a..b", "quay.io/a._b",
		"quay.io/-a", "quay.io/a-", "quay.io/a_",
		"docker.io/a", "docker.io/library/a", "index.docker.io/a", "index.docker.io/a/b",
		"registry-1.docker.io/a", "docker.io", "docker.io/", "Docker.io/a",
		"quay.io/" + strings.Repeat("a", 247), "quay.io/" + strings.Repeat("a", 248),
		"quay.io/" + strings.Repeat("a", 255), "quay.io/" + strings.Repeat("a", 256),
		"quay.io/" + long + "a", long + "a", "m.io/" + strings.Repeat("a", 240) + digest,
		"quay.io/" + strings.Repeat("a", 29) + digest, "quay.io/" + strings.Repeat("a", 30) + digest,
		strings.Repeat("a", 237), strings.Repeat("a", 238), strings.Repeat("a", 245), strings.Repeat("a", 246),
		strings.Repeat("a", 229), strings.Repeat("a", 230),
		strings.Repeat("a", 64), strings.Repeat("a", 64) + ":1", "a/" + strings.Repeat("b", 64),
		"quay.io/" + strings.Repeat("a", 64), "\u00e4.io/a", "quay.io/\u00e4", "quay.io/a:\u00e4",
	} {
		row.Pulls++
		got := attempts(client, image)
		plan, err := c.table.Plan(image)
		if err != nil {
			refused++
			assert.Error(t, got.err, "%q: %v", image, err)
			assert.Empty(t, got.locations, image)
			continue
		}
		assert.Equal(t, got.locations, locations(plan), "%q: the client says %v, the plan %v", image, got.err,
			plan.Findings)
	}
	require.Greater(t, refused, 30)
}

// The client writes search registries before a name, and reads what comes of it.
func aSearchRegistryMayBeNoneToTheClient(t *testing.T) {
	row := newRow(t, containersImage, "odd search registries")
	for _, host := range []string{"local", "LOCAL", "localhost", "localHost", "LOCAL:443", "local:80", "x-y", "X.y", "docker.io", "index.docker.io",
		"127.1", "2130706433", "xn--a"} {
		for _, more := range []string{"", "quay.io"} {
			set := newSet(t, "tag quay.io m.io")
			set.Images[0].Spec.RegistrySources.ContainerRuntimeSearchRegistries = slices.DeleteFunc([]string{host, more},
				func(h string) bool { return h == "" })
			c := newConfig(t, set)
			client := c.load(t)
			row.Configurations++
			odd := hasCode(c.table.Findings, finding.CodeNoSearchRegistry)
			for _, image := range []string{"a:1", "a/b", "a/b@" + random.Digest, "quay.io/a:1"} {
				plan, err := c.table.Plan(image)
				require.NoError(t, err, "%s %s", host, image)
				requireSame(t, c, client, plan)
				row.Pulls++
				// A finding says so, and only where the client asks nothing, or a repository of Docker Hub.
				asked := len(plan.Pull) > 0 && (strings.HasPrefix(world.WireLocation(plan.Pull[0].Location), world.WireLocation(host)) ||
					strings.HasPrefix(image, "quay.io/"))
				require.Equal(t, !odd || strings.HasPrefix(image, "quay.io/"), asked, "%s %s: %v", host, image, plan.Pull)
			}
			require.NoError(t, client.Close())
		}
	}
}
