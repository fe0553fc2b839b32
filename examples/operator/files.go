package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// Files are what the nodes are to have. They are made once and only read from then on. They hold no
// secrets, so their hashes may be shown, and a Store may keep them in ConfigMaps; with the
// credentials of a pull secret in them, hash them with a key, and keep them in Secrets.
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

// LinuxFiles are what the operator keeps in /etc/containers of a Linux node: the two names that the
// Machine Config Operator keeps on the nodes of OpenShift, and nothing else. Where that operator
// runs, leave the Linux nodes to it.
type LinuxFiles struct {
	Config *registriesconf.Config
	// Search is the drop-in that replaces the search registries; nil where there is to be none.
	Search *registriesconf.Config
	Hash   string
}

func (l LinuxFiles) contents() []content {
	all := []content{{registriesconf.FileName, l.Config.Bytes()}}
	if l.Search != nil {
		all = append(all, content{registriesconf.SearchDropIn, l.Search.Bytes()})
	}
	return all
}

func (l LinuxFiles) hash() string { return hashOf(l.contents()) }

// apply makes the files stand in a directory, whoever wrote those that are there. What it costs the
// node is announced before anything is changed; if that fails, nothing is.
func (l LinuxFiles) apply(ctx context.Context, t nodefiles.Transport,
	announce func(registriesconf.NodeImpact) error) error {
	node, err := registriesconf.ReadNode(ctx, t)
	if err != nil {
		return err
	}
	change, err := registriesconf.Diff(node, registriesconf.Files{Config: l.Config, Search: l.Search},
		registriesconf.Options{Overwrite: true, LeavePolicies: true})
	if err := errors.Join(err, change.Err()); err != nil {
		return err
	}
	old, _ := node.Files() // a file that the client refuses is an empty one: the node pulls nothing with it
	impact := registriesconf.Impact(old.Config, l.Config).WithDropIn(registriesconf.SearchDropIn, old.Search, l.Search)
	if impact.Drain {
		if err := announce(impact); err != nil {
			return err
		}
	}
	return change.Apply(ctx, t, nodefiles.Retry{})
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

// apply makes the files stand in a config_path. What other hands put there stays, and is returned.
// The error is made of one for each registry that does not have its file; see
// [hoststoml.RegistryErrors].
func (w WindowsFiles) apply(ctx context.Context, t nodefiles.Transport) ([]nodefiles.Kept, error) {
	change, err := w.Tree.Apply(ctx, t, hoststoml.Options{Platform: finding.Windows})
	return change.Kept, err
}
