// Package windows holds the hosts.toml files that pullroute writes, and what it makes of files that
// others wrote, against containerd itself: that for Linux, and in Wine that for Windows.
package windows

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// name is what the report calls a version.
func name(c clients.Containerd) string { return "containerd " + c.Version }

// isV2 says which of the two rules holds where the versions differ.
func isV2(c clients.Containerd) bool { return c.Version[0] == '2' }

// is16 tells 1.6 from the versions that plans are for where nobody names one.
func is16(c clients.Containerd) bool { return strings.HasPrefix(c.Version, "1.6.") }

// shown is how many mismatches of one comparison are printed: they tend to be the same one.
const shown = 3

// tally counts the mismatches of one row.
type tally struct {
	*testing.T
	row *report.Row
}

func (y tally) mismatch(format string, args ...any) {
	y.Helper()
	y.row.Mismatches++
	if y.row.Mismatches <= shown {
		y.Errorf(format, args...)
	} else {
		y.Fail()
	}
}

// inParallel runs a test for each version, with a row of the table for each, in the order of versions.
func inParallel(t *testing.T, versions []clients.Containerd, compared string,
	test func(y tally, c clients.Containerd)) {
	for _, c := range versions {
		row := report.Add(name(c), compared)
		t.Run(c.Version, func(t *testing.T) {
			t.Parallel()
			test(tally{t, row}, c)
		})
	}
}

// configPath writes a config_path with a hosts.toml for each directory.
func configPath(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for dir, content := range files {
		writeFile(t, filepath.Join(root, dir, "hosts.toml"), content)
	}
	return root
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// locations are a plan's attempts as a trace has them.
func locations(attempts []resolve.Attempt) []string {
	var l []string
	for _, a := range attempts {
		l = append(l, a.Location)
	}
	return l
}

func splitHost(location string) (host, path string) {
	host, path, _ = strings.Cut(location, "/")
	return host, path
}

// nameOf is a reference without its tag and digest.
func nameOf(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		reference = reference[:i]
	}
	return reference
}

// images are what registries hold: two, so that a tag may stand for either.
var images = []world.Image{world.NewImage("one"), world.NewImage("two")}

// suffix makes a reference of a name: by tag, by digest, by both, or by nothing, which is a tag too.
func suffix(s *random.Source) string {
	digest := "@" + images[s.Intn(2)].Manifest.Digest.String()
	return s.Pick("", ":1", ":1", digest, digest, ":1"+digest)
}

// reference returns an image to pull, more often than not one that a rule is about.
func reference(s *random.Source, rules *mirrorset.Rules) string {
	if len(rules.Rules) == 0 || s.Intn(3) == 0 {
		return s.Name() + suffix(s)
	}
	n := rules.Rules[s.Intn(len(rules.Rules))].Source
	if domain, ok := strings.CutPrefix(n, "*."); ok {
		n = s.Pick("foo.", "a.", "x.y.") + domain
	}
	if !strings.Contains(n, "/") || s.Intn(2) == 0 {
		n += s.Pick("/a", "/z", "/b/c-d", "/library/a")
	}
	return n + suffix(s)
}

// named are hosts that a caller of NewContainerdTable may name, so that wildcards reach them.
func named(s *random.Source) (hosts []string) {
	for _, h := range []string{"foo.example.org", "foo.example.org:5000", "a.example.org", "x.y.example.org",
		"a.y.example.org", "docker.io", "quay.io:443"} {
		if s.Intn(3) == 0 {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// states are the ways in which a registry can fail, and those in which it does not.
var states = []world.Registry{
	{}, {}, {}, {},
	{Auth: world.Bearer}, // hands its token to anyone
	{Auth: world.Bearer, Username: "u", Password: "p"},
	{Auth: world.Basic},
	{State: world.Down},
	{State: world.Broken},
	{State: world.Empty},
	{WithoutBlobs: true},
}

// stateOf makes a world in which the registries behind some locations are in random states and have the
// image or not.
func stateOf(s *random.Source, locations ...string) *world.World {
	w := world.New()
	seen := map[string]bool{}
	for _, l := range locations {
		host, _ := splitHost(world.WireLocation(l))
		if !seen[host] {
			seen[host] = true
			*w.Registry(host) = states[s.Intn(len(states))]
		}
	}
	for _, l := range locations {
		if s.Intn(2) == 0 {
			put(w, l, images[s.Intn(2)])
		}
	}
	return w
}

// put has a registry hold an image under every tag that references have here.
func put(w *world.World, location string, image world.Image) {
	w.Put(world.WireLocation(location), "1", image)
	w.Put(world.WireLocation(location), "latest", image)
}

// describe shows a set's rules, to reduce a mismatch.
func describe(rules *mirrorset.Rules) string {
	var b strings.Builder
	for _, r := range rules.Rules {
		b.WriteString(string(r.Pull) + " " + r.Source)
		if r.Never {
			b.WriteString(" never")
		}
		b.WriteString(" to")
		for _, m := range r.Mirrors() {
			b.WriteString(" " + m.Location)
		}
		b.WriteString("\n")
	}
	for _, s := range rules.Blocked {
		b.WriteString("blocked " + s.Value + "\n")
	}
	for _, s := range rules.Insecure {
		b.WriteString("insecure " + s.Value + "\n")
	}
	return b.String()
}

// linkSpellings makes the directories of a tree be found under the other spellings that Windows
// finds them under.
func linkSpellings(t testing.TB, table *resolve.ContainerdTable, dir string) {
	t.Helper()
	for _, r := range table.Registries() {
		for _, spelling := range r.Spellings {
			link := filepath.Join(dir, hoststoml.Dir(spelling))
			if _, err := os.Stat(link); err != nil { // it is found where the disk folds case, as on Windows
				require.NoError(t, os.Symlink(hoststoml.Dir(r.Host), link))
			}
		}
	}
}

// here returns the table of a node with the system that containerd was built for.
func here(table *resolve.ContainerdTable) *resolve.ContainerdTable {
	if runtime.GOOS == "windows" {
		return table
	}
	return table.AsSpelled()
}

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
	c.table = here(c.table)
	if dir == "" {
		return c
	}
	stale, err := c.tree.Write(dir)
	require.NoError(t, err)
	require.Empty(t, stale)
	linkSpellings(t, c.table, dir)
	return c
}

// pullSecretOf makes a credential for each key, whose user name is the key with "/" and ":" replaced.
func pullSecretOf(t testing.TB, keys ...string) hoststoml.PullSecret {
	t.Helper()
	var entries []string
	for _, key := range keys {
		entries = append(entries, fmt.Sprintf("%q: {%q: %q, %q: %q}", key, "username", user(key), "password", "secret"))
	}
	secret, findings := hoststoml.ParsePullSecret("secret", []byte(`{"auths": {`+strings.Join(entries, ",")+`}}`))
	require.Empty(t, findings)
	return secret
}

func user(key string) string { return strings.NewReplacer("/", "-", ":", "-").Replace(key) }
