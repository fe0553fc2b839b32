package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// pauseImage is the image of every Windows pod's sandbox: without it no pod starts.
const pauseImage = "mcr.microsoft.com/oss/kubernetes/pause:3.9"

func (p *program) lint(args []string) error {
	fs := p.flags("lint", "")
	files := inputFlag(fs, manifests)
	var on, ignore, require, requireFrom texts
	fs.Var(&on, "platform", "report what concerns these nodes: windows or linux; repeats; without it, both")
	asJSON := fs.Bool("json", false, "print the findings as JSON, {\"findings\": [...]}")
	fs.Var(&require, "require", "an `IMAGE` that has to be served by a mirror; repeats")
	fs.Var(&requireFrom, "require-from", "a `FILE` of such images, one a line; repeats")
	disconnected := fs.Bool("disconnected", false, "no source can be contacted at all")
	fs.Var(&ignore, "ignore", "leave out findings with this `CODE`; refusals stay; repeats")
	failOn := fs.String("fail-on", "error", "the least severity that makes the exit code 1: error or warning")
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf("%w: %q is not a flag; give manifests with -f", errUsage, rest[0])
	case *failOn != "error" && *failOn != "warning":
		return fmt.Errorf("%w: --fail-on %s: is to be error or warning", errUsage, *failOn)
	case len(on) == 0:
		on = texts{string(mirrorset.Linux), string(mirrorset.Windows)}
	}
	for _, name := range on {
		if err := new(platform).Set(name); err != nil {
			return fmt.Errorf("%w: --platform %s: %w", errUsage, name, err)
		}
	}
	for _, file := range requireFrom {
		images, err := readImages(file)
		if err != nil {
			return err
		}
		require = append(require, images...)
	}

	rules, err := p.readRules(*files)
	findings := refusals(err)
	if err != nil && findings == nil {
		return err
	}
	if err == nil {
		findings, err = lintRules(rules, on, require, *disconnected)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	findings = slices.DeleteFunc(findings, func(f mirrorset.Finding) bool {
		return !f.Refused() && slices.Contains(ignore, string(f.Code))
	})
	if *asJSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]mirrorset.Findings{"findings": append(mirrorset.Findings{}, findings...)}); err != nil {
			return err
		}
	} else {
		p.report(findings)
	}
	if slices.ContainsFunc(findings, func(f mirrorset.Finding) bool {
		return f.Severity == mirrorset.SeverityError || f.Severity == mirrorset.SeverityWarning && *failOn == "warning"
	}) {
		return errFailed
	}
	return nil
}

// lintRules returns the findings of rules that are not refused, for the platforms named.
func lintRules(rules *mirrorset.Rules, platforms, require []string, disconnected bool) (mirrorset.Findings, error) {
	findings := slices.DeleteFunc(slices.Clone(rules.Findings), func(f mirrorset.Finding) bool {
		return f.Platform != "" && !slices.Contains(platforms, string(f.Platform))
	})
	for _, name := range platforms {
		images := require
		var table planner
		if mirrorset.Platform(name) == mirrorset.Linux {
			t := resolve.NewImageTable(rules)
			findings = append(findings, t.Findings...)
			table = t
		} else {
			t := resolve.NewRegistryTable(rules)
			findings = append(findings, t.Findings...)
			table = t
			if disconnected || mirrorsMicrosoft(rules) {
				images = append(slices.Clone(images), pauseImage)
			}
		}
		for _, image := range images {
			plan, err := table.Plan(image)
			if err != nil {
				return nil, err
			}
			findings = append(findings, plan.Findings...)
			if len(plan.Pull) > 0 && !slices.ContainsFunc(plan.Pull, func(a resolve.Attempt) bool { return a.Role == resolve.RoleMirror }) {
				findings = append(findings, notMirrored(plan, disconnected))
			}
			if disconnected && len(plan.Resolve) > 0 && plan.Resolve[0].Role == resolve.RoleSource && len(plan.Resolve) == 1 {
				findings = append(findings, mirrorset.Finding{
					Code: mirrorset.CodeNotMirrored, Severity: mirrorset.SeverityError, Platform: plan.Platform, Value: image,
					Message: "cannot be pulled while its source is out of reach: only the source may say what its tag stands for; add an ImageTagMirrorSet, or pull by digest",
				})
			}
		}
	}
	return findings.Sort(), nil
}

func notMirrored(plan resolve.Plan, disconnected bool) mirrorset.Finding {
	message := "is required, and no mirror serves it: it is pulled from its source"
	if disconnected {
		message += ", which is out of reach"
	}
	return mirrorset.Finding{
		Code: mirrorset.CodeNotMirrored, Severity: mirrorset.SeverityError, Platform: plan.Platform, Value: plan.Image,
		Message: message + "; add a rule for it",
	}
}

// mirrorsMicrosoft reports whether any rule is about the registry of Windows' own images.
func mirrorsMicrosoft(rules *mirrorset.Rules) bool {
	return slices.ContainsFunc(rules.Rules, func(r mirrorset.Rule) bool {
		return r.Source == "mcr.microsoft.com" || strings.HasPrefix(r.Source, "mcr.microsoft.com/")
	})
}

// readImages reads a file of images, one a line; empty lines and those that begin with # do not count.
func readImages(path string) (images []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			images = append(images, line)
		}
	}
	return images, s.Err()
}
