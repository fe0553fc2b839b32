package main

import (
	"regexp"
	"strings"
	"sync"

	"github.com/pullroute/pullroute/docs"
)

// codeLine matches where docs/findings.md has a code: in a heading, or in the first column of a table.
var codeLine = regexp.MustCompile("(?m)^(?:## ([a-z][a-z-]*)|\\| `([a-z-]+)` \\|.*)$")

// allCodes returns the code of every finding, as docs/findings.md has them.
var allCodes = sync.OnceValue(func() []string {
	var all []string
	_, sections, _ := strings.Cut(docs.Findings, "\n## ")
	for _, m := range codeLine.FindAllStringSubmatch("## "+sections, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
})
