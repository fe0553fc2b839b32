package hoststoml

import (
	"errors"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/tomltree"
)

// rewriteKey is the table that only the containerd of k3s and RKE2 reads.
const rewriteKey = "rewrite"

// keep takes from a table what upstream containerd does not read. top is set for that of the file.
func (s *Settings) keep(table *tomltree.Value, top bool) {
	for _, e := range table.Entries {
		if known(e.Key, top) {
			continue
		}
		if e.Key == rewriteKey && isRewrites(e.Value) {
			s.Rewrites = make(map[string]string, len(e.Value.Entries))
			for _, r := range e.Value.Entries {
				s.Rewrites[r.Key] = r.Value.Text
			}
			continue
		}
		if s.Unknown == nil {
			s.Unknown = map[string]Secret{}
		}
		var w printer
		w.value(e.Value)
		s.Unknown[e.Key] = NewSecret(w.Bytes())
	}
}

// known reports whether a key is one that a File has a field for, or none of the kind: host in other
// letters, which some versions take for hosts.
func known(key string, top bool) bool {
	switch lower := strings.ToLower(key); lower {
	case "server", "host":
		return top
	default:
		return wanted[lower] != ""
	}
}

func isRewrites(v *tomltree.Value) bool { return len(v.Entries) > 0 && stringsOnly(v) }

func stringsOnly(table *tomltree.Value) bool {
	return table.Kind == tomltree.Table && !slices.ContainsFunc(table.Entries,
		func(e tomltree.Entry) bool { return e.Value.Kind != tomltree.String })
}

// refusedByK3s reports whether the containerd of k3s and RKE2 ignores the file because of these
// settings: it decodes rewrite, in any letters, into a table of strings (parseHostsFile of its hosts.go).
func (s *Settings) refusedByK3s() bool {
	for name, value := range s.Unknown {
		if strings.EqualFold(name, rewriteKey) {
			if v := valueOf(value.Reveal()); v != nil && !stringsOnly(v) {
				return true
			}
		}
	}
	return false
}

// valueOf reads one value of TOML, nil for what is none, or not written as File.Unknown is.
func valueOf(text string) *tomltree.Value {
	var raw struct{}
	document, err := tomltree.Parse([]byte("x = "+text+"\n"), &raw)
	if err != nil {
		return nil
	}
	var w printer
	v := document.Root.Get("x")
	if w.value(v); w.String() != text {
		return nil // there is more in it, or less
	}
	return v
}

// value writes a value on one line.
func (w *printer) value(v *tomltree.Value) {
	separator := func(i int) {
		if i > 0 {
			w.WriteString(", ")
		}
	}
	switch {
	case v.Kind == tomltree.Table:
		w.WriteByte('{')
		for i, e := range v.Entries {
			separator(i)
			w.key("", bareOrQuoted(e.Key))
			w.value(e.Value)
		}
		w.WriteByte('}')
	case v.Kind == tomltree.Array:
		w.WriteByte('[')
		for i, item := range v.Items {
			separator(i)
			w.value(item)
		}
		w.WriteByte(']')
	case v.Kind == tomltree.String:
		w.quote(v.Text)
	case v.Flag:
		w.WriteString("true")
	case v.Kind == tomltree.Boolean:
		w.WriteString("false")
	default:
		w.Write(v.Source)
	}
}

func bareOrQuoted(key string) string {
	if bareKey(key) {
		return key
	}
	return quote(key)
}

// unread writes the keys that no containerd reads, but for those that Validate refuses.
func (w *printer) unread(indent string, s *Settings, top bool) {
	for _, name := range slices.Sorted(maps.Keys(s.Unknown)) {
		if s.unknownProblem(name, top) == "" {
			w.raw(indent, bareOrQuoted(name), s.Unknown[name].Reveal())
		}
	}
}

// rewrites writes the table that k3s and RKE2 read.
func (w *printer) rewrites(indent, table string, rewrites map[string]string) {
	if len(rewrites) == 0 {
		return
	}
	w.section()
	w.WriteString(indent + table + "\n")
	for _, pattern := range slices.Sorted(maps.Keys(rewrites)) {
		w.line(indent+"  ", quote(pattern), rewrites[pattern])
	}
}

// unknownProblem says why a key with its value cannot stand in a file as one that nobody reads.
func (s *Settings) unknownProblem(name string, top bool) string {
	value := valueOf(s.Unknown[name].Reveal())
	switch {
	case !utf8.ValidString(name):
		return "not UTF-8 text, which TOML cannot hold"
	case known(name, top):
		return "is a key that has a field of its own"
	case value == nil:
		return "want a value of TOML on one line, as Parse gives it"
	case name == rewriteKey && (len(s.Rewrites) > 0 || isRewrites(value)):
		return "put rewrites where they belong: into Rewrites"
	}
	return ""
}

// unreadProblems says what Parse says of the keys that upstream containerd does not read.
func (s *Settings) unreadProblems(at []string) (out []problem) {
	below := func(name string) []string { return append(slices.Clip(at), name) }
	if len(s.Rewrites) > 0 {
		out = append(out, warn(below(rewriteKey), "", unreadRewrite))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Unknown)) {
		if why := s.unknownProblem(name, len(at) == 0); why != "" {
			out = append(out, refuse(below(name), "", why))
			continue
		}
		out = append(out, warn(below(name), "", unreadText(name)))
		var old oldSyntax
		old.value(below(name), valueOf(s.Unknown[name].Reveal()))
		for _, p := range old.found {
			out = append(out, p.problem)
		}
	}
	return out
}

const unreadRewrite = "upstream containerd does not read this: only the one of k3s and RKE2 does, and asks another " +
	"repository there"

// unreadText says that upstream containerd does not read a key.
func unreadText(name string) string {
	switch strings.ToLower(name) {
	case "server":
		return "no version of containerd reads server in a host's table: move it to the top of the file"
	case rewriteKey:
		return unreadRewrite
	}
	return "no version of containerd reads this"
}

// rewriteProblems looks at the expressions.
func rewriteProblems(rewrites map[string]string) (out []problem) {
	for _, pattern := range slices.Sorted(maps.Keys(rewrites)) {
		at := []string{rewriteKey, pattern}
		if !utf8.ValidString(pattern) || !utf8.ValidString(rewrites[pattern]) {
			out = append(out, notUTF8(at))
			continue
		}
		if _, err := regexp.Compile(pattern); err != nil {
			why := "it does not compile"
			var wrong *syntax.Error
			if errors.As(err, &wrong) {
				why = wrong.Code.String()
			}
			out = append(out, warn(at, "", "is no regular expression ("+why+"): k3s and RKE2 pass over it"))
		}
	}
	return out
}
