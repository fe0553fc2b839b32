package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

func (p *program) resolve() *cobra.Command {
	c := &cobra.Command{Use: "resolve [IMAGE]...", Short: "say where images will be pulled from",
		ValidArgsFunction: cobra.NoFileCompletions}
	files := inputFlag(c, anyInput)
	on := platformFlag(c, "the nodes to answer for: "+nodes)
	out := formFlag(c, "an array, one object per image")
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	lists := imagesFlag(c)
	all := c.Flags().Bool("all", false, "show every attempt of a plan, not the first five")
	c.RunE = func(_ *cobra.Command, images []string) error {
		switch {
		case *on == "":
			return errNoPlatform
		case len(images)+len(*lists) == 0:
			return fmt.Errorf("%w: no image to resolve", errUsage)
		case len(*files) == 0:
			return errNoInput
		}
		if err := hostsFor(finding.Platform(*on), *hosts); err != nil {
			return err
		}
		listed, findings, err := requireFrom(*lists)
		if err != nil {
			return err
		}
		for _, image := range listed {
			images = append(images, image.Name)
		}
		from, err := p.readSource(finding.Platform(*on), *files, *hosts, read)
		if err != nil {
			p.ifMended(from, images, err)
			return err
		}
		from.beside = append(from.beside, findings...)
		return p.showPlans(from, images, out.name == "json", *all)
	}
	return c
}

// showPlans prints the plan of each image.
func (p *program) showPlans(from *source, images []string, asJSON, all bool) error {
	plans, err := from.plans(images)
	if err != nil {
		return err
	}
	if asJSON {
		for i := range plans {
			plans[i].Findings = slices.Concat(plans[i].Findings, from.about(plans[i]),
				reasons(from.rules, from.planner, plans[i]), from.beside).Sort()
		}
		return p.encode(plans)
	}
	findings := from.beside
	for i, plan := range plans {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		findings = slices.Concat(findings, plan.Findings, from.about(plan), reasons(from.rules, from.planner, plan))
		p.show(from, plan, all)
	}
	p.report(findings.Sort())
	return nil
}

// ifMended says what the plans would be if the objects had the apiVersion that their kind has: what
// else is refused leaves no doubt what was meant. It is no answer, and stands beside the refusal.
func (p *program) ifMended(from *source, images []string, err error) {
	refused := refusals(err)
	if from == nil || len(refused) == 0 || slices.ContainsFunc(refused,
		func(f finding.Finding) bool { return f.Code != finding.CodeWrongVersion }) {
		return
	}
	beside := *p
	beside.stdout = p.stderr
	fmt.Fprintln(p.stderr, "with the right apiVersion it would be:")
	for _, image := range images {
		if plan, err := from.Plan(image); err == nil {
			beside.show(from, from.policy.Apply(plan), false)
		}
	}
}

// plans returns the plan of each image, as policy.json judges it.
func (s *source) plans(images []string) ([]resolve.Plan, error) {
	plans := make([]resolve.Plan, len(images))
	for i, image := range images {
		plan, err := s.Plan(image)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		plan.Client = s.client
		differs, found := s.operator.Check(plan)
		plans[i] = s.policy.Apply(plan)
		plans[i].Findings = append(plans[i].Findings, s.namespaces.ForNamespaces(plan)...)
		if found {
			plans[i].Findings = append(plans[i].Findings, differs)
		}
	}
	return plans, nil
}

// about returns the findings of the input that concern a plan: those of the entries that govern it, of
// their objects as a whole, and of what might govern it and makes no rule.
func (s *source) about(plan resolve.Plan) finding.Findings {
	governing, objects := map[field]bool{}, map[field]bool{}
	for _, scope := range plan.Scopes {
		for _, o := range s.origins(scope) {
			governing[field{o.File, o.Object, o.Field}] = true
			objects[field{o.File, o.Object, ""}] = true
		}
	}
	ofObject := func(o finding.Origin) bool { return o.Field == "" && objects[field{o.File, o.Object, ""}] }
	var about finding.Findings
	for _, f := range s.findings.For(plan.Platform) {
		switch {
		case within(f.Origin, governing), ofObject(f.Origin), ofObject(f.Related), makesNoRule(f):
			about = append(about, f)
		case f.Code == finding.CodePayloadBlocked && slices.ContainsFunc(plan.References,
			func(r string) bool { return blocks(f.Value, r) }):
			about = append(about, f) // also where the scope has no entry because of it
		}
	}
	return about
}

// makesNoRule reports whether a finding is of something that has no entry, and might have had one for any
// image: an object that is only checked for, a file that the client does not read, or a field that the API
// server drops.
func makesNoRule(f finding.Finding) bool {
	return f.Code == finding.CodeNotCreated || f.Code == finding.CodeFileNotRead ||
		f.Code == finding.CodeUnknownField && !strings.Contains(f.Origin.Field, "[")
}

// blocks reports whether a reference is inside a blocked scope.
func blocks(scope, reference string) bool {
	if parent, wildcard := strings.CutPrefix(scope, "*"); wildcard {
		host, _, _ := strings.Cut(reference, "/")
		host, _, _ = strings.Cut(host, ":")
		return strings.HasSuffix(host, parent)
	}
	rest, ok := strings.CutPrefix(reference, scope)
	return ok && (rest == "" || strings.ContainsRune("/:@", rune(rest[0])))
}

// A field is one of an object of a file.
type field struct{ file, object, path string }

// within reports whether the field of a finding is one of these, or inside one.
func within(of finding.Origin, fields map[field]bool) bool {
	for path := of.Field; ; {
		if fields[field{of.File, of.Object, path}] {
			return true
		}
		if path == "" {
			return false
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}
