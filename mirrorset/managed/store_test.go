package managed_test

import (
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
	"time"

	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/mirrorset/managed"
	"github.com/stretchr/testify/require"
)

// add creates an image mirror of its own source.
func add(store managed.Store, cluster, id string) error {
	return store.Update(cluster, func(c *managed.Cluster) error {
		_, err := c.Create(mirrorset.ImageMirror{ID: id, Source: "quay.io/" + id, Mirrors: []string{"m.io/" + id}, CreationTimestamp: monday})
		return err
	})
}

func TestStoresKeepTheImageMirrorsOfEachCluster(t *testing.T) {
	for name, store := range map[string]managed.Store{
		"memory": &managed.Memory{},
		"file":   managed.File{Path: filepath.Join(t.TempDir(), "store.json")},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := store.Read("one")
			require.NoError(t, err)
			require.Empty(t, c.List())

			require.NoError(t, add(store, "one", "a"))
			require.NoError(t, add(store, "two", "a"), "clusters do not share ids and sources")
			require.ErrorIs(t, add(store, "one", "a"), finding.CodeIDInUse)

			failure := errors.New("changed my mind")
			require.ErrorIs(t, store.Update("one", func(c *managed.Cluster) error {
				_, err := c.Delete("a")
				require.NoError(t, err)
				return failure
			}), failure)
			c, err = store.Read("one")
			require.NoError(t, err)
			require.Len(t, c.List(), 1, "a change that fails is not kept")
			require.True(t, c.List()[0].CreationTimestamp.Equal(monday))

			require.NoError(t, store.Update("one", func(c *managed.Cluster) error {
				_, err := c.Delete("a")
				return err
			}))
			c, err = store.Read("one")
			require.NoError(t, err)
			require.Empty(t, c.List())
			c, err = store.Read("two")
			require.NoError(t, err)
			require.Len(t, c.List(), 1)
			require.ErrorContains(t, add(store, "", "b"), "the cluster is not named")

			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					for j := range 5 {
						if err := add(store, "many", fmt.Sprintf("n%dx%d", i, j)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			c, err = store.Read("many")
			require.NoError(t, err)
			require.Len(t, c.List(), 20, "no update is lost")
		})
	}
}

func TestTheStoreFileIsWrittenToBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.json")
	store := managed.File{Path: path}
	require.NoError(t, add(store, "two", "b"))
	require.NoError(t, add(store, "one", "a"))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	entry := func(id string) string {
		return strings.ReplaceAll(`    {
      "id": "ID",
      "type": "digest",
      "source": "quay.io/ID",
      "mirrors": [
        "m.io/ID"
      ],
      "creation_timestamp": "2026-01-05T10:11:12Z",
      "last_update_timestamp": "2026-01-05T10:11:12Z"
    }
`, "ID", id)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Mode()&0o111, "nobody runs it")
	require.Equal(t, "{\n  \"one\": [\n"+entry("a")+"  ],\n  \"two\": [\n"+entry("b")+"  ]\n}\n", string(data))
}

func TestAStoreIsEmptyWhereItsDirectoryIsMissingAndUnreadableWhereItIsNone(t *testing.T) {
	dir := t.TempDir()
	c, err := managed.File{Path: filepath.Join(dir, "missing", "store.json")}.Read("a")
	require.NoError(t, err)
	require.Empty(t, c.List())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	_, err = managed.File{Path: filepath.Join(dir, "file", "store.json")}.Read("a")
	if runtime.GOOS != "windows" { // there a path below a file is one that is missing
		require.Error(t, err)
	}
}

func TestAStoreThatCannotBeReadIsRefusedAndLeftAsItIs(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"empty", "", "store.json:1): "},
		{"half of a file", "{\n\"a\": [\n", "is not valid JSON: it ends in the middle of a value"},
		{"a list", "[]", "is not a store of image mirrors"},
		{"two values", "{} {}", "is not a store of image mirrors"},
		{"a cluster twice", `{"a": [], "a": []}`, "is written twice"},
		{"no list", `{"a": {}}`, "a: is to be a list, and is an object"},
		{"no object", `{"a": [1]}`, "is to be an object"},
		{"an unknown field", "{\"a\": [\n{\"id\": \"x\", \"source\": \"quay.io\", \"mirrors\": [\"m.io\"],\n\"note\": \"\"}]}", "ImageMirror/x note: is not a field of this object; remove it, or it would be lost"},
		{"a broken rule", `{"a": [{"id": "x", "source": "quay.io", "mirrors": []}]}`, "ImageMirror/x mirrors: is missing"},
		{"one twice", `{"a": [{"id": "x", "source": "q.io", "mirrors": ["m.io"]}, {"id": "x", "source": "q.io", "mirrors": ["m.io"]}]}`, "is listed twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.json")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o644))
			store := managed.File{Path: path}
			_, err := store.Read("a")
			var refused *finding.RefusedError
			require.ErrorAs(t, err, &refused)
			if !strings.HasPrefix(test.want, "store.json") {
				require.ErrorContains(t, err, test.want)
			}
			require.ErrorContains(t, err, "store.json")
			require.Error(t, add(store, "b", "y"))
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, test.content, string(data))
		})
	}
}

func TestTheStoreFollowsALinkAndNeedsItsDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	real, link := filepath.Join(dir, "real", "store.json"), filepath.Join(dir, "link.json")
	require.NoError(t, add(managed.File{Path: real}, "c", "a"))
	symlink.New(t, real, link)
	require.NoError(t, add(managed.File{Path: link}, "c", "b"))
	c, err := managed.File{Path: real}.Read("c")
	require.NoError(t, err)
	require.Len(t, c.List(), 2)
	require.ErrorIs(t, add(managed.File{Path: filepath.Join(dir, "missing", "s.json")}, "c", "a"), os.ErrNotExist)
}

// TestAWriterThatIsKilledLeavesTheOldContentOrTheNew runs a program that adds image mirrors without end,
// kills it at some moment, and looks at what is left; again and again on one file.
func TestTheStoreFollowsALinkThatLeadsToNoFileYet(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "volume", "v1"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "here"), 0o755))
	for link, target := range map[string]string{
		"volume/current":  "v1",
		"here/two":        "../volume/current/two.json",
		"here/three":      filepath.Join(dir, "volume", "three.json"),
		"here/over-three": "three",
		"here/loop":       "loop",
		"here/nowhere":    "missing/x.json",
		"here/itself":     "missing/../itself",
		"here/two-ways":   "missing/../two",
		"here/up":         "../volume/current/../four.json",
	} {
		symlink.New(t, target, filepath.Join(dir, link))
	}
	store := func(name string) managed.File {
		return managed.File{Path: filepath.Join(dir, name)}
	}
	c, err := store("here/two").Read("c")
	require.NoError(t, err)
	require.Empty(t, c.List())
	require.NoError(t, add(store("here/two"), "c", "a"))
	require.FileExists(t, filepath.Join(dir, "volume", "v1", "two.json"))
	require.NoError(t, add(store("here/over-three"), "c", "a"))
	require.FileExists(t, filepath.Join(dir, "volume", "three.json"))
	for _, link := range []string{"two", "three", "over-three"} {
		info, err := os.Lstat(filepath.Join(dir, "here", link))
		require.NoError(t, err)
		require.Equal(t, fs.ModeSymlink, info.Mode().Type(), "the link is still one")
	}
	require.NoError(t, add(store("here/up"), "c", "a"))
	require.FileExists(t, filepath.Join(dir, "volume", "four.json"))
	require.Error(t, add(store("here/loop"), "c", "a"))
	for _, link := range []string{"nowhere", "itself", "two-ways"} {
		require.ErrorIs(t, add(store("here/"+link), "c", "a"), fs.ErrNotExist, "as for every other program")
		c, err := store("here/" + link).Read("c")
		require.NoError(t, err)
		require.Empty(t, c.List())
	}
}

func TestTheStoreKeepsItsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	path := filepath.Join(t.TempDir(), "store.json")
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	for _, mode := range []fs.FileMode{0o600, 0o664} {
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, managed.File{Path: path}.Update("mycluster", func(c *managed.Cluster) error { return nil }))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
}

func TestAWriterThatIsKilledLeavesTheOldContentOrTheNew(t *testing.T) {
	const variable = "MANAGED_TEST_STORE"
	if path := os.Getenv(variable); path != "" {
		store := managed.File{Path: path}
		c, err := store.Read("c")
		require.NoError(t, err)
		for i := len(c.List()); ; i++ {
			require.NoError(t, add(store, "c", fmt.Sprintf("n%d", i)))
			fmt.Println("added")
		}
	}
	path := filepath.Join(t.TempDir(), "store.json")
	store := managed.File{Path: path}
	before := 0
	for round := range 8 {
		writer := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		writer.Env = append(os.Environ(), variable+"="+path)
		out := &strings.Builder{}
		writer.Stdout = out
		require.NoError(t, writer.Start())
		time.Sleep(time.Duration(40+7*round) * time.Millisecond)
		require.NoError(t, writer.Process.Kill())
		writer.Wait()

		c, err := store.Read("c")
		require.NoError(t, err)
		n := len(c.List())
		said := strings.Count(out.String(), "added\n")
		require.GreaterOrEqual(t, n, before+said, "what was reported as kept is kept")
		require.LessOrEqual(t, n, before+said+1)
		for i, m := range c.List() {
			require.Equal(t, fmt.Sprintf("n%d", i), m.ID)
		}
		before = n
	}
	require.NoError(t, add(store, "c", "last"), "the lock is free")
	leftover, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.LessOrEqual(t, len(leftover), 2, "the store and its lock; what a killed writer left is taken over")
}
