// Package pattern has regular expressions that are compiled when they are first asked. Of a program
// that reads one input most are never: compiled at the start, they take a part of its time that can
// be seen.
package pattern

import (
	"regexp"
	"sync"
)

// A Pattern is a regular expression. It may be used from any number of goroutines.
type Pattern struct{ compiled func() *regexp.Regexp }

// New returns the pattern of an expression, which is to be one that compiles: else its first use panics.
func New(expression string) Pattern {
	return Pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// Match reports whether a text holds a match.
func (p Pattern) Match(text []byte) bool { return p.compiled().Match(text) }

// MatchString reports whether a text holds a match.
func (p Pattern) MatchString(text string) bool { return p.compiled().MatchString(text) }

// CutPrefix returns a text without the match that it begins with, and whether it begins with one. The
// expression is to begin with ^.
func (p Pattern) CutPrefix(text string) (rest string, found bool) {
	if at := p.compiled().FindStringIndex(text); at != nil && at[0] == 0 {
		return text[at[1]:], true
	}
	return text, false
}

// Submatch returns the first group of the first match in a text, "" where there is none.
func (p Pattern) Submatch(text string) string {
	if m := p.compiled().FindStringSubmatch(text); len(m) > 1 {
		return m[1]
	}
	return ""
}
