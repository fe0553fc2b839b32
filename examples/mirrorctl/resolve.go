package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/spf13/cobra"
)

func (p *program) resolve() *cobra.Command {
	c := &cobra.Command{Use: "resolve [IMAGE]...", Short: "say where images will be pulled from",
		ValidArgsFunction: cobra.NoFileCompletions}
	files := inputFlag(c, anyInput)
	on := nodePlatformFlag(c)
	out := formFlag(c, "an array, one object per image")
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	lists := imagesFlag(c)
	c.RunE = func(_ *cobra.Command, images []string) error {
		switch {
		case *on == "":
			return errNoPlatform
		case len(images)+len(*lists) == 0:
			return fmt.Errorf("%w: no image to resolve", errUsage)
		case len(*files) == 0:
			return errNoInput
		case len(*hosts) > 0 && on.files() != finding.Windows:
			return fmt.Errorf("%w: --host is for --platform windows or containerd", errUsage)
		}
		listed, findings, err := requireFrom(*lists)
		if err != nil {
			return err
		}
		for _, image := range listed {
			images = append(images, image.Name)
		}
		from, err := p.readSource(on.files(), *files, *hosts, read)
		if err != nil {
			p.ifMended(from, images, err)
			return err
		}
		from.beside = append(from.beside, findings...)
		return p.showPlans(from, *on, images, out.name == "json")
	}
	return c
}

// showPlans prints the plan of each image.
func (p *program) showPlans(from *source, on nodePlatform, images []string, asJSON bool) error {
	plans, err := from.plans(images)
	if err != nil {
		return err
	}
	if asJSON {
		for i := range plans {
			plans[i].Findings = slices.Concat(plans[i].Findings, from.about(plans[i]),
				reasons(from.rules, from.planner, plans[i]), from.beside).Sort()
		}
		on.plans(plans)
		return p.encode(plans)
	}
	findings := from.beside
	for i, plan := range plans {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		findings = slices.Concat(findings, plan.Findings, from.about(plan), reasons(from.rules, from.planner, plan))
		on.plans(plans[i : i+1])
		p.show(from, plans[i])
	}
	p.report(slices.Compact(on.findings(findings).Sort()))
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
			beside.show(from, from.policy.Apply(plan))
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
		if found {
			plans[i].Findings = append(plans[i].Findings, differs)
		}
	}
	return plans, nil
}

// about returns the findings of the input that concern a plan: those of the entries that govern it, and
// those of no entry at all.
func (s *source) about(plan resolve.Plan) finding.Findings {
	governing := map[field]bool{}
	for _, scope := range plan.Scopes {
		for _, o := range s.origins(scope) {
			governing[field{o.File, o.Object, o.Field}] = true
		}
	}
	var about finding.Findings
	for _, f := range concerning(plan.Platform, s.findings) {
		switch {
		case within(f.Origin, governing):
			about = append(about, f)
		case f.Code == finding.CodePayloadBlocked && slices.ContainsFunc(plan.References,
			func(r string) bool { return blocks(f.Value, r) }):
			about = append(about, f) // also where the scope has no entry because of it
		}
	}
	return about
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

// show prints a plan to be read: what governs it, what is asked in what order and why, and what the
// other platform does otherwise.
func (p *program) show(from *source, plan resolve.Plan) {
	fmt.Fprintf(p.stdout, "%s on %s\n", plan.Image, plan.Platform)
	p.way(plan.Platform)
	for i, reference := range plan.References {
		by := "no rule applies"
		if plan.Scopes[i] != "" {
			by = "governed by " + shown.Value(plan.Scopes[i])
		}
		fmt.Fprintf(p.stdout, "  as %s: %s\n", reference, by)
		p.rules(from, plan.Platform, reference)
	}
	switch {
	case plan.Outcome == resolve.OutcomeRefused:
		fmt.Fprintln(p.stdout, "  cannot be pulled: policy.json refuses it, after the manifest was fetched from")
		p.attempts(plan, plan.Asked)
	case len(plan.Pull) == 0:
		fmt.Fprintln(p.stdout, "  cannot be pulled")
	case len(plan.Resolve) > 0:
		fmt.Fprintln(p.stdout, "  what the tag stands for is asked of")
		p.attempts(plan, plan.Resolve)
		fmt.Fprintln(p.stdout, "  the image is then fetched, by digest, from")
		p.attempts(plan, plan.Pull)
	default:
		fmt.Fprintln(p.stdout, "  the image is fetched from")
		p.attempts(plan, plan.Pull)
	}
	for _, s := range plan.Signatures {
		p.signature(s)
	}
	if len(plan.Pull) > 0 {
		p.source(plan)
		p.failover(from.named, plan)
	}
	p.otherPlatform(from, plan)
}

// signature prints what policy.json asks of an image.
func (p *program) signature(s resolve.Signature) {
	by := "the default of policy.json"
	if s.Scope != "" {
		by = "the scope " + shown.Value(s.Scope) + " of policy.json"
	}
	fmt.Fprintf(p.stdout, "  %s has to be signed (%s), by %s: %s\n", shown.Value(s.Reference),
		strings.Join(s.Types, ", "), by, s.Origin)
}

// rules prints the rules that match a reference: the most specific one, and those that lose to it.
func (p *program) rules(from *source, platform finding.Platform, reference string) {
	if from.rules == nil {
		return
	}
	matching, err := resolve.Matching(from.rules, reference)
	if err != nil {
		return // the plan told already
	}
	for i, rule := range matching {
		what := "the most specific rule"
		if i > 0 && platform == finding.Linux {
			what = "less specific, not used"
		} else if i > 0 {
			what = "less specific, used all the same for the registry is one file"
		}
		var objects []string
		for _, e := range rule.Entries {
			objects = append(objects, e.Origin.String())
		}
		fmt.Fprintf(p.stdout, "    %s by %s: %s (%s)\n", rule.Source, rule.Pull, what, strings.Join(objects, "; "))
	}
}

// source says when the image's own location is asked.
func (p *program) source(plan resolve.Plan) {
	i := slices.IndexFunc(plan.Pull, func(a resolve.Attempt) bool { return a.Role == resolve.RoleSource })
	switch {
	case i < 0:
		fmt.Fprintln(p.stdout, "  the source is never asked")
	case i == 0:
	case i == len(plan.Pull)-1:
		fmt.Fprintln(p.stdout, "  the source is asked when no mirror has the image")
	default:
		fmt.Fprintf(p.stdout, "  the source is asked as number %d, before all mirrors were\n", i+1)
	}
}

// failover says what the client that was chosen does where a location has the manifest and fails for a
// blob: that is where versions part. For the manifest all of them ask every location, and containerd
// does so for everything.
func (p *program) failover(client string, plan resolve.Plan) {
	if client == "" || len(plan.Pull) < 2 {
		return
	}
	switch plan.Client {
	case resolve.ContainersImage538:
		fmt.Fprintf(p.stdout, "  the first location that has the manifest serves the whole image to %s: "+
			"where it fails for a layer, the pull fails\n", client)
	case resolve.ContainersImage542:
		fmt.Fprintf(p.stdout, "  a layer that the location of the manifest lacks (404 BLOB_UNKNOWN, 429, "+
			"5xx or a time-out) is asked of those after it by %s; older versions and CRI-O fail\n", client)
	}
}

// otherPlatform prints where the other platform fetches an image from, where that differs.
func (p *program) otherPlatform(from *source, plan resolve.Plan) {
	if from.other == nil {
		return
	}
	other, err := from.other.Plan(plan.Image)
	if err != nil {
		fmt.Fprintf(p.stdout, "  on the other platform: %v\n", err)
		return
	}
	other = from.policy.Apply(other)
	locations := func(attempts []resolve.Attempt) (all []string) {
		for _, a := range attempts {
			all = append(all, shown.Value(a.Location))
		}
		return all
	}
	if slices.Equal(locations(plan.Pull), locations(other.Pull)) {
		return
	}
	if len(other.Pull) == 0 {
		fmt.Fprintf(p.stdout, "  on %s it cannot be pulled\n", other.Platform)
		return
	}
	fmt.Fprintf(p.stdout, "  on %s it is fetched from %s\n", other.Platform, strings.Join(locations(other.Pull), ", "))
}

// attempts prints the numbered attempts, each with the fields that name it.
func (p *program) attempts(plan resolve.Plan, attempts []resolve.Attempt) {
	width, how := 0, 0
	for _, a := range attempts {
		width, how = max(width, len(a.Location)), max(how, len(scheme(a)))
	}
	for i, a := range attempts {
		var why []string
		if ns := plan.Namespace(a); ns != "" {
			why = append(why, "told ns="+shown.Value(ns))
		}
		for _, o := range a.Origins {
			why = append(why, o.String())
		}
		line := fmt.Sprintf("    %d. %-6s  %-*s  %-*s  %s", i+1, a.Role, width, shown.Value(a.Location), how, scheme(a),
			strings.Join(why, "; "))
		fmt.Fprintln(p.stdout, strings.TrimRight(line, " "))
		if a.URL != "" {
			fmt.Fprintf(p.stdout, "       %s\n", shown.Request(a.URL))
		}
	}
}

// scheme says how a location is asked.
func scheme(a resolve.Attempt) string {
	switch {
	case a.ThenHTTP:
		return "https, then http"
	case a.Insecure && a.Scheme == "https":
		return "https, unverified"
	}
	return a.Scheme
}
