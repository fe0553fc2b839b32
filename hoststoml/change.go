package hoststoml

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
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
// Registries whose file keeps containerd from the registry itself, those under NeverContactSource and the
// blocked ones, come before the others.
//
// After an interruption, read the node and ask again: what is done is not asked for a second time, and what
// is left under temporary names is removed. There must not be two runs on a node at a time.
//
// What pullroute did not write stays as it is unless the Options say otherwise, and is in Kept. Pullroute
// wrote a hosts.toml that has the Marker at its top, so give it to files that are not of FromTable; and
// it wrote the files beside it that have a name of [ExtraName]. Symbolic links are another hand's, always.
//
// The error is about registries that the change leaves as they are, because the node cannot hold their files
// ([ErrName], [ErrSameDirectory]), or because it could not be read what it has for them. It is made of one
// [RegistryError] for each. The operations for all other registries are in the change: one registry never
// holds back another, except that "_default" waits for those that it decides for as long as they have no file,
// and what is removed waits for "_default" ([ErrWaits]).
func Diff(old *Node, new Tree, o Options) (Change, error) {
	if old == nil {
		old = &Node{}
	}
	d := newDiffer(old, o)
	new = slices.Clone(new)
	slices.SortStableFunc(new, func(a, b RegistryFile) int {
		return cmp.Or(
			compareBool(a.Host == "_default", b.Host == "_default"),
			compareBool(!a.forbids(), !b.forbids()),
			cmp.Compare(a.Host, b.Host),
		)
	})
	for _, rf := range new {
		err := d.check(rf)
		if !d.wants(Dir(rf.Host)) {
			d.wanted[d.key(Dir(rf.Host))] = rf.Host
		}
		if err != nil {
			d.fail(rf.Host, err)
			continue
		}
		d.put(rf)
	}
	gone := slices.DeleteFunc(slices.Clone(old.entries), func(e *nodeEntry) bool {
		_, ok := HostFromDir(e.name)
		return !ok || d.wants(e.name)
	})
	slices.SortStableFunc(gone, func(a, b *nodeEntry) int {
		return cmp.Or(compareBool(b.name == "_default", a.name == "_default"), compareBool(b.isHostColonPort(), a.isHostColonPort()))
	})
	for _, e := range gone {
		d.remove(e)
	}
	d.operations = append(d.operations, d.last...)
	d.cleanUp()
	d.operations = slices.DeleteFunc(d.operations, func(o Operation) bool { return !d.progress.allows(o) })
	slices.SortStableFunc(d.kept, func(a, b Kept) int { return cmp.Compare(a.Path, b.Path) })
	return Change{d.operations, d.kept}, d.progress.err()
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
	// Platform says what the node runs. [finding.Windows] takes names that differ in letter case for one, and
	// has names of devices, such as aux.example.com, that no directory can have. Any other platform has
	// neither. Where it is empty the node may have Windows: names of devices are refused, and whether letter
	// case counts is found out from the directories that the node has.
	Platform finding.Platform
	// Retry is for nodes with Windows.
	Retry Retry
}

// A Change is what Diff returns. Printing it shows no content.
type Change struct {
	Operations []Operation `json:"operations"` // in this order
	Kept       []Kept      `json:"kept"`       // by path
}

// Err returns an error that wraps ErrConflict if files of the tree were left out for what stands in their
// place, and nil otherwise. It is made of one [RegistryError] for each.
func (c Change) Err() error {
	var all []error
	for _, k := range c.Kept {
		if k.Code == KeptConflict {
			dir, _, _ := strings.Cut(k.Path, "/")
			host, _ := HostFromDir(dir)
			all = append(all, &RegistryError{host, fmt.Errorf("%s: %w: %s; apply again once it is out of the way", k.Path, ErrConflict, k.Message)})
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

	content *string // a pointer to a string, which no verb of fmt follows

	// covers: until the operation is done, "_default" decides for the registry. uncovers: after it,
	// "_default" does.
	covers, uncovers bool
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
	o.Path, o.To = shown.Text(o.Path), shown.Text(o.To)
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
	o          Options
	foldsCase  bool
	names      map[string]*nodeEntry // of the node, as they are
	folded     map[string]*nodeEntry // the first of each, by key
	wanted     map[string]string     // the host of the tree that a directory is for, by key
	operations []Operation
	last       []Operation // files beside a hosts.toml that it no longer refers to
	kept       []Kept
	cleaned    map[string]bool // leftovers that are removed already
	progress   progress

	registry string
	action   Action
	covers   bool
	uncovers bool
}

func newDiffer(n *Node, o Options) *differ {
	d := &differ{
		node: n, o: o, foldsCase: n.foldsCase || o.Platform == finding.Windows,
		names: make(map[string]*nodeEntry, len(n.entries)), folded: make(map[string]*nodeEntry, len(n.entries)),
		wanted: map[string]string{}, cleaned: map[string]bool{},
	}
	for _, e := range n.entries {
		d.names[e.name] = e
		if key := d.key(e.name); d.folded[key] == nil {
			d.folded[key] = e
		}
	}
	return d
}

// key is the same for two names that the node takes for one.
func (d *differ) key(name string) string {
	if d.foldsCase {
		return strings.ToLower(name)
	}
	return name
}

// find returns what has a name in config_path.
func (d *differ) find(name string) *nodeEntry {
	if e := d.names[name]; e != nil {
		return e
	}
	return d.folded[d.key(name)]
}

// wants reports whether a directory is that of a registry of the tree.
func (d *differ) wants(dir string) bool {
	_, ok := d.wanted[d.key(dir)]
	return ok
}

// fail has the registry left as it is.
func (d *differ) fail(host string, err error) {
	if errors.Is(err, ErrSameDirectory) { // which is that of a registry that is put
		d.progress.errs = append(d.progress.errs, &RegistryError{host, err})
		return
	}
	d.progress.fail(host, err)
	if _, ok := HostFromDir(Dir(host)); ok && host != "_default" && d.find(Dir(host)) == nil && d.find(host) == nil {
		d.progress.waitFor(host)
	}
}

func (d *differ) add(kind OperationKind, path string) {
	d.operation(Operation{Kind: kind, Path: path})
}

func (d *differ) operation(o Operation) {
	o.Registry, o.Action, o.covers, o.uncovers = d.registry, d.action, d.covers, d.uncovers
	d.operations = append(d.operations, o)
}

func (d *differ) rename(from, to string) {
	d.operation(Operation{Kind: OperationRename, Path: from, To: to})
}

func (d *differ) write(path string, f file) {
	content := string(f.data)
	d.operation(Operation{Kind: OperationWrite, Path: path, Bytes: len(f.data), Mode: f.perm, content: &content})
}

func (d *differ) keep(code KeptCode, path, format string, args ...any) {
	d.kept = append(d.kept, Kept{shown.Text(path), code, shown.Text(fmt.Sprintf(format, args...))})
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
		files = append(files, file{name, []byte(r.Extra[name].Reveal()), 0o600})
	}
	data, perm := r.content()
	return append(files, file{FileName, data, perm})
}

// put brings the files of one registry to the node.
func (d *differ) put(rf RegistryFile) {
	dir := Dir(rf.Host)
	d.registry, d.action = rf.Host, ActionAdd
	e := d.find(dir)
	if e == nil {
		d.covers = d.find(rf.Host) == nil
		d.create(dir, rf.files())
		d.covers = false
		return
	}
	dir, d.action = e.name, ActionChange
	if e.err != nil {
		d.fail(rf.Host, e.err)
		return
	}
	if !e.mode.IsDir() {
		d.keep(KeptConflict, dir, "is no directory; containerd reads what it finds there, and no rename can replace it: remove it")
		return
	}
	for _, name := range e.foreign() {
		d.keep(KeptBeside, dir+"/"+name, "was not written by pullroute")
	}
	there := e.names()
	var changed []file
	for _, f := range rf.files() {
		current := there[f.name]
		if current != nil && current.holds(f) {
			continue
		}
		if path, why := d.inTheWay(dir+"/"+f.name, current, there[path.Base(replace.Temporary(f.name))]); why != "" {
			d.keep(KeptConflict, path, "%s", why)
			return
		}
		changed = append(changed, f.like(current))
	}
	for i, f := range changed {
		name := dir + "/" + f.name
		temporary := replace.Temporary(name)
		if there[path.Base(temporary)] != nil {
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

// inTheWay says what keeps a file from being written, and why: what stands in its place, or where it is
// prepared.
func (d *differ) inTheWay(name string, current, prepared *nodeEntry) (place, why string) {
	switch {
	case current == nil:
	case current.mode.IsDir():
		return name, "is a directory: remove it"
	case d.o.Overwrite:
	case !current.mode.IsRegular():
		return name, "is no plain file, so pullroute did not write it"
	case path.Base(name) == FileName && !current.marked():
		return name, "was not written by pullroute, and decides for its registry"
	}
	if prepared != nil && prepared.mode.IsDir() {
		return replace.Temporary(name), "is a directory where a file is prepared: remove it"
	}
	return "", ""
}

// like returns the file with the permissions of the one that it replaces; those of one that holds secrets give
// nothing to others.
func (f file) like(current *nodeEntry) file {
	if current == nil || !current.mode.IsRegular() || current.mode.Perm() == 0 { // Windows has none
		return f
	}
	perm := current.mode.Perm()
	if f.perm == 0o600 {
		perm &^= 0o077
	}
	f.perm = perm
	return f
}

// holds reports whether the file is on the node as it is to be.
func (e *nodeEntry) holds(f file) bool {
	return e.mode.IsRegular() && e.data.Reveal() == string(f.data) && (f.perm != 0o600 || e.mode.Perm()&0o077 == 0)
}

// remove takes away what the tree does not hold, or leaves it and says so.
func (d *differ) remove(e *nodeEntry) {
	host, _ := HostFromDir(e.name)
	d.registry, d.action = host, ActionRemove
	if e.err != nil {
		d.fail(host, e.err)
		return
	}
	ours := e.mode.IsDir() && e.ours()
	switch {
	case ours && d.o.KeepStale:
		d.keep(KeptStale, e.name+"/"+FileName, "is left from before, and the tree does not hold it")
	case d.o.Purge, ours && len(e.foreign()) == 0:
		d.uncovers = host != "_default" && !d.wants(Dir(host))
		away := removed(e.name)
		d.clean(away)
		d.rename(e.name, away)
		d.add(OperationSync, ".")
		d.removeAll(away, e)
		d.uncovers = false
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
	case e.isHostColonPort() && (d.wants(Dir(host)) || d.staysForeign(Dir(host))):
		d.keep(KeptHidden, e.name, "was not written by pullroute, and is not read while %s is there", Dir(host))
	default:
		d.keep(KeptForeign, e.name, "was not written by pullroute, and decides for its registry")
	}
}

// staysForeign reports whether a directory is on the node and stays there, whoever wrote it.
func (d *differ) staysForeign(dir string) bool {
	e := d.find(dir)
	return e != nil && (e.err != nil || !e.mode.IsDir() || !e.ours() || d.o.KeepStale || len(e.foreign()) > 0)
}

// clean removes what an interrupted run left under a name in config_path.
func (d *differ) clean(name string) {
	if e := d.find(name); e != nil && !d.cleaned[name] {
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
		if e.name == lockName {
			continue
		}
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
