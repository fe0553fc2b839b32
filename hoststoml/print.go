package hoststoml

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bytes returns the file as text. The same File always gives the same bytes. Where Validate refuses
// nothing, Parse reads an equal File from them; where it does not warn either, containerd 1.6, 1.7 and
// 2 read them alike.
//
// The text holds the values of Header: give the file mode 0600 where these are secrets.
func (f *File) Bytes() []byte {
	var w printer
	if f.Comment != "" {
		for line := range strings.SplitSeq(f.Comment, "\n") {
			w.comment(line)
		}
		w.section()
	}
	if f.Server != "" {
		w.line("", "server", quote(f.Server))
	}
	w.settings("", f.Settings)
	// TOML gives every key after a table's name to that table, so that this one has to follow all keys
	// of the top.
	w.header("", "[header]", f.Header)
	for _, host := range f.Hosts {
		name := "[host." + quote(host.URL)
		w.section()
		w.text.WriteString(name + "]\n")
		w.settings("  ", host.Settings)
		w.header("  ", name+".header]", host.Header)
	}
	if len(f.Hosts) == 0 {
		w.section()
		w.text.WriteString("[host] # containerd before 1.7.32 ignores a file that has no host table\n")
	}
	return []byte(w.text.String())
}

type printer struct {
	text strings.Builder
}

// section leaves one blank line after what was written before.
func (w *printer) section() {
	if s := w.text.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		w.text.WriteByte('\n')
	}
}

func (w *printer) comment(line string) {
	w.text.WriteByte('#')
	if line != "" {
		w.text.WriteByte(' ')
	}
	for _, r := range line { // a byte that is not UTF-8 comes out as U+FFFD
		if r != '\t' && control(r) {
			r = utf8.RuneError
		}
		w.text.WriteRune(r)
	}
	w.text.WriteByte('\n')
}

func (w *printer) line(indent, key, value string) {
	w.text.WriteString(indent + key + " = " + value + "\n")
}

func (w *printer) settings(indent string, s Settings) {
	if len(s.Capabilities) > 0 {
		w.line(indent, "capabilities", list(s.Capabilities))
	}
	if s.OverridePath {
		w.line(indent, "override_path", "true")
	}
	if s.SkipVerify != nil {
		w.line(indent, "skip_verify", fmt.Sprint(*s.SkipVerify))
	}
	switch len(s.CA) {
	case 0:
	case 1:
		w.line(indent, "ca", quote(s.CA[0]))
	default:
		w.line(indent, "ca", list(s.CA))
	}
	if len(s.Client) == 1 && s.Client[0].Key == "" {
		w.line(indent, "client", quote(s.Client[0].Cert))
	} else if len(s.Client) > 0 {
		items := make([]string, len(s.Client))
		for i, pair := range s.Client {
			items[i] = quote(pair.Cert)
			if pair.Key != "" {
				items[i] = list([]string{pair.Cert, pair.Key})
			}
		}
		w.line(indent, "client", "["+strings.Join(items, ", ")+"]")
	}
	if s.DialTimeout != 0 {
		w.line(indent, "dial_timeout", quote(s.DialTimeout.String()))
	}
}

func (w *printer) header(indent, table string, h Header) {
	if len(h) == 0 {
		return
	}
	w.section()
	w.text.WriteString(indent + table + "\n")
	for _, name := range h.names() {
		value := list(h[name])
		if len(h[name]) == 1 {
			value = quote(h[name][0])
		}
		if !bareKey(name) {
			name = quote(name)
		}
		w.line(indent+"  ", name, value)
	}
}

func list[S ~string](items []S) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = quote(string(item))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote returns s as a TOML basic string, with the escapes of TOML 1.0 only: those of 1.1 are unknown
// to containerd 1.6 and 1.7.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s { // a byte that is not UTF-8 comes out as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case control(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// control reports whether TOML refuses r as it stands.
func control(r rune) bool { return r < 0x20 || r == 0x7f }

// bareKey reports whether TOML takes s as a key without quotes.
func bareKey(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		default:
			return false
		}
	}
	return s != ""
}
