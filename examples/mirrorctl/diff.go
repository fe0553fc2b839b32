package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
)

func (p *program) diff(args []string) error {
	fs := p.flags("diff", "OLD NEW\n\nOLD and NEW are manifests (a file, a directory, or - for standard input), or what a node has: for\n"+
		"linux a registries.conf, or a directory that holds one and its registries.conf.d; for windows the\n"+
		"directory of the hosts.toml files, containerd's config_path. For windows, what is done to the node is said\n"+
		"where NEW is manifests, and what pulls change where both are nodes.\n")
	var on platform
	fs.Var(&on, "platform", "the nodes to answer for: windows or linux")
	asJSON := fs.Bool("json", false, "print one JSON object")
	byRoutes := fs.Bool("routes", false, "say which images go another way, class by class, in place of what changes in the files")
	exitCode := fs.Bool("exit-code", false, "with --routes: exit with 1 where something changes, and with 3 where the input is refused")
	sides, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case on == "":
		return fmt.Errorf("%w: --platform is missing; name windows or linux", errUsage)
	case len(sides) != 2:
		return fmt.Errorf("%w: diff takes two arguments, OLD and NEW, not %d", errUsage, len(sides))
	case sides[0] == "-" && sides[1] == "-":
		return fmt.Errorf("%w: only one of OLD and NEW can be standard input", errUsage)
	case *exitCode && !*byRoutes:
		return fmt.Errorf("%w: --exit-code goes with --routes", errUsage)
	case *byRoutes:
		return p.diffRoutes(finding.Platform(on), sides[0], sides[1], *asJSON, *exitCode)
	case on == platform(finding.Windows):
		return p.diffWindows(sides[0], sides[1], *asJSON)
	}
	return p.diffLinux(sides[0], sides[1], *asJSON)
}

func (p *program) diffLinux(oldPath, newPath string, asJSON bool) error {
	old, oldErr := p.readLinuxSide(oldPath)
	new, newErr := p.readLinuxSide(newPath)
	if err := errors.Join(oldErr, newErr); err != nil {
		return err
	}

	impact := registriesconf.Impact(old.main, new.main)
	notCompared := []string{}
	for _, name := range dropInNames(old, new) {
		if old.lone || new.lone {
			notCompared = append(notCompared, name)
			continue
		}
		impact = impact.WithDropIn(name, old.dropIn(name), new.dropIn(name))
	}
	findings := append(old.findings, new.findings...).Sort()
	if asJSON {
		return p.encode(struct {
			Platform finding.Platform `json:"platform"`
			registriesconf.NodeImpact
			NotCompared []string         `json:"notCompared"`
			Findings    finding.Findings `json:"findings"`
		}{finding.Linux, impact, notCompared, append(finding.Findings{}, findings...)})
	}
	p.showImpact(impact)
	p.report(findings)
	for _, name := range notCompared {
		fmt.Fprintf(p.stderr, "info: %s: is not compared, a single registries.conf does not say whether the node has it; give the directory of both\n", name)
	}
	return nil
}

// linuxSide is one side of a diff.
type linuxSide struct {
	nodeLinux
	lone bool // a registries.conf without its directory, which says nothing of drop-ins
}

// readLinuxSide reads a node's own files, or manifests as MCO would write them.
func (p *program) readLinuxSide(path string) (*linuxSide, error) {
	if path != "-" {
		switch nodePlatform(path) {
		case finding.Windows:
			return nil, fmt.Errorf("%w: %s holds hosts.toml files, which --platform windows reads", errUsage, path)
		case finding.Linux:
			conf, lone := path, true
			if !strings.HasSuffix(path, ".conf") {
				conf, lone = filepath.Join(path, registriesConf), false
			}
			node, err := readNodeLinux(conf, !lone)
			if err != nil {
				return nil, err
			}
			return &linuxSide{*node, lone}, nil
		}
	}
	rules, err := p.readRules([]string{path})
	if err != nil {
		return nil, err
	}
	files, _, findings := registriesconf.Render(rules, registriesconf.RenderOptions{})
	node := nodeLinux{main: files.Config, findings: append(concerning(finding.Linux, rules.Findings), findings...)}
	if files.Search != nil {
		node.dropIns = []dropIn{{registriesconf.SearchDropIn, files.Search}}
	}
	return &linuxSide{node, false}, nil
}

func (s *linuxSide) dropIn(name string) *registriesconf.Config {
	for _, d := range s.dropIns {
		if d.name == name {
			return d.config
		}
	}
	return nil
}

func dropInNames(sides ...*linuxSide) []string {
	var names []string
	for _, s := range sides {
		for _, d := range s.dropIns {
			names = append(names, d.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// showImpact prints what changes, one line each below the registry concerned, then the verdict with every
// reason, and then what passes MCO's check though more than an addition.
func (p *program) showImpact(impact registriesconf.NodeImpact) {
	under := ""
	for _, c := range impact.Differences {
		if c.Scope != "" && c.Scope != under && c.Code != registriesconf.RegistryAdded && c.Code != registriesconf.RegistryRemoved {
			fmt.Fprintf(p.stdout, "~ registry %s\n", c.Scope)
			under = c.Scope
		}
		indent := ""
		if under != "" && c.Scope == under {
			indent = "    "
		}
		fmt.Fprintln(p.stdout, indent+changeLine(c))
	}
	if len(impact.Differences) > 0 {
		fmt.Fprintln(p.stdout)
	}
	fmt.Fprintln(p.stdout, impact)
	for _, c := range impact.Differences {
		switch c.Code {
		case registriesconf.RegistryAdded, registriesconf.MirrorAdded, registriesconf.SearchAdded:
			continue
		}
		if !c.Drains {
			fmt.Fprintf(p.stdout, "  info: %s\n", c)
		}
	}
}

func changeLine(c registriesconf.Difference) string {
	setting := c.Field
	if c.Scope != "" { // the registry or mirror is named beside it
		setting = c.Field[strings.LastIndexByte(c.Field, '.')+1:]
	}
	values := fmt.Sprintf("%s -> %s", orUnset(c.Old), orUnset(c.New))
	switch c.Code {
	case registriesconf.RegistryAdded:
		return fmt.Sprintf("+ registry %s: %s", c.Scope, c.New)
	case registriesconf.RegistryRemoved:
		return fmt.Sprintf("- registry %s: %s", c.Scope, c.Old)
	case registriesconf.RegistryRepeated:
		return "~ listed several times: " + values
	case registriesconf.MirrorAdded:
		return "+ mirror " + c.New
	case registriesconf.MirrorRemoved:
		return "- mirror " + c.Old
	case registriesconf.MirrorChanged:
		return fmt.Sprintf("~ mirror %s %s: %s", c.Mirror, setting, values)
	case registriesconf.MirrorOrder:
		return "~ order of mirrors: " + values
	case registriesconf.RegistryOrder:
		return "~ order of registries: " + values
	case registriesconf.SearchAdded:
		return fmt.Sprintf("+ %s: %s", setting, c.New)
	case registriesconf.SearchRemoved:
		return fmt.Sprintf("- %s: %s", setting, c.Old)
	case registriesconf.DropInChanged:
		return fmt.Sprintf("~ %s: %s", strings.TrimRight(c.File+" "+c.Field, " "), values)
	}
	return fmt.Sprintf("~ %s: %s", setting, values)
}

func orUnset(value string) string {
	if value == "" {
		return "(unset)"
	}
	return value
}
