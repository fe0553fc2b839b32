package main

import (
	"regexp"
	"strings"
	"sync"

	"github.com/pullroute/pullroute/docs"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// rule is what docs/findings.md says of a code.
type rule struct {
	severity, platform string
	means, todo        string
}

var (
	// ruleSection matches the heading of a code, its severity and platform, and the two texts.
	ruleSection = regexp.MustCompile(`(?m)^## ([a-z-]+)\n\n(error|warning|info)(?:, (linux|windows|containerd))? — (.+)\n\n` +
		`What to do: (.+)$`)
	// ruleRow matches the row of a code in a table, with or without a severity.
	ruleRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (?:(error|warning|info)[^|]*\\| )?([^|]+) \\|$")
)

// pageOfFindings holds the codes in the order of docs/findings.md, and what it says of each.
var pageOfFindings = sync.OnceValue(func() (page struct {
	codes []string
	rules map[string]rule
}) {
	page.rules = map[string]rule{}
	_, sections, _ := strings.Cut(docs.Findings, "\n## ")
	sections = "## " + sections
	add := func(code string, r rule) {
		page.codes = append(page.codes, code)
		page.rules[code] = r
	}
	for _, m := range ruleSection.FindAllStringSubmatch(sections, -1) {
		add(m[1], rule{severity: m[2], platform: m[3], means: m[4], todo: m[5]})
	}
	for _, m := range ruleRow.FindAllStringSubmatch(sections, -1) {
		add(m[1], rule{severity: m[2], means: m[3]})
	}
	return page
})

// allCodes returns the code of every finding.
func allCodes() []string { return pageOfFindings().codes }

// rules returns what there is to say of each code.
func rules() map[string]rule { return pageOfFindings().rules }

// concerns reports whether a code of a platform, as the page names it, is found with a platform.
func concerns(code string, p finding.Platform) bool {
	return code == string(p) || code == string(finding.Containerd) && p.ReadsHosts()
}
