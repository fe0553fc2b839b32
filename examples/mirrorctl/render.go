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
	"github.com/spf13/cobra"
)

// rendering are the flags of render.
type rendering struct {
	on                    *platform
	out, base, pullSecret string
	check                 bool
	hosts                 *texts
	read                  *choice
}

func (p *program) render() *cobra.Command {
	c := &cobra.Command{Use: "render", Short: "write the files that nodes read"}
	files := inputFlag(c, manifests)
	r := rendering{on: platformFlag(c, "the nodes to write for: "+nodes)}
	fs := c.Flags()
	fs.StringVar(&r.out, "out", "", "write the files below this `DIR`; without it they are printed")
	fs.BoolVar(&r.check, "check", false, "write nothing, say what would change below --out, and exit with 1 "+
		"where something would, and with 3 where the input is refused")
	fs.StringVar(&r.base, "base", "", "linux: the registries.conf `FILE` to edit; without it, the one that MCO "+
		"starts from")
	fs.StringVar(&r.pullSecret, "pull-secret", "", "windows and containerd: a pull `SECRET`, a .dockerconfigjson or the "+
		"manifest of one; its credentials are written as headers")
	r.hosts, r.read = hostsFlag(c), choiceFlags(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := r.mistake(args); err != nil {
			return err
		}
		err := p.runRender(&r, *files)
		if r.check && err != nil && !errors.Is(err, errFailed) {
			err = fmt.Errorf("%w: %w", errRefusedInput, err)
		}
		return err
	}
	return c
}

// mistake says which flags do not go together.
func (r *rendering) mistake(args []string) error {
	on := finding.Platform(*r.on)
	switch linux := on == finding.Linux; {
	case len(args) > 0:
		return noArguments(args)
	case *r.on == "":
		return errNoPlatform
	case r.check && r.out == "":
		return fmt.Errorf("%w: --check compares with the files below --out DIR, which is missing", errUsage)
	case r.base != "" && !linux:
		return fmt.Errorf("%w: --base is for --platform linux", errUsage)
	case r.read.release != "" && !linux:
		return fmt.Errorf("%w: --release-image is for --platform linux", errUsage)
	case r.pullSecret != "" && linux:
		return fmt.Errorf("%w: --pull-secret is for --platform windows and containerd; Linux nodes have it in a file "+
			"of their own, /var/lib/kubelet/config.json", errUsage)
	}
	return hostsFor(on, *r.hosts)
}

func (p *program) runRender(r *rendering, files []string) error {
	_, rules, findings, err := p.readRules(files, r.read)
	if err != nil {
		return err
	}
	p.report(findings)
	if *r.on == platform(finding.Linux) {
		return p.renderLinux(rules, r)
	}
	return p.renderContainerd(rules, r)
}

func (p *program) renderContainerd(rules *mirrorset.Rules, r *rendering) error {
	var secret hoststoml.PullSecret
	var findings finding.Findings
	if r.pullSecret != "" {
		data, err := os.ReadFile(r.pullSecret)
		if err != nil {
			// Without the name: who gives the secret itself is not to find it in a log.
			return fmt.Errorf("--pull-secret: the file cannot be read: %w", errors.Unwrap(err))
		}
		if secret, findings = hoststoml.ParsePullSecret(r.pullSecret, data); findings.Err() != nil {
			return findings.Err()
		}
	}
	on := finding.Platform(*r.on)
	tree, _, more := hoststoml.Render(rules, hoststoml.RenderOptions{Platform: on, Hosts: *r.hosts, PullSecret: secret})
	p.report(slices.Concat(findings.For(on), rules.Findings.For(on), more).Sort())
	switch {
	case r.out == "":
		p.printTree(tree)
		return nil
	case r.check:
		return p.checkTree(on, tree, r.out)
	}
	stale, err := tree.WriteFor(on, r.out)
	for _, name := range stale {
		p.stale(r.out, name)
	}
	return err // the other registries are written
}

func (p *program) renderLinux(rules *mirrorset.Rules, r *rendering) error {
	o := registriesconf.RenderOptions{BaseName: r.base}
	var findings finding.Findings
	if r.base != "" {
		data, err := os.ReadFile(r.base)
		if err != nil {
			return err
		}
		o.Base, findings = registriesconf.Parse(r.base, data)
		if err := findings.Err(); err != nil {
			return err
		}
	}
	files, table, more := registriesconf.Render(rules, o)
	if err := more.Err(); err != nil {
		return err
	}
	more = append(more, files.Fills(table, rules.Rendered)...)
	p.report(slices.Concat(findings, rules.Findings.For(finding.Linux), more).Sort())
	switch {
	case r.out == "":
		p.printFiles(files)
		return nil
	case r.check:
		return p.checkFiles(files, r.out)
	}
	stale, err := files.Write(r.out)
	for _, name := range stale {
		p.stale(r.out, name)
	}
	if len(files.Policies.Namespaces) > 0 {
		fmt.Fprintf(p.stderr, "note: CRI-O reads what is in %s/%s from %s\n", shown.Text(r.out),
			registriesconf.NamespacesBelow, policyjson.NamespacesDir)
	}
	return err
}

// printFiles shows the files of a Linux node.
func (p *program) printFiles(files registriesconf.Files) {
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
