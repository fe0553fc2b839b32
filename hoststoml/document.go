package hoststoml

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pullroute/pullroute/internal/tomltree"
)

// A document is what a file says beyond its values: the order and the lines of its keys, and how it
// is written.
type document struct{ *tomltree.Document }

type key struct {
	path  []string
	line  int
	table bool // a header, [a.b], names it first
}

type hostTable struct {
	name string
	line int
}

type placed struct {
	problem
	line int
}

// line returns the line of a path, or that of the nearest table around it that has one. A known
// name stands for every spelling of it.
func (d document) line(path []string) int {
	line, table := 0, d.Root
	for _, name := range path {
		i := slices.IndexFunc(table.Entries, func(e tomltree.Entry) bool {
			return e.Key == name || wanted[name] != "" && strings.ToLower(e.Key) == name
		})
		if i < 0 {
			break
		}
		line, table = table.Entries[i].Line, table.Entries[i].Value
	}
	return line
}

// keyOf is an entry of the table at a path.
func keyOf(e tomltree.Entry, at ...string) key { return key{append(at, e.Key), e.Line, e.Header} }

// hosts returns the host tables in the order that containerd 2 asks them: a header for each host,
// and for its sub-tables where they stand apart. As there, a first table [host.""] is taken for a
// sub-table.
func (d document) hosts() []hostTable {
	var hosts []hostTable
	asked := ""
	for _, h := range d.Headers {
		if h.Array || len(h.Name) < 2 || h.Name[0].Key != "host" || h.Name[1].Key == asked {
			continue
		}
		asked = h.Name[1].Key
		hosts = append(hosts, hostTable{asked, h.Line})
	}
	return hosts
}

// oldSyntax returns what go-toml 1.9.5, the parser of containerd 1.6 and 1.7, refuses or reads
// otherwise: some of TOML 1.0, and what TOML 1.1 added.
func (d document) oldSyntax() []placed {
	var old oldSyntax
	for _, h := range d.Headers {
		old.header(h)
	}
	old.value(nil, d.Root)
	return old.found
}

type oldSyntax struct{ found []placed }

func (o *oldSyntax) add(path []string, line int, what string) {
	o.found = append(o.found, placed{refuse(path, "", what).ignoredBy(oldVersions), line})
}

// value looks at a value and at all in it.
func (o *oldSyntax) value(path []string, v *tomltree.Value) {
	unknown := func(what string) {
		o.add(path, v.Line, what+": TOML that the parser of 1.6 and 1.7 does not know; write it differently")
	}
	switch v.Kind {
	case tomltree.Table:
		for _, e := range v.Entries {
			below := append(slices.Clip(path), e.Key)
			o.value(below[:min(len(below), 4)], e.Value) // what is deeper is not read, but can be very deep
		}
		if v.TrailingComma {
			unknown("a comma after the last item of an inline table")
		}
	case tomltree.Array:
		for _, item := range v.Items {
			o.value(path, item)
		}
	case tomltree.Date:
		if !oldTime(string(v.Source)) {
			unknown("this date or time")
		}
	case tomltree.String:
		if v.Source[0] == '"' && newEscape.Match(v.Source) {
			unknown(`the escapes \e and \x`)
		}
		if endsInQuote(v.Source) {
			unknown("a quote before the quotes that end a string")
		}
	}
}

// oldTime reports whether go-toml 1.9.5 reads a date or time: it wants a time of day, with a date where there
// is an offset, in the form that lexDateTime and lexTime have and within the bounds of package time. Version 2
// does not look into the value of a key that nobody asks for.
func oldTime(text string) bool {
	parts := timeParts.FindStringSubmatch(text)
	if parts == nil {
		return false
	}
	date, clock, offset := parts[1], parts[2], parts[3]
	if date == "" && offset != "" {
		return false
	}
	_, err := time.Parse(time.RFC3339, cmp.Or(date, "1970-01-01")+"T"+clock+cmp.Or(offset, "Z"))
	return err == nil
}

var timeParts = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?$`)

var newEscape = regexp.MustCompile(`^(?:[^\\]|\\[^ex])*\\[ex]`)

// endsInQuote reports whether a quote stands before the three quotes that end a string.
func endsInQuote(source []byte) bool {
	return len(source) > 6 && (bytes.HasSuffix(source, []byte(`""""`)) && !bytes.HasSuffix(source, []byte(`\""""`)) ||
		bytes.HasSuffix(source, []byte("''''")))
}

// header looks at the name of a table; for hosts see also tableNameProblems.
func (o *oldSyntax) header(h tomltree.Header) {
	path := h.Path()
	if !h.Array && len(path) > 1 && path[0] == "host" && tableNameProblems(path[1]) != nil {
		return
	}
	for _, part := range h.Name {
		if tabAfterDot.Match(part.Before) {
			o.add(path, h.Line, "a tab behind a dot in a table's name: write it without")
		}
		switch {
		case bytes.ContainsAny(part.Source, "[]"):
			o.add(path, h.Line, `"[" and "]" cannot stand in a table's name: write it without`)
		case part.Source[0] == '"' && bytes.ContainsRune(part.Source, '\\'):
			o.found = append(o.found, placed{refuse(path, "", "containerd 1.6 and 1.7 do not undo escapes "+
				"in a table's name: they read another name, or ignore the whole file; write it without").roughlyOld(), h.Line})
		}
	}
}

// tabAfterDot finds, between two parts of a name, what go-toml 1.9.5 has no key part for; it takes
// blanks there.
var tabAfterDot = regexp.MustCompile(`\.[ ]*\t`)
