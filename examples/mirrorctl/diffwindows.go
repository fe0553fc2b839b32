package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// diffWindows prints what would be done, in this order, to a node that has the old files and is to have the new
// ones. The node itself is not touched.
func (p *program) diffWindows(oldPath, newPath string, asJSON bool) error {
	old, oldErr := p.readWindowsSide(oldPath)
	new, newErr := p.readWindowsSide(newPath)
	if err := errors.Join(oldErr, newErr); err != nil {
		return err
	}
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
	dir      string // of the node that has it; empty where the tree comes from manifests
	findings finding.Findings
}

// readWindowsSide reads a node's own files, or manifests as they would be rendered.
func (p *program) readWindowsSide(path string) (*windowsSide, error) {
	if path != "-" {
		switch on := nodePlatform(path); {
		case on == finding.Linux:
			return nil, fmt.Errorf("%w: %s is, or holds, a registries.conf, which --platform linux reads", errUsage, path)
		case on == finding.Windows || emptyDir(path):
			tree, findings, err := hoststoml.ReadTree(path)
			return &windowsSide{tree, path, findings}, err
		}
	}
	rules, err := p.readRules([]string{path})
	if err != nil {
		return nil, err
	}
	tree, _, findings := hoststoml.Render(rules, hoststoml.RenderOptions{})
	return &windowsSide{tree: tree, findings: append(concerning(finding.Windows, rules.Findings), findings...)}, nil
}

// emptyDir reports whether a path is the config_path of a new node.
func emptyDir(path string) bool {
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 0
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
