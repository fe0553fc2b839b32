package hoststoml

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/internal/winname"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A Node is what the config_path of a node holds: every name, and the content of each hosts.toml and of the
// files that pullroute wrote beside it. It is read by [ReadNode] or made by [Tree.Node], and asked by
// [Diff]. It holds secrets, and shows none.
type Node struct {
	entries []*nodeEntry
	// foldsCase is set for a node whose file system takes Quay.io and quay.io for one name.
	foldsCase bool
}

type nodeEntry struct {
	name    string
	mode    fs.FileMode
	entries []*nodeEntry // of a directory
	data    Secret       // of a file that was read
	err     error        // of the directory of a registry that could not be read
}

// ReadNode reads the config_path of a node. What cannot be read in the directory of a registry is no error here:
// Diff leaves that registry as it is, and returns it.
func ReadNode(ctx context.Context, t Transport) (*Node, error) {
	n := &Node{}
	var err error
	if n.entries, err = readEntries(ctx, t, "."); err != nil {
		return nil, fmt.Errorf("reading the node's files: %w", err)
	}
	for _, e := range n.entries {
		_, ok := HostFromDir(e.name)
		if _, temporary := temporaryOf(e.name); !e.mode.IsDir() || !ok && !temporary {
			continue // another hand's, and no file that containerd reads
		}
		if err := e.read(ctx, t); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("reading the node's files: %w", err)
			}
			e.err = fmt.Errorf("reading the node's files: %w; make %s readable, or remove it", err, e.name)
		}
	}
	n.foldsCase = foldsCase(ctx, t, n.entries)
	return n, nil
}

// read reads the directory of a registry, or one that was to become one.
func (e *nodeEntry) read(ctx context.Context, t Transport) (err error) {
	if e.entries, err = readTree(ctx, t, e.name); err != nil {
		return err
	}
	if _, ok := HostFromDir(e.name); !ok {
		return nil
	}
	for _, f := range e.entries {
		if !f.mode.IsRegular() || f.name != FileName && !isExtra(f.name) {
			continue
		}
		data, err := t.ReadFile(ctx, e.name+"/"+f.name)
		if err != nil {
			return err
		}
		f.data = NewSecret(data)
	}
	return nil
}

// Node returns the node that has these files and no others.
func (t Tree) Node() *Node {
	n := &Node{}
	for _, rf := range t {
		data, perm := rf.content()
		dir := &nodeEntry{name: Dir(rf.Host), mode: fs.ModeDir, entries: []*nodeEntry{{name: FileName, mode: perm, data: NewSecret(data)}}}
		for _, name := range rf.Extra.names() {
			dir.entries = append(dir.entries, &nodeEntry{name: name, mode: 0o600, data: rf.Extra[name]})
		}
		n.entries = append(n.entries, dir)
	}
	return n
}

// Format keeps fmt from printing what the files hold.
func (n *Node) Format(s fmt.State, _ rune) {
	names := 0
	if n != nil {
		names = len(n.entries)
	}
	fmt.Fprintf(s, "Node(%d names)", names)
}

// names returns what is in a directory, by name.
func (e *nodeEntry) names() map[string]*nodeEntry {
	names := make(map[string]*nodeEntry, len(e.entries))
	for _, f := range e.entries {
		names[f.name] = f
	}
	return names
}

func (e *nodeEntry) find(name string) *nodeEntry {
	if i := slices.IndexFunc(e.entries, func(e *nodeEntry) bool { return e.name == name }); i >= 0 {
		return e.entries[i]
	}
	return nil
}

// ours reports whether pullroute wrote the hosts.toml of a directory, or removed it and was interrupted
// before it had removed the files that belong to it.
func (e *nodeEntry) ours() bool {
	if f := e.find(FileName); f != nil {
		return f.marked()
	}
	return slices.ContainsFunc(e.entries, func(f *nodeEntry) bool { return f.mode.IsRegular() && isExtra(f.name) })
}

func (e *nodeEntry) marked() bool { return strings.HasPrefix(e.data.Reveal(), "# "+Marker+"\n") }

// foreign returns what is in a directory and was not written by pullroute, its hosts.toml aside.
func (e *nodeEntry) foreign() []string {
	var names []string
	for _, f := range e.entries {
		if f.name != FileName && !(f.mode.IsRegular() && (isExtra(f.name) || isTemporaryFile(f.name))) {
			names = append(names, f.name)
		}
	}
	return names
}

// removed returns the name that a directory is renamed to before it is deleted. As that of
// replace.Temporary, no host has it.
func removed(dir string) string { return "." + dir + "~old" }

// temporaryOf returns the directory that an entry of a config_path was to become, or was.
func temporaryOf(name string) (dir string, ok bool) {
	dir, _, _ = strings.Cut(strings.TrimPrefix(name, "."), "~")
	_, ok = HostFromDir(dir)
	return dir, ok && (name == replace.Temporary(dir) || name == removed(dir))
}

// isTemporaryFile reports whether a file in the directory of a registry is left from a replacement.
func isTemporaryFile(name string) bool {
	of := strings.TrimSuffix(strings.TrimPrefix(name, "."), "~new")
	return name == replace.Temporary(of) && (of == FileName || isExtra(of))
}

func readEntries(ctx context.Context, t Transport, dir string) ([]*nodeEntry, error) {
	found, err := t.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	var entries []*nodeEntry
	for _, f := range found {
		entries = append(entries, &nodeEntry{name: f.Name, mode: f.Mode})
	}
	slices.SortFunc(entries, func(a, b *nodeEntry) int { return cmp.Compare(a.name, b.name) })
	return entries, nil
}

// readTree lists a directory and those in it.
func readTree(ctx context.Context, t Transport, dir string) ([]*nodeEntry, error) {
	entries, err := readEntries(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.mode.IsDir() {
			if e.entries, err = readTree(ctx, t, dir+"/"+e.name); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

// foldsCase looks for one of the directories under a name that only a file system without cases finds.
func foldsCase(ctx context.Context, t Transport, entries []*nodeEntry) bool {
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.name] = true
	}
	for _, e := range entries {
		other := strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, e.name)
		if _, ok := HostFromDir(e.name); !ok || !e.mode.IsDir() || e.err != nil || names[other] {
			continue
		}
		_, err := t.List(ctx, other)
		return err == nil
	}
	return false
}

// check says why the files of a registry cannot be on the node.
func (d *differ) check(rf RegistryFile) error {
	dir := Dir(rf.Host)
	if host, ok := HostFromDir(dir); !ok || host != rf.Host {
		return fmt.Errorf("is no registry host: %w", ErrName)
	}
	if (d.o.Platform == "" || d.o.Platform == finding.Windows) && winname.Reserved(dir) {
		return fmt.Errorf("directory %q has the name of a device on Windows: %w; give the registry another name, or, if the node has no Windows, say so in Options.Platform", dir, ErrName)
	}
	if other, ok := d.wanted[d.key(dir)]; ok {
		return fmt.Errorf("%w, %q, whose file is put there: give the two one file, or references one spelling", ErrSameDirectory, other)
	}
	for _, name := range rf.Extra.names() {
		if !validExtra(name) {
			return fmt.Errorf("file %q beside %s: %w; take names from ExtraName, with .pem at the end", name, FileName, ErrName)
		}
	}
	return nil
}

// content returns the file as it is written. A registry that is contacted itself has a file that says so.
func (r RegistryFile) content() ([]byte, fs.FileMode) {
	f := r.File
	if f == nil {
		f = &File{Comment: Marker}
	}
	if f.holdsSecrets() {
		return f.Bytes(), 0o600
	}
	return f.Bytes(), 0o644
}
