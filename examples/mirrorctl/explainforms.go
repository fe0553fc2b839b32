package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/clientlog"
	"github.com/pullroute/pullroute/internal/explain"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// showExplained prints what was explained, to be read.
func (p *program) showExplained(x *explainer, log *clientlog.Log) {
	for i, e := range x.pulls {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		p.showPull(e)
	}
	fmt.Fprintln(p.stdout)
	fmt.Fprintf(p.stdout, "lines: %d", log.Lines)
	if log.UTF16 {
		fmt.Fprint(p.stdout, ", in UTF-16")
	}
	if log.Beside > 0 {
		fmt.Fprintf(p.stdout, "; without a word of where an image was asked for: %d", log.Beside)
	}
	if len(log.Unknown) > 0 {
		fmt.Fprintf(p.stdout, "; not known: %d (%s)", len(log.Unknown), list(log.Unknown))
	}
	if x.left > 0 {
		fmt.Fprintf(p.stdout, "; pulls of a client of another platform: %d", x.left)
	}
	fmt.Fprintln(p.stdout)
	x.about = slices.DeleteFunc(x.about, func(f finding.Finding) bool { return f.Severity != finding.SeverityError })
	findings := slices.DeleteFunc(append(x.findings, x.about...), func(f finding.Finding) bool {
		return f.Severity == finding.SeverityInfo || f.Code == codeNodeDiffers || f.Code == codeSourceContacted // said above
	})
	p.report(slices.Compact(findings.Sort()))
}

// showPull prints one pull.
func (p *program) showPull(e explainedPull) {
	by := ""
	if e.client != "" {
		by = ", as " + string(e.client) + " tells"
	}
	if e.guessed {
		by += "; the log does not name the image, the locations do"
	}
	fmt.Fprintf(p.stdout, "%s on %s%s\n", shown.Value(e.Plan.Image), e.Plan.Platform, by)
	if e.Contacted > 0 {
		fmt.Fprintf(p.stdout, "  THE SOURCE WAS ASKED, which may not be contacted: line %d\n", e.Contacted)
	}
	switch {
	case e.Plan.Outcome == resolve.OutcomeRefused:
		fmt.Fprintln(p.stdout, "  policy.json refuses it, after the manifest was fetched from")
	case len(e.Attempts) == 0:
		fmt.Fprintln(p.stdout, "  by the plan it cannot be pulled, and no location is asked")
	}
	p.attemptsOf(e)
	for _, o := range e.Others {
		fmt.Fprintf(p.stdout, "    not in the plan: %s\n", other(o))
	}
	p.outcome(e)
}

// attemptsOf prints the attempts of the plan, under what they are for.
func (p *program) attemptsOf(e explainedPull) {
	for i, a := range e.Attempts {
		if a.Why == explain.Unresolved {
			fmt.Fprintln(p.stdout, "  nothing was fetched: "+a.Why)
			return
		}
		switch first := i == 0 || e.Attempts[i-1].Resolving; {
		case i == 0 && a.Resolving:
			fmt.Fprintln(p.stdout, "  what the tag stands for is asked of")
		case first && !a.Resolving && e.Plan.Outcome == "":
			fmt.Fprintln(p.stdout, "  the image is fetched from")
		}
		p.showAttempt(e, a, i)
	}
}

// showAttempt prints an attempt, with what to do.
func (p *program) showAttempt(e explainedPull, a explain.Attempt, i int) {
	if !a.Resolving {
		i -= len(e.Plan.Resolve)
	}
	fmt.Fprintf(p.stdout, "    %d. %-6s  %s: %s\n", i+1, a.Role, shown.Value(a.Location), wasAsked(a))
	for _, o := range a.Origins {
		fmt.Fprintf(p.stdout, "       by %s\n", withPlace(o))
	}
	if todo := a.Advice(e.on); todo != "" {
		fmt.Fprintf(p.stdout, "       to do: %s\n", todo)
	}
	if command := e.copyOf(a); command != "" {
		fmt.Fprintf(p.stdout, "       %s\n", command)
	}
}

// withPlace writes an origin with its file and line.
func withPlace(o finding.Origin) string {
	if at := o.Place(); at != "" {
		return o.String() + ", " + at
	}
	return o.String()
}

// wasAsked says whether a location was asked, and what it answered.
func wasAsked(a explain.Attempt) string {
	switch {
	case a.Answer.Class == clientlog.Blocked:
		return fmt.Sprintf("not asked: the client finds it blocked (line %d)", a.Told)
	case a.Asked == explain.No:
		return "not asked: " + shown.Text(a.Why)
	case a.Asked == explain.NotShown:
		return "the log does not show it"
	case a.Answer.Class == clientlog.None:
		return fmt.Sprintf("asked (line %d); the log does not say what it answered", a.Line)
	}
	object := ""
	if a.Object != "" && a.Answer.Class != clientlog.Served {
		object = ", of the " + string(a.Object)
	}
	lines := fmt.Sprintf("line %d", a.Told)
	if a.Answers > 1 {
		lines += fmt.Sprintf(", the last of %d answers", a.Answers)
	}
	return fmt.Sprintf("%s%s (%s)", says(a.Answer), object, lines)
}

// other says what was asked outside of the plan.
func other(o explain.Other) string {
	text := fmt.Sprintf("%s (line %d)", shown.Location(o.Location), o.Line)
	if o.Answer.Class != clientlog.None {
		text += ": " + says(o.Answer)
	}
	if o.Blob {
		text += "; a redirect, or the urls of a layer, may lead there"
	}
	return text
}

// outcome prints what became of the pull, and whether the node does what the plan says.
func (p *program) outcome(e explainedPull) {
	switch e.Ended.Class {
	case clientlog.Served:
		fmt.Fprintln(p.stdout, "  the pull ended well")
	case clientlog.PolicyRejected:
		fmt.Fprintln(p.stdout, "  policy.json of the node rejects the image, whatever location has it")
	case clientlog.NoHosts:
		fmt.Fprintln(p.stdout, "  containerd asked nobody: no host of its file may resolve or pull")
	case clientlog.None, clientlog.OtherFailure:
	default:
		from := ""
		switch {
		case e.Ended.Proxy:
			from = ", of the proxy"
		case e.Ended.Tokens != "":
			from = ", of " + shown.Location(e.Ended.Tokens) + ", which was asked for a token"
		}
		fmt.Fprintf(p.stdout, "  the pull ended with: %s%s\n", says(e.Ended), from)
	}
	if e.Blocked > 0 {
		fmt.Fprintf(p.stdout, "  the source is blocked (line %d), and so it is meant:\n", e.Blocked)
		for _, o := range e.blocked {
			fmt.Fprintf(p.stdout, "       by %s\n", withPlace(o))
		}
	}
	if e.Artifact > 0 {
		fmt.Fprintf(p.stdout, "  CRI-O tried the locations again for an OCI artifact; that (%d entries of the log) is "+
			"not counted\n", e.Artifact)
	}
	if e.Differs == nil && !e.Shown() {
		fmt.Fprintln(p.stdout, "  the log does not show which locations were asked")
		return
	} else if e.Differs == nil {
		fmt.Fprintln(p.stdout, "  nothing in the log contradicts the plan")
		return
	}
	fmt.Fprintf(p.stdout, "  line %d is the first where the node does not do what the plan says:\n", e.Differs.Line)
	fmt.Fprintf(p.stdout, "    %s\n    likely: %s\n", e.Differs.What, strings.TrimSpace(e.Differs.Likely))
}

// The JSON form.
type (
	explainDocument struct {
		Findings finding.Findings `json:"findings"`
		Attempts []attemptJSON    `json:"attempts"`
		Images   []imageJSON      `json:"images"`
		Lines    linesJSON        `json:"lines"`
	}
	attemptJSON struct {
		Image    string           `json:"image"`
		Platform finding.Platform `json:"platform"`
		Phase    string           `json:"phase"`
		Location string           `json:"location"`
		Role     resolve.Role     `json:"role"`
		Origin   string           `json:"origin,omitempty"`
		Place    string           `json:"place,omitempty"`
		Asked    explain.Asked    `json:"asked"`
		Why      string           `json:"why,omitempty"`
		Line     int              `json:"line,omitempty"`
		Answer   *answerJSON      `json:"answer,omitempty"`
		ToDo     string           `json:"toDo,omitempty"`
		Copy     string           `json:"copy,omitempty"`
	}
	answerJSON struct {
		Class  clientlog.Class  `json:"class"`
		Status int              `json:"status,omitempty"`
		Object clientlog.Object `json:"object,omitempty"`
		Line   int              `json:"line,omitempty"`
	}
	imageJSON struct {
		Image     string           `json:"image"`
		Platform  finding.Platform `json:"platform"`
		Client    clientlog.Client `json:"client,omitempty"`
		Ended     clientlog.Class  `json:"ended,omitempty"`
		Guessed   bool             `json:"guessed,omitempty"`
		Contacted int              `json:"sourceContacted,omitempty"`
		Blocked   int              `json:"sourceBlocked,omitempty"`
		BlockedBy []string         `json:"blockedBy,omitempty"`
		Differs   *differsJSON     `json:"differs,omitempty"`
		Others    []otherJSON      `json:"others,omitempty"`
		Artifact  int              `json:"artifactEntries,omitempty"`
	}
	differsJSON struct {
		Line   int    `json:"line"`
		What   string `json:"what"`
		Likely string `json:"likely"`
	}
	otherJSON struct {
		Location string      `json:"location"`
		Line     int         `json:"line"`
		Source   bool        `json:"source,omitempty"`
		Answer   *answerJSON `json:"answer,omitempty"`
	}
	linesJSON struct {
		Read    int   `json:"read"`
		Beside  int   `json:"beside"`
		Unknown []int `json:"unknown"`
	}
)

// document returns what was explained for programs.
func (x *explainer) document(log *clientlog.Log) explainDocument {
	d := explainDocument{Findings: slices.Compact(append(x.findings, x.about...).Sort()),
		Attempts: []attemptJSON{}, Images: []imageJSON{}, Lines: linesJSON{log.Lines, log.Beside, log.Unknown}}
	if d.Findings == nil {
		d.Findings = finding.Findings{}
	}
	if d.Lines.Unknown == nil {
		d.Lines.Unknown = []int{}
	}
	for _, e := range x.pulls {
		image := imageJSON{Image: shown.Value(e.Plan.Image), Platform: e.Plan.Platform, Client: e.client,
			Ended: e.Ended.Class, Guessed: e.guessed, Contacted: e.Contacted, Blocked: e.Blocked,
			Artifact: e.Artifact}
		if e.Blocked > 0 {
			for _, o := range e.blocked {
				image.BlockedBy = append(image.BlockedBy, withPlace(o))
			}
		}
		if e.Differs != nil {
			image.Differs = &differsJSON{e.Differs.Line, e.Differs.What, e.Differs.Likely}
		}
		for _, o := range e.Others {
			image.Others = append(image.Others,
				otherJSON{shown.Location(o.Location), o.Line, o.Source, answerOf(o.Answer, "", 0)})
		}
		d.Images = append(d.Images, image)
		for _, a := range e.Attempts {
			d.Attempts = append(d.Attempts, e.attempt(a))
		}
	}
	return d
}

func (e *explainedPull) attempt(a explain.Attempt) attemptJSON {
	out := attemptJSON{Image: shown.Value(e.Plan.Image), Platform: e.Plan.Platform, Phase: "pull",
		Location: shown.Value(a.Location), Role: a.Role, Asked: a.Asked, Why: shown.Text(a.Why), Line: a.Line,
		Answer: answerOf(a.Answer, a.Object, a.Told), ToDo: a.Advice(e.on), Copy: e.copyOf(a)}
	if a.Resolving {
		out.Phase = "resolve"
	}
	if len(a.Origins) > 0 {
		out.Origin, out.Place = a.Origins[0].String(), a.Origins[0].Place()
	}
	return out
}

// answerOf returns an answer for programs, nil where there is none.
func answerOf(a clientlog.Answer, object clientlog.Object, line int) *answerJSON {
	if a.Class == clientlog.None {
		return nil
	}
	return &answerJSON{a.Class, a.Status, object, line}
}
