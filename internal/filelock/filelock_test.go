package filelock

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The flag of all tests, go test ./... -update; there is nothing to rewrite here.
var _ = flag.Bool("update", false, "rewrite the results in testdata")

func open(t *testing.T, dir string) *os.Root {
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	return root
}

func TestTheLockHasOneHolderAtATime(t *testing.T) {
	root := open(t, t.TempDir())
	var holders atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				release, err := Acquire(t.Context(), root, "lock")
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				holders.Add(-1)
				if err := release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	left, err := os.ReadDir(root.Name())
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Empty(t, left, "the last one takes the file away")
	}
}

func TestAcquireGivesUpWhenItsContextIsDone(t *testing.T) {
	root := open(t, t.TempDir())
	release, err := Acquire(t.Context(), root, "lock")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Acquire(ctx, root, "lock")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "lock: is held by another program")
	require.NoError(t, release())
	release, err = Acquire(ctx, root, "lock")
	require.NoError(t, err, "a free lock needs no waiting")
	require.NoError(t, release())
}

func TestALockWhoseHolderWasKilledIsFree(t *testing.T) {
	const variable = "FILELOCK_TEST_DIR"
	if dir := os.Getenv(variable); dir != "" {
		_, err := Acquire(t.Context(), open(t, dir), "lock")
		require.NoError(t, err)
		os.Stdout.WriteString("held\n")
		select {}
	}
	dir := t.TempDir()
	holder := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	holder.Env = append(os.Environ(), variable+"="+dir)
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)

	require.NoError(t, holder.Process.Kill())
	holder.Wait()
	release, err := Acquire(t.Context(), open(t, dir), "lock")
	require.NoError(t, err)
	require.NoError(t, release())
}

func TestAcquireNamesTheFileThatItCannotOpen(t *testing.T) {
	_, err := Acquire(t.Context(), open(t, t.TempDir()), "missing/lock")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "missing/lock")
}
