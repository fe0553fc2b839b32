package clients_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/world"
)

func load(t *testing.T, content string, dropIns ...string) *containersimage.Registries {
	t.Helper()
	r, err := containersimage.LoadRegistries(t.TempDir(), content, dropIns...)
	require.NoError(t, err)
	return r
}

// registry writes one [[registry]] and its mirrors.
func registry(prefix string, blocked bool, mirrors ...string) string {
	var b strings.Builder
	b.WriteString("[[registry]]\n")
	if strings.HasPrefix(prefix, "*.") {
		b.WriteString("prefix = \"" + prefix + "\"\n")
	} else {
		b.WriteString("location = \"" + prefix + "\"\n")
	}
	if blocked {
		b.WriteString("blocked = true\n")
	}
	for _, m := range mirrors {
		location, kind, _ := strings.Cut(m, " ")
		b.WriteString("[[registry.mirror]]\nlocation = \"" + location + "\"\n")
		if kind != "" {
			b.WriteString("pull-from-mirror = \"" + kind + "\"\n")
		}
	}
	return b.String()
}

func TestContainersImageAttempts(t *testing.T) {
	for name, tt := range map[string]struct {
		conf     string
		ref      string
		attempts string // separated by spaces, the blocked ones with a ! before
		err      string
	}{
		"no entry": {ref: "quay.io/a:1", attempts: "quay.io/a"},
		"mirrors of the pull's kind": {
			conf: registry("quay.io", false, "d.io digest-only", "t.io tag-only", "all.io"),
			ref:  "quay.io/a:1", attempts: "t.io/a all.io/a quay.io/a",
		},
		"mirrors of the pull's kind, for a digest beside a tag": {
			conf: registry("quay.io", false, "d.io digest-only", "t.io tag-only", "all.io"),
			ref:  "quay.io/a:1@" + image.Manifest.Digest.String(), attempts: "d.io/a all.io/a quay.io/a",
		},
		"the longest prefix alone": {
			conf: registry("quay.io", true, "m.io") + registry("quay.io/a", false),
			ref:  "quay.io/a/b:1", attempts: "quay.io/a/b",
		},
		"a blocked source": {
			conf: registry("quay.io", true, "m.io"), ref: "quay.io/a:1", attempts: "m.io/a !quay.io/a",
		},
		"a mirror inside a blocked scope": {
			conf: registry("quay.io", true, "quay.io/org", "m.io"),
			ref:  "quay.io/a:1", attempts: "!quay.io/org/a m.io/a !quay.io/a",
		},
		"a wildcard and its rest": {
			conf: registry("*.example.org", false, "m.io/wild"),
			ref:  "a.b.example.org:5000/x:1", err: "invalid reference format", // m.io/wild:5000/x:1
		},
		"a wildcard and a mirror without a path": {
			conf: registry("*.example.org", false, "m.io"),
			ref:  "a.b.example.org:5000/x:1", attempts: "m.io:5000/x a.b.example.org:5000/x",
		},
		"a wildcard does not match its own host": {
			conf: registry("*.example.org", true, "m.io"), ref: "example.org/x:1", attempts: "example.org/x",
		},
		"a wildcard and a subdomain of one letter": {
			conf: registry("a.example.org", true, "m.io") + registry("*.example.org", false, "n.io"),
			ref:  "a.example.org/x:1", attempts: "n.io/x a.example.org/x",
		},
		"a wildcard and a subdomain of two letters": {
			conf: registry("aa.example.org", true, "m.io") + registry("*.example.org", false, "n.io"),
			ref:  "aa.example.org/x:1", attempts: "m.io/x !aa.example.org/x",
		},
		"a wildcard whose domain stands twice in the host": {
			conf: registry("*.example.org", true, "m.io"),
			ref:  "a.example.org.example.org/x:1", attempts: "a.example.org.example.org/x",
		},
		"a wildcard whose domain begins another label": {
			conf: registry("*.example.org", true, "m.io"),
			ref:  "a.example.orgx.example.org/x:1", attempts: "a.example.orgx.example.org/x",
		},
		"an upper-case host is another host": {
			conf: registry("quay.io", true, "m.io"), ref: "Quay.io/a:1", attempts: "quay.io/a",
		},
		"an explicit default port does not evade the rule": {
			conf: registry("quay.io", true, "m.io"), ref: "quay.io:443/a:1", attempts: "m.io/a !quay.io/a",
		},
		"a host matches itself with a port": {
			conf: registry("example.com", false, "m.io"),
			ref:  "example.com:5000/x:1", attempts: "m.io:5000/x example.com:5000/x",
		},
		"an unwritable mirror": {
			conf: registry("quay.io/a", false, "m.io"), ref: "quay.io/a:1", err: "repository name must be canonical",
		},
		"an unwritable mirror of the other kind": {
			conf: registry("quay.io/a", false, "m.io digest-only"), ref: "quay.io/a:1", attempts: "quay.io/a",
		},
		"docker.io": {
			conf: registry("docker.io", false, "m.io"), ref: "busybox:1",
			attempts: "m.io/library/busybox registry-1.docker.io/library/busybox",
		},
		"index.docker.io as it is asked for": {
			conf: registry("index.docker.io", true), ref: "index.docker.io/busybox:1",
			attempts: "registry-1.docker.io/library/busybox",
		},
		"localhost as a mirror": {
			conf: registry("quay.io", false, "localhost/m"), ref: "quay.io/a:1", attempts: "localhost/m/a quay.io/a",
		},
		"a mirror host without dot or port": {
			conf: registry("quay.io", false, "mirror/m"), ref: "quay.io/a:1", err: "canonical",
		},
		"docker.io with one component as a mirror": {
			conf: registry("quay.io", false, "docker.io"), ref: "quay.io/a:1", err: "canonical",
		},
	} {
		t.Run(name, func(t *testing.T) {
			attempts, err := load(t, tt.conf).Attempts(tt.ref)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, a := range attempts {
				location := a.Location
				if a.Blocked {
					location = "!" + location
				}
				got = append(got, location)
			}
			require.Equal(t, tt.attempts, strings.Join(got, " "))
		})
	}
}

func TestContainersImagePullsAsItsAttemptsSay(t *testing.T) {
	w := world.New()
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	defer p.Close()
	r := load(t, registry("quay.io", true, "quay.io/org", "down.io", "broken.io", "basic.io", "m.io", "n.io"))
	w.Registry("down.io").State = world.Down
	w.Registry("broken.io").State = world.Broken
	w.Registry("basic.io").Auth = world.Basic

	pull := r.Pull(context.Background(), p, "quay.io/a:1")
	require.Error(t, pull.Err)
	require.Equal(t, []string{"down.io", "broken.io", "basic.io/a", "m.io/a", "n.io/a"}, pull.Trace())
	var plan []string
	attempts, err := r.Attempts("quay.io/a:1")
	require.NoError(t, err)
	for _, a := range attempts {
		if !a.Blocked {
			plan = append(plan, a.Location)
		}
	}
	require.NoError(t, world.Follow(pull.Trace(), plan))

	w.Put("m.io/a", "1", image)
	pull = r.Pull(context.Background(), p, "quay.io/a:1")
	require.NoError(t, pull.Err)
	require.Equal(t, image.Manifest.Digest, pull.Digest)
	require.Equal(t, []string{"down.io", "broken.io", "basic.io/a", "m.io/a"}, pull.Trace())
}

func TestContainersImageStopsAtAnUnwritableMirror(t *testing.T) {
	w := world.New()
	w.Put("quay.io/a", "1", image)
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	defer p.Close()
	pull := load(t, registry("quay.io/a", false, "m.io")).Pull(context.Background(), p, "quay.io/a:1")
	require.ErrorContains(t, pull.Err, "canonical")
	require.Empty(t, pull.Requests)
}

// The location that has the manifest need not serve the whole image in this version: blobs that it
// lost are looked for further down the list, the source included.
func TestContainersImageLooksForLostBlobsElsewhere(t *testing.T) {
	for name, tt := range map[string]struct {
		blocked bool
		trace   []string
	}{
		"at the source":        {false, []string{"m.io/a", "n.io/a", "quay.io/a"}},
		"not at a blocked one": {true, []string{"m.io/a", "n.io/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New()
			p, err := world.NewProxy(w)
			require.NoError(t, err)
			defer p.Close()
			for _, location := range []string{"m.io/a", "quay.io/a"} {
				w.Put(location, "1", image)
			}
			w.Registry("m.io").WithoutBlobs = true
			pull := load(t, registry("quay.io", tt.blocked, "m.io", "n.io")).Pull(context.Background(), p, "quay.io/a:1")
			require.Equal(t, tt.blocked, pull.Err != nil)
			require.Equal(t, tt.trace, pull.Trace())
		})
	}
}

func TestContainersImageHangsWithARegistry(t *testing.T) {
	w := world.New()
	w.Registry("m.io").State = world.Hangs
	w.Put("quay.io/a", "1", image)
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	defer p.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for len(w.Requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
	}()
	pull := load(t, registry("quay.io", false, "m.io")).Pull(ctx, p, "quay.io/a:1")
	require.Error(t, pull.Err)
	require.Equal(t, []string{"m.io"}, pull.Trace(), "nothing after the registry that hangs")
}

func TestContainersImageSendsCredentials(t *testing.T) {
	w := world.New()
	p, err := world.NewProxy(w)
	require.NoError(t, err)
	defer p.Close()
	*w.Registry("m.io") = world.Registry{Auth: world.Bearer, Username: "u", Password: "p", Realm: "auth.io"}
	*w.Registry("n.io") = world.Registry{Auth: world.Basic, Username: "u", Password: "p"}
	w.Put("n.io/a", "1", image)
	r := load(t, registry("quay.io", true, "m.io", "n.io"))
	require.NoError(t, r.SetAuth(`{"auths": {"m.io": {"auth": "dTpw"}, "n.io/a": {"auth": "dTpw"}}}`))
	pull := r.Pull(context.Background(), p, "quay.io/a:1")
	require.NoError(t, pull.Err)
	require.Equal(t, []string{"m.io/a", "n.io/a"}, pull.Trace())
	for _, q := range pull.Requests {
		if q.Host == "auth.io" {
			require.Equal(t, "Basic dTpw", q.Authorization)
		}
	}
}

func TestContainersImageSearchesForShortNames(t *testing.T) {
	r := load(t, `unqualified-search-registries = ["a.io", "docker.io"]`+"\nshort-name-mode = \"\"\n")
	refs, err := r.Expand("busybox")
	require.NoError(t, err)
	require.Equal(t, []string{"a.io/busybox:latest", "docker.io/library/busybox:latest"}, refs)

	drop, err := openshift.MCOSearchRegistries([]string{"b.io"})
	require.NoError(t, err)
	r = load(t, openshift.MCOBase, string(drop))
	refs, err = r.Expand("busybox:1")
	require.NoError(t, err)
	require.Equal(t, []string{"b.io/busybox:1"}, refs)
}

func TestContainersImageRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ conf, err string }{
		"a scheme":                         {registry("https://quay.io", false), "URI schemes are not supported"},
		"one location, blocked and not":    {"[[registry]]\nprefix=\"a.io\"\nlocation=\"quay.io\"\nblocked=true\n" + registry("quay.io", false), "conflicting 'blocked' setting"},
		"neither prefix nor location":      {"[[registry]]\n", "both location and prefix are unset"},
		"a mirror without a location":      {registry("quay.io", false, ""), "mirror location is unset"},
		"an unknown kind of pull":          {registry("quay.io", false, "m.io never"), "unsupported pull-from-mirror"},
		"a wildcard with a path":           {registry("*.example.org/a", false), "should be in the format"},
		"version 1":                        {"[registries.search]\nregistries = [\"a.io\"]\n", "v2 format"},
		"a syntax error":                   {"[[registry\n", "toml"},
		"a bad search registry":            {`unqualified-search-registries = ["a.io/b"]`, "Invalid unqualified-search-registries"},
		"a bad short-name mode":            {`short-name-mode = "maybe"`, "invalid short-name mode"},
		"both ways of saying digest-only":  {"[[registry]]\nlocation=\"a.io\"\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation=\"m.io\"\npull-from-mirror=\"all\"\n", "mirror-by-digest-only"},
		"pull-from-mirror on the registry": {"[[registry]]\nlocation=\"a.io\"\npull-from-mirror=\"all\"\n", "must not be set for a non-mirror registry"},
	} {
		_, err := containersimage.LoadRegistries(t.TempDir(), tt.conf)
		require.ErrorContains(t, err, tt.err, name)
	}
	for name, conf := range map[string]string{
		"an unknown key":     "colour = \"red\"\n",
		"two equal prefixes": registry("quay.io", false, "m.io") + registry("quay.io", false, "n.io"),
	} {
		r := load(t, conf)
		attempts, err := r.Attempts("quay.io/a:1")
		require.NoError(t, err, name)
		t.Log(name, attempts)
	}
}
