package hoststoml

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/internal/random"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/resolve"
	"github.com/stretchr/testify/require"
)

func fileFor(server string) *File { return &File{Comment: Marker, Server: server} }

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestWriteMakesReplacesAndReports(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs.d")
	tree := Tree{{Host: "a.io", File: fileFor("https://one.io")}, {Host: "b.io:5000", File: fileFor("https://two.io")}}
	stale, err := tree.Write(dir)
	require.NoError(t, err)
	require.Empty(t, stale)
	require.Equal(t, string(tree[1].File.Bytes()), content(t, filepath.Join(dir, "b.io_5000_", "hosts.toml")))

	write(t, filepath.Join(dir, "other.io", "hosts.toml"), "server = \"https://x\"\n")
	write(t, filepath.Join(dir, "a.io", "ca.crt"), "kept")
	before, err := os.Stat(filepath.Join(dir, "b.io_5000_", "hosts.toml"))
	require.NoError(t, err)
	stale, err = Tree{{Host: "a.io", File: fileFor("https://new.io")}, tree[1]}.Write(dir)
	require.NoError(t, err)
	require.Empty(t, stale, "a file of another hand is not ours to report")
	require.Contains(t, content(t, filepath.Join(dir, "a.io", "hosts.toml")), "https://new.io")
	require.Equal(t, "kept", content(t, filepath.Join(dir, "a.io", "ca.crt")))
	after, err := os.Stat(filepath.Join(dir, "b.io_5000_", "hosts.toml"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "what is right already is not touched")

	stale, err = Tree{tree[1]}.Write(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"a.io/hosts.toml"}, stale)
	require.FileExists(t, filepath.Join(dir, "a.io", "hosts.toml"))
}

func TestWriteFinishesWhatWasInterrupted(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, replace.Temporary("a.io"), "hosts.toml"), "half")
	write(t, filepath.Join(dir, "b.io", replace.Temporary("hosts.toml")), "half")
	_, err := Tree{{Host: "a.io", File: fileFor("https://one.io")}, {Host: "b.io", File: fileFor("https://two.io")}}.Write(dir)
	require.NoError(t, err)
	require.Contains(t, content(t, filepath.Join(dir, "a.io", "hosts.toml")), "https://one.io")
	require.Contains(t, content(t, filepath.Join(dir, "b.io", "hosts.toml")), "https://two.io")
	require.NoDirExists(t, filepath.Join(dir, replace.Temporary("a.io")))
	require.NoFileExists(t, filepath.Join(dir, "b.io", replace.Temporary("hosts.toml")))
	for _, name := range []string{replace.Temporary("a.io"), replace.Temporary("b.io_1_")} {
		_, ok := HostFromDir(name)
		require.False(t, ok, "%s could be looked up", name)
	}
}

func TestWriteStaysInsideItsDirectory(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "hosts.toml"), "untouched")
	symlink.New(t, outside, filepath.Join(dir, "a.io"))
	_, err := Tree{{Host: "a.io", File: fileFor("https://one.io")}}.Write(dir)
	require.Error(t, err)
	require.Equal(t, "untouched", content(t, filepath.Join(outside, "hosts.toml")))
}

func TestWriteThatFailsLeavesTheOldFileWhole(t *testing.T) {
	dir := t.TempDir()
	old := Tree{{Host: "a.io", File: fileFor("https://old.io")}}
	_, err := old.Write(dir)
	require.NoError(t, err)
	// The temporary name is taken by something that cannot be removed.
	write(t, filepath.Join(dir, "a.io", replace.Temporary("hosts.toml"), "in", "the-way"), "")
	_, err = Tree{{Host: "a.io", File: fileFor("https://new.io")}}.Write(dir)
	require.Error(t, err)
	require.Equal(t, string(old[0].File.Bytes()), content(t, filepath.Join(dir, "a.io", "hosts.toml")))
}

func TestFilesWithHeadersAreForTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	f := fileFor("https://one.io")
	f.Header = Header{"Authorization": Secrets("Basic c2VjcmV0")}
	_, err := Tree{{Host: "a.io", File: f}}.Write(dir)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, "a.io", "hosts.toml"))
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // which has no such modes
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestReadTreeReadsWhatContainerdReads(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.io", "hosts.toml"), "server = \"https://mirror.io\"\n[host.\"https://m.io\"]\n")
	write(t, filepath.Join(dir, "broken.io", "hosts.toml"), "server = \n")
	write(t, filepath.Join(dir, "p.io_5000_", "hosts.toml"), "server = \"https://first.io\"\n[host.\"https://m.io\"]\n")
	write(t, filepath.Join(dir, "p.io:5000", "hosts.toml"), "server = \"https://second.io\"\n[host.\"https://m.io\"]\n")
	write(t, filepath.Join(dir, "_default", "hosts.toml"), "[host.\"https://cache.io/proxy\"]\n")
	write(t, filepath.Join(dir, "no host at all", "hosts.toml"), "server = 1")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty.io"), 0o755))

	tree, findings, err := ReadTree(dir)
	require.NoError(t, err)
	require.Error(t, findings.Err(), "the broken file is reported")
	table := tree.Table(dir)
	for image, want := range map[string]string{
		"a.io/x:1":        "m.io/x mirror.io/x",
		"broken.io/x:1":   "broken.io/x",                        // ignored, so the registry itself
		"empty.io/x:1":    "empty.io/x",                         // the directory decides, even when it is empty
		"p.io:5000/x:1":   "m.io/x first.io/x",                  // HOST_PORT_ comes first
		"elsewhere.io/x":  "cache.io/proxy/v2/x elsewhere.io/x", // no server: the registry itself comes last
		"p.io:5001/y/z:1": "cache.io/proxy/v2/y/z p.io:5001/y/z",
	} {
		p, err := table.Plan(image)
		require.NoError(t, err)
		var got []string
		for _, a := range p.Pull {
			got = append(got, a.Location)
		}
		require.Equal(t, want, strings.Join(got, " "), image)
	}
	p, err := table.Plan("a.io/x:1")
	require.NoError(t, err)
	require.Equal(t, filepath.ToSlash(dir)+`/a.io/hosts.toml host."https://m.io"`, p.Pull[0].Origins[0].String())
}

func TestAFileUnderNeverContactSourceDoesNotHoldTheSource(t *testing.T) {
	r := random.New(1)
	r.Plain = true
	files := 0
	for range 2000 {
		rules, err := r.Set().Rules()
		require.NoError(t, err)
		table := resolve.NewContainerdTable(rules, "a.example.org")
		for i, rf := range FromTable(table) {
			reg := table.Registries()[i]
			require.NoError(t, rf.File.Validate().Err())
			if !reg.Never {
				continue
			}
			own := false // a mirror elsewhere on the registry's own host
			for _, e := range reg.Endpoints {
				own = own || e.Host == rf.Host || e.Host == "registry-1."+rf.Host
			}
			if !own {
				require.NotContains(t, strings.ReplaceAll(string(rf.File.Bytes()), "registry-1.docker.io", ""), rf.Host, "%+v", rules.Rules)
				files++
			}
			last := rf.File.Hosts[len(rf.File.Hosts)-1]
			require.Equal(t, last.URL, rf.File.Server)
			require.Equal(t, last.Settings, rf.File.Settings)
		}
	}
	require.Greater(t, files, 500)
}

func TestTreesOfTablesComeBack(t *testing.T) {
	r := random.New(2)
	for range 500 {
		rules, err := r.Set().Rules()
		require.NoError(t, err)
		table := resolve.NewContainerdTable(rules)
		tree := FromTable(table)
		for i := range tree {
			f, findings := Parse("hosts.toml", tree[i].File.Bytes())
			require.Empty(t, findings)
			require.Equal(t, tree[i].File, f)
		}
		back := tree.Table("dir")
		for range 5 {
			image := r.Name() + ":1"
			want, err := table.Plan(image)
			require.NoError(t, err)
			got, err := back.Plan(AsWindowsFinds(table, image))
			require.NoError(t, err)
			require.Equal(t, attempts(want), attempts(got), image)
		}
	}
}

func attempts(p resolve.Plan) string {
	var b strings.Builder
	for _, a := range append(p.Resolve, p.Pull...) {
		fmt.Fprintln(&b, a.Role, a.Location)
	}
	return b.String()
}
