package registriesconf

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/pullroute/pullroute/internal/onnode"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// FileName is the name of the main file. Its drop-ins are in the directory registries.conf.d beside it.
const FileName = "registries.conf"

// A Node is what the directory of a node, /etc/containers, holds of these files: registries.conf,
// the names in registries.conf.d, the content of the drop-in with the search registries,
// policy.json, and MCO's file of registries.d. It is read by [ReadNode] or made by [Files.Node],
// and asked by [Diff].
type Node struct {
	entries []*onnode.Entry
}

// ReadNode reads the directory of a node.
func ReadNode(ctx context.Context, t nodefiles.Transport) (*Node, error) {
	n := &Node{}
	var err error
	if n.entries, err = onnode.List(ctx, t, "."); err != nil {
		return nil, fmt.Errorf("reading the node's files: %w", err)
	}
	for _, file := range []string{SearchDropIn, policyjson.AttachmentsName} {
		if dir := n.find(path.Dir(file)); dir != nil && dir.Mode.IsDir() {
			if dir.Entries, err = onnode.List(ctx, t, path.Dir(file)); err != nil {
				return nil, fmt.Errorf("reading the node's files: %w", err)
			}
		}
	}
	for _, file := range []string{FileName, SearchDropIn, policyjson.AttachmentsName, policyjson.FileName} {
		if err := read(ctx, t, n.find(file), path.Dir(file)); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// read reads a plain file in a directory, if there is one. Whatever else has the name is in the way of ours, and nobody
// knows how long reading it takes.
//
// The client follows a symbolic link. One that leads nowhere, or out of the directory, is as good as no file.
func read(ctx context.Context, t nodefiles.Transport, e *onnode.Entry, dir string) error {
	link := e != nil && e.Mode.Type() == fs.ModeSymlink
	if e == nil || !link && !e.Mode.IsRegular() {
		return nil
	}
	if err := e.Read(ctx, t, dir); err != nil && (!link || ctx.Err() != nil) {
		return fmt.Errorf("reading the node's files: %w", err)
	}
	return nil
}

// Node returns the node that has these files and no others.
func (f Files) Node() *Node {
	files := f.Policies.InContainers()
	files[FileName] = f.Config.Bytes()
	if f.Search != nil {
		files[SearchDropIn] = f.Search.Bytes()
	}
	n := &Node{}
	for name, data := range files {
		entry := onnode.File(path.Base(name), 0o644, string(data))
		if dir := path.Dir(name); dir != "." { // each file has a directory of its own
			entry = &onnode.Entry{Name: dir, Mode: fs.ModeDir, Entries: []*onnode.Entry{entry}}
		}
		n.entries = append(n.entries, entry)
	}
	onnode.Sort(n.entries)
	return n
}

// Files returns what the node has; a Config is nil where the file is missing. A file that its
// client refuses is an empty Config, and the findings say why: the node pulls nothing with it.
// As with [Render], such Files are written nowhere. Drop-ins other than [SearchDropIn] are not read, and are in the Kept of [Diff]. Policies are left
// empty: read a policy.json with [policyjson.Parse].
func (n *Node) Files() (Files, finding.Findings) {
	var findings finding.Findings
	read := func(file string) *Config {
		e := n.find(file)
		if e == nil || !e.WasRead() {
			return nil
		}
		config, problems := Parse(file, []byte(e.Content()))
		findings = append(findings, problems...)
		if problems.Err() != nil {
			return &Config{}
		}
		return config
	}
	files := Files{Config: read(FileName), Search: read(SearchDropIn)}
	findings = findings.Sort()
	files.refused = findings.Err()
	return files, findings
}

// Format keeps fmt from printing what the files hold.
func (n *Node) Format(s fmt.State, _ rune) {
	names := 0
	if n != nil {
		names = len(n.entries)
	}
	fmt.Fprintf(s, "Node(%d names)", names)
}

// list returns what is in a directory, and whether there is one.
func (n *Node) list(dir string) (entries []*onnode.Entry, there bool) {
	if dir == "." {
		return n.entries, true
	}
	e := n.find(dir)
	if e == nil {
		return nil, false
	}
	return e.Entries, true
}

// find returns what has a path, and nil where nothing has.
func (n *Node) find(name string) *onnode.Entry {
	if n == nil {
		return nil
	}
	dir := path.Dir(name)
	if dir == "." {
		return onnode.Find(n.entries, name)
	}
	if e := n.find(dir); e != nil {
		return e.Find(path.Base(name))
	}
	return nil
}
