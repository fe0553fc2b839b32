package hoststoml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pullroute/pullroute/internal/filelock"
)

// Apply makes the tree stand on a node: it reads what is there, does what [Diff] says, and returns that.
//
// One registry that fails does not hold back the others. The error tells every failure, each as a
// [RegistryError]: what Diff returns, operations that fail, and files that were left out for what stands in
// their place, which wrap ErrConflict. Everything else is done. After an error the node's registries have, each,
// their old file or their new one, and calling Apply again finishes. When ctx is done it stops, and the error
// wraps that of ctx.
func (t Tree) Apply(ctx context.Context, transport Transport, o Options) (Change, error) {
	node, err := ReadNode(ctx, transport)
	if err != nil {
		return Change{}, err
	}
	c, err := Diff(node, t, o)
	return c, errors.Join(err, c.Apply(ctx, transport, o.Retry), c.Err())
}

// Apply does the operations on the node that Diff was asked about, which has not been changed since. After one
// that fails it passes over the registry's other operations, and those that are not safe without it. It goes on
// with the other registries, and returns a [RegistryError] for each that failed. When ctx is done it stops.
func (c Change) Apply(ctx context.Context, t Transport, retry Retry) error {
	var p progress
	for _, o := range c.Operations {
		if ctx.Err() != nil {
			return errors.Join(p.err(), ctx.Err())
		}
		if !p.allows(o) {
			continue
		}
		if err := retry.do(ctx, func() error { return o.do(ctx, t) }); err != nil {
			p.fail(o.Registry, fmt.Errorf("%s: %w; its old file or its new one stands: apply again to finish", o, err))
			if o.covers {
				p.waitFor(o.Registry)
			}
		}
	}
	return p.err()
}

func (o Operation) do(ctx context.Context, t Transport) error {
	switch o.Kind {
	case OperationMkdir:
		return t.Mkdir(ctx, o.Path)
	case OperationWrite:
		if o.content == nil {
			return errors.New("is not an operation of Diff")
		}
		return t.WriteFile(ctx, o.Path, []byte(*o.content), o.Mode)
	case OperationSync:
		return t.Sync(ctx, o.Path)
	case OperationRename:
		return t.Rename(ctx, o.Path, o.To)
	case OperationRemove:
		return t.Remove(ctx, o.Path)
	}
	return fmt.Errorf("unknown operation %q", o.Kind)
}

// Retry says how often a call that fails with [ErrBusy] is repeated. containerd reads a hosts.toml in well
// under a millisecond, but many pulls may start at once, and virus scanners take longer.
type Retry struct {
	// Attempts are all calls, the first included. Zero means 20.
	Attempts int
	// Pause lies between two calls. Zero means 50 milliseconds, so that 20 attempts take about a second.
	Pause time.Duration
}

func (r Retry) do(ctx context.Context, call func() error) error {
	if r.Attempts <= 0 {
		r.Attempts = 20
	}
	if r.Pause <= 0 {
		r.Pause = 50 * time.Millisecond
	}
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := call()
		if !errors.Is(err, ErrBusy) || attempt >= r.Attempts {
			return err
		}
		pause := time.NewTimer(r.Pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// lockName is a file in a config_path that keeps two writers apart. It is empty, and stays.
const lockName = ".hosts.toml~lock"

// lockWait is how long Write waits for another one.
const lockWait = time.Minute

// Write makes every file of the tree stand under dir, a directory of this machine that is created where it is
// missing, as [Tree.Apply] says: at every moment, whatever fails, each registry is governed by its file from
// before or by its new one, whole. Nothing outside of dir is written, and no file that another hand wrote is
// replaced: such ones are in the error, each with a [RegistryError] that wraps ErrConflict, and everything else
// is written.
//
// Files of registries that the tree does not hold stay as they are; stale lists the paths of those that
// carry the Marker, and of files beside a hosts.toml that it no longer refers to.
//
// Two that write to one directory, also in two programs, wait for each other, at most a minute, at a lock on
// the file ".hosts.toml~lock" in it.
func (t Tree) Write(dir string) (stale []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	local, err := OpenLocal(dir)
	if err != nil {
		return nil, err
	}
	defer local.Close()
	waiting, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	release, err := filelock.Acquire(waiting, local.root, lockName)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := t.Apply(context.Background(), local, Options{KeepStale: true})
	for _, k := range c.Kept {
		if k.Code == KeptStale {
			stale = append(stale, k.Path)
		}
	}
	return stale, err
}
