package hoststoml

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"github.com/pullroute/pullroute/internal/onnode"
	"github.com/pullroute/pullroute/internal/pattern"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/nodefiles"
)

// A Node is what the config_path of a node holds: every name, and the content of each hosts.toml
// and of the files that pullroute wrote beside it. It is read by [ReadNode] or made by [Tree.Node],
// and asked by [Diff]. It holds secrets, and shows none.
type Node struct {
	entries []*nodeEntry
	// foldsCase is set for a node whose file system takes Quay.io and quay.io for one name.
	foldsCase bool
}

// A nodeEntry is one name in config_path.
type nodeEntry struct {
	*onnode.Entry
	err error // of the directory of a registry that could not be read
}

// ReadNode reads the config_path of a node. What cannot be read in the directory of a registry is
// no error here: Diff leaves that registry as it is, and returns it. A file that another program
// holds is waited for, about a second.
func ReadNode(ctx context.Context, t nodefiles.Transport) (*Node, error) {
	return readNode(ctx, t, nodefiles.Retry{})
}

func readNode(ctx context.Context, t nodefiles.Transport, retry nodefiles.Retry) (*Node, error) {
	node, p := t, patience{retry: retry}
	t = onnode.Patient(t, retry)
	entries, err := onnode.List(ctx, t, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the node's files: %w", err)
	}
	n := &Node{}
	for _, found := range entries {
		e := &nodeEntry{Entry: found}
		n.entries = append(n.entries, e)
		_, ok := HostFromDir(e.Name)
		_, temporary := temporaryOf(e.Name)
		if e.Mode&(fs.ModeDir|fs.ModeIrregular) == 0 || !ok && !temporary {
			continue // containerd does not read it, and pullroute did not write it
		}
		if err := e.read(ctx, t); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("reading the node's files: %w", err)
			}
			t = onnode.Patient(node, p.after(err))
			e.err = fmt.Errorf("reading the node's files: %w; make %s readable, or remove it", err, e.Name)
		}
	}
	n.foldsCase = foldsCase(ctx, node, n.entries)
	return n, nil
}

// read reads the directory of a registry, or one that was to become one.
func (e *nodeEntry) read(ctx context.Context, t nodefiles.Transport) (err error) {
	if e.Entries, err = onnode.Tree(ctx, t, e.Name); err != nil {
		return err
	}
	for _, f := range e.Entries {
		if !f.Mode.IsRegular() || f.Name != FileName && !isExtra(f.Name) {
			continue
		}
		if err := f.Read(ctx, t, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// Node returns the node that has these files and no others.
func (t Tree) Node() *Node {
	n := &Node{}
	for _, rf := range t {
		dir := &onnode.Entry{Name: Dir(rf.Host), Mode: fs.ModeDir}
		for _, f := range rf.files() {
			dir.Entries = append(dir.Entries, onnode.File(f.Name, f.Mode, string(f.Data)))
		}
		onnode.Sort(dir.Entries)
		n.entries = append(n.entries, &nodeEntry{Entry: dir})
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

// ours reports whether pullroute wrote the hosts.toml of a directory, or removed it and was interrupted
// before it had removed the files that belong to it.
func (e *nodeEntry) ours(o Options) bool {
	if f := e.Find(FileName); f != nil {
		return o.ours(f)
	}
	return slices.ContainsFunc(e.Entries, func(f *onnode.Entry) bool { return f.Mode.IsRegular() && isExtra(f.Name) })
}

// ours reports whether a hosts.toml counts as written by pullroute.
func (o Options) ours(f *onnode.Entry) bool {
	return marked(f) || o.TakeOverWMCO && f.Mode.IsRegular() && wmcoShape.MatchString(f.Content())
}

// wmcoShape is the whole text of a hosts.toml of the Windows Machine Config Operator (pkg/registries/registries.go,
// generateConfig, of August 2026), which also writes empty ones. Before its release with mirrors below a path it
// wrote neither "/v2" nor override_path.
var wmcoShape = pattern.New(`\A(?:server = "https://[^"\n]+"\n(?:\noverride_path = true\n)?` +
	`(?:\n\[host\."https://[^"\n]+"\]\n  capabilities = \["pull"(?:, "resolve")?\]\n(?:  override_path = true\n)?` +
	`(?:  \[host\."https://[^"\n]+"\.header\]\n    authorization = "Basic [A-Za-z0-9+/=]*"\n)?)+)?\z`)

// marked reports whether pullroute wrote a hosts.toml.
func marked(f *onnode.Entry) bool { return strings.HasPrefix(f.Content(), "# "+Marker+"\n") }

// foreign returns what is in a directory and was not written by pullroute, its hosts.toml aside.
func (e *nodeEntry) foreign() []string {
	var names []string
	for _, f := range e.Entries {
		if f.Name != FileName && !(f.Mode.IsRegular() && (isExtra(f.Name) || isTemporaryFile(f.Name))) {
			names = append(names, f.Name)
		}
	}
	return names
}

// isHostColonPort reports whether containerd reads a directory only where that of [Dir] does not exist.
func (e *nodeEntry) isHostColonPort() bool { return strings.Contains(e.Name, ":") }

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

// foldsCase reports whether the node takes names that differ in letter case for one. Where its
// transport does not know, it looks for
// one of its directories under a name in the other case.
func foldsCase(ctx context.Context, t nodefiles.Transport, entries []*nodeEntry) bool {
	if t, ok := t.(interface{ FoldsCase() bool }); ok {
		return t.FoldsCase()
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name] = true
	}
	for _, e := range entries {
		other := strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, e.Name)
		if _, ok := HostFromDir(e.Name); !ok || !e.Mode.IsDir() || e.err != nil || names[other] {
			continue
		}
		_, err := t.List(ctx, other)
		return err == nil
	}
	return false
}
