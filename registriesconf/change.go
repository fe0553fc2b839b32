package registriesconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/onnode"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/nodefiles"
)

// Diff returns what has to be done on a node for the files to stand in its directory, /etc/containers: one operation
// after the other, each safe to be the last one. At every moment each file is the old one or the new one, whole:
//
//   - A file is replaced by a temporary one, on disk by then, that is renamed over it. One that has its content
//     already is not touched. No client reads a temporary file, because its name does not end in ".conf".
//   - registries.conf comes first, and the drop-in with the search registries after it. A registry that is searched
//     from now on is blocked and mirrored by then as the new file says.
//   - The drop-in is removed where the files have none.
//
// After an interruption, read the node and ask again: what is done is not asked for a second time, and what
// is left under temporary names is removed. There must not be two runs on a node at a time.
//
// What pullroute did not write stays as it is unless the Options say otherwise, and is in Kept. A file counts as
// written by pullroute where it is, byte for byte, what Bytes writes of it; MCO writes the same. Other drop-ins, symbolic
// links and directories never count as written by pullroute.
//
// The error is about the drop-in, where it waits for a registries.conf that cannot be written. It is a [FileError] that
// wraps [nodefiles.ErrWaits].
func Diff(old *Node, new Files, o Options) (Change, error) {
	if old == nil {
		old = &Node{}
	}
	d := differ{node: old, o: o}
	d.put(FileName, new.Config)
	conflict := len(d.kept) > 0
	before := len(d.operations)
	if new.Search != nil {
		d.put(SearchDropIn, new.Search)
	} else {
		d.remove(SearchDropIn)
	}
	var err error
	if conflict && len(d.operations) > before {
		d.operations = d.operations[:before]
		err = &FileError{SearchDropIn, fmt.Errorf("%w file: it stays as it is, because %s, which goes before it, could not be written: mend that first", nodefiles.ErrWaits, FileName)}
	}
	d.others()
	slices.SortStableFunc(d.kept, func(a, b nodefiles.Kept) int { return cmp.Compare(a.Path, b.Path) })
	return Change{d.operations, d.kept}, err
}

// Options are what a replacement may do beyond the files that pullroute wrote, and how it is done. The zero
// value leaves other hands' files alone and removes the drop-in that the files no longer have.
type Options struct {
	// Overwrite replaces a registries.conf that pullroute did not write, and replaces or removes such a drop-in of
	// the name [SearchDropIn]. Otherwise they stay. A file that the node is to have is a conflict then.
	Overwrite bool
	// KeepStale leaves the drop-in that the files do not have.
	KeepStale bool
	// Retry is for transports on which a file may be in use.
	Retry nodefiles.Retry
}

// A Change is what Diff returns. Printing it shows no content.
type Change struct {
	Operations []Operation      `json:"operations"` // in this order
	Kept       []nodefiles.Kept `json:"kept"`       // by path
}

// An Operation is one call of a [nodefiles.Transport]. Printing it shows no content.
type Operation struct {
	nodefiles.Operation
	// File is the path of the file that the operation is for, and Action what becomes of it.
	File   string           `json:"file"`
	Action nodefiles.Action `json:"action"`
}

// A FileError says why a file is not on a node as it is to be. It is as it was, or, after an operation that failed,
// already the new one.
type FileError struct {
	File string // its path
	Err  error  // what is wrong, and what to do
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Err returns an error that wraps [nodefiles.ErrConflict] if a file was left out for what stands in its place, and nil
// otherwise. It is made of one [FileError] for each.
func (c Change) Err() error {
	var all []error
	for _, k := range c.Kept {
		if k.Code == nodefiles.KeptConflict {
			all = append(all, &FileError{k.Path, fmt.Errorf("%s: %w; apply again once it is out of the way", k.Message, nodefiles.ErrConflict)})
		}
	}
	return errors.Join(all...)
}

// Apply makes the files stand on a node: it reads what is there, does what [Diff] says, and returns that.
//
// The error tells every failure, each as a [FileError]: what Diff returns, an operation that fails, and files that
// were left out for what stands in their place, which wrap [nodefiles.ErrConflict]. After an error each file is the old
// one or the new one, and calling Apply again finishes. When ctx is done it stops, and the error wraps that of ctx.
func (f Files) Apply(ctx context.Context, transport nodefiles.Transport, o Options) (Change, error) {
	node, err := ReadNode(ctx, transport)
	if err != nil {
		return Change{}, err
	}
	c, err := Diff(node, f, o)
	return c, errors.Join(err, c.Apply(ctx, transport, o.Retry), c.Err())
}

// Apply does the operations on the node that Diff was asked about, which has not been changed since. It stops at the
// first that fails: what follows is safe only after it. When ctx is done it stops, too.
func (c Change) Apply(ctx context.Context, t nodefiles.Transport, retry nodefiles.Retry) error {
	for i, o := range c.Operations {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.Do(ctx, t, retry); err != nil {
			failed := &FileError{o.File, fmt.Errorf("%s: %w; the old file or the new one stands: apply again to finish", o, err)}
			return errors.Join(failed, c.waiting(i))
		}
	}
	return nil
}

// waiting returns the error about the file whose operations follow those of another that failed.
func (c Change) waiting(failed int) error {
	for _, o := range c.Operations[failed:] {
		if file := c.Operations[failed].File; o.File != file {
			return &FileError{o.File, fmt.Errorf("%w file: it stays as it is, because %s could not be written: mend that first", nodefiles.ErrWaits, file)}
		}
	}
	return nil
}

// lockName is a file in the directory that keeps two writers apart. It is empty, and may be left by a program that
// was killed.
const lockName = ".registries.conf~lock"

// Write makes the files stand under dir, a directory of this machine that is created where it is
// missing, as [Files.Apply] says: at every moment, whatever fails, each file is the one from before or the new
// one, whole. Nothing outside of dir is written.
//
// A registries.conf that is there is replaced, whoever wrote it: every Linux node has one, and Render edits it
// ([RenderOptions]). A symbolic link is not, and is in the error, which then wraps [nodefiles.ErrConflict]. A drop-in that
// the files do not have stays as it is; stale lists its path.
//
// Two that write to one directory, also in two programs, wait for each other, at most a minute, at a lock on
// the file ".registries.conf~lock" in it.
func (f Files) Write(dir string) (stale []string, err error) {
	err = nodefiles.Locked(dir, lockName, func(local *nodefiles.Local) error {
		c, err := f.Apply(context.Background(), local, Options{Overwrite: true, KeepStale: true})
		for _, k := range c.Kept {
			if k.Code == nodefiles.KeptStale {
				stale = append(stale, k.Path)
			}
		}
		return err
	})
	return stale, err
}

// A differ collects what Diff returns.
type differ struct {
	node       *Node
	o          Options
	operations []Operation
	kept       []nodefiles.Kept
}

func (d *differ) add(file string, action nodefiles.Action, operations ...nodefiles.Operation) {
	for _, o := range operations {
		d.operations = append(d.operations, Operation{o, file, action})
	}
}

// put brings a file to the node.
func (d *differ) put(file string, config *Config) {
	dir, base := path.Dir(file), path.Base(file)
	f := onnode.New{Name: base, Data: config.Bytes(), Mode: 0o644}
	entries, there := d.node.list(dir)
	current, left := onnode.Find(entries, base), onnode.Find(entries, replace.Temporary(base))
	sync := nodefiles.Operation{Kind: nodefiles.OperationSync, Path: dir}
	if f.Is(current) {
		d.clean(file, left)
		return
	}
	if place, why := d.inTheWay(file, current, left); why != "" {
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptConflict, place, "%s", why))
		return
	}
	action := nodefiles.ActionChange
	if current == nil {
		action = nodefiles.ActionAdd
	}
	if !there {
		d.add(file, action, nodefiles.Operation{Kind: nodefiles.OperationMkdir, Path: dir},
			nodefiles.Operation{Kind: nodefiles.OperationSync, Path: path.Dir(dir)})
	}
	d.add(file, action, append(onnode.Replace(dir, f.Like(current), left), sync)...)
}

// inTheWay says what keeps a file from being written, and why: what stands in its place, where it is prepared, or
// in the place of its directory.
func (d *differ) inTheWay(file string, current, left *onnode.Entry) (place, why string) {
	dir := d.node.find(path.Dir(file))
	switch {
	case dir != nil && !dir.Mode.IsDir():
		return dir.Name, "is no directory: remove it"
	case left != nil && left.Mode.IsDir():
		return replace.Temporary(file), "is a directory where a file is prepared: remove it"
	case current == nil:
	case current.Target != "":
		return file, fmt.Sprintf("is a symbolic link to %s, which is not replaced; write to the directory of its target, or remove the link", current.Target)
	case !current.Mode.IsRegular():
		return file, "is no plain file, so pullroute did not write it: remove it"
	case !d.o.Overwrite && !written(file, current):
		return file, "was not written by pullroute: remove it, or ask for it to be replaced"
	}
	return "", ""
}

// remove takes away a file that the node is not to have, or leaves it and says so.
func (d *differ) remove(file string) {
	dir, base := path.Dir(file), path.Base(file)
	entries, _ := d.node.list(dir)
	current := onnode.Find(entries, base)
	switch {
	case current == nil:
	case !current.Mode.IsRegular(), !d.o.Overwrite && !written(file, current):
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, file, "was not written by pullroute, and its settings replace those of %s", FileName))
	case d.o.KeepStale:
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptStale, file, "is left from before, and its settings replace those of %s", FileName))
	default:
		d.add(file, nodefiles.ActionRemove, nodefiles.Operation{Kind: nodefiles.OperationRemove, Path: file},
			nodefiles.Operation{Kind: nodefiles.OperationSync, Path: dir})
	}
	d.clean(file, onnode.Find(entries, replace.Temporary(base)))
}

// clean removes what an interrupted run has left where it prepared a file.
func (d *differ) clean(file string, left *onnode.Entry) {
	if left != nil && left.Mode.IsRegular() {
		d.add(file, nodefiles.ActionClean, nodefiles.Operation{Kind: nodefiles.OperationRemove, Path: replace.Temporary(file)})
	}
}

// others reports the drop-ins that pullroute did not write.
func (d *differ) others() {
	dir := path.Dir(SearchDropIn)
	entries, _ := d.node.list(dir)
	for _, e := range entries {
		if name := path.Join(dir, e.Name); strings.HasSuffix(name, ".conf") && name != SearchDropIn {
			d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, name, "was not written by pullroute, and its settings replace those of %s", FileName))
		}
	}
}

// written reports whether a file is one that pullroute writes: in the form of Bytes, and, for the drop-in, with
// search registries and nothing else.
func written(file string, e *onnode.Entry) bool {
	c, findings := Parse(file, []byte(e.Content()))
	if findings.Err() != nil {
		return false
	}
	if file == SearchDropIn {
		c = &Config{UnqualifiedSearchRegistries: c.UnqualifiedSearchRegistries}
	}
	return string(c.Bytes()) == e.Content()
}
