package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/registriesconf"
)

// Files are what the nodes are to have. They are made once and only read from then on. Those of
// Windows nodes hold the credentials of the pull secret. Their hash, which statuses show, is one
// without them: nobody who sees it can try passwords.
type Files struct {
	Linux   LinuxFiles
	Windows WindowsFiles
}

// render turns rules into files, and tells what there is to tell.
func render(rules *mirrorset.Rules, windowsHosts []string, keys credentials) (*Files, finding.Findings) {
	linux, _, linuxFindings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	windows, _, windowsFindings := hoststoml.Render(rules, hoststoml.RenderOptions{
		Hosts: windowsHosts, PullSecret: keys.secret, NoSourceCredentials: true,
	})
	files := &Files{
		Linux:   LinuxFiles{Config: linux.Config, Search: linux.Search},
		Windows: WindowsFiles{Tree: windows, Credentials: keys.version},
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
// node is announced before anything is changed; if that fails, nothing is. What is in the way of one
// file holds back no other that is safe without it.
func (l LinuxFiles) apply(ctx context.Context, t nodefiles.Transport,
	announce func(registriesconf.NodeImpact) error) error {
	node, err := registriesconf.ReadNode(ctx, t)
	if err != nil {
		return err
	}
	change, err := registriesconf.Diff(node, registriesconf.Files{Config: l.Config, Search: l.Search},
		registriesconf.Options{Overwrite: true, LeavePolicies: true})
	err = errors.Join(err, change.Err())
	if len(change.Operations) == 0 {
		return err
	}
	old, _ := node.Files() // a file that the client refuses is an empty one: the node pulls nothing with it
	impact := registriesconf.Impact(old.Config, l.Config).WithDropIn(registriesconf.SearchDropIn, old.Search, l.Search)
	if impact.Drain {
		if failed := announce(impact); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return errors.Join(err, change.Apply(ctx, t, nodefiles.Retry{}))
}

// WindowsFiles are what the operator keeps in containerd's config_path of a Windows node.
type WindowsFiles struct {
	Tree hoststoml.Tree
	// Credentials is the version of the pull secret whose credentials the files hold; empty for none.
	Credentials string
	Hash        string
}

func (w WindowsFiles) contents() []content {
	var all []content
	for _, registry := range w.Tree {
		all = append(all, content{registry.Path(), registry.File.Bytes()})
		for _, name := range slices.Sorted(maps.Keys(registry.Extra)) {
			all = append(all, content{path.Join(path.Dir(registry.Path()), name), []byte(registry.Extra[name].Reveal())})
		}
	}
	return all
}

// hash tells files apart by all but their credentials, and these by the version of the pull secret.
func (w WindowsFiles) hash() string {
	shown := w
	shown.Tree = slices.Clone(w.Tree)
	for i := range shown.Tree {
		file := *shown.Tree[i].File
		file.Header, file.Hosts = withoutValues(file.Header), slices.Clone(file.Hosts)
		for j := range file.Hosts {
			file.Hosts[j].Header = withoutValues(file.Hosts[j].Header)
		}
		shown.Tree[i].File = &file
	}
	return hashOf(append(shown.contents(), content{credentialsName, []byte(w.Credentials)}))
}

// withoutValues returns the names of a header.
func withoutValues(h hoststoml.Header) hoststoml.Header {
	names := hoststoml.Header{}
	for name := range h {
		names[name] = hoststoml.Secrets("")
	}
	return names
}

// last returns the last registry, where it is the one of a host.
func (w WindowsFiles) last(host string) *hoststoml.RegistryFile {
	if n := len(w.Tree); n > 0 && w.Tree[n-1].Host == host {
		return &w.Tree[n-1]
	}
	return nil
}

// apply makes the files stand in a config_path. What other hands put there stays, and is returned.
// The error is made of one for each registry that does not have its file; see
// [hoststoml.RegistryErrors].
func (w WindowsFiles) apply(ctx context.Context, t nodefiles.Transport) ([]nodefiles.Kept, error) {
	change, err := w.Tree.Apply(ctx, t, hoststoml.Options{Platform: finding.Windows})
	return change.Kept, err
}
