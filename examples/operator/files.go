package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// Files are what the nodes are to have. They are made once and only read from then on. They hold no secrets,
// so their hashes may be shown, and a Store may keep them in ConfigMaps; with the credentials of a pull secret
// in them, hash them with a key, and keep them in Secrets.
type Files struct {
	Linux   LinuxFiles
	Windows WindowsFiles
}

// render turns rules into files, and tells what there is to tell.
func render(rules *mirrorset.Rules, windowsHosts []string) (*Files, finding.Findings) {
	linux, _, linuxFindings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	windows, _, windowsFindings := hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: windowsHosts})
	files := &Files{
		Linux:   LinuxFiles{Config: linux.Config, Search: linux.Search},
		Windows: WindowsFiles{Tree: windows},
	}
	files.Linux.Hash, files.Windows.Hash = files.Linux.hash(), files.Windows.hash()
	return files, slices.Concat(rules.Findings, linuxFindings, windowsFindings).Sort()
}

// hash returns the hash of the files of one platform.
func (f *Files) hash(p finding.Platform) string {
	if p == finding.Windows {
		return f.Windows.Hash
	}
	return f.Linux.Hash
}

// content is one file, by its path on the node.
type content struct {
	name string
	data []byte
}

// hashOf tells sets of files apart.
func hashOf(contents []content) string {
	h := sha256.New()
	for _, c := range contents {
		fmt.Fprintf(h, "%q %q\n", c.name, c.data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// LinuxFiles are what the operator keeps in /etc/containers of a Linux node: the two names that the Machine
// Config Operator keeps on the nodes of OpenShift, and nothing else. Where that operator runs, leave the
// Linux nodes to it.
type LinuxFiles struct {
	Config *registriesconf.Config
	// Search is the drop-in that replaces the search registries; nil where there is to be none.
	Search *registriesconf.Config
	Hash   string
}

const registriesConf = "registries.conf"

func (l LinuxFiles) contents() []content {
	all := []content{{registriesConf, l.Config.Bytes()}}
	if l.Search != nil {
		all = append(all, content{registriesconf.SearchDropIn, l.Search.Bytes()})
	}
	return all
}

func (l LinuxFiles) hash() string { return hashOf(l.contents()) }

// apply makes the files stand in a directory. What it costs the node is announced before anything is
// changed; if that fails, nothing is.
func (l LinuxFiles) apply(ctx context.Context, t nodefiles.Transport, announce func(registriesconf.NodeImpact) error) error {
	if err := l.cleanUp(ctx, t); err != nil {
		return err
	}
	config, changed, err := l.compare(ctx, t, registriesConf, l.Config)
	if err != nil {
		return err
	}
	search, searchChanged, err := l.compare(ctx, t, registriesconf.SearchDropIn, l.Search)
	if err != nil || !changed && !searchChanged {
		return err
	}
	impact := registriesconf.Impact(config, l.Config).WithDropIn(registriesconf.SearchDropIn, search, l.Search)
	if impact.Drain {
		if err := announce(impact); err != nil {
			return err
		}
	}
	if changed {
		if err := replaceFile(ctx, t, registriesConf, l.Config.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case !searchChanged:
		return nil
	case l.Search == nil:
		return errors.Join(t.Remove(ctx, registriesconf.SearchDropIn), t.Sync(ctx, path.Dir(registriesconf.SearchDropIn)))
	}
	dir := path.Dir(registriesconf.SearchDropIn)
	if _, err := t.List(ctx, dir); errors.Is(err, fs.ErrNotExist) {
		if err := t.Mkdir(ctx, dir); err != nil {
			return err
		}
	}
	return replaceFile(ctx, t, registriesconf.SearchDropIn, l.Search.Bytes())
}

// compare reads a file and reports whether it has to change. One that the client refuses is taken for an
// empty one: the node pulls nothing with it.
func (l LinuxFiles) compare(ctx context.Context, t nodefiles.Transport, name string, want *registriesconf.Config) (old *registriesconf.Config, changed bool, err error) {
	data, err := t.ReadFile(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, want != nil, nil
	} else if err != nil {
		return nil, false, err
	}
	old, findings := registriesconf.Parse(name, data)
	if findings.Err() != nil {
		old = &registriesconf.Config{}
	}
	return old, want == nil || string(data) != string(want.Bytes()), nil
}

// cleanUp removes what an interrupted run has left.
func (l LinuxFiles) cleanUp(ctx context.Context, t nodefiles.Transport) error {
	for _, name := range []string{registriesConf, registriesconf.SearchDropIn} {
		entries, err := t.List(ctx, path.Dir(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		left := temporary(name)
		if slices.ContainsFunc(entries, func(e nodefiles.Entry) bool { return e.Name == path.Base(left) }) {
			// On disk, so that it cannot come back under the rename of the next.
			if err := errors.Join(t.Remove(ctx, left), t.Sync(ctx, path.Dir(name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// temporary returns the name that a file is prepared under. No client reads one that does not end in ".conf".
func temporary(name string) string { return path.Join(path.Dir(name), "."+path.Base(name)+"~new") }

// replaceFile makes data the content of a file: whoever reads the name sees the old content or the new.
func replaceFile(ctx context.Context, t nodefiles.Transport, name string, data []byte) error {
	for _, step := range []func() error{
		func() error { return t.WriteFile(ctx, temporary(name), data, 0o644) },
		func() error { return t.Rename(ctx, temporary(name), name) },
		func() error { return t.Sync(ctx, path.Dir(name)) },
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// WindowsFiles are what the operator keeps in containerd's config_path of a Windows node.
type WindowsFiles struct {
	Tree hoststoml.Tree
	Hash string
}

func (w WindowsFiles) contents() []content {
	var all []content
	for _, registry := range w.Tree {
		all = append(all, content{registry.Path(), registry.File.Bytes()})
	}
	return all
}

func (w WindowsFiles) hash() string { return hashOf(w.contents()) }

// apply makes the files stand in a config_path. What other hands put there stays, and is returned. The error
// is made of one for each registry that does not have its file; see [hoststoml.RegistryErrors].
func (w WindowsFiles) apply(ctx context.Context, t nodefiles.Transport) ([]nodefiles.Kept, error) {
	change, err := w.Tree.Apply(ctx, t, hoststoml.Options{Platform: finding.Windows})
	return change.Kept, err
}
