package hoststoml_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/filelock"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/stretchr/testify/require"
)

// lax returns a file that names a mirror and then the registry itself.
func lax(host, mirror string) hoststoml.RegistryFile {
	rf := registry(host, mirror)
	rf.File.Server = "https://" + host
	return rf
}

// renamed lists what is put in place, in order.
func renamed(c hoststoml.Change) (names []string) {
	for _, o := range c.Operations {
		if o.Kind == nodefiles.OperationRename {
			names = append(names, o.To)
		}
	}
	return names
}

// failures tells which registries failed, each with the sentinel of its error.
func failures(err error) (lines []string) {
	for _, e := range hoststoml.RegistryErrors(err) {
		kind := "other"
		for name, is := range map[string]error{
			"conflict": nodefiles.ErrConflict, "name": hoststoml.ErrName, "same directory": hoststoml.ErrSameDirectory, "waits": nodefiles.ErrWaits,
		} {
			if errors.Is(e, is) {
				kind = name
			}
		}
		lines = append(lines, e.Registry+": "+kind)
	}
	return lines
}

func TestRegistriesThatForbidTheirSourceComeFirst(t *testing.T) {
	pushOnly := hoststoml.Settings{Capabilities: []hoststoml.Capability{hoststoml.CapabilityPush}}
	tree := hoststoml.Tree{
		registry("_default", "https://m.io"),
		lax("a.io", "https://m.io"),
		{Host: "blocked.io", File: &hoststoml.File{Server: "https://blocked.io", Settings: pushOnly, Hosts: []hoststoml.Host{{URL: "https://blocked.io", Settings: pushOnly}}}},
		{Host: "bare.io", File: &hoststoml.File{Hosts: []hoststoml.Host{{URL: "https://m.io"}}}},
		lax("docker.io", "https://m.io"),
		{Host: "empty.io"},
		registry("never.io", "https://m.io"),
		{Host: "own-mirror.io", File: &hoststoml.File{
			Server: "https://own-mirror.io/v2/mirrors", Settings: hoststoml.Settings{OverridePath: true},
			Hosts: []hoststoml.Host{{URL: "https://own-mirror.io/v2/mirrors", Settings: hoststoml.Settings{OverridePath: true}}},
		}},
		{Host: "self.io", File: &hoststoml.File{Server: "https://m.io", Hosts: []hoststoml.Host{{URL: "https://SELF.io:443"}, {URL: "https://m.io"}}}},
		{Host: "docker.io:443", File: &hoststoml.File{Server: "https://m.io", Hosts: []hoststoml.Host{{URL: "https://m.io"}}}},
	}
	tree[4].File.Server = "https://registry-1.docker.io"
	c, err := hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{
		"blocked.io", "docker.io_443_", "never.io", "own-mirror.io", // forbidden
		"a.io", "bare.io", "docker.io", "empty.io", "self.io", "_default",
	}, renamed(c))
}

func TestATreeThatANodeCannotHoldWholeIsPutInPart(t *testing.T) {
	tree := hoststoml.Tree{
		lax("a.io", "https://m.io"), lax("a.io", "https://n.io"), registry("../b", "https://m.io"),
		registry("aux.example.com", "https://m.io"), registry("AUX.example.com:5000", "https://m.io"), registry("con:5000", "https://m.io"),
		{Host: "extra.io", File: &hoststoml.File{}, Extra: hoststoml.Extra{"ca.pem": {}}}, registry("z.io", "https://m.io"),
	}
	dir, c, err := apply(t, nil, tree, hoststoml.Options{})
	require.Equal(t, []string{"../b: name", "AUX.example.com:5000: name", "aux.example.com: name", "a.io: same directory", "extra.io: name"}, failures(err))
	require.ErrorContains(t, err, `registry "aux.example.com": directory "aux.example.com" has the name of a device on Windows`)
	require.Equal(t, []string{"con_5000_", "z.io", "a.io"}, renamed(c))
	data, err := os.ReadFile(filepath.Join(dir, "a.io", "hosts.toml"))
	require.NoError(t, err)
	require.Contains(t, string(data), "https://m.io", "the first counts")

	// No disk takes a name of more than 255 characters, with those that it is prepared under.
	long := strings.Repeat("a23456789.", 24) + "ab.example"
	_, c, err = apply(t, nil, hoststoml.Tree{registry(long, "https://m.io"), registry(long+"s", "https://m.io")}, hoststoml.Options{})
	require.Equal(t, []string{long + "s: name"}, failures(err))
	require.ErrorContains(t, err, "has 251 characters")
	require.Equal(t, []string{long}, renamed(c))

	// A node that is known to have no Windows has no such devices.
	_, c, err = applyLinux(nil, tree[3:5], hoststoml.Options{Platform: finding.Linux})
	require.NoError(t, err)
	require.Equal(t, []string{"AUX.example.com_5000_", "aux.example.com"}, renamed(c))

	// One with Windows has them, and is told so.
	_, err = hoststoml.Diff(&hoststoml.Node{}, tree[3:4], hoststoml.Options{Platform: finding.Windows})
	require.Equal(t, []string{"aux.example.com: name"}, failures(err))

	// What stands for a registry that cannot be put stays.
	before := map[string]string{"extra.io/hosts.toml": "# " + hoststoml.Marker + "\n", "n.io:5000/hosts.toml": "# " + hoststoml.Marker + "\n"}
	bad := hoststoml.Extra{"ca.pem": {}}
	node, c, err := applyLinux(before, hoststoml.Tree{{Host: "extra.io", Extra: bad}, {Host: "n.io:5000", Extra: bad}}, hoststoml.Options{})
	require.Equal(t, []string{"extra.io: name", "n.io:5000: name"}, failures(err))
	require.Empty(t, c.Operations)
	require.Contains(t, node.Files, "n.io:5000/hosts.toml")
}

func TestOfTwoSpellingsOfOneDirectoryTheOneThatForbidsIsPut(t *testing.T) {
	for _, tree := range []hoststoml.Tree{
		{lax("Quay.io", "https://lax.io"), registry("quay.io", "https://strict.io")},
		{registry("Quay.io", "https://strict.io"), lax("quay.io", "https://lax.io")},
	} {
		strict, other := tree[0].Host, tree[1].Host
		if strings.Contains(tree[1].File.Server, "strict") {
			strict, other = other, strict
		}
		// On a node without directories only the platform tells that case does not count.
		c, err := hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{Platform: finding.Windows})
		require.Equal(t, []string{other + ": same directory"}, failures(err))
		require.ErrorContains(t, err, fmt.Sprintf("%q, whose file is put there", strict))
		require.Equal(t, []string{strict}, renamed(c))

		// A node that folds case, found out from its directories.
		dir, _, err := apply(t, map[string]string{"qUAY.io/hosts.toml": "# " + hoststoml.Marker + "\n"}, nil, hoststoml.Options{KeepStale: true})
		require.NoError(t, err)
		c, err = tree.Apply(t.Context(), folding{open(t, dir)}, hoststoml.Options{})
		require.Equal(t, []string{other + ": same directory"}, failures(err))
		require.Equal(t, []string{"qUAY.io/hosts.toml"}, renamed(c))
		data, err := os.ReadFile(filepath.Join(dir, "qUAY.io", "hosts.toml"))
		require.NoError(t, err)
		require.Contains(t, string(data), "https://strict.io")

		// One that does not has both.
		node, c, err := applyLinux(nil, tree, hoststoml.Options{})
		require.NoError(t, err)
		require.Equal(t, []string{strict, other}, renamed(c))
		require.Contains(t, node.Files, "Quay.io/hosts.toml")
		require.Contains(t, node.Files, "quay.io/hosts.toml")
	}
}

// knowing is a node whose transport knows that case does not count there.
type knowing struct{ nodefiles.Transport }

func (knowing) FoldsCase() bool { return true }

func TestWhetherCaseCountsIsKnownBeforeThereIsADirectory(t *testing.T) {
	both := hoststoml.Tree{registry("b.io", "https://m.io"), registry("B.io", "https://m.io")}
	_, err := both.Apply(t.Context(), knowing{faults.NewMemory(faults.Case{})}, hoststoml.Options{})
	require.Equal(t, []string{"b.io: same directory"}, failures(err))

	dir := filepath.Join(t.TempDir(), "CertsD")
	require.NoError(t, os.Mkdir(dir, 0o755))
	_, err = os.Stat(filepath.Join(filepath.Dir(dir), "cERTSd"))
	_, applied := both.Apply(t.Context(), open(t, dir), hoststoml.Options{})
	require.Equal(t, err == nil, errors.Is(applied, hoststoml.ErrSameDirectory), "%v, %v", err, applied)
}

func TestWhetherCaseCountsIsFoundOutFromTheDirectories(t *testing.T) {
	ours := "# " + hoststoml.Marker + "\n"
	both := hoststoml.Tree{registry("b.io", "https://m.io"), registry("B.io", "https://m.io")}
	// Where two directories differ in case only, it counts.
	_, c, err := applyLinux(map[string]string{"a.io/hosts.toml": ours, "A.IO/hosts.toml": ours}, both, hoststoml.Options{KeepStale: true})
	require.NoError(t, err)
	require.Len(t, renamed(c), 2)
	// Each is then asked for by its own name, also where the node is said to have Windows.
	_, c, err = applyLinux(map[string]string{"Quay.io/hosts.toml": ours, "quay.io/hosts.toml": ours}, hoststoml.Tree{registry("quay.io", "https://m.io")}, hoststoml.Options{Platform: finding.Windows})
	require.NoError(t, err)
	require.Equal(t, []string{"quay.io/hosts.toml"}, renamed(c))
	// A directory that cannot be read says nothing, the next one does.
	dir, r := refuse(t, map[string]string{"a.io/hosts.toml": ours, "c.io/hosts.toml": ours, "a a/x": "", "a-b": "no directory"}, "list a.io", "list A.IO", "list a a", "list A A")
	r.Transport = folding{open(t, dir)}
	_, err = both.Apply(t.Context(), r, hoststoml.Options{KeepStale: true})
	require.Equal(t, []string{"b.io: same directory", "a.io: other"}, failures(err))
	// A name in capitals is asked for in small letters.
	dir, _ = refuse(t, map[string]string{"A.IO/hosts.toml": ours})
	_, err = both.Apply(t.Context(), folding{open(t, dir)}, hoststoml.Options{KeepStale: true})
	require.Equal(t, []string{"b.io: same directory"}, failures(err))
}

// refusing is a node on which some calls fail, by kind and path.
type refusing struct {
	nodefiles.Transport
	paths map[string]bool
	calls int
	lists []string
}

var errRefused = errors.New("permission denied")

func (r *refusing) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if r.paths["read "+name] {
		return nil, errRefused
	}
	return r.Transport.ReadFile(ctx, name)
}

func (r *refusing) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	r.lists = append(r.lists, dir)
	if r.paths["list "+dir] {
		return nil, errRefused
	}
	return r.Transport.List(ctx, dir)
}

func (r *refusing) Rename(ctx context.Context, from, to string) error {
	r.calls++
	if r.paths["rename "+to] || r.paths["rename "+from] {
		return errRefused
	}
	return r.Transport.Rename(ctx, from, to)
}

func refuse(t *testing.T, files map[string]string, paths ...string) (string, *refusing) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs.d")
	local, err := faults.NewLocal(dir, faults.Case{Node: files})
	require.NoError(t, err)
	t.Cleanup(func() { local.Close() })
	r := &refusing{Transport: local, paths: map[string]bool{}}
	for _, p := range paths {
		r.paths[p] = true
	}
	return dir, r
}

func TestADirectoryThatCannotBeReadFailsItsRegistryOnly(t *testing.T) {
	ours := "# " + hoststoml.Marker + "\n"
	files := map[string]string{"a.io/hosts.toml": ours, "b.io/hosts.toml": ours, "gone.io/hosts.toml": ours, "shut.io/hosts.toml": ours, "no host/x": "y"}
	tree := hoststoml.Tree{registry("a.io", "https://m.io"), registry("b.io", "https://m.io"), registry("c.io", "https://m.io")}
	dir, r := refuse(t, files, "read a.io/hosts.toml", "list shut.io", "list no host")
	c, err := tree.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"a.io: other", "shut.io: other"}, failures(err))
	require.ErrorIs(t, err, errRefused)
	require.ErrorContains(t, err, "make a.io readable")
	require.Equal(t, []string{"b.io/hosts.toml", "c.io", ".gone.io~old"}, renamed(c))
	for _, name := range []string{"a.io", "shut.io"} {
		data, err := os.ReadFile(filepath.Join(dir, name, "hosts.toml"))
		require.NoError(t, err)
		require.Equal(t, ours, string(data))
	}

	// Without knowing what "_default" is nothing is removed that it would then decide for.
	_, r = refuse(t, map[string]string{"_default/hosts.toml": ours, "gone.io/hosts.toml": ours}, "read _default/hosts.toml")
	c, err = tree.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"_default: other", "gone.io: waits"}, failures(err))
	require.Equal(t, []string{"a.io", "b.io", "c.io"}, renamed(c))

	// What it does not decide for afterwards goes: a directory that stays for others, and a HOST:PORT whose registry has a file.
	node := faults.NewMemory(faults.Case{Node: map[string]string{
		"_default/hosts.toml": ours, "gone.io/hosts.toml": ours, "half.io/hosts.toml": ours, "half.io/x": "", "n.io:5000/hosts.toml": ours,
	}})
	r = &refusing{Transport: node, paths: map[string]bool{"read _default/hosts.toml": true}}
	c, err = hoststoml.Tree{registry("n.io:5000", "https://m.io")}.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"_default: other", "gone.io: waits"}, failures(err))
	require.Equal(t, []string{"n.io_5000_", ".n.io:5000~old"}, renamed(c))
	require.NotContains(t, node.Files, "half.io/hosts.toml")

	// What no registry has is not looked into, nor what another hand put beside a file.
	dir, r = refuse(t, map[string]string{"a.io/hosts.toml": ours, "a.io/ca.crt": "x", "no host/x": "y"}, "read a.io/ca.crt", "list no host")
	_, err = tree.Apply(t.Context(), r, hoststoml.Options{})
	require.NoError(t, err)
	require.NotContains(t, r.lists, "no host")
	require.Contains(t, r.lists, "a.io")

	// A context that is done is no failure of a registry.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = hoststoml.ReadNode(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
	ctx, cancel = context.WithCancel(t.Context())
	_, err = hoststoml.ReadNode(ctx, ending{open(t, dir), "a.io", cancel})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "reading the node's files: ")
	r = &refusing{Transport: r.Transport, paths: map[string]bool{"list .": true}}
	_, err = hoststoml.ReadNode(t.Context(), r)
	require.ErrorIs(t, err, errRefused)
}

// ending is a node whose context ends while a directory is listed.
type ending struct {
	nodefiles.Transport
	at  string
	end func()
}

func (e ending) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	if dir == e.at {
		e.end()
		return nil, ctx.Err()
	}
	return e.Transport.List(ctx, dir)
}

func TestDefaultWaitsForTheRegistriesThatItDecidesFor(t *testing.T) {
	ours := "# " + hoststoml.Marker + "\n"
	files := map[string]string{"_default/hosts.toml": ours, "gone.io/hosts.toml": ours, "old.io/hosts.toml": ours}
	tree := hoststoml.Tree{registry("new.io", "https://m.io"), registry("old.io", "https://m.io"), registry("other.io", "https://m.io")}
	dir, r := refuse(t, files, "rename new.io")
	_, err := tree.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"new.io: other", "_default: waits", "gone.io: waits"}, failures(err))
	require.ErrorContains(t, err, `registry "_default": waits for another registry: it stays as it is, because it decides for "new.io"`)
	require.ErrorContains(t, err, `registry "gone.io": waits for another registry: it is not removed, because "_default" would decide for it`)
	require.FileExists(t, filepath.Join(dir, "gone.io", "hosts.toml"))
	require.FileExists(t, filepath.Join(dir, "_default", "hosts.toml"))
	require.FileExists(t, filepath.Join(dir, "other.io", "hosts.toml"))

	// A registry whose old file stands needs no "_default".
	dir, r = refuse(t, files, "rename old.io/hosts.toml")
	_, err = tree.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"old.io: other"}, failures(err))
	require.ErrorContains(t, err, `registry "old.io": rename old.io/.hosts.toml~new -> old.io/hosts.toml: permission denied; its old file or its new one stands: apply again to finish`)
	require.NoDirExists(t, filepath.Join(dir, "gone.io"))
	require.NoDirExists(t, filepath.Join(dir, "_default"))

	// Nor does one of HOST:PORT.
	if runtime.GOOS != "windows" {
		withPort := hoststoml.Tree{registry("n.io:5000", "https://m.io")}
		_, r = refuse(t, map[string]string{"_default/hosts.toml": ours, "n.io:5000/hosts.toml": ours}, "rename n.io_5000_")
		_, err = withPort.Apply(t.Context(), r, hoststoml.Options{})
		require.Equal(t, []string{"n.io:5000: other"}, failures(err))
		withPort[0].Extra = hoststoml.Extra{"bad": hoststoml.Secret{}}
		_, r = refuse(t, map[string]string{"_default/hosts.toml": ours, "n.io:5000/hosts.toml": ours})
		c, err := withPort.Apply(t.Context(), r, hoststoml.Options{})
		require.Equal(t, []string{"n.io:5000: name"}, failures(err))
		require.Equal(t, []string{"._default~old"}, renamed(c))
	}

	withPort := hoststoml.Tree{{Host: "n.io:5000", Extra: hoststoml.Extra{"bad": hoststoml.Secret{}}}}
	_, c, err := applyLinux(map[string]string{"_default/hosts.toml": ours, "n.io_5000_/hosts.toml": ours}, withPort, hoststoml.Options{})
	require.Equal(t, []string{"n.io:5000: name"}, failures(err))
	require.Equal(t, []string{"._default~old"}, renamed(c))

	// One that no node can hold is one that "_default" decides for.
	_, r = refuse(t, map[string]string{"_default/hosts.toml": ours})
	c, err = hoststoml.Tree{registry("aux.io", "https://m.io")}.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"aux.io: name", "_default: waits"}, failures(err))
	require.Empty(t, c.Operations)

	// What an interrupted run left of "_default" decides for nobody, and goes.
	_, c, err = applyLinux(map[string]string{"._default~old/hosts.toml": ours}, hoststoml.Tree{registry("aux.io", "https://m.io")}, hoststoml.Options{})
	require.Equal(t, []string{"aux.io: name"}, failures(err))
	require.Len(t, c.Operations, 2)

	// Nobody pulls from what is no registry.
	_, c, err = applyLinux(nil, hoststoml.Tree{registry("a b", "https://m.io"), registry("_default", "https://m.io")}, hoststoml.Options{})
	require.Equal(t, []string{"a b: name"}, failures(err))
	require.Equal(t, []string{"_default"}, renamed(c))
}

func TestAReplacementThatIsCancelledTriesNoOtherRegistry(t *testing.T) {
	_, r := refuse(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	last := &cancelling{refusing: r, cancel: cancel}
	tree := hoststoml.Tree{registry("a.io", "https://m.io"), registry("b.io", "https://m.io"), registry("c.io", "https://m.io")}
	_, err := tree.Apply(ctx, last, hoststoml.Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errRefused)
	require.Equal(t, []string{"a.io: other"}, failures(err))
	require.Equal(t, 1, last.calls)
}

// cancelling fails at its first rename, and is cancelled with it.
type cancelling struct {
	*refusing
	cancel func()
}

func (c *cancelling) Rename(context.Context, string, string) error {
	c.calls++
	c.cancel()
	return errRefused
}

// Names alone tell that a file beside a hosts.toml is ours, so what is no longer referred to would stay for ever.
func TestCertificatesAndKeysThatNoFileRefersToAreRemovedAfterIt(t *testing.T) {
	oldCA, oldPair, newCA := hoststoml.ExtraName("ca.pem", []byte("old")), hoststoml.ExtraName("client.pem", []byte("old")), hoststoml.ExtraName("ca.pem", []byte("new"))
	rf := registry("a.io", "https://m.io")
	rf.File.Hosts[0].CA = []string{newCA}
	rf.Extra = hoststoml.Extra{newCA: hoststoml.NewSecret("new")}
	files := map[string]string{"a.io/hosts.toml": string(registry("a.io", "https://m.io").File.Bytes()), "a.io/" + oldCA: "old", "a.io/" + oldPair: "old"}
	dir, c, err := apply(t, files, hoststoml.Tree{rf}, hoststoml.Options{})
	require.NoError(t, err)
	require.Empty(t, c.Kept)
	var lines []string
	for _, o := range c.Operations {
		lines = append(lines, string(o.Kind)+" "+o.Path)
	}
	require.Equal(t, []string{
		"write a.io/." + newCA + "~new", "rename a.io/." + newCA + "~new", "sync a.io",
		"write a.io/.hosts.toml~new", "rename a.io/.hosts.toml~new", "sync a.io",
		"remove a.io/" + oldCA, "remove a.io/" + oldPair,
	}, lines)
	require.NoFileExists(t, filepath.Join(dir, "a.io", oldPair))
	require.FileExists(t, filepath.Join(dir, "a.io", newCA))

	// Where the hosts.toml could not be replaced, the old one still refers to them.
	dir, r := refuse(t, files, "rename a.io/hosts.toml")
	_, err = hoststoml.Tree{rf}.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"a.io: other"}, failures(err))
	require.FileExists(t, filepath.Join(dir, "a.io", oldPair))

	// They stay where stale files do, and are said.
	dir, c, err = apply(t, files, hoststoml.Tree{rf}, hoststoml.Options{KeepStale: true})
	require.NoError(t, err)
	require.Equal(t, []string{"stale a.io/" + oldCA, "stale a.io/" + oldPair}, kept(c))
	require.FileExists(t, filepath.Join(dir, "a.io", oldPair))
}

func TestAnotherHandsHostColonPortIsHiddenWhereItsRegistryHasADirectory(t *testing.T) {
	const hand = "server = \"https://by-hand.io\"\n"
	ours := "# " + hoststoml.Marker + "\n"
	for name, test := range map[string]struct {
		files map[string]string
		tree  hoststoml.Tree
		o     hoststoml.Options
		want  []string
	}{
		"of the tree":                {map[string]string{"n.io:5000/hosts.toml": hand}, hoststoml.Tree{registry("n.io:5000", "https://m.io")}, hoststoml.Options{}, []string{"hidden n.io:5000"}},
		"of another hand":            {map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": hand}, nil, hoststoml.Options{}, []string{"hidden n.io:5000", "foreign n.io_5000_"}},
		"that is no directory":       {map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_": "x"}, nil, hoststoml.Options{}, []string{"hidden n.io:5000", "foreign n.io_5000_"}},
		"ours that stays":            {map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": ours}, nil, hoststoml.Options{KeepStale: true}, []string{"hidden n.io:5000", "stale n.io_5000_/hosts.toml"}},
		"ours that stays for others": {map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": ours, "n.io_5000_/x": ""}, nil, hoststoml.Options{}, []string{"hidden n.io:5000", "directory n.io_5000_"}},
		"ours that goes":             {map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": ours}, nil, hoststoml.Options{}, []string{"foreign n.io:5000"}},
		"none":                       {map[string]string{"n.io:5000/hosts.toml": hand}, nil, hoststoml.Options{}, []string{"foreign n.io:5000"}},
		"a plain host":               {map[string]string{"n.io/hosts.toml": hand}, nil, hoststoml.Options{}, []string{"foreign n.io"}},
	} {
		_, c, err := applyLinux(test.files, test.tree, test.o)
		require.NoError(t, err, name)
		require.Equal(t, test.want, kept(c), name)
	}
	node := faults.NewMemory(faults.Case{Node: map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": ours}})
	r := &refusing{Transport: node, paths: map[string]bool{"read n.io_5000_/hosts.toml": true}}
	c, err := hoststoml.Tree{}.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"n.io:5000: other"}, failures(err))
	require.Equal(t, []string{"hidden n.io:5000"}, kept(c), "that cannot be read")
	ca := hoststoml.ExtraName("ca.pem", nil)
	node = faults.NewMemory(faults.Case{Node: map[string]string{"n.io:5000/hosts.toml": hand, "n.io_5000_/hosts.toml": ours, "n.io_5000_/" + ca: ""}})
	r = &refusing{Transport: node, paths: map[string]bool{"read n.io_5000_/" + ca: true}}
	c, err = hoststoml.Tree{}.Apply(t.Context(), r, hoststoml.Options{})
	require.Equal(t, []string{"n.io:5000: other"}, failures(err))
	require.Equal(t, []string{"hidden n.io:5000"}, kept(c), "of which a part cannot be read")
}

func TestAFileThatIsReplacedKeepsItsModeUnlessItHoldsSecrets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	secret := registry("a.io", "https://m.io")
	secret.File.Header = hoststoml.Header{"Authorization": hoststoml.Secrets("Basic x")}
	for _, test := range []struct {
		rf           hoststoml.RegistryFile
		before, then fs.FileMode
	}{
		{registry("a.io", "https://m.io"), 0o600, 0o600},
		{registry("a.io", "https://m.io"), 0o640, 0o640},
		{registry("a.io", "https://m.io"), 0o666, 0o666},
		{secret, 0o664, 0o600},
		{secret, 0o400, 0o400},
	} {
		dir, r := refuse(t, map[string]string{"a.io/hosts.toml": "# " + hoststoml.Marker + "\n"})
		name := filepath.Join(dir, "a.io", "hosts.toml")
		require.NoError(t, os.Chmod(name, test.before))
		_, err := hoststoml.Tree{test.rf}.Apply(t.Context(), r, hoststoml.Options{})
		require.NoError(t, err)
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, test.then, info.Mode().Perm())
	}
}

func TestWriteLeavesOtherHandsFilesAndWritesTheRest(t *testing.T) {
	dir, _ := refuse(t, map[string]string{"hand.io/hosts.toml": "server = \"https://by-hand.io\"\n", "old.io/hosts.toml": "# " + hoststoml.Marker + "\n"})
	stale, err := hoststoml.Tree{registry("hand.io", "https://m.io"), registry("new.io", "https://m.io"), registry("nul.io", "https://m.io")}.Write(dir)
	require.Equal(t, []string{"nul.io: name", "hand.io: conflict"}, failures(err))
	require.Equal(t, []string{"old.io/hosts.toml"}, stale)
	require.FileExists(t, filepath.Join(dir, "new.io", "hosts.toml"))
	data, err := os.ReadFile(filepath.Join(dir, "hand.io", "hosts.toml"))
	require.NoError(t, err)
	require.Equal(t, "server = \"https://by-hand.io\"\n", string(data))
	// The lock, which a program that was killed leaves, is none of what is reported.
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".hosts.toml~lock"), nil, 0o644))
	c, err := hoststoml.Tree{}.Apply(t.Context(), open(t, dir), hoststoml.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"foreign hand.io"}, kept(c))
}

func TestTwoThatWriteToOneDirectoryWaitForEachOther(t *testing.T) {
	const variable = "HOSTSTOML_TEST_DIR"
	write := func(dir, mirror string) error {
		for range 20 {
			if _, err := (hoststoml.Tree{registry("a.io", "https://"+mirror), registry("b.io", "https://"+mirror)}).Write(dir); err != nil {
				return err
			}
		}
		return nil
	}
	if dir := os.Getenv(variable); dir != "" {
		require.NoError(t, write(dir, "other.io"))
		return
	}
	dir := filepath.Join(t.TempDir(), "certs.d")
	other := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	other.Env = append(os.Environ(), variable+"="+dir)
	var out bytes.Buffer
	other.Stdout, other.Stderr = &out, &out
	require.NoError(t, other.Start())
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			if err := write(dir, fmt.Sprintf("m%d.io", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.NoError(t, other.Wait(), out.String())
	// The last of them wrote both.
	a, err := os.ReadFile(filepath.Join(dir, "a.io", "hosts.toml"))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "b.io", "hosts.toml"))
	require.NoError(t, err)
	require.Equal(t, string(a), string(b))
}

func TestWriteGivesUpAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close()
		release, err := filelock.Acquire(t.Context(), root, ".hosts.toml~lock")
		require.NoError(t, err)
		tree := hoststoml.Tree{registry("a.io", "https://m.io")}
		start := time.Now()
		_, err = tree.Write(dir)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, ".hosts.toml~lock: is held by another program")
		require.Equal(t, time.Minute, time.Since(start))
		require.NoDirExists(t, filepath.Join(dir, "a.io"))
		require.NoError(t, release())
		_, err = tree.Write(dir)
		require.NoError(t, err)
	})
}

func TestRegistryErrorsFindsThemInWhatOthersWrap(t *testing.T) {
	a, b := &hoststoml.RegistryError{Registry: "a.io", Err: hoststoml.ErrName}, &hoststoml.RegistryError{Registry: "b.io", Err: errRefused}
	err := fmt.Errorf("node 7: %w", errors.Join(a, errors.Join(b), context.Canceled))
	require.Equal(t, []*hoststoml.RegistryError{a, b}, hoststoml.RegistryErrors(err))
	require.Empty(t, hoststoml.RegistryErrors(nil))
	require.Empty(t, hoststoml.RegistryErrors(errRefused))
	require.Equal(t, `registry "a\x1b.io": x`, (&hoststoml.RegistryError{Registry: "a\x1b.io", Err: errors.New("x")}).Error())
}

// The node of a tree is the one that is read where the tree stands.
func TestTheNodeOfATreeIsThatOfItsFiles(t *testing.T) {
	rf := registry("a.io:5000", "https://m.io")
	rf.Extra = hoststoml.Extra{hoststoml.ExtraName("ca.pem", nil): hoststoml.NewSecret("x"), hoststoml.ExtraName("client.pem", nil): hoststoml.NewSecret("y")}
	tree := hoststoml.Tree{rf, registry("b.io", "https://m.io")}
	site, _, err := applyLinux(nil, tree, hoststoml.Options{})
	require.NoError(t, err)
	read, err := hoststoml.ReadNode(t.Context(), site)
	require.NoError(t, err)
	want, err := hoststoml.Diff(read, nil, hoststoml.Options{})
	require.NoError(t, err)
	got, err := hoststoml.Diff(tree.Node(), nil, hoststoml.Options{})
	require.NoError(t, err)
	require.Len(t, want.Operations, 2+4+2+2)
	require.Equal(t, want, got)
	require.Equal(t, "Node(2 names)", fmt.Sprint(tree.Node()))
	require.Equal(t, "Node(0 names)", fmt.Sprint((*hoststoml.Node)(nil)))
}

func TestANilNodeHasNothing(t *testing.T) {
	c, err := hoststoml.Diff(nil, hoststoml.Tree{registry("a.io", "https://m.io")}, hoststoml.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"a.io"}, renamed(c))
}

func TestWhatIsRemovedWaitsForADefaultThatAnotherHandIsInTheWayOf(t *testing.T) {
	ours := string(registry("gone.io", "https://m.io").File.Bytes())
	const theirs = "server = \"https://by-hand.io\"\n"
	tree := hoststoml.Tree{registry("_default", "https://m.io"), registry("stays.io", "https://m.io")}
	for _, files := range []map[string]string{
		{"_default/hosts.toml": theirs, "gone.io/hosts.toml": ours},
		{"_default": "no directory", "gone.io/hosts.toml": ours},
	} {
		node, c, err := applyLinux(files, tree, hoststoml.Options{})
		require.Equal(t, []string{"gone.io: waits", "_default: conflict"}, failures(err))
		require.Contains(t, node.Files, "gone.io/hosts.toml", "the other hand's _default would decide for it")
		require.Equal(t, []string{"stays.io"}, renamed(c))
	}
	// Where the tree has no "_default", that of the other hand is what is to decide.
	node, _, err := applyLinux(map[string]string{"_default/hosts.toml": theirs, "gone.io/hosts.toml": ours}, tree[1:], hoststoml.Options{})
	require.NoError(t, err)
	require.NotContains(t, node.Files, "gone.io")
}

func TestAFileInAnotherSpellingIsTheSameWhereCaseDoesNotCount(t *testing.T) {
	tree := hoststoml.Tree{registry("a.io", "https://m.io"), registry("b.io", "https://m.io")}
	files := map[string]string{"a.io/HOSTS.TOML": "server = \"https://by-hand.io\"\n"}
	node, c, err := applyLinux(files, tree, hoststoml.Options{Platform: finding.Windows})
	require.Equal(t, []string{"a.io: conflict"}, failures(err))
	require.Equal(t, []string{"b.io"}, renamed(c))
	require.Equal(t, []string{"beside a.io/HOSTS.TOML", "conflict a.io/hosts.toml"}, kept(c))
	require.NotContains(t, node.Files, "a.io/hosts.toml")

	node, _, err = applyLinux(files, tree, hoststoml.Options{Platform: finding.Windows, Overwrite: true})
	require.NoError(t, err)
	require.Contains(t, node.Files, "a.io/hosts.toml")

	// Elsewhere nobody reads it.
	node, c, err = applyLinux(files, tree, hoststoml.Options{Platform: finding.Containerd})
	require.NoError(t, err)
	require.Contains(t, node.Files, "a.io/hosts.toml")
	require.Contains(t, kept(c), "beside a.io/HOSTS.TOML")
}

func TestWhatAnInterruptedRunLeftInAnotherSpellingIsRemovedOnce(t *testing.T) {
	for _, left := range []string{".Quay.io~new", ".quay.io~new", ".QUAY.io~old"} {
		node, c, err := applyLinux(map[string]string{left + "/hosts.toml": "half"},
			hoststoml.Tree{registry("quay.io", "https://m.io")}, hoststoml.Options{Platform: finding.Windows})
		require.NoError(t, err, left)
		require.Equal(t, []string{"quay.io"}, renamed(c))
		require.NotContains(t, node.Files, left)
	}
}

// dead is a node on which a mount is dead: its name is there, and nobody can tell what it is.
type dead struct {
	nodefiles.Transport
	name string
}

func (d dead) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	if dir == d.name {
		return nil, errRefused
	}
	entries, err := d.Transport.List(ctx, dir)
	for i := range entries {
		if entries[i].Name == d.name {
			entries[i].Mode = fs.ModeIrregular
		}
	}
	return entries, err
}

func TestADirectoryThatCannotBeLookedAtFailsItsRegistryOnly(t *testing.T) {
	for _, tree := range []hoststoml.Tree{
		{registry("a.io", "https://m.io"), registry("dead.io", "https://m.io")},
		{registry("a.io", "https://m.io")},
	} {
		node := faults.NewMemory(faults.Case{Node: map[string]string{"dead.io/": ""}})
		c, err := tree.Apply(t.Context(), dead{node, "dead.io"}, hoststoml.Options{})
		require.Equal(t, []string{"dead.io: other"}, failures(err))
		require.ErrorIs(t, err, errRefused)
		require.Equal(t, []string{"a.io"}, renamed(c))
		require.Empty(t, c.Kept)
	}
}

// allBusy is a node on which directories are in use for good, to be read or to be changed.
type allBusy struct {
	nodefiles.Transport
	read, change bool
}

func (b allBusy) List(ctx context.Context, dir string) ([]nodefiles.DirEntry, error) {
	if b.read && strings.HasPrefix(dir, "busy") {
		return nil, fmt.Errorf("the directory %w", nodefiles.ErrBusy)
	}
	return b.Transport.List(ctx, dir)
}

func (b allBusy) Rename(ctx context.Context, from, to string) error {
	if b.change && strings.HasPrefix(to, "busy") {
		return fmt.Errorf("the directory %w", nodefiles.ErrBusy)
	}
	return b.Transport.Rename(ctx, from, to)
}

func TestManyRegistriesThatAreInUseHoldBackNoOther(t *testing.T) {
	ours := string(registry("a.io", "https://old.io").File.Bytes())
	files := map[string]string{}
	tree := hoststoml.Tree{registry("z.io", "https://m.io")}
	for i := range 50 {
		host := fmt.Sprintf("busy%d.io", i)
		files[host+"/hosts.toml"] = ours
		tree = append(tree, registry(host, "https://m.io"))
	}
	for _, b := range []allBusy{{read: true}, {change: true}} {
		synctest.Test(t, func(t *testing.T) {
			b.Transport = faults.NewMemory(faults.Case{Node: files})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := tree.Apply(ctx, b, hoststoml.Options{})
			require.NoError(t, ctx.Err())
			require.ErrorIs(t, err, nodefiles.ErrBusy)
			require.Len(t, failures(err), 50)
			_, err = b.ReadFile(ctx, "z.io/hosts.toml")
			require.NoError(t, err)
		})
	}
}
