package hoststoml

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/replace"
)

// Diff returns what has to be done on a node for the tree to stand in its config_path: one operation after
// the other, each safe to be the last one. containerd reads the directory at every pull, so at every moment
// each registry is governed by its old file or by its new one, whole:
//
//   - A file that exists is replaced by a temporary one, on disk by then, that is renamed over it. One that
//     has its content already is not touched.
//   - The directory of a new registry is made under a name that no host has, ".quay.io~new", and renamed
//     into place with everything in it: already an empty directory would hide "_default", and send pulls to
//     the registry itself.
//   - A directory that goes is renamed, to ".quay.io~old", before it is emptied, for the same reason.
//   - New and changed registries come first, then "_default", and then what is removed. Before its file
//     appears, and after it is gone, "_default" decides for a registry; in this order it is the old one
//     before, and the new one after.
//   - HOST:PORT, which containerd reads where there is no HOST_PORT_, is removed before HOST_PORT_ is, or
//     it would count in between.
//   - Files beside a hosts.toml are written before it, and removed at the end.
//
// After an interruption, read the node and ask again: what is done is not asked for a second time, and what
// is left under temporary names is removed. There must not be two runs on a node at a time.
//
// What pullroute did not write stays as it is unless the Options say otherwise, and is in Kept. Pullroute
// wrote a hosts.toml that has the Marker at its top, so give it to files that are not of FromTable; and
// it wrote the files beside it that have a name of [ExtraName]. Symbolic links are another hand's, always.
//
// The error is about a tree that no node can hold: hosts that are none, or that share a directory.
func Diff(old *Node, new Tree, o Options) (Change, error) {
	if err := new.check(old); err != nil {
		return Change{}, err
	}
	d := differ{node: old, tree: new, o: o, cleaned: map[string]bool{}}
	// "_default" after all others; then, when files go, before all others.
	new = slices.Clone(new)
	slices.SortStableFunc(new, func(a, b RegistryFile) int {
		return cmp.Or(compareBool(a.Host == "_default", b.Host == "_default"), cmp.Compare(a.Host, b.Host))
	})
	for _, rf := range new {
		d.put(rf)
	}
	gone := slices.DeleteFunc(slices.Clone(old.entries), func(e *nodeEntry) bool {
		_, ok := HostFromDir(e.name)
		return !ok || new.has(old, e.name)
	})
	slices.SortStableFunc(gone, func(a, b *nodeEntry) int {
		return cmp.Or(compareBool(b.name == "_default", a.name == "_default"), compareBool(b.isHostColonPort(), a.isHostColonPort()))
	})
	for _, e := range gone {
		d.remove(e)
	}
	d.operations = append(d.operations, d.last...)
	d.cleanUp()
	slices.SortStableFunc(d.kept, func(a, b Kept) int { return cmp.Compare(a.Path, b.Path) })
	return Change{d.operations, d.kept}, nil
}

// Options are what a replacement may do beyond the files that pullroute wrote, and how it is done. The zero
// value leaves other hands' files alone and removes what the tree no longer holds.
type Options struct {
	// Overwrite has the hosts.toml of another hand replaced where the tree has one for the registry.
	// Otherwise it stays, and is a conflict.
	Overwrite bool
	// Purge has the directories of registries that the tree does not hold removed whoever wrote them, with
	// everything in them.
	Purge bool
	// KeepStale leaves the files that pullroute wrote for registries that the tree does not hold, with or
	// without Purge.
	KeepStale bool
	// Retry is for nodes with Windows.
	Retry Retry
}

// A Change is what Diff returns. Printing it shows no content.
type Change struct {
	Operations []Operation `json:"operations"` // in this order
	Kept       []Kept      `json:"kept"`       // by path
}

// ErrConflict is wrapped by the error of a node that does not hold the whole tree.
var ErrConflict = errors.New("another hand's file is in the way")

// Err returns an error that wraps ErrConflict if files of the tree were left out for what stands in their
// place, and nil otherwise. Then the policy of their registries, NeverContactSource for one, is not what the
// tree says.
func (c Change) Err() error {
	var all []error
	for _, k := range c.Kept {
		if k.Code == KeptConflict {
			all = append(all, fmt.Errorf("%s: %w: %s", k.Path, ErrConflict, k.Message))
		}
	}
	return errors.Join(all...)
}

// An Operation is one call of a [Transport]. Printing it shows no content.
type Operation struct {
	Kind OperationKind `json:"operation"`
	Path string        `json:"path"`
	// To is the new name of a rename.
	To string `json:"to,omitempty"`
	// Bytes and Mode are the size of a file that is written, and its permissions.
	Bytes int         `json:"bytes,omitempty"`
	Mode  fs.FileMode `json:"-"`
	// Registry is the host that the operation is for, and Action what becomes of its files.
	Registry string `json:"registry"`
	Action   Action `json:"action"`

	content *[]byte // behind a pointer, so that no verb of fmt prints it
}

// OperationKind names a method of [Transport].
type OperationKind string

const (
	OperationMkdir  OperationKind = "mkdir"
	OperationWrite  OperationKind = "write"
	OperationSync   OperationKind = "sync"
	OperationRename OperationKind = "rename"
	OperationRemove OperationKind = "remove"
)

// Action is what becomes of the files of a registry.
type Action string

const (
	ActionAdd    Action = "add"
	ActionChange Action = "change"
	ActionRemove Action = "remove"
	ActionClean  Action = "clean" // what an interrupted run has left is removed
)

// String returns the operation as a line: rename quay.io/.hosts.toml~new -> quay.io/hosts.toml.
func (o Operation) String() string {
	switch o.Kind {
	case OperationRename:
		return fmt.Sprintf("rename %s -> %s", o.Path, o.To)
	case OperationWrite:
		return fmt.Sprintf("write %s (%d bytes, mode %04o)", o.Path, o.Bytes, o.Mode)
	}
	return string(o.Kind) + " " + o.Path
}

// GoString returns what String does.
func (o Operation) GoString() string { return o.String() }

// Kept is something on the node that a Change leaves as it is.
type Kept struct {
	Path    string   `json:"path"`
	Code    KeptCode `json:"code"`
	Message string   `json:"message"`
}

// String returns the line to report.
func (k Kept) String() string { return fmt.Sprintf("%s: %s [%s]", k.Path, k.Message, k.Code) }

// KeptCode says why something is kept.
type KeptCode string

const (
	KeptConflict  KeptCode = "conflict"  // it stands where a file of the tree belongs
	KeptForeign   KeptCode = "foreign"   // another hand's; the tree says nothing of its registry
	KeptHidden    KeptCode = "hidden"    // another hand's HOST:PORT, which HOST_PORT_ hides
	KeptBeside    KeptCode = "beside"    // another hand's, in the directory of a file of the tree
	KeptDirectory KeptCode = "directory" // the hosts.toml is removed, other files in the directory are not
	KeptStale     KeptCode = "stale"     // pullroute wrote it, and the tree does not hold it; see Options.KeepStale
	KeptOther     KeptCode = "other"     // nothing that containerd reads
)

// differ collects what Diff returns.
type differ struct {
	node       *Node
	tree       Tree
	o          Options
	operations []Operation
	last       []Operation // files beside a hosts.toml that it no longer refers to
	kept       []Kept
	cleaned    map[string]bool // leftovers that are removed already

	registry string
	action   Action
}

func (d *differ) add(kind OperationKind, path string) {
	d.operations = append(d.operations, Operation{Kind: kind, Path: path, Registry: d.registry, Action: d.action})
}

func (d *differ) rename(from, to string) {
	d.operations = append(d.operations, Operation{Kind: OperationRename, Path: from, To: to, Registry: d.registry, Action: d.action})
}

func (d *differ) write(path string, f file) {
	d.operations = append(d.operations, Operation{
		Kind: OperationWrite, Path: path, Bytes: len(f.data), Mode: f.perm, Registry: d.registry, Action: d.action, content: &f.data,
	})
}

func (d *differ) keep(code KeptCode, path, format string, args ...any) {
	d.kept = append(d.kept, Kept{path, code, fmt.Sprintf(format, args...)})
}

// A file is one that a registry's directory is to hold.
type file struct {
	name string
	data []byte
	perm fs.FileMode
}

// files returns what the registry's directory is to hold, hosts.toml last.
func (r RegistryFile) files() []file {
	var files []file
	for _, name := range r.Extra.names() {
		files = append(files, file{name, r.Extra[name], 0o600})
	}
	data, perm := r.content()
	return append(files, file{FileName, data, perm})
}

// put brings the files of one registry to the node.
func (d *differ) put(rf RegistryFile) {
	dir := Dir(rf.Host)
	d.registry, d.action = rf.Host, ActionAdd
	e := d.node.find(dir)
	if e == nil {
		d.create(dir, rf.files())
		return
	}
	dir, d.action = e.name, ActionChange
	if !e.mode.IsDir() {
		d.keep(KeptConflict, dir, "is no directory; containerd reads what it finds there, and no rename can replace it: remove it")
		return
	}
	for _, name := range e.foreign() {
		d.keep(KeptBeside, dir+"/"+name, "was not written by pullroute")
	}
	var changed []file
	for _, f := range rf.files() {
		current := e.find(f.name)
		if current != nil && current.holds(f) {
			continue
		}
		if path, why := d.inTheWay(e, current, f.name); why != "" {
			d.keep(KeptConflict, path, "%s", why)
			return
		}
		changed = append(changed, f)
	}
	for i, f := range changed {
		name := dir + "/" + f.name
		temporary := replace.Temporary(name)
		if e.find(path.Base(temporary)) != nil {
			d.add(OperationRemove, temporary)
			d.add(OperationSync, dir) // so that the old one cannot come back under the new one's rename
			d.cleaned[temporary] = true
		}
		d.write(temporary, f)
		d.rename(temporary, name)
		// The others are to be on disk when hosts.toml starts to refer to them.
		if f.name == FileName || i == len(changed)-1 || changed[i+1].name == FileName {
			d.add(OperationSync, dir)
		}
	}
	d.action = ActionRemove
	before := len(d.operations)
	for _, f := range e.entries {
		if _, wanted := rf.Extra[f.name]; wanted || !isExtra(f.name) || !f.mode.IsRegular() {
			continue
		}
		if d.o.KeepStale {
			d.keep(KeptStale, dir+"/"+f.name, "is no longer referred to")
			continue
		}
		d.add(OperationRemove, dir+"/"+f.name)
	}
	d.last = append(d.last, d.operations[before:]...)
	d.operations = d.operations[:before]
}

// create makes a directory with everything in it.
func (d *differ) create(dir string, files []file) {
	temporary := replace.Temporary(dir)
	d.clean(temporary)
	d.add(OperationMkdir, temporary)
	for _, f := range files {
		d.write(temporary+"/"+f.name, f)
	}
	d.add(OperationSync, temporary)
	d.rename(temporary, dir)
	d.add(OperationSync, ".")
}

// inTheWay says what keeps a file from being written, and why.
func (d *differ) inTheWay(e, current *nodeEntry, name string) (place, why string) {
	place = e.name + "/" + name
	switch {
	case current == nil:
	case current.mode.IsDir():
		return place, "is a directory: remove it"
	case d.o.Overwrite:
	case !current.mode.IsRegular():
		return place, "is no plain file, so pullroute did not write it"
	case name == FileName && !current.marked():
		return place, "was not written by pullroute, and decides for its registry"
	}
	temporary := replace.Temporary(place)
	if t := e.find(path.Base(temporary)); t != nil && t.mode.IsDir() {
		return temporary, "is a directory where a file is prepared: remove it"
	}
	return "", ""
}

// holds reports whether the file is on the node as it is to be.
func (e *nodeEntry) holds(f file) bool {
	return e.mode.IsRegular() && bytes.Equal(e.data, f.data) && (f.perm != 0o600 || e.mode.Perm()&0o077 == 0)
}

// remove takes away what the tree does not hold, or leaves it and says so.
func (d *differ) remove(e *nodeEntry) {
	host, _ := HostFromDir(e.name)
	d.registry, d.action = host, ActionRemove
	ours := e.mode.IsDir() && e.ours()
	switch {
	case ours && d.o.KeepStale:
		d.keep(KeptStale, e.name+"/"+FileName, "is left from before, and the tree does not hold it")
	case d.o.Purge, ours && len(e.foreign()) == 0:
		away := removed(e.name)
		d.clean(away)
		d.rename(e.name, away)
		d.add(OperationSync, ".")
		d.removeAll(away, e)
		for _, f := range e.entries {
			d.cleaned[e.name+"/"+f.name] = true
		}
	case ours:
		if e.find(FileName) != nil {
			d.add(OperationRemove, e.name+"/"+FileName)
			d.add(OperationSync, e.name)
		}
		for _, f := range e.entries {
			if f.mode.IsRegular() && isExtra(f.name) {
				d.add(OperationRemove, e.name+"/"+f.name)
			}
		}
		d.keep(KeptDirectory, e.name, "stays for what pullroute did not write in it: %s; it hides _default, and the registry itself is contacted", strings.Join(e.foreign(), ", "))
	case e.isHostColonPort() && (d.tree.has(d.node, Dir(host)) || d.staysForeign(Dir(host))):
		d.keep(KeptHidden, e.name, "was not written by pullroute, and is not read while %s is there", Dir(host))
	default:
		d.keep(KeptForeign, e.name, "was not written by pullroute, and decides for its registry")
	}
}

// staysForeign reports whether a directory is on the node and stays there, whoever wrote it.
func (d *differ) staysForeign(dir string) bool {
	e := d.node.find(dir)
	return e != nil && (!e.mode.IsDir() || !e.ours() || d.o.KeepStale || len(e.foreign()) > 0)
}

// clean removes what an interrupted run left under a name in config_path.
func (d *differ) clean(name string) {
	if e := d.node.find(name); e != nil && !d.cleaned[name] {
		d.cleaned[name] = true
		action := d.action
		d.action = ActionClean
		d.removeAll(e.name, e)
		d.action = action
	}
}

// removeAll removes an entry that nobody reads, under the name that it has by then.
func (d *differ) removeAll(name string, e *nodeEntry) {
	for _, f := range e.entries {
		d.removeAll(name+"/"+f.name, f)
	}
	d.add(OperationRemove, name)
}

// cleanUp removes the other leftovers, and reports what is in config_path for no registry.
func (d *differ) cleanUp() {
	d.action = ActionClean
	for _, e := range d.node.entries {
		if dir, ok := temporaryOf(e.name); ok {
			d.registry, _ = HostFromDir(dir)
			d.clean(e.name)
			continue
		}
		host, ok := HostFromDir(e.name)
		if !ok {
			d.keep(KeptOther, e.name, "was not written by pullroute, and containerd does not read it")
			continue
		}
		d.registry = host
		for _, f := range e.entries {
			if name := e.name + "/" + f.name; f.mode.IsRegular() && isTemporaryFile(f.name) && !d.cleaned[name] {
				d.add(OperationRemove, name)
			}
		}
	}
}

// has reports whether a directory is that of a registry of the tree.
func (t Tree) has(n *Node, dir string) bool {
	return slices.ContainsFunc(t, func(rf RegistryFile) bool { return n.same(Dir(rf.Host), dir) })
}

// isHostColonPort reports whether containerd reads a directory only where that of [Dir] does not exist.
func (e *nodeEntry) isHostColonPort() bool { return strings.Contains(e.name, ":") }

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
