package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve/routes"
)

// diffRoutes prints the classes of references that go another way in the second input.
func (p *program) diffRoutes(platform finding.Platform, oldPath, newPath string, read *choice, asJSON, exitCode bool) error {
	old, oldErr := p.readSource(platform, []string{oldPath}, nil, read)
	new, newErr := p.readSource(platform, []string{newPath}, nil, read)
	if err := errors.Join(oldErr, newErr); err != nil {
		if exitCode {
			err = fmt.Errorf("%w: %w", errRefusedInput, err)
		}
		return err
	}
	changes := routes.Diff(old.routes(), new.routes())
	notJudged := old.notJudged()
	if notJudged == nil {
		notJudged = new.notJudged()
	}
	if asJSON {
		if err := p.encode(struct {
			Platform finding.Platform `json:"platform"`
			Changes  []jsonChange     `json:"changes"`
			Findings finding.Findings `json:"findings"`
		}{platform, jsonChanges(changes), append(finding.Findings{}, notJudged...)}); err != nil {
			return err
		}
	} else {
		p.showChanges(platform, changes)
		p.report(notJudged)
	}
	if exitCode && len(changes) > 0 {
		return errFailed
	}
	return nil
}

type jsonChange struct {
	Pattern   string   `json:"pattern"`
	By        string   `json:"by"`
	Example   string   `json:"example"`
	Before    []string `json:"before"`
	After     []string `json:"after"`
	NewHosts  []string `json:"newHosts,omitempty"`
	LostHosts []string `json:"lostHosts,omitempty"`
}

func jsonChanges(changes []routes.Change) []jsonChange {
	list := []jsonChange{}
	for _, c := range changes {
		list = append(list, jsonChange{Pattern: shown.Text(c.Pattern.String()), By: string(c.Kind), Example: shown.Value(c.After.Image),
			Before: append([]string{}, locations(c.Before.Pull)...), After: append([]string{}, locations(c.After.Pull)...),
			NewHosts: c.NewHosts, LostHosts: c.LostHosts})
	}
	return list
}

func (p *program) showChanges(platform finding.Platform, changes []routes.Change) {
	if len(changes) == 0 {
		fmt.Fprintf(p.stdout, "no image with a registry goes another way on %s\n", platform)
		return
	}
	for _, c := range changes {
		what := "the order, or what is blocked, changes"
		switch {
		case len(c.NewHosts) > 0:
			what = "now asks " + strings.Join(c.NewHosts, ", ")
		case len(c.LostHosts) > 0:
			what = "no longer asks " + strings.Join(c.LostHosts, ", ")
		}
		fmt.Fprintf(p.stdout, "%s by %s: %s\n", shown.Text(c.Pattern.String()), c.Kind, shown.Text(what))
		fmt.Fprintf(p.stdout, "    example  %s\n", shown.Value(c.After.Image))
		fmt.Fprintf(p.stdout, "    before   %s\n", way(locations(c.Before.Pull)))
		fmt.Fprintf(p.stdout, "    after    %s\n", way(locations(c.After.Pull)))
	}
	fmt.Fprintf(p.stdout, "%s of images %s another way on %s\n", counted(len(changes), "set"), map[bool]string{true: "goes", false: "go"}[len(changes) == 1], platform)
}

// way is a list of locations in one line.
func way(locations []string) string {
	if len(locations) == 0 {
		return "nothing"
	}
	if n := len(locations); n > 5 {
		locations = append(locations[:4:4], fmt.Sprintf("and %d more", n-4))
	}
	return strings.Join(locations, ", ")
}
