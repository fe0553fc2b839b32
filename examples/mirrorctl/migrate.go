package main

import (
	"fmt"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

func (p *program) migrateICSP(args []string) error {
	fs := p.flags("migrate-icsp", "")
	files := inputFlag(fs, manifests)
	read := choiceFlags(fs)
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf(`%w: "%s" is not a flag; give manifests with -f`, errUsage, shown.Location(rest[0]))
	}
	set, rules, findings, err := p.readRules(*files, read)
	if err != nil {
		return err
	}
	findings = append(findings, rules.Findings...)
	for i, m := range set.MigrateContentSourcePolicies() {
		if i > 0 {
			fmt.Fprintln(p.stdout, "---")
		}
		if err := p.stdout.result(m.YAML()); err != nil {
			return err
		}
		findings = append(findings, m.Findings...)
	}
	if len(set.ImageContentSourcePolicies) == 0 {
		findings = append(findings, finding.Finding{
			Code: finding.CodeNothingRead, Severity: finding.SeverityWarning,
			Message: "the input holds no ImageContentSourcePolicy, so there is nothing to migrate",
		})
	}
	p.report(findings.Sort())
	return nil
}
