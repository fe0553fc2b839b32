package hoststoml

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/onnode"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/internal/winname"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// A differ collects what Diff returns: put has the files of one registry written, remove takes away
// what the tree does not hold, and cleanUp removes what interrupted runs have left.
type differ struct {
	node       *Node
	o          Options
	foldsCase  bool
	names      map[string]*nodeEntry // of the node, as they are
	folded     map[string]*nodeEntry // the first of each, by key
	wanted     map[string]string     // the host of the tree that a directory is for, by key
	operations []Operation
	last       []Operation // files beside a hosts.toml that it no longer refers to
	kept       []nodefiles.Kept
	cleaned    map[string]bool // leftovers that are removed already
	progress   progress

	registry string
	action   nodefiles.Action
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
		d.names[e.Name] = e
		if key := d.key(e.Name); d.folded[key] == nil {
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

// wants reports whether a directory belongs to a registry of the tree.
func (d *differ) wants(dir string) bool {
	_, ok := d.wanted[d.key(dir)]
	return ok
}

// check says why the files of a registry cannot be on the node.
func (d *differ) check(rf RegistryFile) error {
	dir := Dir(rf.Host)
	if host, ok := HostFromDir(dir); !ok || host != rf.Host {
		return fmt.Errorf("is no registry host: %w", ErrName)
	}
	if (d.o.Platform == "" || d.o.Platform == finding.Windows) && winname.Reserved(dir) {
		return fmt.Errorf("directory %q has the name of a device on Windows: %w; give the registry "+
			"another name, or, if the node has no Windows, say so in Options.Platform", dir, ErrName)
	}
	if len(dir) > winname.Longest {
		return fmt.Errorf("directory %q has %d characters: %w; give the registry a name for which it has at "+
			"most %d", dir, len(dir), ErrName, winname.Longest)
	}
	if other, ok := d.wanted[d.key(dir)]; ok {
		return fmt.Errorf("%w, %q, whose file is put there: give the two one file, or references one spelling",
			ErrSameDirectory, other)
	}
	for _, name := range rf.Extra.names() {
		if !validExtra(name) {
			return fmt.Errorf("file %q beside %s: %w; take names from ExtraName, with .pem at the end", name,
				FileName, ErrName)
		}
	}
	return nil
}

// fail leaves a registry as it is, and keeps the error about it.
func (d *differ) fail(host string, err error) {
	if errors.Is(err, ErrSameDirectory) { // the directory belongs to another registry, which is not left as it is
		d.progress.errs = append(d.progress.errs, &RegistryError{host, err})
		return
	}
	d.progress.fail(host, err)
	if _, ok := HostFromDir(Dir(host)); ok && d.find(Dir(host)) == nil && d.find(host) == nil {
		d.progress.waitFor(host)
	}
}

func (d *differ) add(kind nodefiles.OperationKind, path string) {
	d.operation(nodefiles.Operation{Kind: kind, Path: path})
}

func (d *differ) operation(o nodefiles.Operation) {
	d.operations = append(d.operations, Operation{o, d.registry, d.action, d.covers, d.uncovers})
}

func (d *differ) rename(from, to string) {
	d.operation(nodefiles.Operation{Kind: nodefiles.OperationRename, Path: from, To: to})
}

func (d *differ) keep(code nodefiles.KeptCode, path, format string, args ...any) {
	d.kept = append(d.kept, nodefiles.Keep(code, path, format, args...))
}

// files returns what the registry's directory is to hold, hosts.toml last.
func (r RegistryFile) files() []onnode.New {
	var files []onnode.New
	for _, name := range r.Extra.names() {
		files = append(files, onnode.New{Name: name, Data: []byte(r.Extra[name].Reveal()), Mode: 0o600})
	}
	f := r.File
	if f == nil {
		f = &File{Comment: Marker} // a registry that is contacted itself has a file that says so
	}
	hosts := onnode.New{Name: FileName, Data: f.Bytes(), Mode: 0o644}
	if f.holdsSecrets() {
		hosts.Mode = 0o600
	}
	return append(files, hosts)
}

// put brings the files of one registry to the node.
func (d *differ) put(rf RegistryFile) {
	dir := Dir(rf.Host)
	d.registry, d.action = rf.Host, nodefiles.ActionAdd
	e := d.find(dir)
	if e == nil {
		d.covers = d.find(rf.Host) == nil
		d.create(dir, rf.files())
		d.covers = false
		return
	}
	d.action = nodefiles.ActionChange
	if e.err != nil {
		d.fail(rf.Host, e.err)
		return
	}
	if !e.Mode.IsDir() {
		d.keep(nodefiles.KeptConflict, e.Name, "is no directory; containerd reads what it finds there, "+
			"and no rename can replace it: remove it")
		d.progress.stays(rf.Host)
		return
	}
	for _, name := range e.foreign() {
		d.keep(KeptBeside, e.Name+"/"+name, "was not written by pullroute")
	}
	changed, ok := d.changed(e, rf.files())
	if !ok {
		d.progress.stays(rf.Host)
		return
	}
	d.replace(e, changed)
	d.dropExtra(e, rf.Extra)
}

// create makes a directory with everything in it.
func (d *differ) create(dir string, files []onnode.New) {
	temporary := replace.Temporary(dir)
	d.clean(temporary)
	d.add(nodefiles.OperationMkdir, temporary)
	for _, f := range files {
		d.operation(nodefiles.Write(temporary+"/"+f.Name, f.Data, f.Mode))
	}
	d.add(nodefiles.OperationSync, temporary)
	d.rename(temporary, dir)
	d.add(nodefiles.OperationSync, ".")
}

// changed returns those of the files that the directory does not hold as they are to be. It reports
// false where something is in the way of one of them; then none is written.
func (d *differ) changed(e *nodeEntry, files []onnode.New) (changed []onnode.New, ok bool) {
	for _, f := range files {
		current := d.named(e, f.Name)
		if f.Is(current) {
			continue
		}
		if place, why := d.inTheWay(e.Name+"/"+f.Name, current, e.Find(replace.Temporary(f.Name))); why != "" {
			d.keep(nodefiles.KeptConflict, place, "%s", why)
			return nil, false
		}
		changed = append(changed, f.Like(current))
	}
	return changed, true
}

// named returns what a reader on the node finds under a name in a directory.
func (d *differ) named(e *nodeEntry, name string) *onnode.Entry {
	if found := e.Find(name); found != nil {
		return found
	}
	for _, f := range e.Entries {
		if d.key(f.Name) == d.key(name) {
			return f
		}
	}
	return nil
}

// inTheWay says what keeps a file from being written, and why: what stands in its place, or where it is
// prepared.
func (d *differ) inTheWay(name string, current, prepared *onnode.Entry) (place, why string) {
	switch {
	case current == nil:
	case current.Mode.IsDir():
		return name, "is a directory: remove it"
	case d.o.Overwrite:
	case !current.Mode.IsRegular():
		return name, "is no plain file, so pullroute did not write it"
	case path.Base(name) == FileName && !d.o.ours(current):
		return name, "was not written by pullroute, and decides for its registry"
	}
	if prepared != nil && prepared.Mode.IsDir() {
		return replace.Temporary(name), "is a directory where a file is prepared: remove it"
	}
	return "", ""
}

// replace writes files in a directory that containerd reads, hosts.toml last.
func (d *differ) replace(e *nodeEntry, files []onnode.New) {
	for i, f := range files {
		temporary := replace.Temporary(f.Name)
		left := e.Find(temporary)
		for _, o := range onnode.Replace(e.Name, f, left) {
			d.operation(o)
		}
		if left != nil {
			d.cleaned[e.Name+"/"+temporary] = true
		}
		// The others are to be on disk when hosts.toml starts to refer to them.
		if i == len(files)-1 || files[i+1].Name == FileName {
			d.add(nodefiles.OperationSync, e.Name)
		}
	}
}

// dropExtra removes, at the end of everything, the files beside a hosts.toml that it no longer
// refers to.
func (d *differ) dropExtra(e *nodeEntry, wanted Extra) {
	d.action = nodefiles.ActionRemove
	before := len(d.operations)
	for _, f := range e.Entries {
		if _, ok := wanted[f.Name]; ok || !isExtra(f.Name) || !f.Mode.IsRegular() {
			continue
		}
		if d.o.KeepStale {
			d.keep(nodefiles.KeptStale, e.Name+"/"+f.Name, "is no longer referred to")
			continue
		}
		d.add(nodefiles.OperationRemove, e.Name+"/"+f.Name)
	}
	d.last = append(d.last, d.operations[before:]...)
	d.operations = d.operations[:before]
}

// gone returns the directories of registries that the tree does not hold, in the order that they
// are removed in: HOST:PORT before HOST_PORT_, and "_default" first.
func (d *differ) gone() []*nodeEntry {
	gone := slices.DeleteFunc(slices.Clone(d.node.entries), func(e *nodeEntry) bool {
		_, ok := HostFromDir(e.Name)
		return !ok || d.wants(e.Name)
	})
	slices.SortStableFunc(gone, func(a, b *nodeEntry) int {
		return cmp.Or(compareBool(b.Name == "_default", a.Name == "_default"),
			compareBool(b.isHostColonPort(), a.isHostColonPort()))
	})
	return gone
}

// remove takes away what the tree does not hold, or leaves it and says so.
func (d *differ) remove(e *nodeEntry) {
	host, _ := HostFromDir(e.Name)
	d.registry, d.action = host, nodefiles.ActionRemove
	if e.err != nil {
		d.fail(host, e.err)
		return
	}
	ours := e.ours(d.o)
	switch {
	case ours && d.o.KeepStale:
		d.keep(nodefiles.KeptStale, e.Name+"/"+FileName, "is left from before, and the tree does not hold it")
	case d.o.Purge, ours && len(e.foreign()) == 0:
		d.removeDirectory(e, host)
	case ours:
		d.removeFiles(e)
	case e.isHostColonPort() && (d.wants(Dir(host)) || d.staysForeign(Dir(host))):
		d.keep(KeptHidden, e.Name, "was not written by pullroute, and is not read while %s is there", Dir(host))
	default:
		d.keep(nodefiles.KeptForeign, e.Name, "was not written by pullroute, and decides for its registry")
	}
}

// removeDirectory removes a directory with everything in it.
func (d *differ) removeDirectory(e *nodeEntry, host string) {
	d.uncovers = !d.wants(Dir(host))
	away := removed(e.Name)
	d.clean(away)
	d.rename(e.Name, away)
	d.add(nodefiles.OperationSync, ".")
	d.removeAll(away, e.Entry)
	d.uncovers = false
	for _, f := range e.Entries {
		d.cleaned[e.Name+"/"+f.Name] = true
	}
}

// removeFiles removes what pullroute wrote in a directory that holds files of another hand.
func (d *differ) removeFiles(e *nodeEntry) {
	if e.Find(FileName) != nil {
		d.add(nodefiles.OperationRemove, e.Name+"/"+FileName)
		d.add(nodefiles.OperationSync, e.Name)
	}
	for _, f := range e.Entries {
		if f.Mode.IsRegular() && isExtra(f.Name) {
			d.add(nodefiles.OperationRemove, e.Name+"/"+f.Name)
		}
	}
	d.keep(KeptDirectory, e.Name, "stays for what pullroute did not write in it: %s; it hides _default, "+
		"and the registry itself is contacted", strings.Join(e.foreign(), ", "))
}

// staysForeign reports whether a directory is on the node and stays there, whoever wrote it.
func (d *differ) staysForeign(dir string) bool {
	e := d.find(dir)
	return e != nil && (e.err != nil || !e.ours(d.o) || d.o.KeepStale || len(e.foreign()) > 0)
}

// clean removes what an interrupted run left under a name in config_path.
func (d *differ) clean(name string) {
	if e := d.find(name); e != nil && !d.cleaned[e.Name] {
		d.cleaned[e.Name] = true
		action := d.action
		d.action = nodefiles.ActionClean
		d.removeAll(e.Name, e.Entry)
		d.action = action
	}
}

// removeAll removes an entry that nobody reads, under the name that it has by then.
func (d *differ) removeAll(name string, e *onnode.Entry) {
	for _, f := range e.Entries {
		d.removeAll(name+"/"+f.Name, f)
	}
	d.add(nodefiles.OperationRemove, name)
}

// cleanUp removes the other leftovers, and reports what is in config_path for no registry.
func (d *differ) cleanUp() {
	d.action = nodefiles.ActionClean
	for _, e := range d.node.entries {
		if dir, ok := temporaryOf(e.Name); ok {
			d.registry, _ = HostFromDir(dir)
			d.clean(e.Name)
			continue
		}
		host, ok := HostFromDir(e.Name)
		if e.Name == lockName {
			continue
		}
		if !ok {
			d.keep(KeptOther, e.Name, "was not written by pullroute, and containerd does not read it")
		}
		d.registry = host
		for _, f := range e.Entries {
			if name := e.Name + "/" + f.Name; f.Mode.IsRegular() && isTemporaryFile(f.Name) && !d.cleaned[name] {
				d.add(nodefiles.OperationRemove, name)
			}
		}
	}
}
