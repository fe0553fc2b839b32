package main

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// The parts of a SARIF 2.1.0 log that code scanning reads (OASIS, sarif-v2.1.0, sections 3.13 to 3.58).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool `json:"executionSuccessful"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Short   sarifText `json:"shortDescription"`
		Full    sarifText `json:"fullDescription"`
		Help    sarifText `json:"help"`
		HelpURI string    `json:"helpUri"`
		Default struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
		Message  *sarifText     `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

const repository = "https://github.com/pullroute/pullroute"

// sarif returns findings as a SARIF log, each by itself.
func (c *linted) sarif() *sarifLog {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
		Invocations: []sarifInvocation{{ExecutionSuccessful: !c.unread}}}
	run.Tool.Driver = sarifDriver{Name: "mirrorctl", InformationURI: repository, Rules: []sarifRule{}}
	driver := &run.Tool.Driver
	for _, f := range c.findings {
		f = f.Shown()
		index := slices.IndexFunc(driver.Rules, func(r sarifRule) bool { return r.ID == string(f.Code) })
		if index < 0 {
			index = len(driver.Rules)
			driver.Rules = append(driver.Rules, sarifRuleOf(f))
		}
		one := fact{f, []finding.Platform{f.Platform}}
		result := sarifResult{RuleID: string(f.Code), RuleIndex: index, Level: sarifLevel(string(f.Severity)),
			Message: sarifText{one.message(len(c.platforms) > 1)}}
		if f.Origin.File == "" && len(c.given) > 0 {
			f.Origin.File = c.given[0] // GitHub shows no result that has no file
		}
		result.Locations = sarifLocations(f.Origin, "")
		result.Related = sarifLocations(f.Related, "the other place")
		run.Results = append(run.Results, result)
	}
	return &sarifLog{Version: "2.1.0", Runs: []sarifRun{run},
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"}
}

// sarifLevel is the level of a severity.
func sarifLevel(severity string) string {
	if severity == "info" {
		return "note"
	}
	return severity
}

// sarifRuleOf returns what docs/findings.md says of a code.
func sarifRuleOf(f finding.Finding) sarifRule {
	says := rules()[string(f.Code)]
	short, _, _ := strings.Cut(says.means, ". ")
	r := sarifRule{ID: string(f.Code), Short: sarifText{short}, Full: sarifText{says.means},
		Help: sarifText{says.means}, HelpURI: repository + "/blob/main/docs/findings.md#" + string(f.Code)}
	if says.todo != "" {
		r.Help.Text += "\n\nWhat to do: " + says.todo
	}
	r.Default.Level = sarifLevel(says.severity)
	if says.severity == "" {
		r.Default.Level = sarifLevel(string(f.Severity))
	}
	return r
}

// sarifLocations returns a place as a list of one, or of none.
func sarifLocations(o finding.Origin, message string) []sarifLocation {
	var l sarifLocation
	if o.File != "" {
		l.Physical = &sarifPhysical{}
		l.Physical.Artifact.URI = fileURI(o.File)
		if o.Line > 0 {
			l.Physical.Region = &sarifRegion{o.Line, o.Column}
		}
	}
	if o.Object != "" || o.Field != "" {
		named := o
		named.File = ""
		l.Logical = []sarifLogical{{named.String()}}
	}
	if l.Physical == nil && l.Logical == nil {
		return nil
	}
	if message != "" {
		l.Message = &sarifText{message}
	}
	return []sarifLocation{l}
}

// fileURI is the URI of a file; a relative one stays relative to where mirrorctl was called.
func fileURI(name string) string {
	if name == "-" {
		return "stdin"
	}
	u := url.URL{Path: name}
	if path.IsAbs(name) {
		u.Scheme = "file"
	}
	return u.String()
}
