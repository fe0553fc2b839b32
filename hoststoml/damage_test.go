package hoststoml

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/stretchr/testify/require"
)

// A damage is one thing that is wrong with the files of a registry, and what a finding of it has to say.
type damage struct {
	name string
	// table and top are put into a good file: into the table of its host, or before it.
	url, table, top string
	// make does what a file's text cannot; it gets the directory of the registry.
	make func(t *testing.T, dir string)
	// The finding: its code, and the end of its file and field.
	code        finding.Code
	file, field string
	port        bool // for a registry with a port
}

var damages = []damage{
	{name: "/v2 twice", url: "https://m.io/v2/org", code: finding.CodeOtherPath, file: FileName, field: `"https://m.io/v2/org"`},
	{name: "a path without override_path", url: "https://m.io/org", code: finding.CodeOtherPath, file: FileName, field: `"https://m.io/org"`},
	{name: "a host without a scheme", url: "m.io:5000", code: finding.CodeNoScheme, file: FileName, field: `"m.io:5000"`},
	{name: "http with skip_verify", url: "http://m.io:5000", table: "skip_verify = true", code: finding.CodeHTTPSFirst, file: FileName, field: `"http://m.io:5000"`},
	{name: "docker.io as a host", url: "https://docker.io", code: finding.CodeDockerIOServer, file: FileName, field: `"https://docker.io"`},
	{name: "docker.io as server", top: `server = "https://docker.io"`, code: finding.CodeDockerIOServer, file: FileName, field: "server"},
	{name: "a value that is no host", url: "https://*", code: finding.CodeUnreachableHost, file: FileName, field: `"https://*"`},
	{name: "a port that is none", url: "https://m.io:70000", code: finding.CodeUnreachableHost, file: FileName, field: `"https://m.io:70000"`},
	{name: "a setting for server alone", top: "skip_verify = true", code: finding.CodeServerOnly, file: FileName, field: "skip_verify"},
	{name: "a header for server alone", top: "header = {A = 'b'}", code: finding.CodeServerOnly, file: FileName, field: "header"},
	{name: "a CA that is missing", table: "ca = 'gone.pem'", code: finding.CodeInvalidFile, file: FileName, field: ".ca"},
	{name: "a CA elsewhere that is missing", table: "ca = '/nowhere/at/all/gone.pem'", code: finding.CodeInvalidFile, file: FileName, field: ".ca"},
	{name: "a certificate that is missing", table: "client = [['gone.pem', 'gone.key']]", code: finding.CodeInvalidFile, file: FileName, field: ".client"},
	{name: "a CA that is a directory", table: "ca = 'made'", code: finding.CodeInvalidFile, file: FileName, field: ".ca",
		make: func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(filepath.Join(dir, "made"), 0o755)) }},
	{name: "a rewrite of k3s", table: "[host.'https://m.io'.rewrite]\n'^a' = 'b'", code: finding.CodeIgnoredSetting, file: FileName, field: ".rewrite"},
	{name: "a file in the place of a directory", code: finding.CodeInvalidFile, make: func(t *testing.T, dir string) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.WriteFile(dir, nil, 0o644))
	}},
	{name: "host.toml", code: finding.CodeIgnoredSetting, file: "host.toml", make: func(t *testing.T, dir string) {
		require.NoError(t, os.Rename(filepath.Join(dir, FileName), filepath.Join(dir, "host.toml")))
	}},
	{name: "a hosts.toml that cannot be read", code: finding.CodeUnreadable, file: FileName, make: func(t *testing.T, dir string) {
		require.NoError(t, os.Remove(filepath.Join(dir, FileName)))
		require.NoError(t, os.Mkdir(filepath.Join(dir, FileName), 0o755)) // reading fails for root too
	}},
	{name: "a colon in a name", port: true, code: finding.CodeReservedName, file: FileName},
}

func TestEveryDamageOfATreeIsNamedByAFinding(t *testing.T) {
	damages := slices.Clone(damages)
	if runtime.GOOS == "windows" { // where no name has a colon
		damages = slices.DeleteFunc(damages, func(d damage) bool { return d.port })
	}
	r := rand.New(rand.NewPCG(1, 17))
	seen := map[string]int{}
	for range 300 {
		dir := t.TempDir()
		want := map[string]*damage{} // by the registry's directory
		for i := range 1 + r.IntN(8) {
			name := fmt.Sprintf("r%d.example.io", i)
			var d damage
			if r.IntN(3) > 0 {
				d = damages[r.IntN(len(damages))]
				if d.port {
					name += ":5000"
				}
				want[name] = &d
				seen[d.name]++
			} else {
				want[name] = nil
			}
			url, top := d.url, d.top
			if url == "" {
				url = "https://m.io"
			}
			if !strings.HasPrefix(top, "server") {
				top = "server = 'https://s.io'\n" + top
			}
			write(t, filepath.Join(dir, name, FileName), fmt.Sprintf("%s\n[host.'%s']\n%s\n", top, url, d.table))
			if d.make != nil {
				d.make(t, filepath.Join(dir, name))
			}
		}
		_, findings, err := ReadTree(dir)
		require.NoError(t, err)
		for name, d := range want {
			place := filepath.ToSlash(dir) + "/" + name
			var of finding.Findings
			for _, f := range findings {
				if f.Origin.File == place || strings.HasPrefix(f.Origin.File, place+"/") {
					of = append(of, f)
				}
			}
			if d == nil {
				require.Empty(t, of, "nothing is wrong with %s", name)
				continue
			}
			named := false
			for _, f := range of {
				named = named || f.Code == d.code && strings.HasSuffix(f.Origin.File, d.file) && strings.HasSuffix(f.Origin.Field, d.field)
			}
			require.True(t, named, "%s: %v", d.name, of)
		}
	}
	require.Len(t, seen, len(damages), "not every damage was done")
}

// locked is a file system with a directory that may not be read.
type locked struct {
	fstest.MapFS
	dir string
}

func (l locked) Open(name string) (fs.File, error) {
	if name == l.dir || strings.HasPrefix(name, l.dir+"/") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.MapFS.Open(name)
}

func (l locked) ReadFile(name string) ([]byte, error) { return fs.ReadFile(onlyOpen{l}, name) }

func (l locked) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(onlyOpen{l}, name) }

// onlyOpen hides everything else, so that what is read is opened.
type onlyOpen struct{ fs.FS }

func TestADirectoryThatCannotBeReadIsNamedAndServesNothing(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("server = 'https://m.io'\n[host.'https://m.io']\n")}
	fsys := locked{fstest.MapFS{"certs.d/quay.io/hosts.toml": file, "certs.d/r.io/hosts.toml": file}, "certs.d/quay.io"}
	tree, findings, err := ReadTreeFS(fsys, "certs.d")
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, finding.CodeUnreadable, findings[0].Code)
	require.Equal(t, "certs.d/quay.io/hosts.toml", findings[0].Origin.File)
	table := tree.Table("certs.d").On(finding.Containerd)
	plan, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Empty(t, plan.Pull)
	require.Equal(t, finding.CodeNoLocation, plan.Findings[0].Code)
	plan, err = table.Plan("r.io/a:1")
	require.NoError(t, err)
	require.Len(t, plan.Pull, 1)
	require.Equal(t, finding.Containerd, plan.Platform)
}

// hostPaths of containerd takes a file for the directory, and fails to read below it: _default does not count.
func TestNothingIsPulledWhereContainerdCannotReadWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "_default", FileName), "[host.'https://m.io']\n")
	write(t, filepath.Join(dir, "quay.io"), "")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "r.io", FileName), 0o755))
	tree, _, err := ReadTree(dir)
	require.NoError(t, err)
	for _, image := range []string{"quay.io/a:1", "r.io/a:1"} {
		plan, err := tree.Table(dir).Plan(image)
		require.NoError(t, err)
		require.Empty(t, plan.Pull, image)
		require.Equal(t, finding.CodeNoLocation, plan.Findings[0].Code, image)
	}
}
