package registriesconf_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/faults"
	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

const (
	mainFile = "registries.conf"
	dropIn   = "registries.conf.d/01-image-searchRegistries.conf"

	policyFile      = "policy.json"
	attachmentsFile = "registries.d/sigstore-registries.yaml"
)

// blocking returns a configuration that blocks a registry.
func blocking(host string) *registriesconf.Config {
	return &registriesconf.Config{Registries: []registriesconf.Registry{{Location: host, Blocked: true}}}
}

func searching(hosts ...string) *registriesconf.Config {
	return &registriesconf.Config{UnqualifiedSearchRegistries: hosts}
}

// A replacement is a node and what it is to become.
type replacement struct {
	name    string
	node    map[string]string
	new     registriesconf.Files
	options registriesconf.Options
}

// signed returns the policies of a node that asks for signatures on a scope.
func signed(scope string) policyjson.Files {
	o := mirrorset.ClusterImagePolicy{}
	o.Metadata.Name, o.Spec.Scopes = "p", []string{scope}
	o.Spec.Policy.RootOfTrust = mirrorset.RootOfTrust{PolicyType: "PublicKey", PublicKey: &mirrorset.PublicKeyRootOfTrust{KeyData: []byte("key")}}
	files, findings := policyjson.Render(&mirrorset.Rules{ClusterImagePolicies: []mirrorset.ClusterImagePolicy{o}}, policyjson.RenderOptions{})
	if err := findings.Err(); err != nil {
		panic(err)
	}
	return files
}

// having returns a node with policies beside its other files.
func having(policies policyjson.Files, node map[string]string) map[string]string {
	for name, data := range policies.InContainers() {
		node[name] = string(data)
	}
	return node
}

func text(c *registriesconf.Config) string { return string(c.Bytes()) }

var replacements = []replacement{
	{name: "a new node", new: registriesconf.Files{Config: blocking("a.io")}},
	{name: "a new node, with search registries", new: registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")}},
	{
		name: "nothing changes", node: map[string]string{mainFile: text(blocking("a.io")), dropIn: text(searching("a.io"))},
		new: registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")},
	},
	{
		name: "both change", node: map[string]string{mainFile: text(blocking("a.io")), dropIn: text(searching("a.io"))},
		new: registriesconf.Files{Config: blocking("b.io"), Search: searching("b.io")},
	},
	{
		name: "the drop-in comes, beside one of another hand", node: map[string]string{mainFile: text(blocking("a.io")), "registries.conf.d/000-shortnames.conf": "[aliases]\n"},
		new: registriesconf.Files{Config: blocking("b.io"), Search: searching("b.io")},
	},
	{
		name: "the drop-in goes", node: map[string]string{mainFile: text(blocking("a.io")), dropIn: text(searching("a.io")), "registries.conf.d/000-shortnames.conf": "[aliases]\n"},
		new: registriesconf.Files{Config: blocking("b.io")},
	},
	{
		name: "the drop-in stays", node: map[string]string{mainFile: text(blocking("a.io")), dropIn: text(searching("a.io"))},
		new:     registriesconf.Files{Config: blocking("b.io")},
		options: registriesconf.Options{KeepStale: true},
	},
	{
		name: "files of another hand", node: map[string]string{mainFile: "# by hand\n", dropIn: "# by hand\n"},
		new: registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")},
	},
	{
		name: "a drop-in of another hand that nobody asks for", node: map[string]string{mainFile: text(blocking("a.io")), dropIn: "short-name-mode = 'disabled'\n"},
		new: registriesconf.Files{Config: blocking("b.io")},
	},
	{
		name: "files of another hand, overwritten", node: map[string]string{mainFile: "# by hand\n", dropIn: "no TOML"},
		new:     registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")},
		options: registriesconf.Options{Overwrite: true},
	},
	{
		name: "leftovers", node: map[string]string{
			mainFile: text(blocking("a.io")), ".registries.conf~new": "[[regis", dropIn: text(searching("a.io")), "registries.conf.d/.01-image-searchRegistries.conf~new": "unq",
		},
		new: registriesconf.Files{Config: blocking("b.io"), Search: searching("b.io")},
	},
	{
		name: "leftovers of files that do not change", node: map[string]string{
			mainFile: text(blocking("a.io")), ".registries.conf~new": "[[regis", "registries.conf.d/.01-image-searchRegistries.conf~new": "unq",
		},
		new: registriesconf.Files{Config: blocking("a.io")},
	},
	{
		name: "a symbolic link and directories", node: map[string]string{mainFile: "-> other.conf", "registries.conf.d": "-> elsewhere", "other.conf": "x"},
		new:     registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")},
		options: registriesconf.Options{Overwrite: true},
	},
	{
		name: "directories in the place of files", node: map[string]string{mainFile + "/x": "x", dropIn + "/": ""},
		new:     registriesconf.Files{Config: blocking("a.io")},
		options: registriesconf.Options{Overwrite: true},
	},
	{
		name: "policies come", node: map[string]string{mainFile: text(blocking("a.io")), policyFile: string(policyjson.Template())},
		new: registriesconf.Files{Config: blocking("b.io"), Policies: signed("b.io")},
	},
	{
		name: "policies change, with leftovers", node: having(signed("a.io"), map[string]string{mainFile: text(blocking("a.io")), ".policy.json~new": "{", "registries.d/.sigstore-registries.yaml~new": "doc"}),
		new: registriesconf.Files{Config: blocking("b.io"), Search: searching("b.io"), Policies: signed("b.io")},
	},
	{
		name: "policies go", node: having(signed("a.io"), map[string]string{mainFile: text(blocking("a.io")), "registries.d/default.yaml": "by hand"}),
		new: registriesconf.Files{Config: blocking("b.io")},
	},
	{
		name: "policies stay", node: having(signed("a.io"), map[string]string{mainFile: text(blocking("a.io"))}),
		new:     registriesconf.Files{Config: blocking("b.io")},
		options: registriesconf.Options{KeepStale: true},
	},
	{
		name: "a policy.json of another hand", node: map[string]string{mainFile: text(blocking("a.io")), policyFile: "{}"},
		new: registriesconf.Files{Config: blocking("b.io"), Policies: signed("b.io")},
	},
	{
		name: "a directory where a file is prepared", node: map[string]string{mainFile: text(blocking("a.io")), ".registries.conf~new/": ""},
		new: registriesconf.Files{Config: blocking("b.io")},
	},
}

// randomReplacement mixes states of both files with what may lie beside them.
func randomReplacement(r *rand.Rand) replacement {
	c := replacement{name: fmt.Sprintf("random %d", r.Int63()), node: map[string]string{}}
	config := func() *registriesconf.Config { return blocking(fmt.Sprintf("m%d.io", r.Intn(3))) }
	search := func() *registriesconf.Config { return searching(fmt.Sprintf("s%d.io", r.Intn(3))) }
	pick := func(name string, contents ...string) {
		if i := r.Intn(len(contents) + 1); i < len(contents) {
			c.node[name] = contents[i]
		}
	}
	pick(mainFile, text(config()), text(config()), "# by hand\n", "-> other.conf")
	pick(dropIn, text(search()), text(search()), "# by hand\n")
	pick(".registries.conf~new", "", "[[regis")
	pick("registries.conf.d/.01-image-searchRegistries.conf~new", "unq")
	pick("registries.conf.d/99-hand.conf", "x")
	pick(policyFile, "{}", string(policyjson.Template()), string(signed("m0.io").PolicyJSON))
	pick(attachmentsFile, "by hand", string(signed("m0.io").InContainers()[attachmentsFile]))
	pick(".policy.json~new", "{")
	pick("registries.d/.sigstore-registries.yaml~new", "doc")
	c.new.Config = config()
	if r.Intn(2) == 0 {
		c.new.Search = search()
	}
	if r.Intn(2) == 0 {
		c.new.Policies = signed(fmt.Sprintf("m%d.io", r.Intn(2)))
	}
	c.options = registriesconf.Options{Overwrite: r.Intn(2) == 0, KeepStale: r.Intn(3) == 0}
	return c
}

// governs says what each file holds, and whether the drop-in is ahead of registries.conf.
func (c replacement) governs(node fs.FS, watched []string) map[string]string {
	governed := map[string]string{}
	for _, name := range watched {
		data, err := fs.ReadFile(node, name)
		governed[name] = string(data)
		if err != nil {
			governed[name] = "nothing"
		}
	}
	if before := c.node[mainFile]; c.new.Search != nil && text(c.new.Search) != c.node[dropIn] && governed[dropIn] == text(c.new.Search) &&
		governed[mainFile] == before && before != text(c.new.Config) {
		governed[dropIn] += "ahead of registries.conf"
	}
	// A scope whose signatures policy.json asks for without attachments to look for is one that cannot be pulled, where it
	// could be before and will be.
	if wanted := c.new.Policies.InContainers(); wanted[policyFile] != nil && governed[policyFile] == string(wanted[policyFile]) &&
		c.node[policyFile] != governed[policyFile] && governed[attachmentsFile] != string(wanted[attachmentsFile]) {
		governed[policyFile] += "ahead of the attachments"
	}
	return governed
}

func (c replacement) fresh() (faults.Site, error) {
	memory := faults.NewMemory(faults.Case{Node: c.node})
	memory.Governed = c.governs
	return memory, nil
}

func TestWhateverStopsAReplacementEachFileIsTheOldOneOrTheNewOne(t *testing.T) {
	cases := replacements
	r := rand.New(rand.NewSource(1))
	for range 200 {
		cases = append(cases, randomReplacement(r))
	}
	var count faults.Count
	for _, c := range cases {
		tried, err := faults.Replacement{
			Name: c.name, Watched: []string{mainFile, dropIn, "registries.conf.d/000-shortnames.conf", "registries.conf.d/99-hand.conf", policyFile, attachmentsFile, "registries.d/default.yaml", "other.conf"},
			Apply: func(ctx context.Context, t nodefiles.Transport) error {
				_, err := c.new.Apply(ctx, t, c.options)
				return err
			},
			Left: func(ctx context.Context, t nodefiles.Transport) (string, error) {
				node, err := registriesconf.ReadNode(ctx, t)
				if err != nil {
					return "", err
				}
				change, _ := registriesconf.Diff(node, c.new, c.options) // what waits, waits again
				if len(change.Operations) == 0 {
					return "", nil
				}
				return fmt.Sprint(change.Operations), nil
			},
		}.Try(c.fresh)
		require.NoError(t, err)
		require.Zero(t, tried.Gaps, tried.First)
		count.Runs += tried.Runs
		count.States += tried.States
	}
	require.Greater(t, count.Runs, 2000)
	t.Logf("%d runs with a fault, %d states looked at", count.Runs, count.States)
}

// apply makes files stand in a directory with these.
func apply(t *testing.T, node map[string]string, new registriesconf.Files, o registriesconf.Options) (dir string, c registriesconf.Change, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "containers")
	local, err := faults.NewLocal(dir, faults.Case{Node: node})
	require.NoError(t, err)
	t.Cleanup(func() { local.Close() })
	c, err = new.Apply(t.Context(), local, o)
	return dir, c, err
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(data)
}

func lines(c registriesconf.Change) (operations, kept []string) {
	for _, o := range c.Operations {
		operations = append(operations, string(o.Action)+" "+o.File+": "+o.String())
	}
	for _, k := range c.Kept {
		kept = append(kept, string(k.Code)+" "+k.Path)
	}
	return operations, kept
}

// modeOfOld is the mode of a new file in the place of one that was there before: the same, but on Windows, where files
// have none.
var modeOfOld = map[bool]string{true: "0644", false: "0600"}[runtime.GOOS == "windows"]

func TestTheDropInFollowsRegistriesConf(t *testing.T) {
	new := registriesconf.Files{Config: blocking("b.io"), Search: searching("b.io")}
	dir, c, err := apply(t, map[string]string{mainFile: text(blocking("a.io"))}, new, registriesconf.Options{})
	require.NoError(t, err)
	operations, kept := lines(c)
	require.Equal(t, []string{
		"change registries.conf: write .registries.conf~new (86 bytes, mode " + modeOfOld + ")",
		"change registries.conf: rename .registries.conf~new -> registries.conf",
		"change registries.conf: sync .",
		"add " + dropIn + ": mkdir registries.conf.d",
		"add " + dropIn + ": sync .",
		"add " + dropIn + ": write registries.conf.d/.01-image-searchRegistries.conf~new (62 bytes, mode 0644)",
		"add " + dropIn + ": rename registries.conf.d/.01-image-searchRegistries.conf~new -> " + dropIn,
		"add " + dropIn + ": sync registries.conf.d",
	}, operations)
	require.Empty(t, kept)
	require.Equal(t, text(new.Config), read(t, dir, mainFile))
	require.Equal(t, text(new.Search), read(t, dir, dropIn))
	info, err := os.Stat(filepath.Join(dir, mainFile))
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "a file keeps its mode")
	}
}

// What an interrupted run left beside a file goes with the file.
func TestARemovedFileLeavesNothingBeside(t *testing.T) {
	old := registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")}
	left := "registries.conf.d/.01-image-searchRegistries.conf~new"
	dir, c, err := apply(t, map[string]string{mainFile: text(old.Config), dropIn: text(old.Search), left: "half"},
		registriesconf.Files{Config: old.Config}, registriesconf.Options{})
	require.NoError(t, err)
	operations, _ := lines(c)
	require.Contains(t, operations, "clean "+dropIn+": remove "+left)
	require.NoFileExists(t, filepath.Join(dir, left))
	require.NoFileExists(t, filepath.Join(dir, dropIn))
}

func TestFilesOfAnotherHandAreKeptAndReported(t *testing.T) {
	node := map[string]string{mainFile: "# by hand\n", dropIn: text(searching("a.io")), "registries.conf.d/000-shortnames.conf": "[aliases]\n", "registries.conf.d/README": "x"}
	dir, c, err := apply(t, node, registriesconf.Files{Config: blocking("a.io")}, registriesconf.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.ErrorIs(t, err, nodefiles.ErrWaits)
	require.ErrorContains(t, err, "registries.conf: was not written by pullroute")
	var failed *registriesconf.FileError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, dropIn, failed.File)
	operations, kept := lines(c)
	require.Empty(t, operations)
	require.Equal(t, []string{"conflict registries.conf", "foreign registries.conf.d/000-shortnames.conf"}, kept)
	require.Equal(t, "# by hand\n", read(t, dir, mainFile))

	dir, c, err = apply(t, node, registriesconf.Files{Config: blocking("a.io")}, registriesconf.Options{Overwrite: true})
	require.NoError(t, err)
	_, kept = lines(c)
	require.Equal(t, []string{"foreign registries.conf.d/000-shortnames.conf"}, kept)
	require.Equal(t, text(blocking("a.io")), read(t, dir, mainFile))
	require.NoFileExists(t, filepath.Join(dir, dropIn))
	require.FileExists(t, filepath.Join(dir, "registries.conf.d", "README"))
}

func TestThePolicyFollowsTheAttachmentsThatItNeeds(t *testing.T) {
	new := registriesconf.Files{Config: blocking("a.io"), Policies: signed("a.io")}
	dir, c, err := apply(t, map[string]string{mainFile: text(blocking("a.io")), policyFile: string(policyjson.Template())}, new, registriesconf.Options{})
	require.NoError(t, err)
	operations, kept := lines(c)
	require.Equal(t, []string{
		"add " + attachmentsFile + ": mkdir registries.d",
		"add " + attachmentsFile + ": sync .",
		"add " + attachmentsFile + ": write registries.d/.sigstore-registries.yaml~new (51 bytes, mode 0644)",
		"add " + attachmentsFile + ": rename registries.d/.sigstore-registries.yaml~new -> " + attachmentsFile,
		"add " + attachmentsFile + ": sync registries.d",
		"change policy.json: write .policy.json~new (646 bytes, mode " + modeOfOld + ")",
		"change policy.json: rename .policy.json~new -> policy.json",
		"change policy.json: sync .",
	}, operations)
	require.Empty(t, kept)
	require.Equal(t, string(new.Policies.PolicyJSON), read(t, dir, policyFile))
}

func TestWherePoliciesGoTheNodeTakesEveryImageAgain(t *testing.T) {
	node := having(signed("a.io"), map[string]string{mainFile: text(blocking("a.io"))})
	dir, c, err := apply(t, node, registriesconf.Files{Config: blocking("a.io")}, registriesconf.Options{})
	require.NoError(t, err)
	operations, _ := lines(c)
	require.Equal(t, "change policy.json: rename .policy.json~new -> policy.json", operations[1])
	require.Equal(t, "remove "+attachmentsFile+": remove "+attachmentsFile, operations[3])
	require.Equal(t, string(policyjson.Template()), read(t, dir, policyFile))
	require.NoFileExists(t, filepath.Join(dir, attachmentsFile))
}

// MCO writes nothing for such rules, and so there is no policy.json among the files: it would take the place
// of the one that rejects.
func TestFilesThatAreNotToBeWrittenAreNot(t *testing.T) {
	rules := &mirrorset.Rules{
		Blocked:              []mirrorset.Scope{{Value: "a.io"}},
		ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Spec: mirrorset.ImagePolicySpec{Scopes: []string{"a.io/x"}}}},
	}
	refused, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	why := findings.Err()
	require.Error(t, why)
	node := having(signed("a.io"), map[string]string{mainFile: text(blocking("b.io"))})
	dir, c, err := apply(t, node, refused, registriesconf.Options{Overwrite: true})
	require.ErrorContains(t, err, why.Error())
	require.Empty(t, c)
	require.Equal(t, node[policyFile], read(t, dir, policyFile))
	require.Equal(t, node[mainFile], read(t, dir, mainFile))

	local, err := nodefiles.OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	_, err = refused.ApplyNamespaces(t.Context(), local, registriesconf.Options{})
	require.ErrorContains(t, err, why.Error())
	_, err = refused.Write(dir)
	require.ErrorContains(t, err, why.Error())
	require.Equal(t, node[policyFile], read(t, dir, policyFile))
}

func TestAPolicyOfAnotherHandIsNeverMadeWeaker(t *testing.T) {
	const byHand = `{"default": [{"type": "reject"}]}`
	for _, o := range []registriesconf.Options{{}, {Overwrite: true}} {
		dir, c, err := apply(t, map[string]string{policyFile: byHand}, registriesconf.Files{Config: blocking("a.io")}, o)
		require.NoError(t, err)
		_, kept := lines(c)
		require.Equal(t, []string{"foreign policy.json"}, kept)
		require.Equal(t, byHand, read(t, dir, policyFile))
	}
	new := registriesconf.Files{Config: blocking("a.io"), Policies: signed("a.io")}
	dir, _, err := apply(t, map[string]string{policyFile: byHand}, new, registriesconf.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.ErrorContains(t, err, "policy.json: was not written by pullroute")
	require.Equal(t, byHand, read(t, dir, policyFile))
}

func TestWhatFollowsAFileThatCannotBeWrittenWaits(t *testing.T) {
	new := registriesconf.Files{Config: blocking("a.io"), Policies: signed("a.io")}
	dir, _, err := apply(t, map[string]string{attachmentsFile: "by hand", policyFile: string(policyjson.Template())}, new, registriesconf.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.ErrorContains(t, err, "policy.json: waits for another file: it stays as it is, because "+attachmentsFile+", which goes before it, could not be written")
	require.Equal(t, string(policyjson.Template()), read(t, dir, policyFile))
}

func TestThePoliciesOfNamespacesAreWrittenToADirectoryOfTheirOwn(t *testing.T) {
	policy, findings := policyjson.Parse("p", signed("a.io").PolicyJSON)
	require.NoError(t, findings.Err())
	files := registriesconf.Files{Config: blocking("a.io"), Policies: policyjson.Files{Namespaces: map[string]*policyjson.Policy{"team": policy}}}
	dir := t.TempDir()
	local, err := nodefiles.OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old.json"), policy.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hand.json"), []byte("{}"), 0o644))
	c, err := files.ApplyNamespaces(t.Context(), local, registriesconf.Options{})
	require.NoError(t, err)
	_, kept := lines(c)
	require.Equal(t, []string{"foreign hand.json"}, kept)
	require.Equal(t, string(policy.Bytes()), read(t, dir, "team.json"))
	require.NoFileExists(t, filepath.Join(dir, "old.json"))

	out := t.TempDir()
	stale, err := files.Write(out)
	require.NoError(t, err)
	require.Empty(t, stale)
	require.Equal(t, string(policy.Bytes()), read(t, out, registriesconf.NamespacesBelow+"/team.json"))
	like := t.TempDir() + "/like"
	require.NoError(t, os.MkdirAll(like, 0o755))
	want, err := os.Stat(like)
	require.NoError(t, err)
	got, err := os.Stat(filepath.Join(out, registriesconf.NamespacesBelow))
	require.NoError(t, err)
	require.Equal(t, want.Mode(), got.Mode())
	if open, err := filepath.Glob("/proc/self/fd/*"); err == nil { // on Windows the directory could not be removed then
		for _, file := range open {
			target, _ := os.Readlink(file)
			require.False(t, strings.HasPrefix(target, out), "%s is left open", target)
		}
	}
	files.Policies = policyjson.Files{}
	stale, err = files.Write(out)
	require.NoError(t, err)
	require.Equal(t, []string{registriesconf.NamespacesBelow + "/team.json"}, stale)
}

// Write goes on after a file that it cannot write, and tells each.
func TestWriteTellsWhatStandsInTheWay(t *testing.T) {
	policy, findings := policyjson.Parse("p", signed("a.io").PolicyJSON)
	require.NoError(t, findings.Err())
	files := registriesconf.Files{Config: blocking("a.io"), Policies: policyjson.Files{Namespaces: map[string]*policyjson.Policy{"team": policy}}}
	linked := func(dir string) string {
		symlink.New(t, "nowhere.conf", filepath.Join(dir, mainFile))
		return dir
	}
	const conflict = "registries.conf: is a symbolic link to nowhere.conf"

	dir := linked(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join(dir, registriesconf.NamespacesBelow, "team.json"), 0o755))
	_, err := files.Write(dir)
	require.ErrorContains(t, err, conflict)
	require.ErrorContains(t, err, "team.json: is no plain file, so pullroute did not write it: remove it")

	dir = linked(t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "crio"), nil, 0o644))
	_, err = files.Write(dir)
	require.ErrorContains(t, err, conflict)
	require.ErrorContains(t, err, "crio: ")

	dir = linked(t.TempDir())
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "crio"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, registriesconf.NamespacesBelow), nil, 0o644))
	files.Policies = policyjson.Files{}
	_, err = files.Write(dir)
	require.ErrorContains(t, err, conflict)
	require.ErrorContains(t, err, "crio/policies")

	dir = t.TempDir()
	_, err = files.Write(dir)
	require.NoError(t, err)
	require.NoDirExists(t, filepath.Join(dir, "crio"), "no namespace has a policy")

	elsewhere := t.TempDir()
	symlink.New(t, elsewhere, filepath.Join(dir, "crio"))
	files.Policies.Namespaces = map[string]*policyjson.Policy{"team": policy}
	_, err = files.Write(dir)
	require.ErrorContains(t, err, "crio")
	entries, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing outside of the directory is written")
}

// A link that leads nowhere is as good as no file. A node that is not read to the end is another matter.
func TestWhoIsStoppedReadsNoNode(t *testing.T) {
	for _, file := range []string{mainFile, "team.json"} {
		ctx, cancel := context.WithCancel(t.Context())
		stopping := stopping{faults.NewMemory(faults.Case{Node: map[string]string{file: "-> nowhere"}}), cancel}
		var err error
		if file == mainFile {
			_, err = registriesconf.ReadNode(ctx, stopping)
		} else {
			_, err = registriesconf.Files{}.ApplyNamespaces(ctx, stopping, registriesconf.Options{})
		}
		require.EqualError(t, err, "reading the node's files: context canceled")
	}
}

// stopping is a Transport whose caller gives up while a file is read.
type stopping struct {
	nodefiles.Transport
	stop context.CancelFunc
}

func (s stopping) ReadFile(ctx context.Context, name string) ([]byte, error) {
	s.stop()
	return nil, ctx.Err()
}

func TestADropInWithMoreThanSearchRegistriesIsOfAnotherHand(t *testing.T) {
	more := &registriesconf.Config{UnqualifiedSearchRegistries: []string{"a.io"}, ShortNameMode: "disabled"}
	dir, c, err := apply(t, map[string]string{dropIn: text(more)}, registriesconf.Files{Config: blocking("a.io")}, registriesconf.Options{})
	require.NoError(t, err)
	_, kept := lines(c)
	require.Equal(t, []string{"foreign " + dropIn}, kept)
	require.FileExists(t, filepath.Join(dir, dropIn))
}

func TestWriteReplacesRegistriesConfAndNoSymbolicLink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "containers")
	files := registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")}
	stale, err := files.Write(dir)
	require.NoError(t, err)
	require.Empty(t, stale)
	require.NoError(t, os.WriteFile(filepath.Join(dir, mainFile), []byte("# by hand\n"), 0o644))
	files.Search = nil
	stale, err = files.Write(dir)
	require.NoError(t, err)
	require.Equal(t, []string{dropIn}, stale)
	require.Equal(t, text(files.Config), read(t, dir, mainFile))
	require.FileExists(t, filepath.Join(dir, dropIn))
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	if runtime.GOOS == "windows" { // where the lock stays
		left = slices.DeleteFunc(left, func(name string) bool { return strings.HasSuffix(name, "~lock") })
	}
	require.Empty(t, left)

	linked := t.TempDir()
	symlink.New(t, "nowhere.conf", filepath.Join(linked, mainFile))
	_, err = files.Write(linked)
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	require.ErrorContains(t, err, "registries.conf: is a symbolic link to nowhere.conf")
	require.NoError(t, os.WriteFile(filepath.Join(linked, "nowhere.conf"), []byte(text(files.Config)), 0o644))
	local, err := nodefiles.OpenLocal(linked)
	require.NoError(t, err)
	defer local.Close()
	node, err := registriesconf.ReadNode(t.Context(), local)
	require.NoError(t, err)
	got, _ := node.Files()
	require.Equal(t, text(files.Config), text(got.Config), "the client follows the link")
}

func TestANodeTellsWhatItsFilesSay(t *testing.T) {
	files := registriesconf.Files{Config: blocking("a.io"), Search: searching("b.io"), Policies: signed("a.io")}
	got, findings := files.Node().Files()
	require.Empty(t, findings)
	require.Equal(t, text(files.Config), text(got.Config))
	require.Equal(t, text(files.Search), text(got.Search))
	change, err := registriesconf.Diff(files.Node(), files, registriesconf.Options{})
	require.NoError(t, err)
	require.Empty(t, change.Operations)

	require.Equal(t, "Node(4 names)", fmt.Sprint(files.Node()))
	directory, err := registriesconf.ReadNode(t.Context(), faults.NewMemory(faults.Case{Node: map[string]string{mainFile + "/x": "x", dropIn: "-> nowhere"}}))
	require.NoError(t, err)
	got, findings = directory.Files()
	require.Equal(t, registriesconf.Files{}, got, "a directory is no file, and neither is a link that leads nowhere")
	require.Empty(t, findings)

	var none *registriesconf.Node
	require.Equal(t, "Node(0 names)", fmt.Sprint(none))
	got, findings = none.Files()
	require.Equal(t, registriesconf.Files{}, got)
	require.Empty(t, findings)

	local, err := faults.NewLocal(filepath.Join(t.TempDir(), "containers"), faults.Case{Node: map[string]string{mainFile: "no TOML"}})
	require.NoError(t, err)
	defer local.Close()
	node, err := registriesconf.ReadNode(t.Context(), local)
	require.NoError(t, err)
	got, findings = node.Files()
	require.Error(t, findings.Err(), "a file that its client refuses")
	require.Equal(t, &registriesconf.Config{}, got.Config)
	_, err = registriesconf.Diff(nil, got, registriesconf.Options{})
	require.Equal(t, findings.Err(), err, "and what stands for it goes to no node")
}

func TestNothingThatIsPrintedHoldsContent(t *testing.T) {
	files := registriesconf.Files{Config: blocking("geheim.io"), Search: searching("geheim.io")}
	c, err := registriesconf.Diff(nil, files, registriesconf.Options{})
	require.NoError(t, err)
	for _, v := range []any{files.Node(), *files.Node(), c, c.Operations, c.Operations[0]} {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		printed := string(data)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			printed += fmt.Sprintf(verb, v)
		}
		require.NotContains(t, printed, "geheim", "%T", v)
		require.False(t, strings.Contains(printed, fmt.Sprintf("%x", "geheim")), "%T", v)
	}
}

func TestAFailureSaysWhichFileAndWhichWaits(t *testing.T) {
	files := registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")}
	memory := faults.NewMemory(faults.Case{})
	change, err := registriesconf.Diff(nil, files, registriesconf.Options{})
	require.NoError(t, err)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, change.Apply(stopped, memory, nodefiles.Retry{}), "no file failed")

	err = change.Apply(t.Context(), readOnly{memory}, nodefiles.Retry{})
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorIs(t, err, nodefiles.ErrWaits)
	require.EqualError(t, err, "registries.conf: write .registries.conf~new (86 bytes, mode 0644): permission denied; the old file or the new one stands: apply again to finish\n"+
		dropIn+": waits for another file: it stays as it is, because registries.conf could not be written: mend that first")
}

// readOnly is a Transport to a node on which nothing can be written.
type readOnly struct{ nodefiles.Transport }

func (readOnly) WriteFile(context.Context, string, []byte, fs.FileMode) error {
	return fs.ErrPermission
}

// A caller that keeps registries.conf alone touches no policy.
func TestPoliciesAreLeftToWhoKeepsThem(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, policyjson.FileName), policyjson.Template(), 0o644))
	blocked := &mirrorset.Rules{Blocked: []mirrorset.Scope{{Value: "q.io"}}}
	files, _, _ := registriesconf.Render(blocked, registriesconf.RenderOptions{})
	local, err := nodefiles.OpenLocal(dir)
	require.NoError(t, err)
	defer local.Close()
	for _, leave := range []bool{true, false} {
		node, err := registriesconf.ReadNode(context.Background(), local)
		require.NoError(t, err)
		change, err := registriesconf.Diff(node, files, registriesconf.Options{LeavePolicies: leave})
		require.NoError(t, err)
		require.Equal(t, leave, !slices.ContainsFunc(change.Operations, func(o registriesconf.Operation) bool { return o.File == policyjson.FileName }), change.Operations)
	}
}

// sealed is a node of which no file may be read.
type sealed struct{ nodefiles.Transport }

func (sealed) ReadFile(_ context.Context, name string) ([]byte, error) {
	panic(name + " is read, which may never end")
}

func TestWhatIsNoPlainFileIsInTheWayAndNotRead(t *testing.T) {
	files := registriesconf.Files{Config: blocking("a.io"), Policies: signed("a.io")}
	node := faults.NewMemory(faults.Case{Node: having(signed("b.io"), map[string]string{mainFile: "x", "team.json": "x"})})
	for name, f := range node.Files {
		if !f.Mode.IsDir() {
			node.Files[name].Mode = fs.ModeNamedPipe
		}
	}
	c, err := files.Apply(t.Context(), sealed{node}, registriesconf.Options{Overwrite: true})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	operations, _ := lines(c)
	require.Empty(t, operations)
	require.ErrorContains(t, err, mainFile+": is no plain file")
	_, err = files.ApplyNamespaces(t.Context(), sealed{node}, registriesconf.Options{})
	require.NoError(t, err)
}

func TestDropInsBehindALinkAreReported(t *testing.T) {
	node := map[string]string{"elsewhere/50-by-hand.conf": "x", "registries.conf.d": "-> elsewhere"}
	memory := faults.NewMemory(faults.Case{Node: node})
	c, err := registriesconf.Files{Config: blocking("a.io")}.Apply(t.Context(), memory, registriesconf.Options{})
	require.NoError(t, err)
	_, kept := lines(c)
	require.Equal(t, []string{"foreign registries.conf.d"}, kept)
	c, err = registriesconf.Files{Config: blocking("a.io"), Search: searching("a.io")}.Apply(t.Context(), memory, registriesconf.Options{})
	require.ErrorIs(t, err, nodefiles.ErrConflict)
	_, kept = lines(c)
	require.Equal(t, []string{"conflict registries.conf.d"}, kept)
}
