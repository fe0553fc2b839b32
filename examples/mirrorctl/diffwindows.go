package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// diffWindows prints what would be done, in this order, to a node that has the old files and is to have the new
// ones. The node itself is not touched.
func (p *program) diffWindows(oldSide, newSide *side, asJSON bool) error {
	old, new := windowsSideOf(oldSide), windowsSideOf(newSide)
	node := old.tree.Node()
	if old.dir != "" { // with all that lies there, ours or not
		local, err := nodefiles.OpenLocal(old.dir)
		if err != nil {
			return err
		}
		defer local.Close()
		if node, err = hoststoml.ReadNode(context.Background(), local); err != nil {
			return err
		}
	}
	// An error is about registries that the node cannot hold; the change has the others.
	change, failed := hoststoml.Diff(node, new.tree, hoststoml.Options{Platform: finding.Windows})
	findings := append(old.findings, new.findings...).Sort()
	if asJSON {
		return errors.Join(failed, p.encode(struct {
			Platform   finding.Platform      `json:"platform"`
			Operations []hoststoml.Operation `json:"operations"`
			Kept       []nodefiles.Kept      `json:"kept"`
			Findings   finding.Findings      `json:"findings"`
		}{
			finding.Windows, append([]hoststoml.Operation{}, change.Operations...),
			append([]nodefiles.Kept{}, change.Kept...), append(finding.Findings{}, findings...),
		}))
	}
	p.showOperations(change)
	p.report(findings)
	return failed
}

// windowsSide is one side of a diff.
type windowsSide struct {
	tree     hoststoml.Tree
	dir      string // of the node that has it; empty where the tree comes from elsewhere
	findings finding.Findings
}

// windowsSideOf returns the tree of a node's own files, or of manifests as they would be rendered.
func windowsSideOf(s *side) *windowsSide {
	if h := s.picked.Hosts; h != nil {
		w := &windowsSide{tree: h.Tree, findings: append(slices.Clone(h.Findings), s.findings...)}
		if h.OnDisk {
			w.dir = h.Dir
		}
		return w
	}
	tree, _, findings := hoststoml.Render(s.rules, hoststoml.RenderOptions{})
	return &windowsSide{tree: tree, findings: slices.Concat(concerning(finding.Windows, s.rules.Findings), findings, s.findings)}
}

// showOperations prints the operations, below the registry that they are for, and what stays.
func (p *program) showOperations(change hoststoml.Change) {
	heads := map[nodefiles.Action]string{
		nodefiles.ActionAdd: "+ registry ", nodefiles.ActionChange: "~ registry ", nodefiles.ActionRemove: "- registry ",
		nodefiles.ActionClean: "left from an interrupted run for ",
	}
	under := ""
	for _, o := range change.Operations {
		if head := heads[o.Action] + o.Registry; head != under {
			fmt.Fprintln(p.stdout, head)
			under = head
		}
		fmt.Fprintf(p.stdout, "    %s\n", o)
	}
	if len(change.Operations) == 0 {
		fmt.Fprintln(p.stdout, "nothing changes")
	}
	for _, k := range change.Kept {
		fmt.Fprintf(p.stdout, "kept %s\n", k)
	}
}
