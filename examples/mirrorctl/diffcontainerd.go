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
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// diffContainerd prints what would be done, in this order, to a node that has the old files and is to
// have those of the new manifests. The node itself is not touched. What NEW has as a node is compared with
// by what it means.
func (p *program) diffContainerd(on finding.Platform, oldSide, newSide *side, read *choice, asJSON bool) (bool, error) {
	old, new := containerdSideOf(on, oldSide), containerdSideOf(on, newSide)
	if newSide.picked.Hosts != nil {
		return p.diffTrees(on, old, new, read, asJSON)
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
	change, failed := hoststoml.Diff(node, new.tree, hoststoml.Options{Platform: on})
	findings := append(old.findings, new.findings...).Sort()
	if asJSON {
		return len(change.Operations) > 0, errors.Join(failed, p.encode(struct {
			Platform   finding.Platform      `json:"platform"`
			Operations []hoststoml.Operation `json:"operations"`
			Kept       []nodefiles.Kept      `json:"kept"`
			Drain      bool                  `json:"drain"`
			Findings   finding.Findings      `json:"findings"`
		}{
			on, append([]hoststoml.Operation{}, change.Operations...),
			append([]nodefiles.Kept{}, change.Kept...), false, append(finding.Findings{}, findings...),
		}))
	}
	p.showOperations(on, change)
	p.report(findings)
	return len(change.Operations) > 0, failed
}

// diffTrees prints what pulls change where the new tree is what a node has, whoever wrote it.
func (p *program) diffTrees(on finding.Platform, old, new *containerdSide, read *choice, asJSON bool) (bool, error) {
	if err := errors.Join(old.aboutAll(read), new.aboutAll(read)); err != nil {
		return false, err
	}
	changes := routes.Diff(routes.Containerd(old.table), routes.Containerd(new.table))
	settings := changedSettings(old.tree, new.tree)
	findings := slices.Concat(old.findings, new.findings).Sort()
	changed := len(changes)+len(settings) > 0
	if asJSON {
		return changed, p.encode(struct {
			Platform finding.Platform `json:"platform"`
			Way      string           `json:"way,omitempty"`
			Changes  []jsonChange     `json:"changes"`
			Settings []settingChange  `json:"settings"`
			Findings finding.Findings `json:"findings"`
		}{on, resolve.Way(on), jsonChanges(changes), append([]settingChange{}, settings...),
			append(finding.Findings{}, findings...)})
	}
	if len(changes) > 0 {
		p.showChanges(on, changes)
	}
	for _, c := range settings {
		fmt.Fprintf(p.stdout, "~ registry %s: %s is asked with another %s\n", shown.Value(c.Registry),
			shown.Location(c.Host), c.Setting)
	}
	if !changed {
		fmt.Fprintln(p.stdout, "nothing changes")
	}
	p.notedWay(on)
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

// containerdSide is one side of a diff.
type containerdSide struct {
	hosts    *input.Hosts // of a node, nil for manifests
	tree     hoststoml.Tree
	table    *resolve.ContainerdTable
	dir      string // of the node that has it; empty where the tree comes from elsewhere
	findings finding.Findings
}

// containerdSideOf returns the tree of a node's own files, or of manifests as they would be rendered.
func containerdSideOf(on finding.Platform, s *side) *containerdSide {
	if h := s.picked.Hosts; h != nil {
		c := &containerdSide{hosts: h, tree: h.Tree, findings: append(slices.Clone(h.Findings), s.findings...)}
		if h.OnDisk {
			c.dir = h.Dir
		}
		return c
	}
	tree, table, findings := hoststoml.Render(s.rules, hoststoml.RenderOptions{Platform: on})
	return &containerdSide{tree: tree, table: table, findings: slices.Concat(s.rules.Findings.For(on), findings,
		s.findings)}
}

// aboutAll makes ready for an answer about all images at once. The error says that there can be none.
func (s *containerdSide) aboutAll(c *choice) error {
	if s.hosts == nil {
		return nil
	}
	table, findings, err := aboutAll(s.hosts, c)
	s.table, s.findings = table, append(s.findings, findings...)
	return err
}

// showOperations prints the operations, below the registry that they are for, and what stays.
func (p *program) showOperations(on finding.Platform, change hoststoml.Change) {
	heads := map[nodefiles.Action]string{
		nodefiles.ActionAdd: "+ registry ", nodefiles.ActionChange: "~ registry ",
		nodefiles.ActionRemove: "- registry ",
		nodefiles.ActionClean:  "left from an interrupted run for ",
	}
	why := "containerd reads its files at every pull, and nothing restarts"
	switch {
	case len(change.Operations) == 0:
		why = "nothing changes"
	case on == finding.Windows:
		why = "the Windows Machine Config Operator replaces the files node by node, and nothing restarts"
	}
	fmt.Fprintln(p.stdout, "NO DRAIN   "+why)
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
