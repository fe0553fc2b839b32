package windows

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/resolve"
)

// The directories of a tree of another hand: all ways to name one, and the one for everything else.
var foreignDirs = []string{"quay.io", "quay.io_443_", "quay.io:443", "Quay.io", "n.io_5000_", "n.io:5000",
	"docker.io", "registry-1.docker.io", "localhost", "localhost_5000_", "_default"}

// foreignImage returns a reference to something that such a tree may govern.
func foreignImage(s *random.Source) string {
	host := s.Pick("quay.io/", "quay.io/", "quay.io:443/", "Quay.io/", "n.io:5000/", "docker.io/", "",
		"registry-1.docker.io/", "localhost/", "localhost:5000/", "other.io/")
	return host + s.Pick("a", "a/b", "org/a", "v2x/a", "a/v2") + suffix(s)
}

// ignored are texts that every version ignores.
var ignored = []string{
	"server = \n",
	"server = \"https://m.io\"\n[host.\"https://m.io\"]\n[host.\"https://m.io\"]\n",
	"server = \"https://m.io\"\n[host.\"https://o.io\"]\ncapabilities = [\"fetch\"]\n",
	"server = \"https://m.io\"\ncapabilities = \"pull\"\n[host.\"https://o.io\"]\n",
	"server = \"https://m.io:port\"\n[host]\n",
	"server = 1\n",
	"[[host.\"https://m.io\"]]\n",
}

func foreignURL(s *random.Source) string {
	url := s.Pick("https://", "https://", "http://", "") +
		s.Pick("m.io", "o.io", "n.io:5000", "quay.io", "p.io:8080", "p.io:80", "docker.io",
			"registry-1.docker.io", "M.io", "localhost:5000")
	return url + s.Pick("", "", "", "/", "/v2", "/v2/", "/org", "/v2/org", "/v2/org/", "/org/v2", "//v2//org",
		"/v2/x/../org", "/V2", "/v2x", "/a%20b", "?q=1")
}

func foreignSettings(s *random.Source, indent string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, indent+format+"\n", args...) }
	if s.Intn(3) > 0 {
		var caps []string
		for _, c := range []string{"pull", "resolve", "push", "Pull", "PUSH"} {
			if s.Intn(5) < 2 {
				caps = append(caps, strconv.Quote(c))
			}
		}
		line("capabilities = [%s]", strings.Join(caps, ", "))
	}
	if s.Intn(2) == 0 {
		line("override_path = %t", s.Intn(3) > 0)
	}
	if s.Intn(3) == 0 {
		line("skip_verify = %t", s.Intn(2) == 0)
	}
	return b.String()
}

// foreignFile returns a hosts.toml as no tool of ours would write it.
func foreignFile(s *random.Source) string {
	if s.Intn(8) == 0 {
		return ignored[s.Intn(len(ignored))]
	}
	var b strings.Builder
	if s.Intn(4) > 0 {
		fmt.Fprintf(&b, "server = %q\n", foreignURL(s))
	}
	b.WriteString(foreignSettings(s, ""))
	if s.Intn(4) == 0 {
		b.WriteString("[header]\n  X-Test = \"1\"\n")
	}
	seen := map[string]bool{}
	for range s.Intn(5) {
		url := foreignURL(s)
		if seen[url] {
			continue
		}
		seen[url] = true
		fmt.Fprintf(&b, "[host.%q]\n%s", url, foreignSettings(s, "  "))
		if s.Intn(4) == 0 {
			fmt.Fprintf(&b, "  [host.%q.header]\n    X-Test = [\"1\", \"2\"]\n", url)
		}
	}
	// What only some versions read, or another way.
	for _, part := range []string{
		"[host.\"https://m.io\".header]\n  X-Test = \"2\"\n",
		"[host.\"https://late.io\"]\ncapabilities = [\"pull\", \"resolve\", \"referrers\"]\n",
		"[host.\"https://dialled.io\"]\ndial_timeout = \"5s\"\n",
	} {
		if s.Intn(12) == 0 && !strings.Contains(b.String(), part[:len("[host.\"https://m.io\"")]) {
			b.WriteString(part)
		}
	}
	text := b.String()
	if s.Intn(12) == 0 {
		text = s.Pick("host.\"https://dotted.io\".capabilities = [\"pull\", \"resolve\"]\n",
			"host.\"https://dotted.io\".skip_verify = true\n") + text
	}
	if s.Intn(24) == 0 {
		text = "\ufeff" + text
	}
	return text
}

func foreignTree(t testing.TB, s *random.Source, root string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(root, 0o755))
	for _, dir := range foreignDirs {
		kind := s.Intn(5)
		if _, err := os.Stat(filepath.Join(root, dir)); err == nil || runtime.GOOS == "windows" && strings.Contains(dir, ":") {
			continue // Quay.io is quay.io there, and no name has a colon
		}
		switch kind {
		case 0, 1:
		case 2: // the directory decides, even when it is empty
			if s.Intn(3) == 0 {
				require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
			}
		default:
			writeFile(t, filepath.Join(root, dir, "hosts.toml"), foreignFile(s))
		}
	}
}

func containerdAsksWhatThePlanOfAForeignTreeSays(t *testing.T, versions []clients.Containerd) {
	inParallel(t, versions, "requests = plan, files of other hands", func(y tally, c clients.Containerd) {
		s := random.New(y.Name())
		root := y.TempDir()
		for i := range random.Count(8_000) {
			dir := filepath.Join(root, strconv.Itoa(i))
			foreignTree(y, s, dir)
			y.row.Configurations++
			version, err := hoststoml.ParseVersion(c.Version)
			require.NoError(y, err)
			// Of broken files that 1.6 and 1.7 might read it says so; these they ignore, too.
			tree, _, _, err := version.ReadTree(dir)
			require.NoError(y, err)
			table := here(tree.Table(dir))
			for range pullsOfEach {
				image := foreignImage(s)
				plan, err := table.Plan(image)
				require.NoError(y, err)
				file, _ := table.Find(strings.SplitN(plan.References[0], "/", 2)[0])
				text, _ := os.ReadFile(filepath.Join(dir, hoststoml.Dir(file.Host), "hosts.toml"))
				w := stateOf(s, registryLocations(table, plan)...)
				for _, host := range []string{"m.io", "p.io:8080", "p.io:80", "localhost:5000"} {
					w.Registry(host).PlainHTTP = s.Intn(2) == 0
				}
				pull := c.Pull(context.Background(), w, dir, image)
				y.row.Pulls++
				if err := errors.Join(foretell(table, plan).compare(c, pull), asksTheURLs(plan, pull)); err != nil {
					y.mismatch("%s: %v\n%s: %s", image, err, file.Host, text)
				}
			}
		}
	})
}

// registryLocations are the locations of a plan that a registry can hold an image at.
func registryLocations(table *resolve.ContainerdTable, plan resolve.Plan) []string {
	l := []string{nameOf(plan.References[0])}
	host, repository := splitHost(l[0])
	file, _ := table.Find(host)
	endpoints := slices.Clone(file.Endpoints)
	if file.Server != nil {
		endpoints = append(endpoints, *file.Server)
	}
	for _, e := range endpoints {
		if e.Root == "/v2" || strings.HasPrefix(e.Root, "/v2/") {
			l = append(l, e.Location(repository))
		}
	}
	return l
}

// The roles tell the image's own location from all others, however it is spelled.
func aForeignTreeThatAsksTheSourceSaysSo(t *testing.T, versions []clients.Containerd) {
	dir := configPath(t, map[string]string{
		"quay.io":   "server = \"https://m.io\"\n[host.\"https://QUAY.io:443\"]\n",
		"docker.io": "[host.\"https://index.docker.io\"]\n",
	})
	tree, _, err := hoststoml.ReadTree(dir)
	require.NoError(t, err)
	table := here(tree.Table(dir))
	for image, want := range map[string][]resolve.Attempt{
		"quay.io/a": {{Location: "QUAY.io:443/a", Role: resolve.RoleSource},
			{Location: "m.io/a", Role: resolve.RoleMirror}},
		"docker.io/a": {{Location: "index.docker.io/library/a", Role: resolve.RoleSource},
			{Location: "registry-1.docker.io/library/a", Role: resolve.RoleSource}},
	} {
		plan, err := table.Plan(image)
		require.NoError(t, err)
		require.Equal(t, want, attempts(plan.Pull))
		for _, c := range versions {
			pull := c.Pull(context.Background(), world.New(), dir, image)
			require.Equal(t, locations(plan.Resolve), pull.Trace())
		}
	}
}
