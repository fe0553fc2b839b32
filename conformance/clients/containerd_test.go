package clients_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/world"
)

var image = world.NewImage("one")

// digestOf is the reference by digest to the image that the tests put everywhere.
func byDigest(name string) string { return name + "@" + image.Manifest.Digest.String() }

// containerds runs a test for each version of the library.
func containerds(t *testing.T, test func(t *testing.T, c clients.Containerd)) {
	for _, c := range []clients.Containerd{containerd1.Client, containerd2.Client} {
		t.Run(c.Version, func(t *testing.T) { test(t, c) })
	}
}

// hostsDir writes a config_path with one hosts.toml for each directory name.
func hostsDir(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for dir, content := range files {
		writeHosts(t, root, dir, content)
	}
	return root
}

func writeHosts(t testing.TB, root, dir, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, dir, "hosts.toml"), []byte(content), 0o644))
}

func table(host string, lines ...string) string {
	return `[host."https://` + host + `"]` + "\n" + strings.Join(append(lines, ""), "\n")
}

const (
	override    = "override_path = true"
	pullOnly    = `capabilities = ["pull"]`
	pullResolve = `capabilities = ["pull", "resolve"]`
)

func TestContainerdContacts(t *testing.T) {
	blocking := "server = \"https://quay.io\"\n" + `capabilities = ["push"]` + "\n" + table("quay.io", `capabilities = ["push"]`)
	tests := map[string]struct {
		hosts string
		ref   string
		trace []string
		err   string
	}{
		"the original, where the file names no server": {
			hosts: table("m.io", pullResolve),
			ref:   "quay.io/a/b:1",
			trace: []string{"m.io/a/b", "quay.io/a/b"},
		},
		"the original, where the file names no server, for a digest": {
			hosts: table("m.io", pullOnly),
			ref:   byDigest("quay.io/a/b"),
			trace: []string{"m.io/a/b", "quay.io/a/b"},
		},
		"the original alone, where a table is repeated": {
			hosts: "server = \"https://m.io\"\n" + table("m.io") + table("n.io") + table("m.io"),
			ref:   "quay.io/a/b:1",
			trace: []string{"quay.io/a/b"},
		},
		"nothing, where no host resolves tags": {
			hosts: "server = \"https://m.io/v2/x\"\n" + override + "\n" + pullOnly + "\n" + table("m.io/v2/x", override, pullOnly),
			ref:   "quay.io/a/b:1",
			err:   "no resolve hosts",
		},
		"nothing, for the blocking file": {hosts: blocking, ref: "quay.io/a/b:1", err: "no resolve hosts"},
		"nothing, for the blocking file and a digest": {
			hosts: blocking, ref: byDigest("quay.io/a/b"), err: "no resolve hosts",
		},
		"ORG/v2, without override_path": {
			hosts: "server = \"https://n.io\"\n" + table("m.io/org"),
			ref:   "quay.io/a/b:1",
			trace: []string{"m.io/org/v2/a/b/manifests/1", "n.io/a/b"},
		},
		"the path as configured, with override_path": {
			hosts: "server = \"https://n.io\"\n" + table("m.io/v2/org", override),
			ref:   "quay.io/a/b:1",
			trace: []string{"m.io/org/a/b", "n.io/a/b"},
		},
		"registry-1.docker.io, for docker.io": {
			hosts: table("m.io"),
			ref:   "docker.io/library/busybox:1",
			trace: []string{"m.io/library/busybox", "registry-1.docker.io/library/busybox"},
		},
		"registry-1.docker.io, for index.docker.io": {
			hosts: table("m.io"),
			ref:   "index.docker.io/busybox:1",
			trace: []string{"m.io/library/busybox", "registry-1.docker.io/library/busybox"},
		},
		"a tag beside a digest not at all": {
			hosts: table("m.io", pullOnly),
			ref:   "quay.io/a/b:1@" + image.Manifest.Digest.String(),
			trace: []string{"m.io/a/b", "quay.io/a/b"},
		},
	}
	containerds(t, func(t *testing.T, c clients.Containerd) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				dir := hostsDir(t, map[string]string{"quay.io": tt.hosts, "docker.io": tt.hosts})
				pull := c.Pull(context.Background(), world.New(), dir, tt.ref)
				require.Error(t, pull.Err)
				if tt.err != "" {
					require.ErrorContains(t, pull.Err, tt.err)
				}
				// A digest that no host has is looked for twice: as a manifest and as a blob.
				if passes := pull.Passes(); len(passes) > 0 {
					require.Equal(t, tt.trace, passes[0].Locations)
				} else {
					require.Equal(t, tt.trace, pull.Trace())
				}
			})
		}
	})
}

func TestContainerdGoesThroughItsHostsAnewForEachObject(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		w.Put("n.io/a/b", "1", image)
		dir := hostsDir(t, map[string]string{"quay.io": "server = \"https://n.io\"\n" + table("m.io")})
		pull := c.Pull(context.Background(), w, dir, "quay.io/a/b:1")
		require.NoError(t, pull.Err)
		require.Equal(t, image.Manifest.Digest, pull.Digest)
		both := []string{"m.io/a/b", "n.io/a/b"}
		require.Equal(t, []world.Pass{
			{Method: "HEAD", Object: "manifests/1", Locations: both, Served: true},
			{Method: "GET", Object: "manifests/" + image.Manifest.Digest.String(), Locations: both, Served: true},
			{Method: "GET", Object: "blobs/" + image.Config.Digest.String(), Locations: both, Served: true},
			{Method: "GET", Object: "blobs/" + image.Layer.Digest.String(), Locations: both, Served: true},
		}, pull.Passes())
		for _, r := range pull.Requests {
			require.Equal(t, "quay.io", r.Namespace)
		}
	})
}

func TestContainerdGoesOnWhateverAMirrorAnswers(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		for name, mirror := range map[string]world.Registry{
			"down":   {State: world.Down},
			"broken": {State: world.Broken},
			"empty":  {State: world.Empty},
			"hangs":  {State: world.Hangs},
			"basic":  {Auth: world.Basic},
			"bearer": {Auth: world.Bearer, Username: "u", Password: "p"},
		} {
			t.Run(name, func(t *testing.T) {
				w := world.New()
				w.Put("quay.io/a/b", "1", image)
				*w.Registry("m.io") = mirror
				dir := hostsDir(t, map[string]string{"quay.io": table("m.io", `skip_verify = true`)})
				pull := c.Pull(context.Background(), w, dir, "quay.io/a/b:1")
				require.NoError(t, pull.Err)
				require.Equal(t, []string{"m.io/a/b", "quay.io/a/b"}, pull.Passes()[0].Locations)

				mirror.Repositories = w.Registry("quay.io").Repositories
				*w.Registry("quay.io") = mirror
				pull = c.Pull(context.Background(), w, dir, byDigest("quay.io/a/b"))
				require.Error(t, pull.Err)
				require.Equal(t, []string{"m.io/a/b", "quay.io/a/b"}, pull.Passes()[0].Locations)
			})
		}
	})
}

func TestContainerdDirectories(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		trace := func(ref string, dirs ...string) []string {
			files := map[string]string{}
			for _, d := range dirs {
				files[d] = "server = \"https://" + strings.ReplaceAll(strings.Trim(d, "_"), ":", "-") + ".io\"\n[host]\n"
			}
			pull := c.Pull(context.Background(), world.New(), hostsDir(t, files), ref)
			return pull.Trace()
		}
		require.Equal(t, []string{"x_5000.io/a"}, trace("x:5000/a:1", "x_5000_", "x:5000", "_default"))
		require.Equal(t, []string{"x-5000.io/a"}, trace("x:5000/a:1", "x:5000", "_default"))
		require.Equal(t, []string{"default.io/a"}, trace("x:5000/a:1", "x", "_default"))
		require.Equal(t, []string{"x:443/a"}, trace("x:443/a:1", "x"), "the host is taken as spelled")

		empty := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(empty, "quay.io"), 0o755))
		require.NoError(t, os.Mkdir(filepath.Join(empty, "_default"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(empty, "_default", "hosts.toml"), []byte(table("m.io")), 0o644))
		pull := c.Pull(context.Background(), world.New(), empty, "quay.io/a:1")
		require.Equal(t, []string{"quay.io/a"}, pull.Trace(), "an empty directory decides")
	})
}

func TestContainerdTriesHTTPSFirstWithSkipVerify(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		w.Registry("m.io:5000").PlainHTTP = true
		w.Put("m.io:5000/a", "1", image)
		dir := hostsDir(t, map[string]string{"quay.io": "[host.\"http://m.io:5000\"]\nskip_verify = true\n"})
		pull := c.Pull(context.Background(), w, dir, "quay.io/a:1")
		require.NoError(t, pull.Err)
		require.Equal(t, "https", pull.Requests[0].Scheme)
		require.Equal(t, "http", pull.Requests[1].Scheme)
		require.Equal(t, []string{"m.io:5000/a"}, pull.Trace())
	})
}

func TestContainerdHeadersGoToTheirHostOnly(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		dir := hostsDir(t, map[string]string{"quay.io": strings.Join([]string{
			`server = "https://n.io"`, `[header]`, `Authorization = "Basic root"`,
			table("m.io") + `[host."https://m.io".header]`, `Authorization = "Basic mirror"`,
			table("o.io"),
		}, "\n")})
		pull := c.Pull(context.Background(), w, dir, "quay.io/a:1")
		seen := map[string]string{}
		for _, r := range pull.Requests {
			seen[r.Host] = r.Authorization
		}
		require.Equal(t, map[string]string{"m.io": "Basic mirror", "n.io": "Basic root", "o.io": ""}, seen)
	})
}

func TestContainerdStaticCredentialsAndBearerRegistries(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		*w.Registry("m.io") = world.Registry{Auth: world.Bearer, Username: "u", Password: "p", Realm: "auth.io"}
		w.Put("m.io/a", "1", image)
		dir := hostsDir(t, map[string]string{
			"quay.io": table("m.io") + `[host."https://m.io".header]` + "\nAuthorization = \"Basic dTpw\"\n",
		})
		pull := c.Pull(context.Background(), w, dir, "quay.io/a:1")
		if c.Version[0] == '2' {
			require.NoError(t, pull.Err)
			require.Equal(t, []string{"m.io/a"}, pull.Trace())
		} else {
			require.Error(t, pull.Err)
			require.Equal(t, []string{"m.io/a", "quay.io/a"}, pull.Trace())
		}
		for _, r := range pull.Requests {
			if r.Host == "auth.io" {
				require.Equal(t, c.Version[0] == '2', r.Authorization != "")
			}
		}
	})
}

func TestContainerdLoader(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		h, err := c.ParseHosts("server = \"https://n.io\"\n"+
			table("m.io/v2/org", override, pullOnly)+`[host."https://m.io/v2/org".header]`+"\nX = [\"1\", \"2\"]\n"+
			"[host.\"http://p.io:5000\"]\ncapabilities = []\n", "quay.io")
		require.NoError(t, err)
		require.NoError(t, h.Ignored)
		every := []string{"pull", "resolve", "push"}
		if c.Version[0] == '2' {
			every = append(every, "referrers")
		}
		require.Equal(t, []clients.Host{
			{Scheme: "https", Host: "m.io", Path: "/v2/org", Capabilities: []string{"pull"}, Header: map[string][]string{"X": {"1", "2"}}},
			{Scheme: "http", Host: "p.io:5000", Path: "/v2", Capabilities: every},
			{Scheme: "https", Host: "n.io", Path: "/v2", Capabilities: every},
		}, h.Hosts)

		original := []clients.Host{{Scheme: "https", Host: "quay.io", Path: "/v2", Capabilities: every}}
		for name, content := range map[string]string{
			"a repeated table":      table("m.io") + table("m.io"),
			"an unknown capability": table("m.io", `capabilities = ["fetch"]`),
			"a syntax error":        "server = \n",
			"a wrong type":          "server = 1\n",
		} {
			h, err := c.ParseHosts(content, "quay.io")
			require.NoError(t, err, name)
			require.Error(t, h.Ignored, name)
			require.Equal(t, original, h.Hosts, name)
		}
	})
}

func TestContainerdVersionsReadSomeFilesDifferently(t *testing.T) {
	const ignored = "ignored"
	for name, tt := range map[string]struct {
		content string
		v17, v2 string // the hosts in order
	}{
		"no host table":          {`server = "https://m.io"`, "m.io", "m.io"}, // 1.6 ignores the file
		"an empty host table":    {"server = \"https://m.io\"\n[host]\n", "m.io", "m.io"},
		"an empty file":          {"", "quay.io", "quay.io"},
		"a host without scheme":  {`[host."m.io"]`, "m.io quay.io", "m.io quay.io"},
		"a host without a name":  {`[host.""]`, " quay.io", "quay.io"},
		"referrers":              {table("m.io", `capabilities = ["referrers"]`), ignored, "m.io quay.io"},
		"a bad dial timeout":     {table("m.io", `dial_timeout = "soon"`), "m.io quay.io", ignored},
		"an inline host table":   {`host = {"https://m.io" = {}}`, "m.io quay.io", "quay.io"},
		"dotted host keys":       {`host."https://m.io".skip_verify = true`, "m.io quay.io", "quay.io"},
		"a table split in two":   {table("m.io") + table("n.io") + `[host."https://m.io".header]`, "m.io n.io quay.io", "m.io n.io m.io quay.io"},
		"a repeated key":         {"server = \"https://m.io\"\nserver = \"https://n.io\"\n", ignored, ignored},
		"an unknown key":         {"hosts = 1\n" + table("m.io", "capability = 1"), "m.io quay.io", "m.io quay.io"},
		"a byte-order mark":      {"\ufeff" + table("m.io"), "m.io quay.io", ignored},
		"a server without value": {"server = \"\"\n" + table("m.io"), "m.io quay.io", "m.io quay.io"},
	} {
		read := func(c clients.Containerd) string {
			h, err := c.ParseHosts(tt.content, "quay.io")
			require.NoError(t, err)
			if h.Ignored != nil {
				return ignored
			}
			var hosts []string
			for _, host := range h.Hosts {
				hosts = append(hosts, host.Host)
			}
			return strings.Join(hosts, " ")
		}
		require.Equal(t, tt.v17, read(containerd1.Client), "1.7: %s", name)
		require.Equal(t, tt.v2, read(containerd2.Client), "2: %s", name)
	}
}

// In process nothing waits for a socket, so that a clock of the test's own makes waiting free.
func TestContainerdWaitsForAHangingRegistry(t *testing.T) {
	for version, tt := range map[string]struct {
		client clients.Containerd
		waits  time.Duration
	}{
		// A tag: the mirror and the source are each asked once.
		"1.7": {containerd1.Client, 2 * 30 * time.Second},
		// The last host gets five tries, with a pause between them.
		"2": {containerd2.Client, (1+5)*30*time.Second + 4*50*time.Millisecond},
	} {
		t.Run(version, func(t *testing.T) {
			dir := hostsDir(t, map[string]string{"quay.io": table("m.io")})
			synctest.Test(t, func(t *testing.T) {
				w := world.New()
				w.Elsewhere = world.Hangs
				w.Patience = 30 * time.Second
				began := time.Now()
				pull := tt.client.Pull(context.Background(), w, dir, "quay.io/a:1")
				require.Error(t, pull.Err)
				require.Equal(t, []string{"m.io/a", "quay.io/a"}, pull.Trace())
				require.Equal(t, tt.waits, time.Since(began))
			})
		})
	}
}

// Fetching asks even hosts that may not be pulled from, as long as there is one that may.
func TestContainerdFetchesFromEveryHost(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		w.Put("n.io/a", "1", image)
		dir := hostsDir(t, map[string]string{
			"quay.io": "server = \"https://quay.io\"\n" + table("m.io", `capabilities = ["push"]`) + table("n.io", pullResolve),
		})
		pull := c.Pull(context.Background(), w, dir, "quay.io/a:1")
		require.NoError(t, pull.Err)
		passes := pull.Passes()
		require.Equal(t, []string{"n.io/a"}, passes[0].Locations)
		require.Equal(t, []string{"m.io/a", "n.io/a"}, passes[1].Locations)
	})
}

// A digest that no host has as a manifest is looked for at all of them again, as a blob; v2 does
// not do so after an error other than 404.
func TestContainerdLooksForADigestTwice(t *testing.T) {
	containerds(t, func(t *testing.T, c clients.Containerd) {
		w := world.New()
		dir := hostsDir(t, map[string]string{"quay.io": table("m.io", pullOnly)})
		passes := c.Pull(context.Background(), w, dir, byDigest("quay.io/a")).Passes()
		require.Len(t, passes, 2)
		require.Equal(t, "blobs/"+image.Manifest.Digest.String(), passes[1].Object)
		require.Equal(t, passes[0].Locations, passes[1].Locations)

		w.Registry("m.io").State = world.Broken
		passes = c.Pull(context.Background(), w, dir, byDigest("quay.io/a")).Passes()
		require.Equal(t, c.Version[0] == '1', len(passes) == 2)
	})
}
