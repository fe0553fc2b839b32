package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
	"github.com/pullroute/pullroute/resolve/routes"
)

// diffWindows prints what would be done, in this order, to a node that has the old files and is to
// have those of the new manifests. The node itself is not touched. Two trees of nodes are compared
// by what they mean.
func (p *program) diffWindows(oldSide, newSide *side, read *choice, asJSON bool) (bool, error) {
	old, new := windowsSideOf(oldSide), windowsSideOf(newSide)
	if oldSide.picked.Hosts != nil && newSide.picked.Hosts != nil {
		return p.diffTrees(old, new, read, asJSON)
	}
	node := old.tree.Node()
	if old.dir != "" { // with all that lies there, ours or not
		local, err := nodefiles.OpenLocal(old.dir)
		if err != nil {
			return false, err
		}
		defer local.Close()
		if node, err = hoststoml.ReadNode(context.Background(), local); err != nil {
			return false, err
		}
	}
	// An error is about registries that the node cannot hold; the change has the others.
	change, failed := hoststoml.Diff(node, new.tree, hoststoml.Options{Platform: finding.Windows})
	findings := append(old.findings, new.findings...).Sort()
	if asJSON {
		return len(change.Operations) > 0, errors.Join(failed, p.encode(struct {
			Platform   finding.Platform      `json:"platform"`
			Operations []hoststoml.Operation `json:"operations"`
			Kept       []nodefiles.Kept      `json:"kept"`
			Drain      bool                  `json:"drain"`
			Findings   finding.Findings      `json:"findings"`
		}{
			finding.Windows, append([]hoststoml.Operation{}, change.Operations...),
			append([]nodefiles.Kept{}, change.Kept...), false, append(finding.Findings{}, findings...),
		}))
	}
	p.showOperations(change)
	p.report(findings)
	return len(change.Operations) > 0, failed
}

// diffTrees prints what pulls change between two trees that nodes have, whoever wrote them.
func (p *program) diffTrees(old, new *windowsSide, read *choice, asJSON bool) (bool, error) {
	before, more, oldErr := aboutAll(old.hosts, read)
	after, evenMore, newErr := aboutAll(new.hosts, read)
	if err := errors.Join(oldErr, newErr); err != nil {
		return false, err
	}
	changes := routes.Diff(routes.Containerd(before), routes.Containerd(after))
	settings := changedSettings(old.tree, new.tree)
	findings := slices.Concat(old.findings, new.findings, more, evenMore).Sort()
	changed := len(changes)+len(settings) > 0
	if asJSON {
		return changed, p.encode(struct {
			Platform finding.Platform `json:"platform"`
			Changes  []jsonChange     `json:"changes"`
			Settings []settingChange  `json:"settings"`
			Findings finding.Findings `json:"findings"`
		}{finding.Windows, jsonChanges(changes), append([]settingChange{}, settings...),
			append(finding.Findings{}, findings...)})
	}
	if len(changes) > 0 {
		p.showChanges(finding.Windows, changes)
	}
	for _, c := range settings {
		fmt.Fprintf(p.stdout, "~ registry %s: %s is asked with another %s\n", shown.Value(c.Registry),
			shown.Location(c.Host), c.Setting)
	}
	if !changed {
		fmt.Fprintln(p.stdout, "nothing changes")
	}
	p.report(findings)
	return changed, nil
}

// A settingChange is how one host is asked otherwise for the images of a registry, in both trees at
// the same place.
type settingChange struct {
	Registry string `json:"registry"`
	Host     string `json:"host"`
	Setting  string `json:"setting"`
}

// changedSettings returns what a way does not show of hosts that both trees ask: the scheme,
// certificates and headers. What they are is not said, because headers hold credentials.
func changedSettings(old, new hoststoml.Tree) []settingChange {
	type setting struct {
		name  string
		value any
	}
	// Host and path of every host, with its settings in a fixed order.
	hosts := func(rf hoststoml.RegistryFile) (names []string, settings map[string][]setting) {
		settings = map[string][]setting{}
		add := func(url string, s hoststoml.Settings) {
			target, err := hoststoml.ParseTarget(url, s.OverridePath)
			name := target.Host + target.Path
			if err != nil {
				name = rf.Host // without server, the registry itself
			}
			if settings[name] == nil {
				names = append(names, name)
			}
			settings[name] = append(settings[name], setting{"scheme", target.Scheme}, setting{"ca", s.CA},
				setting{"client", s.Client},
				setting{"skip_verify", s.SkipVerify}, setting{"header", s.Header},
				setting{"dial_timeout", s.DialTimeout}, setting{"rewrite", s.Rewrites})
		}
		if rf.File != nil {
			for _, h := range rf.File.Hosts {
				add(h.URL, h.Settings)
			}
			add(rf.File.Server, rf.File.Settings)
		}
		return names, settings
	}
	before := map[string]hoststoml.RegistryFile{}
	for _, rf := range old {
		before[rf.Host] = rf
	}
	var changes []settingChange
	for _, rf := range new {
		names, settings := hosts(rf)
		_, was := hosts(before[rf.Host])
		for _, name := range names {
			said := map[string]bool{}
			for i := range min(len(settings[name]), len(was[name])) {
				s := settings[name][i]
				if !said[s.name] && !reflect.DeepEqual(s.value, was[name][i].value) {
					changes = append(changes, settingChange{rf.Host, name, s.name})
					said[s.name] = true
				}
			}
		}
	}
	return changes
}

// windowsSide is one side of a diff.
type windowsSide struct {
	hosts    *input.Hosts // of a node, nil for manifests
	tree     hoststoml.Tree
	dir      string // of the node that has it; empty where the tree comes from elsewhere
	findings finding.Findings
}

// windowsSideOf returns the tree of a node's own files, or of manifests as they would be rendered.
func windowsSideOf(s *side) *windowsSide {
	if h := s.picked.Hosts; h != nil {
		w := &windowsSide{hosts: h, tree: h.Tree, findings: append(slices.Clone(h.Findings), s.findings...)}
		if h.OnDisk {
			w.dir = h.Dir
		}
		return w
	}
	tree, _, findings := hoststoml.Render(s.rules, hoststoml.RenderOptions{})
	return &windowsSide{tree: tree, findings: slices.Concat(concerning(finding.Windows, s.rules.Findings),
		findings, s.findings)}
}

// showOperations prints the operations, below the registry that they are for, and what stays.
func (p *program) showOperations(change hoststoml.Change) {
	heads := map[nodefiles.Action]string{
		nodefiles.ActionAdd: "+ registry ", nodefiles.ActionChange: "~ registry ",
		nodefiles.ActionRemove: "- registry ",
		nodefiles.ActionClean:  "left from an interrupted run for ",
	}
	if len(change.Operations) == 0 {
		fmt.Fprintln(p.stdout, "NO DRAIN   nothing changes")
	} else {
		fmt.Fprintln(p.stdout, "NO DRAIN   the Windows Machine Config Operator replaces the files node by node, and "+
			"nothing restarts")
	}
	under := ""
	for _, o := range change.Operations {
		if head := heads[o.Action] + o.Registry; head != under {
			fmt.Fprintln(p.stdout, head)
			under = head
		}
		fmt.Fprintf(p.stdout, "    %s\n", o)
	}
	for _, k := range change.Kept {
		fmt.Fprintf(p.stdout, "kept %s\n", k)
	}
}
