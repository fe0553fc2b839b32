package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// checkTree says what render would change in a directory of hosts.toml files.
func (p *program) checkTree(on finding.Platform, tree hoststoml.Tree, dir string) error {
	want := map[string][]byte{}
	for _, rf := range tree {
		want[rf.Path()] = rf.File.Bytes()
		for name, text := range rf.Extra {
			want[path.Dir(rf.Path())+"/"+name] = []byte(text.Reveal())
		}
	}
	return p.check(dir, want, func(local *nodefiles.Local) ([]nodefiles.Kept, error) {
		node, err := hoststoml.ReadNode(context.Background(), local)
		if err != nil {
			return nil, err
		}
		change, err := hoststoml.Diff(node, tree, hoststoml.Options{Platform: on, KeepStale: true})
		return change.Kept, err
	})
}

// checkFiles says what render would change in a directory of a Linux node's files.
func (p *program) checkFiles(files registriesconf.Files, dir string) error {
	want := map[string][]byte{registriesConf: files.Config.Bytes()}
	if files.Search != nil {
		want[registriesconf.SearchDropIn] = files.Search.Bytes()
	}
	for _, file := range files.Policies.List() {
		want[belowOut.Replace(file.Path)] = file.Data
	}
	return p.check(dir, want, func(local *nodefiles.Local) ([]nodefiles.Kept, error) {
		node, err := registriesconf.ReadNode(context.Background(), local)
		if err != nil {
			return nil, err
		}
		change, err := registriesconf.Diff(node, files, registriesconf.Options{Overwrite: true, KeepStale: true})
		return change.Kept, err
	})
}

// check prints which files of a directory are not as they are to be, and returns errFailed where there
// are any. kept says what is left there from before.
func (p *program) check(dir string, want map[string][]byte,
	kept func(*nodefiles.Local) ([]nodefiles.Kept, error)) error {
	differ := false
	say := func(name, what string) {
		differ = true
		fmt.Fprintf(p.stdout, "%s: %s\n", shown.Text(path.Join(filepath.ToSlash(dir), name)), what)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		has, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			say(name, "is missing")
		case err != nil:
			return err
		case !bytes.Equal(has, want[name]):
			say(name, "differs from what the input asks for")
		}
	}
	local, err := nodefiles.OpenLocal(dir)
	if err == nil {
		defer local.Close()
		var all []nodefiles.Kept
		if all, err = kept(local); err != nil {
			return err
		}
		for _, k := range all {
			if k.Code == nodefiles.KeptStale {
				say(k.Path, "is left from before, and the input no longer asks for it")
			}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if differ {
		return errFailed
	}
	return nil
}
