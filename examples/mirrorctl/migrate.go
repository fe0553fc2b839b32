package main

import (
	"fmt"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/spf13/cobra"
)

func (p *program) migrateICSP() *cobra.Command {
	c := &cobra.Command{Use: "migrate-icsp", Short: "print ImageDigestMirrorSets for ImageContentSourcePolicies"}
	files := inputFlag(c, manifests)
	read := choiceFlags(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := noArguments(args); err != nil {
			return err
		}
		return p.runMigrateICSP(*files, read)
	}
	return c
}

func (p *program) runMigrateICSP(files []string, read *choice) error {
	set, rules, findings, err := p.readRules(files, read)
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
