package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// shownAttempts is how many attempts of a plan a text shows, so that a plan fits a screen.
const shownAttempts = 5

// labelled prints a line of a plan: what it is about, and behind that what there is to say.
func (p *program) labelled(label, format string, values ...any) {
	fmt.Fprintf(p.stdout, "  %-13s  %s\n", label, fmt.Sprintf(format, values...))
}

// show prints a plan to be read: first what becomes of the pull and which entries decide that, then
// what is asked in what order, and what the other platform does otherwise.
func (p *program) show(from *source, plan resolve.Plan, all bool) {
	kind := ""
	if len(plan.References) > 0 {
		kind = "     by tag"
		if r, err := resolve.ParseReference(plan.References[0]); err == nil && r.ByDigest() {
			kind = "     by digest"
		}
	}
	fmt.Fprintf(p.stdout, "%s     %s%s\n", plan.Image, plan.Platform, kind)
	v := verdictOf(from, plan)
	p.stdout.paint(v.colour)
	label := fmt.Sprintf("  %-13s", v.label)
	p.stdout.result([]byte(label))
	p.stdout.paint("\x1b[0m")
	fmt.Fprintf(p.stdout, "  %s\n", v.text)
	if plan.Platform == finding.Containerd {
		p.labelled("asked by", "the kubelet (CRI); ctr reads these files with --hosts-dir only")
	}
	for i, reference := range plan.References {
		if len(plan.References) > 1 || reference != plan.Image {
			p.labelled("taken for", "%s", reference)
		}
		p.decided(from, plan, i)
	}
	p.locations(plan, all)
	for _, s := range plan.Signatures {
		p.signature(s)
	}
	if len(plan.Pull) > 0 {
		p.failover(from.named, plan)
	}
	if v.mend != "" {
		p.labelled("to mend it", "%s", v.mend)
	}
	p.otherPlatform(from, plan)
}

// A verdict says in a word and a half-sentence what becomes of a pull, and what would mend it.
type verdict struct{ label, text, mend, colour string }

func verdictOf(from *source, plan resolve.Plan) verdict {
	red, yellow, green := colours[finding.SeverityError], colours[finding.SeverityWarning], "\x1b[32m"
	switch {
	case plan.Outcome == resolve.OutcomeRefused:
		return verdict{"REFUSED", "by policy.json, once the manifest is fetched from one of these", "", red}
	case len(plan.Pull) == 0:
		text, mend := whyNowhere(plan)
		return verdict{"CANNOT BE PULLED", " " + text, mend, red}
	case !hasMirror(plan):
		text, mend := whyNoMirror(from, plan)
		colour := green
		if mend != "" {
			colour = yellow
		}
		return verdict{"SOURCE ONLY", text, mend, colour}
	}
	return mirrored(plan)
}

// whyNowhere says why a pull has nowhere to go, and what would mend that.
func whyNowhere(plan resolve.Plan) (text, mend string) {
	for _, f := range plan.Findings {
		if f.Severity != finding.SeverityError {
			continue
		}
		text, mend, _ = strings.Cut(shown.Text(f.Message), "; ")
		if reason, ok := strings.CutPrefix(text, "cannot be pulled: "); ok {
			return reason, mend
		}
		return shown.Value(f.Value) + " " + text, mend
	}
	return "no location is asked", ""
}

// mirrored is the verdict on a pull that some mirror is asked for.
func mirrored(plan resolve.Plan) verdict {
	yellow, green := colours[finding.SeverityWarning], "\x1b[32m"
	tag, source := sourceIn(plan.Resolve), sourceIn(plan.Pull)
	switch {
	case tag >= 0 && len(plan.Resolve) == 1:
		return verdict{"SOURCE FIRST", "it alone is asked what the tag stands for; mirrors serve the image then", "",
			yellow}
	case source < 0 && tag >= 0:
		return verdict{"MIRRORS FIRST", fmt.Sprintf("the source is asked what the tag stands for, as number %d", tag+1), "",
			green}
	case source < 0:
		return verdict{"MIRRORS ONLY", "the source is never asked", "", green}
	case source == 0:
		return verdict{"SOURCE FIRST", "its mirrors are asked after it", "", yellow}
	case source == len(plan.Pull)-1:
		return verdict{"MIRRORS FIRST", "the source is asked when no mirror has the image", "", green}
	}
	return verdict{"MIRRORS FIRST", fmt.Sprintf("the source is asked as number %d, before all mirrors were", source+1),
		"", green}
}

// sourceIn is the place of the image's own location among attempts, -1 where it has none.
func sourceIn(attempts []resolve.Attempt) int {
	return slices.IndexFunc(attempts, func(a resolve.Attempt) bool { return a.Role == resolve.RoleSource })
}

// whyNoMirror says why a pull that the source serves alone asks no mirror, and what would have it ask one.
func whyNoMirror(from *source, plan resolve.Plan) (text, mend string) {
	if len(plan.References) != 1 {
		return "no rule has a mirror for it", ""
	}
	r, err := resolve.ParseReference(plan.References[0])
	if err != nil {
		return "no mirror is asked", "" // the plan says what is wrong with it
	}
	this, other, _ := kinds(r.ByDigest())
	for _, f := range reasons(from.rules, from.planner, plan) {
		if f.Code == codeRuleNotUsed && f.Severity == finding.SeverityWarning {
			_, mend, _ = strings.Cut(f.Message, "; ")
			return fmt.Sprintf("no mirror serves %ss: those of %s serve %ss", this, shown.Value(f.Value), other), mend
		}
	}
	if plan.Scopes[0] == "" {
		return "no rule applies", ""
	}
	return "no mirror of " + shown.Value(plan.Scopes[0]) + " can be asked", ""
}

// decided prints the entries that decide the i-th reference of a plan: the most specific one, and those
// that lose to it or, because containerd has one file for a registry, come with it.
func (p *program) decided(from *source, plan resolve.Plan, i int) {
	label := "decided by"
	say := func(scope, note string, origins []finding.Origin) {
		for _, o := range origins {
			p.labelled(label, "%s%s", named(o), note)
			label = ""
		}
		if len(origins) == 0 && scope != "" {
			p.labelled(label, "%s%s", shown.Value(scope), note)
			label = ""
		}
	}
	var matching []*mirrorset.Rule
	if from.rules != nil {
		matching, _ = resolve.Matching(from.rules, plan.References[i])
	}
	if len(matching) == 0 {
		say(plan.Scopes[i], "", from.origins(plan.Scopes[i]))
	}
	for n, rule := range matching {
		note := ", for " + shown.Value(rule.Source)
		if n > 0 && plan.Platform == finding.Linux {
			label, note = "not used", note+": less specific"
		} else if n > 0 {
			label, note = "joined by", note+": the registry has one file"
		}
		var origins []finding.Origin
		for _, e := range rule.Entries {
			origins = append(origins, e.Origin)
		}
		say(rule.Source, note, origins)
	}
}

// named is a field, and where it stands.
func named(o finding.Origin) string {
	text, place := o.String(), o.Place()
	if place == "" || o.Wrapper != "" || strings.Contains(text, o.File) {
		return text // which says where it is
	}
	return text + "   " + place
}

// locations prints what a plan asks, in order.
func (p *program) locations(plan resolve.Plan, all bool) {
	switch {
	case plan.Outcome == resolve.OutcomeRefused:
		p.attempts(plan, plan.Asked, all)
		for _, f := range plan.Findings {
			if f.Code == finding.CodeNoLocation {
				p.labelled("refused by", "%s", named(f.Origin))
			}
		}
	case len(plan.Resolve) == 0:
		p.attempts(plan, plan.Pull, all)
	case slices.EqualFunc(plan.Resolve, plan.Pull, func(a, b resolve.Attempt) bool {
		return a.Location == b.Location && a.Scheme == b.Scheme && a.ThenHTTP == b.ThenHTTP
	}):
		fmt.Fprintln(p.stdout, "  asked for the tag's digest, and then for the image by that digest:")
		p.attempts(plan, plan.Resolve, all)
	default:
		fmt.Fprintln(p.stdout, "  asked for the tag's digest:")
		p.attempts(plan, plan.Resolve, all)
		fmt.Fprintln(p.stdout, "  asked for the image by that digest:")
		p.attempts(plan, plan.Pull, all)
	}
}

// attempts prints the numbered attempts, each with the fields that name it.
func (p *program) attempts(plan resolve.Plan, attempts []resolve.Attempt, all bool) {
	left := 0
	if len(attempts) > shownAttempts+1 && !all {
		left, attempts = len(attempts)-shownAttempts, attempts[:shownAttempts]
	}
	width, how := 0, 0
	for _, a := range attempts {
		width, how = max(width, len(shown.Value(a.Location))), max(how, len(scheme(a)))
	}
	for i, a := range attempts {
		var why []string
		if ns := plan.Namespace(a); ns != "" {
			why = append(why, "told ns="+shown.Value(ns))
		}
		if len(a.Origins) > 0 {
			why = append(why, named(a.Origins[0]))
		}
		if n := len(a.Origins) - 1; n > 0 {
			why = append(why, counted(n, "other field"))
		}
		line := fmt.Sprintf("  %3d  %-8s  %-*s  %-*s  %s", i+1, a.Role, width, shown.Value(a.Location), how, scheme(a),
			strings.Join(why, "; "))
		fmt.Fprintln(p.stdout, strings.TrimRight(line, " "))
		if a.URL != "" {
			p.labelled("", "%s", shown.Request(a.URL))
		}
	}
	if left > 0 {
		p.labelled("", "and %d more (--all shows them)", left)
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

// signature prints what policy.json asks of an image.
func (p *program) signature(s resolve.Signature) {
	by := "the default of policy.json"
	if s.Scope != "" {
		by = "the scope " + shown.Value(s.Scope) + " of policy.json"
	}
	p.labelled("signed", "%s has to be signed (%s), by %s: %s", shown.Value(s.Reference), strings.Join(s.Types, ", "), by,
		s.Origin)
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
		p.labelled("layers", "the first location that has the manifest serves the whole image to %s: "+
			"where it fails for a layer, the pull fails", client)
	case resolve.ContainersImage542:
		p.labelled("layers", "a layer that the location of the manifest lacks (404 BLOB_UNKNOWN, 429, "+
			"5xx or a time-out) is asked of those after it by %s; older versions and CRI-O fail", client)
	}
}

// otherPlatform prints in a line where the other platform fetches an image from, where that differs.
func (p *program) otherPlatform(from *source, plan resolve.Plan) {
	if from.other == nil {
		return
	}
	other, err := from.other.Plan(plan.Image)
	if err != nil {
		p.labelled("elsewhere", "%v", err)
		return
	}
	other = from.policy.Apply(other)
	locations := func(attempts []resolve.Attempt) (all []string) {
		for _, a := range attempts {
			all = append(all, shown.Value(a.Location))
		}
		return all
	}
	asked := locations(other.Pull)
	if slices.Equal(locations(plan.Pull), asked) {
		return
	}
	on := "on " + string(other.Platform)
	if len(asked) == 0 {
		p.labelled(on, "it cannot be pulled")
		return
	}
	more := ""
	if n := len(asked) - shownAlike; n > 1 {
		asked, more = asked[:shownAlike], fmt.Sprintf(" and %d more", n)
	}
	p.labelled(on, "it is fetched from %s%s", strings.Join(asked, ", "), more)
}
