package managed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/symlink"
	"github.com/pullroute/pullroute/mirrorset"
)

func TestAFailureToCloseIsAddedToTheErrorBeforeIt(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	err := first
	closing(&err, func() error { return nil })
	require.Same(t, first, err)
	closing(&err, func() error { return second })
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, second)
}

func TestAnUpdateThatCannotLockOrWriteNamesTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.json")
	nothing := func(*Cluster) error { return nil }
	require.NoError(t, os.Mkdir(filepath.Join(filepath.Dir(path), ".store.json~lock"), 0o755))
	require.ErrorContains(t, File{Path: path}.Update("a", nothing), path+": ")
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(path), ".store.json~lock")))
	err := File{Path: path}.Update("a", func(c *Cluster) error {
		c.mirrors = append(c.mirrors, mirrorset.ImageMirror{CreationTimestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
		return nil
	})
	require.ErrorContains(t, err, path+": ")
	require.NoFileExists(t, path)
}

func TestLinksThatGoRoundAreAnError(t *testing.T) {
	dir := t.TempDir()
	symlink.New(t, "b", filepath.Join(dir, "a"))
	symlink.New(t, "a", filepath.Join(dir, "b"))
	store := File{Path: filepath.Join(dir, "a")}
	_, err := store.Read("x")
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrNotExist)
	require.Error(t, store.Update("x", func(*Cluster) error { return nil }))
}
