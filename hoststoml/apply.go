package hoststoml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Apply makes the tree stand on a node: it reads what is there, does what [Diff] says, and returns that.
// After an error the node's registries have, each, their old file or their new one, and calling it again
// finishes. An error that wraps ErrConflict is about files that were left out; everything else is done.
func (t Tree) Apply(ctx context.Context, transport Transport, o Options) (Change, error) {
	node, err := ReadNode(ctx, transport)
	if err != nil {
		return Change{}, err
	}
	c, err := Diff(node, t, o)
	if err != nil {
		return Change{}, err
	}
	if err := c.Apply(ctx, transport, o.Retry); err != nil {
		return c, err
	}
	return c, c.Err()
}

// Apply does the operations on the node that Diff was asked about, which has not been changed since. It
// stops at the first that fails, or when ctx is done.
func (c Change) Apply(ctx context.Context, t Transport, r Retry) error {
	for _, o := range c.Operations {
		if err := r.do(ctx, func() error { return o.do(ctx, t) }); err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
	}
	return nil
}

func (o Operation) do(ctx context.Context, t Transport) error {
	switch o.Kind {
	case OperationMkdir:
		return t.Mkdir(ctx, o.Path)
	case OperationWrite:
		if o.content == nil {
			return errors.New("is not an operation of Diff")
		}
		return t.WriteFile(ctx, o.Path, *o.content, o.Mode)
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

// Write makes every file of the tree stand under dir, which is created where it is missing, as [Diff] says:
// at every moment, whatever fails, each registry is governed by its file from before or by its new one,
// whole. Nothing outside of dir is written. The file of a registry is replaced whoever wrote it.
//
// Files of registries that the tree does not hold stay as they are; stale lists the paths of those that
// carry the Marker, and of files beside a hosts.toml that it no longer refers to.
func (t Tree) Write(dir string) (stale []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	local, err := OpenLocal(dir)
	if err != nil {
		return nil, err
	}
	defer local.Close()
	c, err := t.Apply(context.Background(), local, Options{Overwrite: true, KeepStale: true})
	if err != nil {
		return nil, err
	}
	for _, k := range c.Kept {
		if k.Code == KeptStale {
			stale = append(stale, k.Path)
		}
	}
	return stale, nil
}
