package hoststoml

import (
	"context"
	"errors"
	"fmt"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// Apply makes the tree stand on a node: it reads what is there, does what [Diff] says, and returns that.
//
// One registry that fails does not hold back the others. The error tells every failure, each as a
// [RegistryError]: what Diff returns, operations that fail, and files that were left out for what
// stands in their place, which wrap [nodefiles.ErrConflict]. Everything else is done. After an
// error the node's registries have, each, their old file or their new one, and calling Apply again
// finishes. When ctx is done it stops, and the error wraps that of ctx.
func (t Tree) Apply(ctx context.Context, transport nodefiles.Transport, o Options) (Change, error) {
	node, err := readNode(ctx, transport, o.Retry)
	if err != nil {
		return Change{}, err
	}
	c, err := Diff(node, t, o)
	return c, errors.Join(err, c.Apply(ctx, transport, o.Retry), c.Err())
}

// Apply does the operations on the node that Diff was asked about, which has not been changed
// since. After one that fails it passes over the registry's other operations, and those that are
// not safe without it. It goes on with the other registries, and returns a [RegistryError] for each
// that failed. When ctx is done it stops.
func (c Change) Apply(ctx context.Context, t nodefiles.Transport, retry nodefiles.Retry) error {
	var p progress
	waits := patience{retry: retry}
	for _, o := range c.Operations {
		if ctx.Err() != nil {
			return errors.Join(p.err(), ctx.Err())
		}
		if !p.allows(o) {
			continue
		}
		if err := o.Do(ctx, t, retry); err != nil {
			retry = waits.after(err)
			p.fail(o.Registry, fmt.Errorf("%s: %w; its old file or its new one stands: apply again to finish", o, err))
			if o.covers {
				p.waitFor(o.Registry)
			}
		}
	}
	return p.err()
}

// lockName is a file in a config_path that keeps two writers apart. It is empty, and may be left by
// a program that was killed.
const lockName = ".hosts.toml~lock"

// Write makes every file of the tree stand under dir, a directory of this machine that is created
// where it is missing, as [Tree.Apply] says: at every moment, whatever fails, each registry is
// governed by its file from before or by its new one, whole. Nothing outside of dir is written, and
// no file that another hand wrote is replaced: such ones are in the error, each with a
// [RegistryError] that wraps [nodefiles.ErrConflict], and everything else is written.
//
// Files of registries that the tree does not hold stay as they are; stale lists the paths of those that
// carry the Marker, and of files beside a hosts.toml that it no longer refers to.
//
// Two that write to one directory, also in two programs, wait for each other, at most a minute, at
// a lock on the file ".hosts.toml~lock" in it.
func (t Tree) Write(dir string) (stale []string, err error) { return t.WriteFor("", dir) }

// WriteFor is Write for files that nodes of a platform get, as [Options.Platform] says; with "" they may have
// Windows.
func (t Tree) WriteFor(platform finding.Platform, dir string) (stale []string, err error) {
	err = nodefiles.Locked(dir, lockName, func(local *nodefiles.Local) error {
		c, err := t.Apply(context.Background(), local, Options{Platform: platform, KeepStale: true})
		for _, k := range c.Kept {
			if k.Code == nodefiles.KeptStale {
				stale = append(stale, k.Path)
			}
		}
		return err
	})
	return stale, err
}
