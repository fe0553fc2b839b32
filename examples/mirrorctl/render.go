package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/replace"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/resolve"
)

func (p *program) render(args []string) error {
	fs := p.flags("render", "")
	files := inputFlag(fs, manifests)
	var on platform
	fs.Var(&on, "platform", "the nodes to write for: windows or linux")
	out := fs.String("out", "", "write the files below this `DIR`; without it they are printed")
	base := fs.String("base", "", "linux: the registries.conf to edit; without it, the one that MCO starts from")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf("%w: %q is not a flag; give manifests with -f", errUsage, rest[0])
	case on == "":
		return fmt.Errorf("%w: --platform is missing; name windows or linux", errUsage)
	case *base != "" && on != platform(mirrorset.Linux):
		return fmt.Errorf("%w: --base is for --platform linux", errUsage)
	case len(hosts) > 0 && on != platform(mirrorset.Windows):
		return fmt.Errorf("%w: --host is for --platform windows", errUsage)
	}
	rules, err := p.readRules(*files)
	if err != nil {
		return err
	}
	if on == platform(mirrorset.Linux) {
		return p.renderLinux(rules, *base, *out)
	}
	return p.renderWindows(rules, hosts, *out)
}

func (p *program) renderWindows(rules *mirrorset.Rules, hosts []string, out string) error {
	table := resolve.NewRegistryTable(rules, hosts...)
	p.report(append(concerning(mirrorset.Windows, rules.Findings), table.Findings...))
	tree := hoststoml.FromTable(table)
	if out == "" {
		for i, rf := range tree {
			p.print(i, rf.Path(), rf.File.Bytes())
		}
		return nil
	}
	stale, err := tree.Write(out)
	if err != nil {
		return err
	}
	for _, name := range stale {
		p.stale(out, name)
	}
	return nil
}

func (p *program) renderLinux(rules *mirrorset.Rules, basePath, out string) error {
	base := registriesconf.Default()
	var findings mirrorset.Findings
	if basePath != "" {
		var err error
		if base, findings, err = readRegistriesConf(basePath); err != nil {
			return err
		}
	}
	table := base.Table(basePath).Edit(rules)
	findings = append(append(concerning(mirrorset.Linux, rules.Findings), findings...), table.Findings...)
	config := registriesconf.FromTable(base, table)
	if err := config.Validate().Err(); err != nil { // only a base file can bring this about
		return fmt.Errorf("the result would be refused by its client:\n%w", err)
	}
	p.report(findings)
	override := registriesconf.SearchOverride(table)
	if out == "" {
		p.print(0, registriesConf, config.Bytes())
		if override != nil {
			p.print(1, registriesconf.SearchDropIn, override.Bytes())
		}
		return nil
	}
	return p.writeLinux(out, config, override)
}

const registriesConf = "registries.conf"

func (p *program) writeLinux(out string, config, override *registriesconf.Config) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(out)
	if err != nil {
		return err
	}
	defer root.Close()
	if override != nil {
		if err := root.MkdirAll(path.Dir(registriesconf.SearchDropIn), 0o755); err != nil {
			return err
		}
		if err := replace.File(root, registriesconf.SearchDropIn, override.Bytes(), 0o644); err != nil {
			return err
		}
	} else if _, err := fs.Stat(root.FS(), registriesconf.SearchDropIn); err == nil {
		p.stale(out, registriesconf.SearchDropIn)
	}
	return replace.File(root, registriesConf, config.Bytes(), 0o644)
}

// print shows a file under its name.
func (p *program) print(i int, name string, data []byte) {
	if i > 0 {
		fmt.Fprintln(p.stdout)
	}
	fmt.Fprintf(p.stdout, "# %s\n%s", name, data)
}

func (p *program) stale(dir, name string) {
	fmt.Fprintf(p.stderr, "warning: %s/%s: is left from before, and the input no longer asks for it; remove it if no node is to read it\n", dir, name)
}
