package hoststoml_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/stretchr/testify/require"
)

func registry(host, mirror string) hoststoml.RegistryFile {
	return hoststoml.RegistryFile{Host: host, File: &hoststoml.File{
		Comment: hoststoml.Marker, Server: mirror, Hosts: []hoststoml.Host{{URL: mirror}},
	}}
}

func kept(c hoststoml.Change) (lines []string) {
	for _, k := range c.Kept {
		lines = append(lines, string(k.Code)+" "+k.Path)
	}
	return lines
}

// apply makes the tree stand in a directory with these files.
func apply(t *testing.T, files map[string]string, new hoststoml.Tree, o hoststoml.Options) (dir string, c hoststoml.Change, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "certs.d")
	local, err := faults.NewLocal(dir, faults.Case{Node: files})
	require.NoError(t, err)
	t.Cleanup(func() { local.Close() })
	c, err = new.Apply(context.Background(), local, o)
	return dir, c, err
}

// applyLinux is apply for a node whose names may hold a colon and differ in letter case only, whatever machine this is.
func applyLinux(files map[string]string, new hoststoml.Tree, o hoststoml.Options) (*faults.Memory, hoststoml.Change, error) {
	node := faults.NewMemory(faults.Case{Node: files})
	c, err := new.Apply(context.Background(), node, o)
	return node, c, err
}

func TestWhatIsNotOursIsKeptAndReported(t *testing.T) {
	files := map[string]string{
		"conflict.io/hosts.toml": "server = \"https://by-hand.io\"\n", "beside.io/ca.crt": "x", "other.io/hosts.toml": "# by hand\n",
		"empty.io/": "", "read me": "x", "gone.io/hosts.toml": "# " + hoststoml.Marker + "\n", "gone.io/ca.crt": "x",
	}
	tree := hoststoml.Tree{registry("beside.io", "https://m.io"), registry("conflict.io", "https://m.io")}
	dir, c, err := apply(t, files, tree, hoststoml.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.ErrorContains(t, err, "conflict.io/hosts.toml")
	require.Equal(t, []string{
		"beside beside.io/ca.crt", "conflict conflict.io/hosts.toml", "foreign empty.io", "directory gone.io", "foreign other.io", "other read me",
	}, kept(c))
	require.FileExists(t, filepath.Join(dir, "beside.io", "hosts.toml"), "the rest is done")
	require.FileExists(t, filepath.Join(dir, "gone.io", "ca.crt"))
	require.NoFileExists(t, filepath.Join(dir, "gone.io", "hosts.toml"))

	dir, c, err = apply(t, files, tree, hoststoml.Options{Overwrite: true, Purge: true})
	require.NoError(t, err)
	require.Equal(t, []string{"beside beside.io/ca.crt", "other read me"}, kept(c))
	left, err := hoststoml.ReadNode(context.Background(), open(t, dir))
	require.NoError(t, err)
	again, err := hoststoml.Diff(left, tree, hoststoml.Options{})
	require.NoError(t, err)
	require.Empty(t, again.Operations)
}

func open(t *testing.T, dir string) *nodefiles.Local {
	t.Helper()
	local, err := nodefiles.OpenLocal(dir)
	require.NoError(t, err)
	t.Cleanup(func() { local.Close() })
	return local
}

func TestATreeThatNoNodeCanHoldIsRefused(t *testing.T) {
	name := hoststoml.ExtraName("ca.pem", []byte("x"))
	for want, tree := range map[string]hoststoml.Tree{
		"cannot be the name": {registry("../a", "https://m.io")},
		`registry "a/b"`:     {registry("a/b", "https://m.io")},
		"the same directory": {registry("a.io", "https://m.io"), registry("a.io", "https://n.io")},
		`"../x" beside`:      {{Host: "a.io", Extra: hoststoml.Extra{name: {}, "../x": {}}}},
		`"ca.pem" beside`:    {{Host: "a.io", Extra: hoststoml.Extra{"ca.pem": {}}}},
		`x.crt" beside`:      {{Host: "a.io", Extra: hoststoml.Extra{"pullroute-x.crt": {}}}},
		`x.cert" beside`:     {{Host: "a.io", Extra: hoststoml.Extra{"pullroute-x.cert": {}}}},
		`x.key" beside`:      {{Host: "a.io", Extra: hoststoml.Extra{"pullroute-x.key": {}}}},
		`-x." beside`:        {{Host: "a.io", Extra: hoststoml.Extra{"pullroute-x.": {}}}},
		`x/y.pem" beside`:    {{Host: "a.io", Extra: hoststoml.Extra{"pullroute-x/y.pem": {}}}},
		`registry ""`:        {registry("", "https://m.io")},
		`"m.io_5000_": is`:   {registry("m.io_5000_", "https://m.io")},
	} {
		_, err := hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{})
		require.ErrorContains(t, err, want)
	}
	require.Regexp(t, `^pullroute-ca\.\.5000-[0-9a-f]{16}\.pem$`, hoststoml.ExtraName("ca..5000.pem", nil))
	require.Regexp(t, `^pullroute-n\.io-5000-[0-9a-f]{16}\.pem$`, hoststoml.ExtraName("n.io:5000.pem", nil))
	require.Regexp(t, `^pullroute-azAZ09_--------[0-9a-f]{16}\.pem$`, hoststoml.ExtraName("azAZ09_`{@[/:é.pem", nil), "the neighbours of what a name may have")
}

func TestNothingThatIsPrintedHoldsContent(t *testing.T) {
	const secret = "c2VjcmV0OnNlY3JldA"
	rf := registry("a.io", "https://m.io")
	rf.File.Header = hoststoml.Header{"Authorization": hoststoml.Secrets("Basic " + secret)}
	rf.Extra = hoststoml.Extra{hoststoml.ExtraName("client.pem", []byte(secret)): hoststoml.NewSecret(secret)}
	tree := hoststoml.Tree{rf}
	c, err := hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{})
	require.NoError(t, err)
	hidden := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret)), fmt.Sprintf("%#v", []byte(secret))[7:]}
	for _, v := range []any{tree, rf, rf.Extra, tree.Node(), *tree.Node(), c, c.Operations, c.Operations[1], &c} {
		text := ""
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			text += fmt.Sprintf(verb, v)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		for _, h := range hidden {
			require.NotContains(t, text+string(data), strings.Trim(h, "[]{}"), "%T", v)
		}
	}
	for _, o := range c.Operations {
		require.True(t, o.Kind != nodefiles.OperationWrite || o.Mode == 0o600, o)
	}
}

// A key that no containerd reads may be a header that is misspelt.
func TestAFileThatMayHoldSecretsIsForItsOwnerOnly(t *testing.T) {
	header, unknown := hoststoml.Header{"A": hoststoml.Secrets("b")}, map[string]hoststoml.Secret{"headers": hoststoml.NewSecret("1")}
	for _, s := range []hoststoml.Settings{{Header: header}, {Unknown: unknown}, {Header: header, Unknown: unknown}} {
		for _, f := range []*hoststoml.File{{Settings: s}, {Hosts: []hoststoml.Host{{URL: "https://m.io", Settings: s}}}} {
			c, err := hoststoml.Diff(nil, hoststoml.Tree{{Host: "a.io", File: f}}, hoststoml.Options{})
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), c.Operations[1].Mode)
		}
	}
}

func TestAFileThatOthersMayReadIsWrittenAnewWhenItHoldsSecrets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	rf := registry("a.io", "https://m.io")
	rf.File.Header = hoststoml.Header{"Authorization": hoststoml.Secrets("Basic x")}
	dir, _, err := apply(t, nil, hoststoml.Tree{rf}, hoststoml.Options{})
	require.NoError(t, err)
	name := filepath.Join(dir, "a.io", "hosts.toml")
	require.NoError(t, os.Chmod(name, 0o644))
	_, err = hoststoml.Tree{rf}.Apply(context.Background(), open(t, dir), hoststoml.Options{})
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

// recorder keeps the calls that change a node.
type recorder struct {
	nodefiles.Transport
	calls []recorded
}

type recorded struct {
	nodefiles.Operation
	data string
}

func (r *recorder) record(kind nodefiles.OperationKind, name, to, data string) {
	r.calls = append(r.calls, recorded{nodefiles.Operation{Kind: kind, Path: name, To: to}, data})
}

func (r *recorder) Mkdir(ctx context.Context, name string) error {
	r.record(nodefiles.OperationMkdir, name, "", "")
	return r.Transport.Mkdir(ctx, name)
}

func (r *recorder) WriteFile(ctx context.Context, name string, data []byte, perm fs.FileMode) error {
	r.record(nodefiles.OperationWrite, name, "", string(data))
	return r.Transport.WriteFile(ctx, name, data, perm)
}

func (r *recorder) Rename(ctx context.Context, from, to string) error {
	r.record(nodefiles.OperationRename, from, to, "")
	return r.Transport.Rename(ctx, from, to)
}

func (r *recorder) Remove(ctx context.Context, name string) error {
	r.record(nodefiles.OperationRemove, name, "", "")
	return r.Transport.Remove(ctx, name)
}

func (r *recorder) Sync(ctx context.Context, dir string) error {
	r.record(nodefiles.OperationSync, dir, "", "")
	return r.Transport.Sync(ctx, dir)
}

// disk is a file system without anything but names: directories end in "/".
type disk map[string]string

func (d disk) exists(name string) bool {
	_, file := d[name]
	_, dir := d[name+"/"]
	return file || dir
}

func (d disk) below(dir string) (names []string) {
	for name := range d {
		if strings.HasPrefix(name, dir+"/") && name != dir+"/" {
			names = append(names, name)
		}
	}
	return names
}

// do does a call, or nothing where the disk does not have what it is about.
func (d disk) do(c recorded) {
	if parent := path.Dir(c.Path); parent != "." && !d.exists(parent) {
		return
	}
	switch c.Kind {
	case nodefiles.OperationMkdir:
		d[c.Path+"/"] = ""
	case nodefiles.OperationWrite:
		d[c.Path] = c.data
	case nodefiles.OperationRename:
		if data, ok := d[c.Path]; ok {
			d[c.To] = data
			delete(d, c.Path)
		} else if d.exists(c.Path) && !d.exists(c.To) {
			for _, name := range append(d.below(c.Path), c.Path+"/") {
				d[c.To+strings.TrimPrefix(name, c.Path)] = d[name]
				delete(d, name)
			}
		}
	case nodefiles.OperationRemove:
		if len(d.below(c.Path)) == 0 {
			delete(d, c.Path)
			delete(d, c.Path+"/")
		}
	}
}

func (d disk) governs(host string) string {
	for _, dir := range hoststoml.Dirs(host) {
		if !d.exists(dir) {
			continue
		}
		text, ok := d[dir+"/hosts.toml"]
		if !ok {
			return "a directory without a file"
		}
		for name, data := range d {
			if path.Dir(name) == dir && strings.Contains(text, path.Base(name)) {
				text += data
			}
		}
		return text
	}
	return "nothing"
}

// A file system may write names to disk in any order, and a loss of power finds it with any part of those
// that were not synced. Here each such part is tried, or, of many, some.
func TestALossOfPowerLeavesEachRegistryItsOldFileOrItsNewOne(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	tried := 0
	for range 60 {
		c := faults.Random(r).On(t.TempDir())
		before := disk{}
		hosts := []string{"elsewhere.io", "a.io", "b.io", "c.io", "n.io:5000", "p.io:5000"}
		for name, data := range c.Node {
			before[name] = data
			for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
				before[dir+"/"] = ""
			}
		}
		local, err := faults.NewLocal(filepath.Join(t.TempDir(), "certs.d"), c)
		require.NoError(t, err)
		all := &recorder{Transport: local}
		if _, err := c.New.Apply(t.Context(), all, c.Options); !errors.Is(err, nodefiles.ErrConflict) {
			require.NoError(t, err)
		}
		require.NoError(t, local.Close())
		after := maps.Clone(before)
		for _, call := range all.calls {
			after.do(call)
		}
		for stop := range all.calls {
			var pending []int // calls whose names may not be on disk
			for i, call := range all.calls[:stop+1] {
				if call.Kind == nodefiles.OperationSync {
					done := []string{} // with a directory, what was in it is gone for good
					for _, j := range pending {
						if name := all.calls[j].Path; path.Dir(name) == call.Path && all.calls[j].Kind == nodefiles.OperationRemove {
							done = append(done, name+"/")
						}
					}
					pending = slices.DeleteFunc(pending, func(j int) bool {
						name := all.calls[j].Path
						return path.Dir(name) == call.Path || slices.ContainsFunc(done, func(dir string) bool { return strings.HasPrefix(name, dir) })
					})
				} else {
					pending = append(pending, i)
				}
			}
			for part := range min(1<<len(pending), 32) {
				lost := func(i int) bool {
					j := slices.Index(pending, i)
					return j >= 0 && (part>>j&1 == 1 || len(pending) > 5 && r.Intn(2) == 0)
				}
				now := maps.Clone(before)
				for i, call := range all.calls[:stop+1] {
					if !lost(i) {
						now.do(call)
					}
				}
				tried++
				for _, host := range hosts {
					got := now.governs(host)
					require.True(t, got == before.governs(host) || got == after.governs(host),
						"%s: %s after operation %d, part %b of %v:\n%s\n%v", c.Name, host, stop, part, pending, got, all.calls)
				}
			}
		}
	}
	t.Logf("%d states looked at", tried)
	require.Greater(t, tried, 2000)
}

// busy is a node on which containerd has files open.
type busy struct {
	nodefiles.Transport
	times, calls int
}

func (b *busy) Rename(ctx context.Context, from, to string) error {
	if b.calls++; b.calls <= b.times {
		return fmt.Errorf("the file %w", nodefiles.ErrBusy)
	}
	return b.Transport.Rename(ctx, from, to)
}

// held is a node whose files a scanner has open for itself, until it was met a number of times.
type held struct {
	nodefiles.Transport
	times int
}

func (h *held) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	if h.times--; h.times >= 0 {
		return nil, fmt.Errorf("the directory %w", nodefiles.ErrBusy)
	}
	return h.Transport.List(ctx, dir)
}

func (h *held) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if h.times--; h.times >= 0 {
		return nil, fmt.Errorf("the file %w", nodefiles.ErrBusy)
	}
	return h.Transport.ReadFile(ctx, name)
}

func TestWhatAnotherProgramHoldsIsWaitedForOnReading(t *testing.T) {
	tree := hoststoml.Tree{registry("a.io", "https://new.io")}
	synctest.Test(t, func(t *testing.T) {
		for times, fails := range map[int]bool{19: false, 20: true} {
			node := faults.NewMemory(faults.Case{Node: map[string]string{"a.io/hosts.toml": string(registry("a.io", "https://old.io").File.Bytes())}})
			start := time.Now()
			_, err := tree.Apply(t.Context(), &held{node, times}, hoststoml.Options{})
			require.Equal(t, fails, errors.Is(err, nodefiles.ErrBusy), err)
			require.Equal(t, fails, err != nil)
			require.Equal(t, 19*50*time.Millisecond, time.Since(start))
			_, err = tree.Apply(t.Context(), &held{node, 2}, hoststoml.Options{Retry: nodefiles.Retry{Attempts: 1}})
			require.ErrorIs(t, err, nodefiles.ErrBusy)
		}
	})
}

func TestARenameOverAnOpenFileIsRepeated(t *testing.T) {
	tree := hoststoml.Tree{registry("a.io", "https://new.io")}
	files := map[string]string{"a.io/hosts.toml": string(registry("a.io", "https://old.io").File.Bytes())}
	for _, test := range []struct {
		times int
		retry nodefiles.Retry
		calls int
		takes time.Duration
		fails bool
	}{
		{times: 0, calls: 1},
		{times: 19, calls: 20, takes: 19 * 50 * time.Millisecond},
		{times: 20, calls: 20, takes: 19 * 50 * time.Millisecond, fails: true},
		{times: 2, retry: nodefiles.Retry{Attempts: 3, Pause: time.Hour}, calls: 3, takes: 2 * time.Hour},
		{times: 3, retry: nodefiles.Retry{Attempts: 3, Pause: time.Hour}, calls: 3, takes: 2 * time.Hour, fails: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "certs.d")
			local, err := faults.NewLocal(dir, faults.Case{Node: files})
			require.NoError(t, err)
			defer local.Close()
			start, b := time.Now(), &busy{Transport: local, times: test.times}
			_, err = tree.Apply(t.Context(), b, hoststoml.Options{Retry: test.retry})
			require.Equal(t, test.fails, errors.Is(err, nodefiles.ErrBusy), err)
			require.Equal(t, test.fails, err != nil)
			require.Equal(t, test.calls, b.calls)
			require.Equal(t, test.takes, time.Since(start))
			data, err := os.ReadFile(filepath.Join(dir, "a.io", "hosts.toml"))
			require.NoError(t, err)
			require.Equal(t, test.fails, strings.Contains(string(data), "https://old.io"))
		})
	}
}

func TestAReplacementEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local, err := faults.NewLocal(filepath.Join(t.TempDir(), "certs.d"), faults.Case{})
		require.NoError(t, err)
		defer local.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b := &busy{Transport: local, times: 1000}
		_, err = hoststoml.Tree{registry("a.io", "https://m.io")}.Apply(ctx, b, hoststoml.Options{Retry: nodefiles.Retry{Attempts: 1000, Pause: 25 * time.Second}})
		require.ErrorIs(t, err, nodefiles.ErrBusy)
		require.Equal(t, 3, b.calls)
		_, err = hoststoml.Tree{registry("b.io", "https://m.io")}.Apply(ctx, local, hoststoml.Options{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// folding is a node whose file system takes names that differ in case for one.
type folding struct{ nodefiles.Transport }

func (f folding) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	entries, err := f.Transport.List(ctx, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name, dir) {
			dir = e.Name
		}
	}
	return f.Transport.List(ctx, dir)
}

func TestADirectoryInAnotherSpellingIsTheSameWhereCaseDoesNotCount(t *testing.T) {
	dir, _, err := apply(t, nil, hoststoml.Tree{registry("Quay.io", "https://old.io")}, hoststoml.Options{})
	require.NoError(t, err)
	tree := hoststoml.Tree{registry("quay.io", "https://new.io")}
	node, err := hoststoml.ReadNode(t.Context(), folding{open(t, dir)})
	require.NoError(t, err)
	c, err := hoststoml.Diff(node, tree, hoststoml.Options{})
	require.NoError(t, err)
	require.Equal(t, "rename Quay.io/.hosts.toml~new -> Quay.io/hosts.toml", c.Operations[1].String())
	require.Len(t, c.Operations, 3)
	_, err = hoststoml.Diff(node, append(tree, registry("QUAY.io", "https://new.io")), hoststoml.Options{})
	require.ErrorContains(t, err, "the same directory")

	node, err = hoststoml.ReadNode(t.Context(), open(t, dir))
	require.NoError(t, err)
	c, err = hoststoml.Diff(node, tree, hoststoml.Options{})
	require.NoError(t, err)
	want := "rename .quay.io~new -> quay.io"
	if _, err := os.Stat(filepath.Join(dir, "quay.io")); err == nil { // so it is on this disk
		want = "rename Quay.io/.hosts.toml~new -> Quay.io/hosts.toml"
	}
	require.Contains(t, fmt.Sprint(c.Operations), want)
}

func TestLocalStaysInItsDirectory(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "hosts.toml"), []byte("untouched"), 0o644))
	dir := filepath.Join(t.TempDir(), "certs.d")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "b.io"), 0o755))
	symlink.New(t, outside, filepath.Join(dir, "a.io"))
	symlink.New(t, filepath.Join(outside, "hosts.toml"), filepath.Join(dir, "b.io", "hosts.toml"))
	ctx, local := t.Context(), open(t, dir)
	for _, name := range []string{"../x", "a.io/x", "/x"} {
		require.Error(t, local.WriteFile(ctx, name, nil, 0o644), name)
		require.Error(t, local.Mkdir(ctx, name), name)
		require.Error(t, local.Rename(ctx, "b.io", name), name)
		require.Error(t, local.Remove(ctx, name), name)
		_, err := local.ReadFile(ctx, name)
		require.Error(t, err, name)
	}
	_, err := local.ReadFile(ctx, "b.io/hosts.toml")
	require.Error(t, err)
	tree := hoststoml.Tree{registry("a.io", "https://m.io"), registry("b.io", "https://m.io")}
	c, err := tree.Apply(ctx, local, hoststoml.Options{Overwrite: true, Purge: true})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.Equal(t, []string{"conflict a.io"}, kept(c))
	_, err = hoststoml.Tree{}.Apply(ctx, local, hoststoml.Options{Purge: true})
	require.NoError(t, err)
	require.NoDirExists(t, filepath.Join(dir, "a.io"))
	data, err := os.ReadFile(filepath.Join(outside, "hosts.toml"))
	require.NoError(t, err)
	require.Equal(t, "untouched", string(data))
}
