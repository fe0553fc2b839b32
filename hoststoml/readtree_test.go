package hoststoml_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// denying is a file system in which some names cannot be opened.
type denying struct {
	fstest.MapFS
	denied map[string]error
}

func (d denying) Open(name string) (fs.File, error) {
	if err := d.denied[name]; err != nil {
		return nil, err
	}
	return d.MapFS.Open(name)
}

func (d denying) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := d.denied["list "+name]; err != nil {
		return nil, err
	}
	return d.MapFS.ReadDir(name)
}

func (d denying) ReadFile(name string) ([]byte, error) {
	if err := d.denied[name]; err != nil {
		return nil, err
	}
	return d.MapFS.ReadFile(name)
}

func (d denying) Stat(name string) (fs.FileInfo, error) {
	if err := d.denied["stat "+name]; err != nil {
		return nil, err
	}
	return d.MapFS.Stat(name)
}

func TestADirectoryOfRegistriesIsReadInTheseWords(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "secret", Err: fs.ErrPermission}
	file := &fstest.MapFile{Data: []byte("server = 'https://s.io'\n[host]\n")}
	fsys := denying{fstest.MapFS{
		"d/hosts.toml":                     {Data: []byte("x")},
		"d/README.md":                      {Data: []byte("x")},
		"d/a.io.TXT":                       {Data: []byte("x")},
		"d/note":                           {Data: []byte("x")},
		"d/file.io":                        {Data: []byte("x")},
		"d/_default/hosts.toml":            file,
		"d/a.io/hosts.toml":                file,
		"d/a.io/notes.txt":                 {Data: []byte("x")},
		"d/a.io:5000/hosts.toml":           file,
		"d/b.io_5000_/hosts.toml":          file,
		"d/b.io:5000/hosts.toml":           file,
		"d/c.io/host.toml":                 file,
		"d/d.io/hosts.toml":                file,
		"d/e.io/hosts.toml":                file,
		"d/f.io/hosts.toml/x":              file,
		"d/gone.io/hosts.toml":             file,
		"d/broken.io/hosts.toml":           {Data: []byte("server = 1")},
		"d/unsure.io/hosts.toml":           {Data: []byte("server = 'https://s.io'\nSKIP_verify = true\n[host]\n")},
		"d/ca.io/hosts.toml":               {Data: []byte("server = 'https://s.io'\nca = ['here.pem', 'missing.pem', 'dir', '']\nclient = [['here.pem', 'k.pem'], ['C:/k.pem', '\\\\srv\\k.pem'], 'C:k']\n[host.'https://m.io']\nca = 'missing.pem'\nclient = [['missing.pem', 'here.pem']]\n")},
		"d/ca.io/here.pem":                 {Data: []byte("x")},
		"d/ca.io/dir/x":                    {Data: []byte("x")},
		"d/bad name!/hosts.toml":           file,
		"d/q.io_5000/hosts.toml":           file,
		"d/q.io_5001/notes.txt":            {Data: []byte("x")},
		"d/[2001:db8::1]_5000_/hosts.toml": file,
		"d/[2001:db8:_1]_/hosts.toml":      file,
		"d/[2001:db8::2]/hosts.toml":       file,
		"d/[x]_/hosts.toml":                file,
		"d/reading.io/hosts.toml":          {Data: []byte("ca = 'k.pem'\n[host]\n")},
		"d/reading.io/k.pem":               {Data: []byte("x")},
		"d/malformed.io/hosts.toml":        {Data: []byte("server = \n")},
		"d/ignored.io/hosts.toml":          {Data: []byte("server = 'https://s.io'\ncapabilities = ['read']\nca = 'missing.pem'\n[host]\n")},
		"d/many.io/hosts.toml":             {Data: []byte("[host.'https://m.io']\n[host.'https://m.io:x']\n")},
		"d/b.ioX/hosts.toml":               file,
		"d/stat.io/hosts.toml":             file,
		"d/extra.io/hosts.toml":            file,
		"d/extra.io/pullroute-a.pem":       {Data: []byte("x")},
		"d/extra.io/pullroute-b.pem":       {Data: []byte("y")},
		"d/a.io/pullroute-a.pem":           {Data: []byte("x")},
		"d/a.io/pullroute-b.pem":           {Data: []byte("y")},
		"d/a.io/pullroute-c.pem/x":         {Data: []byte("z")},
		"d/a.io/c.pem":                     {Data: []byte("z")},
	}, map[string]error{
		"d/d.io/hosts.toml": denied, "d/e.io/hosts.toml": errors.New("odd"), "list d/b.io_5000_": denied, "stat d/stat.io": denied, "d/extra.io/pullroute-b.pem": denied, "stat d/gone.io": fs.ErrNotExist, "d/reading.io/k.pem": denied,
	}}
	tree, findings, err := hoststoml.ReadTreeFS(fsys, "d")
	require.NoError(t, err)
	var lines []string
	for _, rf := range tree {
		for _, name := range slices.Sorted(maps.Keys(rf.Extra)) {
			lines = append(lines, rf.Host+" has "+name+" "+rf.Extra[name].Reveal())
		}
		plan, err := tree.Table("d").Plan(strings.Replace(rf.Host, "_default", "other.io", 1) + "/a:1")
		require.NoError(t, err)
		asked := "asks nobody"
		if last := len(plan.Pull) - 1; last >= 0 {
			asked = "asks last " + plan.Pull[last].Location
		}
		lines = append(lines, strings.Join([]string{rf.Host, rf.Path(), what(rf.File), asked}, " "))
	}
	scenario.Answers(t, "testdata/directory.txtar", func(t *testing.T, _, _ string) string {
		return scenario.Text(findings) + strings.Join(lines, "\n")
	})

	_, _, unsure, err := version(t, "1.7").ReadTreeFS(fsys, "d")
	require.NoError(t, err)
	require.Equal(t, []string{"malformed.io", "unsure.io"}, unsure)
	_, _, err = hoststoml.ReadTreeFS(fsys, "none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// counting is a file system that knows how many of its files are open.
type counting struct {
	fs.FS
	open *int
}

type counted struct {
	fs.File
	open *int
}

func (c counting) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	*c.open++
	return counted{f, c.open}, nil
}

// ReadDir is there for directories, which are opened too.
func (c counted) ReadDir(n int) ([]fs.DirEntry, error) { return c.File.(fs.ReadDirFile).ReadDir(n) }

func (c counted) Close() error {
	*c.open--
	return c.File.Close()
}

func TestACertificateThatIsLookedAtIsClosedAgain(t *testing.T) {
	open := 0
	fsys := counting{fstest.MapFS{
		"d/a.io/hosts.toml": {Data: []byte("server = 'https://s.io'\nca = 'ca.pem'\n[host]\n")},
		"d/a.io/ca.pem":     {Data: []byte("x")},
	}, &open}
	tree, _, err := hoststoml.ReadTreeFS(fsys, "d")
	require.NoError(t, err)
	require.Len(t, tree, 1)
	require.Zero(t, open)
}

// On another machine than the node's, certificates outside of the directory need not be there.
func TestACertificateOutsideOfTheDirectoryThatIsMissingHereIsAWarning(t *testing.T) {
	dir := t.TempDir()
	there, missing := filepath.Join(dir, "there.pem"), filepath.Join(dir, "missing.pem")
	require.NoError(t, os.WriteFile(there, []byte("x"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d", "a.io"), 0o755))
	text := "server = 'https://s.io'\nca = ['" + there + "', '" + missing + "']\n[host]\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d", "a.io", "hosts.toml"), []byte(text), 0o600))
	tree, findings, err := hoststoml.ReadTree(filepath.Join(dir, "d"))
	require.NoError(t, err)
	var about []string
	for _, f := range findings {
		if f.Code == finding.CodeInvalidFile {
			about = append(about, string(f.Severity)+" "+f.Origin.Field+" "+f.Message)
		}
	}
	require.Len(t, about, 1)
	require.Regexp(t, `^warning ca cannot be read here \(.+\): where the node cannot read it, every pull from the registry fails; see that it is there$`, about[0])
	plan, err := tree.Table("d").Plan("a.io/x:1")
	require.NoError(t, err)
	require.Len(t, plan.Pull, 1, "it may be there on the node")
}

func version(t *testing.T, s string) hoststoml.Version {
	v, err := hoststoml.ParseVersion(s)
	require.NoError(t, err)
	return v
}

func TestVersionsAreReadAndWritten(t *testing.T) {
	const none, old = ` is no version of containerd: write 1.7.31, 1.7 or 2`, ` is older than 1.6, and what it reads is not known here`
	for text, want := range map[string]string{
		"1.7.31": "1.7.31", "v1.7.31": "1.7.31", "1.7": "1.7", "v2.0": "2.0", "2": "2.4", "2.1.4-k3s1": "2.1.4", "2.1.4+b": "2.1.4", "1.6.0": "1.6.0", "1": "1.7",
		"2.5": "2.4", "2.5.1": "2.4", "3.4.1": "2.4", "3": "2.4", "3.0.1": "2.4", "2.4.0": "2.4.0", "2.3": "2.3", "2.2": "2.2", "2.1": "2.1", "1.6": "1.6", "1.8": "1.7", "1.8.3": "1.7",
		"": `""` + none, "x": `"x"` + none, "1.7.3.1": `"1.7.3.1"` + none, "-1": `""` + none, "1.-7": `"1.-7"` + none, "1.x": `"1.x"` + none, "1.": `"1."` + none,
		"1.5": "containerd 1.5" + old, "0": "containerd 0" + old, "1.5.9": "containerd 1.5.9" + old,
	} {
		v, err := hoststoml.ParseVersion(text)
		if err != nil {
			require.Equal(t, strings.Replace(want, `""`, `"`+text+`"`, 1), err.Error())
			continue
		}
		require.Equal(t, want, v.String(), text)
	}
	require.Equal(t, "2.4", hoststoml.Version{}.String())
	for _, test := range []struct {
		version             string
		major, minor, patch int
		before              bool
	}{
		{"1.7.31", 1, 7, 32, true}, {"1.7.32", 1, 7, 32, false}, {"1.7.33", 1, 7, 32, false}, {"1.6.99", 1, 7, 32, true}, {"2.0.0", 1, 7, 32, false},
		{"1.7", 1, 7, 32, false}, {"2.1", 2, 2, 0, true}, {"2.2.0", 2, 2, 0, false}, {"1.9", 2, 0, 0, true},
	} {
		require.Equal(t, test.before, version(t, test.version).Before(test.major, test.minor, test.patch), "%+v", test)
	}
	require.False(t, hoststoml.Version{}.Before(2, 4, 0))
	require.True(t, hoststoml.Version{}.Before(2, 5, 0))
}

// What a File can hold and TOML cannot, or Parse does not give.
func TestValidateSaysWhatNoFileCanHold(t *testing.T) {
	unknown := func(name, value string) hoststoml.Settings {
		return hoststoml.Settings{Unknown: map[string]hoststoml.Secret{name: hoststoml.NewSecret([]byte(value))}}
	}
	for want, s := range map[string]hoststoml.Settings{
		`error: "\xff": not UTF-8 text, which TOML cannot hold`:         unknown("\xff", "1"),
		`error: ca: is a key that has a field of its own`:               unknown("ca", "1"),
		`error: CA: is a key that has a field of its own`:               unknown("CA", "1"),
		`error: host: is a key that has a field of its own`:             unknown("host", "1"),
		`error: x: want a value of TOML on one line, as Parse gives it`: unknown("x", "1\n"),
		`error: y: want a value of TOML on one line, as Parse gives it`: unknown("y", "1\nz = 2"),
		`error: z: want a value of TOML on one line, as Parse gives it`: unknown("z", "{a=1}"),
		`error: rewrite: put rewrites where they belong: into Rewrites`: unknown("rewrite", `{a = "b"}`),
		`error: rewrite."\xff": not UTF-8 text, which TOML cannot hold`: {Rewrites: map[string]string{"\xff": "a"}},
		`error: rewrite.a: not UTF-8 text, which TOML cannot hold`:      {Rewrites: map[string]string{"a": "\xff"}},
	} {
		var got []string
		for _, f := range (&hoststoml.File{Server: "https://s.io", Settings: s, Hosts: []hoststoml.Host{{URL: "https://m.io"}}}).Validate() {
			text, _, _ := strings.Cut(f.String(), " [")
			got = append(got, text)
		}
		require.Contains(t, got, want)
	}
	var about []string
	for _, f := range (&hoststoml.File{Settings: hoststoml.Settings{Rewrites: map[string]string{"\xff": "a"}}}).Validate() {
		if strings.HasPrefix(f.Origin.Field, "rewrite.") {
			about = append(about, f.Message)
		}
	}
	require.Equal(t, []string{"not UTF-8 text, which TOML cannot hold"}, about)
	for comment, fine := range map[string]bool{"a\tb": true, "a\nb": true, "a\x01": false, "\x7f": false, "\xff": false, "a\r": false} {
		findings := (&hoststoml.File{Comment: comment, Server: "https://s.io"}).Validate()
		require.Equal(t, !fine, strings.Contains(scenario.Text(findings), "error: comment: a comment is UTF-8 text without control characters [invalid-file, refused by the client]"), "%q", comment)
	}
}
