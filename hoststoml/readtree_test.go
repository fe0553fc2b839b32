package hoststoml_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/scenario"
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
		"d/hosts.toml":            {Data: []byte("x")},
		"d/README.md":             {Data: []byte("x")},
		"d/a.io.TXT":              {Data: []byte("x")},
		"d/note":                  {Data: []byte("x")},
		"d/file.io":               {Data: []byte("x")},
		"d/_default/hosts.toml":   file,
		"d/a.io/hosts.toml":       file,
		"d/a.io/notes.txt":        {Data: []byte("x")},
		"d/a.io:5000/hosts.toml":  file,
		"d/b.io_5000_/hosts.toml": file,
		"d/b.io:5000/hosts.toml":  file,
		"d/c.io/host.toml":        file,
		"d/d.io/hosts.toml":       file,
		"d/e.io/hosts.toml":       file,
		"d/f.io/hosts.toml/x":     file,
		"d/gone.io/hosts.toml":    file,
		"d/broken.io/hosts.toml":  {Data: []byte("server = 1")},
		"d/unsure.io/hosts.toml":  {Data: []byte("server = 'https://s.io'\nSKIP_verify = true\n[host]\n")},
		"d/ca.io/hosts.toml":      {Data: []byte("server = 'https://s.io'\nca = ['here.pem', 'missing.pem', 'dir', '']\nclient = [['here.pem', 'k.pem'], ['C:/k.pem', '\\\\srv\\k.pem'], 'C:k']\n[host.'https://m.io']\nca = 'missing.pem'\nclient = [['missing.pem', 'here.pem']]\n")},
		"d/ca.io/here.pem":        {Data: []byte("x")},
		"d/ca.io/dir/x":           {Data: []byte("x")},
		"d/bad name!/hosts.toml":  file,
		"d/reading.io/hosts.toml": {Data: []byte("ca = 'k.pem'\n[host]\n")},
		"d/reading.io/k.pem":      {Data: []byte("x")},
		"d/many.io/hosts.toml":    {Data: []byte("[host.'https://m.io']\n[host.'https://m.io:x']\n")},
	}, map[string]error{
		"d/d.io/hosts.toml": denied, "d/e.io/hosts.toml": errors.New("odd"), "list d/b.io_5000_": denied, "stat d/gone.io": fs.ErrNotExist, "d/reading.io/k.pem": denied,
	}}
	tree, findings, err := hoststoml.ReadTreeFS(fsys, "d")
	require.NoError(t, err)
	var lines []string
	for _, rf := range tree {
		lines = append(lines, rf.Host+" "+rf.Path()+" "+what(rf.File))
	}
	scenario.Answers(t, "testdata/directory.txtar", func(t *testing.T, _, _ string) string {
		return scenario.Text(findings) + strings.Join(lines, "\n")
	})

	_, _, unsure, err := version(t, "1.7").ReadTreeFS(fsys, "d")
	require.NoError(t, err)
	require.Equal(t, []string{"unsure.io"}, unsure)
	_, _, err = hoststoml.ReadTreeFS(fsys, "none")
	require.ErrorIs(t, err, fs.ErrNotExist)
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
		"2.5": "2.4", "2.5.1": "2.4", "3": "2.4", "3.0.1": "2.4", "2.4.0": "2.4.0", "1.8": "1.7", "1.8.3": "1.7",
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
	for comment, fine := range map[string]bool{"a\tb": true, "a\nb": true, "a\x01": false, "\x7f": false, "\xff": false, "a\r": false} {
		findings := (&hoststoml.File{Comment: comment, Server: "https://s.io"}).Validate()
		require.Equal(t, !fine, strings.Contains(scenario.Text(findings), "error: comment: a comment is UTF-8 text without control characters [invalid-file, refused by the client]"), "%q", comment)
	}
}
