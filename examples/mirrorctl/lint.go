package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

func (p *program) lint(args []string) error {
	fs := p.flags("lint", "")
	files := inputFlag(fs, "manifests, or a node's own registries.conf or hosts.toml directory")
	var on, ignore, named, lists texts
	fs.Var(&on, "platform", "report what concerns these nodes: windows or linux; repeats; without it, both")
	asJSON := jsonFlags(fs, "{\"findings\": [...]}")
	fs.Var(&named, "require", "an `IMAGE` that has to be served by a mirror; repeats")
	fs.Var(&lists, "require-from", "a `FILE` of such images: one a line, a mapping SRC=DST, oc adm "+
		"release info --pullspecs, or manifests that name images; repeats")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	disconnected := fs.Bool("disconnected", false, "no source can be contacted at all")
	fs.Var(&ignore, "ignore", "leave out findings with this `CODE`; refusals stay; repeats")
	together := fs.Bool("together", false, "judge all directories as one cluster; without it, each "+
		"directory or kustomization is one")
	var client clientFlag
	fs.Var(&client, "client", "the `CLIENT` that reads a node's files: crio, podman or skopeo, containerd "+
		"or k3s, with @VERSION for one that is not the newest")
	var release string
	releaseFlag(fs, &release)
	failOn := fs.String("fail-on", "error", "the least severity that makes the exit code 1: error or warning")
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf(`%w: "%s" is not a flag; give manifests with -f`, errUsage, shown.Location(rest[0]))
	case *failOn != "error" && *failOn != "warning":
		return fmt.Errorf("%w: --fail-on %s: is to be error or warning", errUsage, shown.Location(*failOn))
	case len(on) == 0:
		on = texts{string(finding.Linux), string(finding.Windows)}
	}
	if err := checkPlatforms(on); err != nil {
		return err
	}
	require, ofLists, err := requireFrom(lists)
	if err != nil {
		return err
	}
	for _, name := range named {
		require = append(require, input.Image{Name: name})
	}
	findings, err := p.lintInput(*files, on, input.Client(client), *together,
		linter{hosts: hosts, require: require, disconnected: *disconnected, release: release})
	if err != nil {
		return err
	}
	findings = slices.DeleteFunc(append(ofLists, findings...), func(f finding.Finding) bool {
		return (!f.Refused() || f.RefusedBy == finding.Reader) && slices.Contains(ignore, string(f.Code))
	})
	if asJSON() {
		if err := p.encode(map[string]finding.Findings{
			"findings": append(finding.Findings{}, findings...)}); err != nil {
			return err
		}
	} else {
		p.report(findings)
	}
	return failing(findings, *failOn == "warning")
}

func checkPlatforms(names []string) error {
	for _, name := range names {
		if err := new(platform).Set(name); err != nil {
			return fmt.Errorf("%w: --platform %s: %w", errUsage, shown.Location(name), err)
		}
	}
	return nil
}

// failing returns errFailed where a finding makes the exit code 1.
func failing(findings finding.Findings, onWarnings bool) error {
	if slices.ContainsFunc(findings, func(f finding.Finding) bool {
		return f.Severity == finding.SeverityError || f.Severity == finding.SeverityWarning && onWarnings
	}) {
		return errFailed
	}
	return nil
}

// lintInput returns the findings of every cluster, and of every node, that the input holds.
func (p *program) lintInput(files, platforms []string, client input.Client, together bool,
	l linter) (finding.Findings, error) {
	in, err := p.read(files)
	if err != nil {
		return nil, err
	}
	findings := in.Findings()
	linux, containerd, more := in.Nodes(client)
	findings = append(findings, more...)
	for _, node := range linux {
		l.findings = nil
		if err := node.Findings.Err(); err == nil && len(l.require) > 0 {
			if err := l.images(node.Config().Table(node.Name), l.require); err != nil {
				return nil, fmt.Errorf("%w: %w", errUsage, err)
			}
		}
		findings = slices.Concat(findings, node.Findings, l.findings)
	}
	for _, node := range containerd {
		l.findings = nil
		if err := l.images(node.Tree.Table(node.Dir), l.require); err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		findings = slices.Concat(findings, node.Findings, l.findings)
	}
	clusters := in.Clusters(together)
	if len(clusters) == 0 {
		clusters = []input.Cluster{{Set: &mirrorset.Set{}}}
	}
	speaks := slices.ContainsFunc(clusters, func(c input.Cluster) bool { return c.Set.Speaks() })
	for _, c := range clusters {
		l := l
		if len(linux)+len(containerd) > 0 || speaks && !c.Set.Speaks() {
			l.require = nil // the images are held against those that say where pulls go
		}
		// What is refused is still looked at as far as it can be read: all that is wrong is said at
		// once.
		rules, err := c.Set.Rules()
		l.rules, l.findings = rules, append(c.Findings, refusals(err)...)
		l.findings = append(l.findings, concerningAny(platforms, releaseOf(rules, l.release))...)
		if err := l.lint(platforms); err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		findings = append(findings, l.findings...)
	}
	return slices.Compact(findings.Sort()), nil
}

// linter collects the findings of rules.
type linter struct {
	rules        *mirrorset.Rules
	hosts        []string
	require      []input.Image
	disconnected bool
	release      string             // --release-image
	policy       *policyjson.Policy // of Linux nodes
	findings     finding.Findings
}

// lint collects what concerns the platforms named. The error is that of an image that is none.
func (l *linter) lint(platforms []string) error {
	l.findings = append(l.findings, concerningAny(platforms, l.rules.Findings)...)
	if slices.Contains(platforms, string(finding.Linux)) {
		files, t, findings := registriesconf.Render(l.rules, registriesconf.RenderOptions{})
		l.findings = append(l.findings, findings...)
		under := l.rules
		l.findings = append(l.findings, files.Fills(t, l.rules.Rendered)...)
		if findings.Err() == nil {
			under = underMCO(under, files)
		}
		l.findings = append(l.findings, routes.UnderMCO(t, resolve.MCO(under))...)
		l.policy = files.Policies.Policy
		if err := l.images(t, l.require); err != nil {
			return err
		}
	}
	if slices.Contains(platforms, string(finding.Windows)) {
		_, t, findings := hoststoml.Render(l.rules, hoststoml.RenderOptions{Hosts: l.hosts})
		l.findings = append(l.findings, findings...)
		l.findings = append(l.findings, routes.UnderWMCO(t, resolve.WMCO(l.rules))...)
		images := l.require
		if (l.disconnected || mirrorsMicrosoft(l.rules)) &&
			!slices.ContainsFunc(images, func(i input.Image) bool { return i.Name == pauseImage }) {
			images = append(slices.Clone(images), input.Image{Name: pauseImage})
		}
		return l.images(t, images)
	}
	return nil
}

// concerningAny returns the findings that concern any of some platforms.
func concerningAny(platforms []string, findings finding.Findings) (kept finding.Findings) {
	for _, f := range findings {
		if f.Platform == "" || slices.Contains(platforms, string(f.Platform)) {
			kept = append(kept, f)
		}
	}
	return kept
}

// mirrorsMicrosoft reports whether any rule is about the registry of Windows' own images.
func mirrorsMicrosoft(rules *mirrorset.Rules) bool {
	return slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
		return r.Source == "mcr.microsoft.com" || strings.HasPrefix(r.Source, "mcr.microsoft.com/")
	})
}
