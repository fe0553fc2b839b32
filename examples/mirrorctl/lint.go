package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func (p *program) lint(args []string) error {
	fs := p.flags("lint", "")
	files := inputFlag(fs, "manifests, or a node's own registries.conf or hosts.toml directory")
	var on, ignore, require, requireFrom texts
	fs.Var(&on, "platform", "report what concerns these nodes: windows or linux; repeats; without it, both")
	asJSON := fs.Bool("json", false, "print the findings as JSON, {\"findings\": [...]}")
	fs.Var(&require, "require", "an `IMAGE` that has to be served by a mirror; repeats")
	fs.Var(&requireFrom, "require-from", "a `FILE` of such images: one a line, or manifests with pod specs; repeats")
	var hosts texts
	fs.Var(&hosts, "host", "windows: a registry `HOST` that wildcard rules are to be expanded for; repeats")
	disconnected := fs.Bool("disconnected", false, "no source can be contacted at all")
	fs.Var(&ignore, "ignore", "leave out findings with this `CODE`; refusals stay; repeats")
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
	for _, name := range on {
		if err := new(platform).Set(name); err != nil {
			return fmt.Errorf("%w: --platform %s: %w", errUsage, shown.Location(name), err)
		}
	}
	for _, file := range requireFrom {
		images, err := readImages(file)
		if err != nil {
			return err
		}
		require = append(require, images...)
	}

	findings, err := p.lintInput(*files, on, linter{hosts: hosts, require: require, disconnected: *disconnected})
	if err != nil {
		return err
	}
	findings = slices.DeleteFunc(findings, func(f finding.Finding) bool {
		return !f.Refused() && slices.Contains(ignore, string(f.Code))
	})
	if *asJSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]finding.Findings{"findings": append(finding.Findings{}, findings...)}); err != nil {
			return err
		}
	} else {
		p.report(findings)
	}
	if slices.ContainsFunc(findings, func(f finding.Finding) bool {
		return f.Severity == finding.SeverityError || f.Severity == finding.SeverityWarning && *failOn == "warning"
	}) {
		return errFailed
	}
	return nil
}

// lintInput returns the findings of manifests, or of a node's own files.
func (p *program) lintInput(files, platforms []string, l linter) (finding.Findings, error) {
	if len(files) == 1 {
		if platform := nodePlatform(files[0]); platform != "" {
			s, err := readNodeFiles(platform, files[0])
			l.findings = refusals(err)
			if err != nil && l.findings == nil {
				return nil, err
			}
			if s != nil {
				l.findings = append(l.findings, s.findings...)
				if err := l.images(s, l.require); err != nil {
					return nil, fmt.Errorf("%w: %w", errUsage, err)
				}
			}
			return l.findings.Sort(), nil
		}
	}
	rules, err := p.readRules(files)
	l.rules, l.findings = rules, refusals(err)
	if err != nil && l.findings == nil {
		return nil, err
	}
	// What is refused is still looked at as far as it can be read: all that is wrong is said at once.
	if err := l.lint(platforms); err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return l.findings.Sort(), nil
}

// linter collects the findings of rules.
type linter struct {
	rules          *mirrorset.Rules
	hosts, require []string
	disconnected   bool
	findings       finding.Findings
}

// lint collects what concerns the platforms named. The error is that of an image that is none.
func (l *linter) lint(platforms []string) error {
	for _, f := range l.rules.Findings {
		if f.Platform == "" || slices.Contains(platforms, string(f.Platform)) {
			l.findings = append(l.findings, f)
		}
	}
	if slices.Contains(platforms, string(finding.Linux)) {
		_, t, findings := registriesconf.Render(l.rules, registriesconf.RenderOptions{})
		l.findings = append(l.findings, findings...)
		_, findings = policyjson.Render(l.rules, policyjson.RenderOptions{Registries: t})
		l.findings = append(l.findings, findings...)
		if err := l.images(t, l.require); err != nil {
			return err
		}
	}
	if slices.Contains(platforms, string(finding.Windows)) {
		_, t, findings := hoststoml.Render(l.rules, hoststoml.RenderOptions{Hosts: l.hosts})
		l.findings = append(l.findings, findings...)
		images := l.require
		if (l.disconnected || mirrorsMicrosoft(l.rules)) && !slices.Contains(images, pauseImage) {
			images = append(slices.Clone(images), pauseImage)
		}
		return l.images(t, images)
	}
	return nil
}

// mirrorsMicrosoft reports whether any rule is about the registry of Windows' own images.
func mirrorsMicrosoft(rules *mirrorset.Rules) bool {
	return slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
		return r.Source == "mcr.microsoft.com" || strings.HasPrefix(r.Source, "mcr.microsoft.com/")
	})
}
