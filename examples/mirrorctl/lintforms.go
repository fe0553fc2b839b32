package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// annotate prints findings as the commands of GitHub's workflows, which show them beside the lines:
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands.
func (p *program) annotate(c *linted, all bool) {
	commands := map[finding.Severity]string{
		finding.SeverityError: "error", finding.SeverityWarning: "warning", finding.SeverityInfo: "notice",
	}
	for _, g := range c.grouped(all) {
		f := g.Finding.Shown()
		text := g.message(len(c.platforms) > 1) + g.likewise()
		say := func(command string, at finding.Origin, text string) {
			fmt.Fprintf(p.stdout, "::%s %s::%s [%s]\n", command, annotated(at, f.Code),
				escapeData.Replace(text), f.Code)
		}
		say(commands[f.Severity], f.Origin, text)
		if f.Related.File != "" {
			say("notice", f.Related, "the other place: "+text)
		}
	}
}

var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// annotated returns the properties of an annotation.
func annotated(at finding.Origin, code finding.Code) string {
	var list []string
	if at.File != "" && at.File != "-" {
		list = append(list, "file="+escapeProperty.Replace(at.File))
	}
	if at.Line > 0 {
		list = append(list, fmt.Sprintf("line=%d", at.Line))
	}
	if at.Column > 0 {
		list = append(list, fmt.Sprintf("col=%d", at.Column))
	}
	return strings.Join(append(list, "title="+string(code)), ",")
}

// junit prints a report of one test case for each finding, of which those fail that make the exit code 1,
// or of one that passes where nothing was found.
func (c *linted) junit(w io.Writer) error {
	suite := junitSuite{Name: "mirrorctl lint"}
	for _, f := range facts(c.findings) {
		text := place(f.Origin) + f.message(len(c.platforms) > 1)
		one := junitCase{Class: cmp.Or(f.Origin.File, "mirrorctl"),
			Name: strings.TrimSpace(string(f.Code) + " " + f.Origin.String())}
		if failing(finding.Findings{f.Finding}, c.failOn == "warning") != nil {
			suite.Failures++
			one.Failure = &junitFailure{Message: string(f.Severity) + ": " + f.Message, Text: text}
		} else {
			one.Said = string(f.Severity) + ": " + text
		}
		suite.Cases = append(suite.Cases, one)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Class: "mirrorctl", Name: c.closing()}}
	}
	suite.Tests = len(suite.Cases)
	return encodeJUnit(w, suite)
}
