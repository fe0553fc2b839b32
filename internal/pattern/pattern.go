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
