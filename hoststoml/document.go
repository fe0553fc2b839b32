package hoststoml

import (
	"bytes"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A document is what a file says beyond its values: the order and the lines of its keys.
type document struct {
	keys  []key          // every key path of up to three parts, where it first occurs
	lines map[string]int // of the paths, known names in lower case
	hosts []hostTable    // in the order containerd 2 asks them
	old   []placed       // what 1.6 and 1.7 stumble over
}

type key struct {
	path  []string
	line  int
	table bool // has a header: [a.b]
}

type hostTable struct {
	name string
	line int
}

type placed struct {
	problem
	line int
}

// line returns the line of a path, or that of the nearest table around it that has one.
func (d *document) line(path []string) int {
	for n := len(path); n > 0; n-- {
		if line := d.lines[strings.Join(path[:n], "\x00")]; line > 0 {
			return line
		}
	}
	return 0
}

// scan reads a document that go-toml has decoded without an error.
func scan(data []byte) *document {
	s := scanner{document: document{lines: map[string]int{}}}
	for i, c := range data {
		if c == '\n' {
			s.ends = append(s.ends, i)
		}
	}
	s.p.Reset(data)
	var table []string
	asked := "" // as in containerd: a first table [host.""] is taken for a sub-table
	for s.p.NextExpression() {
		e := s.p.Expression()
		if e.Kind == unstable.KeyValue {
			s.keyValue(table, e)
			continue
		}
		var line int
		table, line = s.name(e)
		s.add(table, line, true)
		s.tableName(e, line)
		if e.Kind == unstable.Table && len(table) > 1 && table[0] == "host" && table[1] != asked {
			asked = table[1]
			s.hosts = append(s.hosts, hostTable{asked, line})
		}
	}
	return &s.document
}

type scanner struct {
	document
	p    unstable.Parser
	ends []int // offsets of line ends
}

// name returns the parts of a key and its line.
func (s *scanner) name(n *unstable.Node) (parts []string, line int) {
	for it := n.Key(); it.Next(); {
		if len(parts) == 0 {
			line = s.lineOf(it.Node())
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, line
}

func (s *scanner) lineOf(n *unstable.Node) int {
	return sort.SearchInts(s.ends, int(n.Raw.Offset)) + 1
}

// add notes a path and those above it, down to host."X".header.NAME.
func (s *scanner) add(path []string, line int, table bool) {
	for n := 1; n <= min(len(path), 4); n++ {
		if !s.place(path[:n], line) {
			continue
		}
		if n <= 3 {
			s.keys = append(s.keys, key{path[:n:n], line, table})
		}
		if lower := strings.ToLower(path[n-1]); wanted[lower] != "" {
			s.place(append(path[:n-1:n-1], lower), line)
		}
	}
}

// place notes the line of a path that has none yet.
func (s *scanner) place(path []string, line int) bool {
	place := strings.Join(path, "\x00")
	if s.lines[place] > 0 {
		return false
	}
	s.lines[place] = line
	return true
}

func (s *scanner) keyValue(table []string, n *unstable.Node) {
	name, line := s.name(n)
	path := slices.Concat(table, name)
	s.add(path, line, false)
	s.value(path[:min(len(path), 4)], n.Value()) // what is deeper is not read, but can be very deep
}

// value walks through a value and notes what go-toml 1.9.5, the parser of 1.6 and 1.7, refuses: some of
// TOML 1.0, and what TOML 1.1 added.
func (s *scanner) value(path []string, n *unstable.Node) {
	raw := s.p.Raw(n.Raw)
	switch n.Kind {
	case unstable.InlineTable:
		end := -1
		for it := n.Children(); it.Next(); {
			s.keyValue(path, it.Node())
			end = int(it.Node().Raw.Offset + it.Node().Raw.Length)
		}
		if end >= 0 && trailingComma.Match(s.p.Data()[end:]) {
			s.oldSyntax(path, n, "a comma after the last item of an inline table")
		}
	case unstable.Array:
		for it := n.Children(); it.Next(); {
			s.value(path, it.Node())
		}
	case unstable.LocalDate:
		s.oldSyntax(path, n, "a date")
	case unstable.DateTime, unstable.LocalDateTime, unstable.LocalTime:
		if bytes.Contains(raw, []byte("- ")) {
			s.oldSyntax(path, n, "a blank in a date")
		}
	case unstable.String:
		if raw[0] == '"' && newEscape.Match(raw) {
			s.oldSyntax(path, n, `the escapes \e and \x`)
		}
		if len(raw) > 6 && (bytes.HasSuffix(raw, []byte(`""""`)) && !bytes.HasSuffix(raw, []byte(`\""""`)) || bytes.HasSuffix(raw, []byte("''''"))) {
			s.oldSyntax(path, n, "a quote before the quotes that end a string")
		}
	}
}

var (
	newEscape     = regexp.MustCompile(`^(?:[^\\]|\\[^ex])*\\[ex]`)
	trailingComma = regexp.MustCompile(`^(?:\s|#[^\n]*\n)*,(?:\s|#[^\n]*\n)*\}`)
)

func (s *scanner) oldSyntax(path []string, n *unstable.Node, what string) {
	s.old = append(s.old, placed{refuse(path, "", what+": TOML that the parser of 1.6 and 1.7 does not know; write it differently").ignoredBy(oldVersions), s.lineOf(n)})
}

// tableName notes names that 1.6 and 1.7 read otherwise; for hosts see also tableNameProblems.
func (s *scanner) tableName(e *unstable.Node, line int) {
	name, _ := s.name(e)
	if e.Kind == unstable.Table && len(name) > 1 && name[0] == "host" && tableNameProblems(name[1]) != nil {
		return
	}
	end := -1
	for it := e.Key(); it.Next(); {
		part := it.Node().Raw
		if end >= 0 && tabAfterDot.Match(s.p.Data()[end:part.Offset]) {
			s.old = append(s.old, placed{refuse(name, "", "a tab behind a dot in a table's name: write it without").ignoredBy(oldVersions), line})
		}
		end = int(part.Offset + part.Length)
		raw := s.p.Raw(part)
		switch {
		case bytes.ContainsAny(raw, "[]"):
			s.old = append(s.old, placed{refuse(name, "", `"[" and "]" cannot stand in a table's name: write it without`).ignoredBy(oldVersions), line})
		case raw[0] == '"' && bytes.ContainsRune(raw, '\\'):
			s.old = append(s.old, placed{refuse(name, "", "containerd 1.6 and 1.7 do not undo escapes in a table's name: they read another name, or ignore the whole file; write it without"), line})
		}
	}
}

// tabAfterDot finds, between two parts of a name, what go-toml 1.9.5 has no key part for; it takes blanks
// there.
var tabAfterDot = regexp.MustCompile(`\.[ ]*\t`)
