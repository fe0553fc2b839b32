package main

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pullroute/pullroute/internal/input"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
	"github.com/spf13/cobra"
)

// errRefusedInput ends a command whose input was refused, where exit code 1 has another meaning.
var errRefusedInput = errors.New("the input is refused")

func (p *program) assert() *cobra.Command {
	c := &cobra.Command{Use: "assert FILE...",
		Short: "say whether statements about all images hold, with a counterexample where not",
		Long:  "Each FILE is a YAML list of statements about images, such as \"- never: quay.io\"."}
	files := inputFlag(c, anyInput)
	on := platformFlag(c, "the nodes to answer for: "+nodes+"; linux and windows where it is not "+
		"given and the input is manifests")
	out := formFlag(c, "one object", "junit")
	hosts := hostsFlag(c)
	read := choiceFlags(c)
	c.RunE = func(_ *cobra.Command, paths []string) error {
		switch {
		case len(paths) == 0:
			return fmt.Errorf("%w: no file with statements", errUsage)
		case len(*files) == 0:
			return errNoInput
		}
		statements, err := readStatements(paths)
		if err != nil {
			return fmt.Errorf("%w: %w", errRefusedInput, err)
		}
		linux, windows, err := p.bothRoutes(finding.Platform(*on), *files, *hosts, read)
		if err != nil {
			return fmt.Errorf("%w: %w", errRefusedInput, err)
		}
		return p.judge(routes.Check(statements, linux, windows), out.name)
	}
	return c
}

func readStatements(paths []string) ([]routes.Statement, error) {
	var statements []routes.Statement
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		more, err := routes.ParseStatements(path, data)
		if err != nil {
			return nil, err
		}
		statements = append(statements, more...)
	}
	return statements, nil
}

// judge prints verdicts, and returns errFailed where a statement does not hold.
func (p *program) judge(verdicts []routes.Verdict, form string) (err error) {
	failed := 0
	for _, v := range verdicts {
		if !v.Holds {
			failed++
		}
	}
	switch form {
	case "json":
		err = p.encodeVerdicts(verdicts)
	case "junit":
		err = writeJUnit(p.stdout, verdicts)
	default:
		p.showVerdicts(verdicts)
		fmt.Fprintf(p.stdout, "%s: %d hold, %d do not\n", counted(len(verdicts), "verdict"),
			len(verdicts)-failed, failed)
	}
	if err == nil && failed > 0 {
		err = errFailed
	}
	return err
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bothRoutes reads the input for one platform, or for both where none is given.
func (p *program) bothRoutes(on finding.Platform, files, hosts []string, read *choice) (
	linux, windows *routes.Routes, err error) {
	in, err := p.read(files)
	if err != nil {
		return nil, nil, err
	}
	from, err := sourceOf(in, cmp.Or(on, finding.Linux), hosts, read)
	if other := new(input.PlatformError); on == "" && errors.As(err, &other) {
		from, err = sourceOf(in, other.Platform, hosts, read)
	}
	if err == nil {
		err = from.aboutAll(read)
	}
	if err != nil {
		return nil, nil, err
	}
	p.report(from.notShown())
	p.notedWay(on)
	tables := []planner{from.planner}
	if on == "" && from.other != nil {
		tables = append(tables, from.other)
	}
	for _, table := range tables {
		if _, ok := table.(*resolve.LinuxTable); ok {
			linux = from.routesOf(table)
		} else {
			windows = from.routesOf(table)
		}
	}
	return linux, windows, nil
}

// showVerdicts prints what holds, and for what does not the smallest counterexample, where it leads
// and why.
func (p *program) showVerdicts(verdicts []routes.Verdict) {
	for _, v := range verdicts {
		word := "holds"
		if v.Empty {
			word = "EMPTY"
		} else if !v.Holds {
			word = "FAILS"
		}
		platform := string(v.Platform)
		if platform == "" {
			platform = "both"
		}
		fmt.Fprintf(p.stdout, "%s  %-7s  %s\n", word, platform, shown.Text(v.Statement.String()))
		for _, line := range explained(v) {
			fmt.Fprintf(p.stdout, "    %s\n", line)
		}
	}
}

// explained is what stands below a verdict, a line each.
func explained(v routes.Verdict) (lines []string) {
	if v.Empty {
		lines = append(lines, "says nothing: no reference reaches this scope, or nothing in the input speaks of it")
	}
	if c := v.Counterexample; c != nil {
		lines = append(lines, shown.Text(fmt.Sprintf("%s %s", c.Reference, c.Why)))
		for _, plan := range []resolve.Plan{c.Plan, c.Other} {
			if plan.Platform == "" {
				continue
			}
			fetched := "fetched from "
			if plan.Outcome != "" {
				fetched = ""
			}
			lines = append(lines, shown.Text(fmt.Sprintf("on %s it is %s%s", plan.Platform, fetched, way(&plan))))
		}
		for _, o := range c.Origins {
			lines = append(lines, "by "+o.String())
		}
	}
	for _, note := range v.Notes {
		lines = append(lines, "note: "+shown.Text(note))
	}
	return lines
}

type jsonVerdict struct {
	Statement      string           `json:"statement"`
	Line           int              `json:"line,omitempty"`
	Platform       finding.Platform `json:"platform,omitempty"`
	Way            string           `json:"way,omitempty"`
	Holds          bool             `json:"holds"`
	Empty          bool             `json:"empty"`
	Counterexample *jsonExample     `json:"counterexample,omitempty"`
	Notes          []string         `json:"notes,omitempty"`
}

type jsonExample struct {
	Reference string   `json:"reference"`
	Why       string   `json:"why"`
	Locations []string `json:"locations"`
	Other     []string `json:"otherLocations,omitempty"`
	// Asked are asked for the manifest of an image that policy.json refuses.
	Asked   []string `json:"asked,omitempty"`
	Origins []string `json:"origins,omitempty"`
}

func (p *program) encodeVerdicts(verdicts []routes.Verdict) error {
	list := []jsonVerdict{}
	for _, v := range verdicts {
		j := jsonVerdict{Statement: shown.Text(v.Statement.String()), Line: v.Statement.Line,
			Platform: v.Platform, Way: resolve.Way(v.Platform), Holds: v.Holds, Empty: v.Empty, Notes: v.Notes}
		if c := v.Counterexample; c != nil {
			j.Counterexample = &jsonExample{Reference: shown.Value(c.Reference), Why: shown.Text(c.Why),
				Locations: append([]string{}, locations(c.Plan.Pull)...), Other: locations(c.Other.Pull),
				Asked: locations(c.Plan.Asked)}
			for _, o := range c.Origins {
				j.Counterexample.Origins = append(j.Counterexample.Origins, o.String())
			}
		}
		list = append(list, j)
	}
	return p.encode(struct {
		Assertions []jsonVerdict    `json:"assertions"`
		Findings   finding.Findings `json:"findings"`
	}{list, finding.Findings{}})
}

func locations(attempts []resolve.Attempt) (list []string) {
	for _, a := range attempts {
		list = append(list, shown.Value(a.Location))
	}
	return list
}

// The elements of JUnit's reports that CI systems read.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Said    string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, verdicts []routes.Verdict) error {
	suite := junitSuite{Name: "mirrorctl assert", Tests: len(verdicts)}
	for _, v := range verdicts {
		class := string(v.Platform)
		if class == "" {
			class = "both"
		}
		one := junitCase{Class: class, Name: v.Statement.String()}
		if lines := explained(v); !v.Holds {
			suite.Failures++
			one.Failure = &junitFailure{Message: lines[0], Text: strings.Join(lines, "\n")}
		}
		suite.Cases = append(suite.Cases, one)
	}
	return encodeJUnit(w, suite)
}

func encodeJUnit(w io.Writer, suite junitSuite) error {
	io.WriteString(w, xml.Header)
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
