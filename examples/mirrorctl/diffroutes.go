package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// diffRoutes prints the classes of references that go another way in the second input, and reports
// whether there are any.
func (p *program) diffRoutes(platform finding.Platform, oldPath, newPath string, read *choice,
	out diffForm) (bool, error) {
	old, oldErr := p.readSource(platform, []string{oldPath}, nil, read)
	new, newErr := p.readSource(platform, []string{newPath}, nil, read)
	err := errors.Join(oldErr, newErr)
	if err == nil {
		err = errors.Join(old.aboutAll(read), new.aboutAll(read))
	}
	if err != nil {
		return false, err
	}
	changes := routes.Diff(old.routes(), new.routes())
	notShown := old.notShown()
	if notShown == nil {
		notShown = new.notShown()
	}
	if out.json {
		return len(changes) > 0, p.encode(struct {
			Platform finding.Platform `json:"platform"`
			Way      string           `json:"way,omitempty"`
			Changes  []jsonChange     `json:"changes"`
			Findings finding.Findings `json:"findings"`
		}{platform, resolve.Way(platform), jsonChanges(changes), append(finding.Findings{}, notShown...)})
	}
	p.showChanges(platform, changes)
	p.notedWay(platform)
	p.report(notShown)
	return len(changes) > 0, nil
}

type jsonChange struct {
	Pattern string   `json:"pattern"`
	By      string   `json:"by"`
	Example string   `json:"example"`
	Before  []string `json:"before"`
	After   []string `json:"after"`
	// BeforeOutcome and AfterOutcome say what policy.json refuses; its manifest is asked for at the
	// locations.
	BeforeOutcome resolve.Outcome `json:"beforeOutcome,omitempty"`
	AfterOutcome  resolve.Outcome `json:"afterOutcome,omitempty"`
	NewHosts      []string        `json:"newHosts,omitempty"`
	LostHosts     []string        `json:"lostHosts,omitempty"`
}

func jsonChanges(changes []routes.Change) []jsonChange {
	list := []jsonChange{}
	for _, c := range changes {
		list = append(list, jsonChange{Pattern: shown.Text(c.Pattern.String()), By: string(c.Kind),
			Example: shown.Value(c.After.Image),
			Before:  append([]string{}, asked(&c.Before)...), After: append([]string{}, asked(&c.After)...),
			BeforeOutcome: c.Before.Outcome, AfterOutcome: c.After.Outcome,
			NewHosts: c.NewHosts, LostHosts: c.LostHosts})
	}
	return list
}

func (p *program) showChanges(platform finding.Platform, changes []routes.Change) {
	if len(changes) == 0 {
		fmt.Fprintf(p.stdout, "no image goes another way on %s\n", platform)
		return
	}
	for _, c := range changes {
		what := "the order, or what is blocked, changes"
		switch {
		case c.Before.Outcome != c.After.Outcome && c.After.Outcome != "":
			what = "policy.json now refuses them"
		case c.Before.Outcome != c.After.Outcome:
			what = "policy.json no longer refuses them"
		case len(c.NewHosts) > 0:
			what = "now asks " + strings.Join(c.NewHosts, ", ")
		case len(c.LostHosts) > 0:
			what = "no longer asks " + strings.Join(c.LostHosts, ", ")
		}
		fmt.Fprintf(p.stdout, "%s by %s: %s\n", shown.Text(c.Pattern.String()), c.Kind, shown.Text(what))
		fmt.Fprintf(p.stdout, "    example  %s\n", shown.Value(c.After.Image))
		fmt.Fprintf(p.stdout, "    before   %s\n", way(&c.Before))
		fmt.Fprintf(p.stdout, "    after    %s\n", way(&c.After))
	}
	fmt.Fprintf(p.stdout, "%s of images %s another way on %s\n", counted(len(changes), "set"),
		map[bool]string{true: "goes", false: "go"}[len(changes) == 1], platform)
}

// asked are the locations that a plan fetches from; those of an image that policy.json refuses are
// asked for its manifest.
func asked(p *resolve.Plan) []string { return append(locations(p.Asked), locations(p.Pull)...) }

// way is where a plan leads, in one line.
func way(p *resolve.Plan) string {
	list := asked(p)
	if n := len(list); n > 5 {
		list = append(list[:4:4], fmt.Sprintf("and %d more", n-4))
	}
	text := strings.Join(list, ", ")
	switch {
	case text == "":
		return "nothing"
	case p.Outcome != "":
		return "refused by policy.json after its manifest was fetched from " + text
	}
	return text
}
