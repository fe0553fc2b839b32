package registriesconf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/onnode"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// Diff returns what has to be done on a node for the files to stand in its directory,
// /etc/containers: one operation after the other, each safe to be the last one. At every moment
// each file is the old one or the new one, whole:
//
//   - A file is replaced by a temporary one, on disk by then, that is renamed over it. One that has its content
//     already is not touched. No client reads a temporary file, because its name does not end in ".conf".
//   - registries.conf comes first, and the drop-in with the search registries after it. A registry that is searched
//     from now on is blocked and mirrored by then as the new file says. policy.json keeps no location from being
//     asked, so it can follow.
//   - The file of registries.d, which says where signatures are looked for, comes before the policy.json that asks for
//     them, and goes after it. At no moment is an image taken without the signatures that both policies ask for.
//   - The drop-in and the file of registries.d are removed where the files have none; policy.json, which the client does
//     not go without, becomes [policyjson.Template]. KeepStale leaves all three.
//
// The policies of namespaces stand in another directory: see [Files.ApplyNamespaces].
//
// After an interruption, read the node and ask again: what is done is not asked for a second time,
// and what is left under temporary names is removed. There must not be two runs on a node at a
// time.
//
// What pullroute did not write stays as it is unless the Options say otherwise, and is in Kept. A
// file counts as written by pullroute where it is, byte for byte, what Bytes writes of it, and for
// those of package policyjson what [policyjson.Rendered] says; MCO writes the same. Other drop-ins,
// symbolic links and directories never count as written by pullroute.
//
// The error is about the files that wait for one that cannot be written. It is made of one
// [FileError] for each, which wraps [nodefiles.ErrWaits]. Of files that [Render] says are not to be
// written it is that *finding.RefusedError: in the place of what it left out would stand what takes
// every image.
func Diff(old *Node, new Files, o Options) (Change, error) {
	if new.refused != nil {
		return Change{}, new.refused
	}
	if old == nil {
		old = &Node{}
	}
	d := differ{node: old, o: o}
	d.step(FileName, func() { d.put(FileName, new.Config.Bytes()) })
	d.step(SearchDropIn, func() {
		if new.Search != nil {
			d.put(SearchDropIn, new.Search.Bytes())
		} else {
			d.remove(SearchDropIn, replacesSettings)
		}
	})
	if !o.LeavePolicies {
		d.policies(new.Policies.InContainers())
	}
	d.others()
	return d.change()
}

// policies puts policy.json and the file of registries.d in place.
func (d *differ) policies(policies map[string][]byte) {
	attachments := policies[policyjson.AttachmentsName]
	if attachments != nil {
		d.step(policyjson.AttachmentsName, func() { d.put(policyjson.AttachmentsName, attachments) })
	}
	d.step(policyjson.FileName, func() {
		if data := policies[policyjson.FileName]; data != nil {
			d.put(policyjson.FileName, data)
		} else {
			d.resetPolicy()
		}
	})
	if attachments == nil {
		d.step(policyjson.AttachmentsName, func() {
			d.remove(policyjson.AttachmentsName, "and says where "+
				"signatures are looked for")
		})
	}
}

// Options are what a replacement may do beyond the files that pullroute wrote, and how it is done.
// The zero value leaves other hands' files alone and removes the drop-in that the files no longer
// have.
type Options struct {
	// Overwrite replaces files that pullroute did not write, and removes such a drop-in of the name
	// [SearchDropIn] and such a file of registries.d where the files have none; a policy.json is
	// never taken back to one that takes every image then. Otherwise they stay. A file that the
	// node is to have is a conflict then.
	Overwrite bool
	// LeavePolicies leaves policy.json and registries.d as they are, for callers that keep
	// registries.conf alone.
	LeavePolicies bool
	// KeepStale leaves what the files do not have.
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

// A FileError says why a file is not on a node as it is to be. It is as it was, or, after an
// operation that failed, already the new one.
type FileError struct {
	File string // its path
	Err  error  // what is wrong, and what to do
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Err returns an error that wraps [nodefiles.ErrConflict] if a file was left out for what stands in
// its place, and nil otherwise. It is made of one [FileError] for each.
func (c Change) Err() error {
	var all []error
	for _, k := range c.Kept {
		if k.Code == nodefiles.KeptConflict {
			all = append(all, &FileError{k.Path, fmt.Errorf("%s: %w; apply again once it is out of the way",
				k.Message, nodefiles.ErrConflict)})
		}
	}
	return errors.Join(all...)
}

// Apply makes the files stand on a node: it reads what is there, does what [Diff] says, and returns
// that.
//
// The error tells every failure, each as a [FileError]: what Diff returns, an operation that fails,
// and files that were left out for what stands in their place, which wrap [nodefiles.ErrConflict].
// After an error each file is the old one or the new one, and calling Apply again finishes. When
// ctx is done it stops, and the error wraps that of ctx.
func (f Files) Apply(ctx context.Context, transport nodefiles.Transport, o Options) (Change, error) {
	node, err := ReadNode(ctx, transport)
	if err != nil {
		return Change{}, err
	}
	c, err := Diff(node, f, o)
	return c, errors.Join(err, c.Apply(ctx, transport, o.Retry), c.Err())
}

// Apply does the operations on the node that Diff was asked about, which has not been changed
// since. It stops at the first that fails: what follows is safe only after it. When ctx is done it
// stops, too.
func (c Change) Apply(ctx context.Context, t nodefiles.Transport, retry nodefiles.Retry) error {
	for i, o := range c.Operations {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.Do(ctx, t, retry); err != nil {
			failed := &FileError{o.File, fmt.Errorf("%s: %w; the old file or the new one stands: apply "+
				"again to finish", o, err)}
			return errors.Join(append([]error{failed}, c.waiting(i)...)...)
		}
	}
	return nil
}

// waiting returns the errors about the files whose operations follow those of another that failed.
func (c Change) waiting(failed int) (all []error) {
	of, last := c.Operations[failed].File, c.Operations[failed].File
	for _, o := range c.Operations[failed:] {
		if o.File != last {
			last = o.File
			all = append(all, &FileError{o.File, fmt.Errorf("%w file: it stays as it is, because %s could "+
				"not be written: mend that first", nodefiles.ErrWaits, of)})
		}
	}
	return all
}

// lockName is a file in the directory that keeps two writers apart. It is empty, and may be left by
// a program that was killed.
const lockName = ".registries.conf~lock"

// Write makes the files stand under dir, a directory of this machine that is created where it is
// missing, as [Files.Apply] says: at every moment, whatever fails, each file is the one from before
// or the new one, whole. Nothing outside of dir is written.
//
// A registries.conf that is there is replaced, whoever wrote it: every Linux node has one, and
// Render edits it ([RenderOptions]). So is a policy.json where the files have one. A symbolic link
// is not, and is in the error, which then wraps [nodefiles.ErrConflict]. What the files do not have
// stays as it is; stale lists its path.
//
// The policies of namespaces are written to the directory [NamespacesBelow] in dir. No client reads
// them there: they are to be brought to /etc/crio/policies.
//
// Two that write to one directory, also in two programs, wait for each other, at most a minute, at
// a lock on the file ".registries.conf~lock" in it.
func (f Files) Write(dir string) (stale []string, err error) {
	err = nodefiles.Locked(dir, lockName, func(local *nodefiles.Local) error {
		o := Options{Overwrite: true, KeepStale: true}
		c, err := f.Apply(context.Background(), local, o)
		keptStale := func(c Change, below string) {
			for _, k := range c.Kept {
				if k.Code == nodefiles.KeptStale {
					stale = append(stale, path.Join(below, k.Path))
				}
			}
		}
		keptStale(c, "")
		_, missing := os.Stat(filepath.Join(dir, filepath.FromSlash(NamespacesBelow)))
		if missing != nil && len(f.Policies.Namespaces) == 0 {
			return err
		}
		below, failed := local.Below(NamespacesBelow)
		if failed != nil {
			return errors.Join(err, failed)
		}
		defer below.Close()
		c, failed = f.ApplyNamespaces(context.Background(), below, o)
		keptStale(c, NamespacesBelow)
		return errors.Join(err, failed)
	})
	return stale, err
}

// NamespacesBelow is where [Files.Write] puts the policies of namespaces.
const NamespacesBelow = "crio/policies"

// ApplyNamespaces makes the policies of namespaces stand on a node: the transport leads to
// /etc/crio/policies. It goes by the rules of [Diff] for each file; none waits for another. A
// policy of a namespace that the files do not have is removed, and the namespace then falls back to
// policy.json: apply the files of /etc/containers first.
func (f Files) ApplyNamespaces(ctx context.Context, t nodefiles.Transport, o Options) (Change, error) {
	if f.refused != nil {
		return Change{}, f.refused
	}
	entries, err := onnode.List(ctx, t, ".")
	if err != nil {
		return Change{}, fmt.Errorf("reading the node's files: %w", err)
	}
	d := differ{node: &Node{entries: entries}, o: o}
	for _, e := range entries {
		if strings.HasSuffix(e.Name, ".json") {
			if err := read(ctx, t, e, "."); err != nil {
				return Change{}, err
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(f.Policies.Namespaces)) {
		d.put(namespace+".json", f.Policies.Namespaces[namespace].Bytes())
	}
	for _, e := range entries {
		if namespace, ok := strings.CutSuffix(e.Name, ".json"); ok && f.Policies.Namespaces[namespace] == nil {
			d.remove(e.Name, "and replaces policy.json for its namespace")
		}
	}
	c, _ := d.change()
	return c, errors.Join(c.Apply(ctx, t, o.Retry), c.Err())
}

// A differ collects what Diff returns.
type differ struct {
	node       *Node
	o          Options
	operations []Operation
	kept       []nodefiles.Kept
	blocking   string  // the first file that could not be written
	waiting    []error // one for each file that waits for it
}

// step does what a file needs, unless one before it could not be written.
func (d *differ) step(file string, do func()) {
	kept, operations := len(d.kept), len(d.operations)
	do()
	if d.blocking != "" && len(d.operations) > operations {
		d.operations = d.operations[:operations]
		d.waiting = append(d.waiting, &FileError{file, fmt.Errorf("%w file: it stays as it is, because "+
			"%s, which goes before it, could not be written: mend that first", nodefiles.ErrWaits, d.blocking)})
	}
	if d.blocking == "" && slices.ContainsFunc(d.kept[kept:],
		func(k nodefiles.Kept) bool { return k.Code == nodefiles.KeptConflict }) {
		d.blocking = file
	}
}

// change returns what was collected.
func (d *differ) change() (Change, error) {
	slices.SortStableFunc(d.kept, func(a, b nodefiles.Kept) int { return cmp.Compare(a.Path, b.Path) })
	return Change{d.operations, d.kept}, errors.Join(d.waiting...)
}

func (d *differ) add(file string, action nodefiles.Action, operations ...nodefiles.Operation) {
	for _, o := range operations {
		d.operations = append(d.operations, Operation{o, file, action})
	}
}

// put brings a file to the node.
func (d *differ) put(file string, data []byte) {
	dir, base := path.Dir(file), path.Base(file)
	f := onnode.New{Name: base, Data: data, Mode: 0o644}
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

// inTheWay says what keeps a file from being written, and why: what stands in its place, where it
// is prepared, or in the place of its directory.
func (d *differ) inTheWay(file string, current, left *onnode.Entry) (place, why string) {
	dir := d.node.find(path.Dir(file))
	switch {
	case dir != nil && !dir.Mode.IsDir():
		return dir.Name, "is no directory: remove it"
	case left != nil && left.Mode.IsDir():
		return replace.Temporary(file), "is a directory where a file is prepared: remove it"
	case current == nil:
	case current.Target != "":
		return file, fmt.Sprintf("is a symbolic link to %s, which is not replaced; write to the directory "+
			"of its target, or remove the link", current.Target)
	case !current.Mode.IsRegular():
		return file, "is no plain file, so pullroute did not write it: remove it"
	case !d.o.Overwrite && !written(file, current):
		return file, "was not written by pullroute: remove it, or ask for it to be replaced"
	}
	return "", ""
}

// replacesSettings is what a drop-in does.
const replacesSettings = "and its settings replace those of " + FileName

// remove takes away a file that the node is not to have, or leaves it and says so. does is what the
// file does.
func (d *differ) remove(file, does string) {
	dir, base := path.Dir(file), path.Base(file)
	entries, _ := d.node.list(dir)
	current := onnode.Find(entries, base)
	switch {
	case current == nil:
	case !current.Mode.IsRegular(), !d.o.Overwrite && !written(file, current):
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, file, "was not written by pullroute, %s", does))
	case d.o.KeepStale:
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptStale, file, "is left from before, %s", does))
	default:
		d.add(file, nodefiles.ActionRemove, nodefiles.Operation{Kind: nodefiles.OperationRemove, Path: file},
			nodefiles.Operation{Kind: nodefiles.OperationSync, Path: dir})
	}
	d.clean(file, onnode.Find(entries, replace.Temporary(base)))
}

// resetPolicy takes a policy.json that pullroute wrote back to the one that takes every image. That
// of another hand stays: nothing asks for it to be made weaker.
func (d *differ) resetPolicy() {
	const file, does = policyjson.FileName, "and decides which images are taken"
	current := onnode.Find(d.node.entries, file)
	switch {
	case current == nil, current.Content() == string(policyjson.Template()):
	case !current.Mode.IsRegular(), !written(file, current):
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, file, "was not written by pullroute, %s", does))
	case d.o.KeepStale:
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptStale, file, "is left from before, %s", does))
	default:
		d.put(file, policyjson.Template())
		return
	}
	d.clean(file, onnode.Find(d.node.entries, replace.Temporary(file)))
}

// clean removes what an interrupted run has left where it prepared a file.
func (d *differ) clean(file string, left *onnode.Entry) {
	if left != nil && left.Mode.IsRegular() {
		d.add(file, nodefiles.ActionClean, nodefiles.Operation{Kind: nodefiles.OperationRemove,
			Path: replace.Temporary(file)})
	}
}

// others reports the drop-ins that pullroute did not write.
func (d *differ) others() {
	dir := path.Dir(SearchDropIn)
	entries, there := d.node.list(dir)
	if there && !d.node.find(dir).Mode.IsDir() && !slices.ContainsFunc(d.kept, func(k nodefiles.Kept) bool { return k.Path == dir }) {
		// go.podman.io/image v5.42 lists it, which follows a link (configfile, parse.go); v5.38 walks it, which does not.
		d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, dir, "is no directory; where it leads to one, podman "+
			"and skopeo read the drop-ins there, %s", replacesSettings))
	}
	for _, e := range entries {
		if name := path.Join(dir, e.Name); strings.HasSuffix(name, ".conf") && name != SearchDropIn {
			d.kept = append(d.kept, nodefiles.Keep(nodefiles.KeptForeign, name,
				"was not written by pullroute, %s", replacesSettings))
		}
	}
}

// written reports whether a file is one that pullroute writes: in the form of Bytes, and, for the
// drop-in, with search registries and nothing else. Files of package policyjson are told by it.
func written(file string, e *onnode.Entry) bool {
	if file != FileName && file != SearchDropIn {
		return policyjson.Rendered(file, []byte(e.Content()))
	}
	c, findings := Parse(file, []byte(e.Content()))
	if findings.Err() != nil {
		return false
	}
	if file == SearchDropIn {
		c = &Config{UnqualifiedSearchRegistries: c.UnqualifiedSearchRegistries}
	}
	return string(c.Bytes()) == e.Content()
}
