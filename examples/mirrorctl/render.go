package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func (p *program) render(args []string) error {
	fs := p.flags("render", "")
	files := inputFlag(fs, manifests)
	var on platform
	fs.Var(&on, "platform", "the nodes to write for: windows or linux")
	out := fs.String("out", "", "write the files below this `DIR`; without it they are printed")
	base := fs.String("base", "", "linux: the registries.conf to edit; without it, the one that MCO starts from")
	pullSecret := fs.String("pull-secret", "", "windows: a pull `SECRET`, a .dockerconfigjson or the "+
		"manifest of one; its credentials are written as headers")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	read := choiceFlags(fs)
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf(`%w: "%s" is not a flag; give manifests with -f`, errUsage, shown.Location(rest[0]))
	case on == "":
		return fmt.Errorf("%w: --platform is missing; name windows or linux", errUsage)
	case *base != "" && on != platform(finding.Linux):
		return fmt.Errorf("%w: --base is for --platform linux", errUsage)
	case read.release != "" && on != platform(finding.Linux):
		return fmt.Errorf("%w: --release-image is for --platform linux", errUsage)
	case len(hosts) > 0 && on != platform(finding.Windows):
		return fmt.Errorf("%w: --host is for --platform windows", errUsage)
	case *pullSecret != "" && on != platform(finding.Windows):
		return fmt.Errorf("%w: --pull-secret is for --platform windows; Linux nodes have it in a file of "+
			"their own, /var/lib/kubelet/config.json", errUsage)
	}
	_, rules, findings, err := p.readRules(*files, read)
	if err != nil {
		return err
	}
	p.report(findings)
	if on == platform(finding.Linux) {
		return p.renderLinux(rules, *base, *out)
	}
	return p.renderWindows(rules, hosts, *pullSecret, *out)
}

func (p *program) renderWindows(rules *mirrorset.Rules, hosts []string, pullSecret, out string) error {
	var secret hoststoml.PullSecret
	var findings finding.Findings
	if pullSecret != "" {
		data, err := os.ReadFile(pullSecret)
		if err != nil {
			// Without the name: who gives the secret itself is not to find it in a log.
			return fmt.Errorf("--pull-secret: the file cannot be read: %w", errors.Unwrap(err))
		}
		if secret, findings = hoststoml.ParsePullSecret(pullSecret, data); findings.Err() != nil {
			return findings.Err()
		}
	}
	tree, _, more := hoststoml.Render(rules, hoststoml.RenderOptions{Hosts: hosts, PullSecret: secret})
	p.report(append(append(findings, concerning(finding.Windows, rules.Findings)...), more...).Sort())
	if out == "" {
		p.printTree(tree)
		return nil
	}
	stale, err := tree.Write(out)
	for _, name := range stale {
		p.stale(out, name)
	}
	return err // the other registries are written
}

func (p *program) renderLinux(rules *mirrorset.Rules, basePath, out string) error {
	o := registriesconf.RenderOptions{BaseName: basePath}
	var findings finding.Findings
	if basePath != "" {
		data, err := os.ReadFile(basePath)
		if err != nil {
			return err
		}
		o.Base, findings = registriesconf.Parse(basePath, data)
		if err := findings.Err(); err != nil {
			return err
		}
	}
	files, table, more := registriesconf.Render(rules, o)
	if err := more.Err(); err != nil {
		return err
	}
	more = append(more, files.Fills(table, rules.Rendered)...)
	p.report(append(append(findings, concerning(finding.Linux, rules.Findings)...), more...).Sort())
	if out == "" {
		hidden := p.print(0, registriesConf, files.Config.Bytes())
		if files.Search != nil {
			hidden = p.print(1, registriesconf.SearchDropIn, files.Search.Bytes()) || hidden
		}
		for _, file := range files.Policies.List() {
			fmt.Fprintf(p.stdout, "\n# %s\n%s\n", belowOut.Replace(file.Path),
				bytes.TrimSuffix(file.Data, []byte("\n")))
		}
		if hidden {
			p.noteHidden()
		}
		return nil
	}
	stale, err := files.Write(out)
	for _, name := range stale {
		p.stale(out, name)
	}
	if len(files.Policies.Namespaces) > 0 {
		fmt.Fprintf(p.stderr, "note: CRI-O reads what is in %s/%s from %s\n", shown.Text(out),
			registriesconf.NamespacesBelow, policyjson.NamespacesDir)
	}
	return err
}

// belowOut turns the path of a file on a node into the one below --out.
var belowOut = strings.NewReplacer(policyjson.Containers+"/", "", policyjson.NamespacesDir,
	registriesconf.NamespacesBelow)

const registriesConf = registriesconf.FileName

// printTree shows the files of a tree. Output ends up in logs and on screens: credentials are not in it.
func (p *program) printTree(tree hoststoml.Tree) {
	hidden, i := false, 0
	for _, rf := range tree {
		file := *rf.File
		file.Header = p.hide(file.Header, &hidden)
		file.Hosts = slices.Clone(file.Hosts)
		for j := range file.Hosts {
			file.Hosts[j].Header = p.hide(file.Hosts[j].Header, &hidden)
		}
		hidden = p.print(i, rf.Path(), file.Bytes()) || hidden
		i++
		for _, name := range slices.Sorted(maps.Keys(rf.Extra)) {
			p.print(i, path.Dir(rf.Path())+"/"+name, []byte(rf.Extra[name].Reveal())) // certificates of CAs
			i++
		}
	}
	if hidden {
		p.noteHidden()
	}
}

func (p *program) noteHidden() {
	fmt.Fprintln(p.stderr, "note: credentials are not printed; write the files with --out")
}

// hide returns a header without its values.
func (p *program) hide(h hoststoml.Header, hidden *bool) hoststoml.Header {
	without := hoststoml.Header{}
	for name := range h {
		without[name] = hoststoml.Secrets(shown.Redacted)
		*hidden = true
	}
	return without
}

// print shows a file under its name, and reports whether user information in it was left out.
func (p *program) print(i int, name string, data []byte) (hidden bool) {
	if i > 0 {
		fmt.Fprintln(p.stdout)
	}
	text := withoutUserInfo(data)
	fmt.Fprintf(p.stdout, "# %s\n%s", name, text)
	return !bytes.Equal(text, data)
}

func (p *program) stale(dir, name string) {
	fmt.Fprintf(p.stderr, "warning: %s/%s: is left from before, and the input no longer asks for it; "+
		"remove it if no node is to read it\n", shown.Text(dir), shown.Text(name))
}
