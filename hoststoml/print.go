package hoststoml

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bytes returns the file as text. The same File always gives the same bytes. Where Validate refuses
// nothing, Parse reads an equal File from them; where it does not warn either, containerd 1.6, 1.7 and
// 2 read them alike.
//
// The text holds the values of Header and of Unknown: give the file mode 0600 where these are secrets.
//
// A nil File is the empty one.
func (f *File) Bytes() []byte {
	if f == nil {
		f = &File{}
	}
	var w printer
	w.Grow(256 + 160*len(f.Hosts))
	if f.Comment != "" {
		for line := range strings.SplitSeq(f.Comment, "\n") {
			w.comment(line)
		}
		w.section()
	}
	if f.Server != "" || f.EmptyServer {
		w.line("", "server", f.Server)
	}
	w.settings("", &f.Settings)
	w.unread("", &f.Settings, true)
	// TOML gives every key after a table's name to that table, so that this one has to follow all keys
	// of the top.
	w.header("", "[header]", f.Header)
	w.rewrites("", "["+rewriteKey+"]", f.Rewrites)
	for i := range f.Hosts {
		host := &f.Hosts[i]
		w.section()
		w.WriteString("[host.")
		w.quote(host.URL)
		w.WriteString("]\n")
		w.settings("  ", &host.Settings)
		w.unread("  ", &host.Settings, false)
		table := "[host." + quote(host.URL) + "."
		w.header("  ", table+"header]", host.Header)
		w.rewrites("  ", table+rewriteKey+"]", host.Rewrites)
	}
	if len(f.Hosts) == 0 {
		w.section()
		w.WriteString("[host] # containerd before 1.7.32 ignores a file that has no host table\n")
	}
	return w.Bytes()
}

type printer struct{ bytes.Buffer }

// section leaves one blank line after what was written before.
func (w *printer) section() {
	if w.Len() != 0 && !bytes.HasSuffix(w.Bytes(), []byte("\n\n")) {
		w.WriteByte('\n')
	}
}

func (w *printer) comment(line string) {
	w.WriteByte('#')
	if line != "" {
		w.WriteByte(' ')
	}
	w.WriteString(strings.Map(func(r rune) rune { // a byte that is not UTF-8 comes out as U+FFFD too
		if r != '\t' && control(r) {
			return utf8.RuneError
		}
		return r
	}, line))
	w.WriteByte('\n')
}

// line writes a key with a text.
func (w *printer) line(indent, key, text string) {
	w.key(indent, key)
	w.quote(text)
	w.WriteByte('\n')
}

// raw writes a key with a value that is TOML already.
func (w *printer) raw(indent, key, value string) {
	w.key(indent, key)
	w.WriteString(value)
	w.WriteByte('\n')
}

func (w *printer) key(indent, key string) {
	w.WriteString(indent)
	w.WriteString(key)
	w.WriteString(" = ")
}

func (w *printer) settings(indent string, s *Settings) {
	if len(s.Capabilities) > 0 {
		w.key(indent, "capabilities")
		writeList(w, s.Capabilities)
		w.WriteByte('\n')
	}
	if s.OverridePath {
		w.raw(indent, "override_path", "true")
	}
	if s.SkipVerify != nil {
		w.raw(indent, "skip_verify", fmt.Sprint(*s.SkipVerify))
	}
	switch len(s.CA) {
	case 0:
	case 1:
		w.line(indent, "ca", s.CA[0])
	default:
		w.raw(indent, "ca", list(s.CA))
	}
	if len(s.Client) == 1 && s.Client[0].Key == "" {
		w.line(indent, "client", s.Client[0].Cert)
	} else if len(s.Client) > 0 {
		items := make([]string, len(s.Client))
		for i, pair := range s.Client {
			items[i] = quote(pair.Cert)
			if pair.Key != "" {
				items[i] = list([]string{pair.Cert, pair.Key})
			}
		}
		w.raw(indent, "client", "["+strings.Join(items, ", ")+"]")
	}
	if s.DialTimeout != 0 {
		w.line(indent, "dial_timeout", s.DialTimeout.String())
	}
}

func (w *printer) header(indent, table string, h Header) {
	if len(h) == 0 {
		return
	}
	w.section()
	w.WriteString(indent + table + "\n")
	for _, name := range h.names() {
		var values []string
		for _, secret := range h[name] {
			values = append(values, secret.Reveal())
		}
		name = bareOrQuoted(name)
		if len(values) == 1 {
			w.line(indent+"  ", name, values[0])
		} else {
			w.raw(indent+"  ", name, list(values))
		}
	}
}

func list[S ~string](items []S) string {
	var w printer
	writeList(&w, items)
	return w.String()
}

func writeList[S ~string](w *printer, items []S) {
	w.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			w.WriteString(", ")
		}
		w.quote(string(item))
	}
	w.WriteByte(']')
}

// quote returns s as a TOML basic string.
func quote(s string) string {
	var w printer
	w.quote(s)
	return w.String()
}

// quote writes s as a TOML basic string, with the escapes of TOML 1.0 only: those of 1.1 are unknown
// to containerd 1.6 and 1.7.
func (w *printer) quote(s string) {
	w.WriteByte('"')
	for i := strings.IndexFunc(s, escaped); i >= 0; i = strings.IndexFunc(s, escaped) {
		w.WriteString(s[:i])
		r, size := utf8.DecodeRuneInString(s[i:])
		s = s[i+size:]
		switch r {
		case '"', '\\':
			w.WriteByte('\\')
			w.WriteRune(r)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		case '\t':
			w.WriteString(`\t`)
		case utf8.RuneError: // a byte that is not UTF-8 comes out as U+FFFD
			w.WriteRune(r)
		default:
			fmt.Fprintf(w, `\u%04X`, r)
		}
	}
	w.WriteString(s)
	w.WriteByte('"')
}

// escaped reports whether r does not stand in a TOML basic string as it is.
func escaped(r rune) bool { return r == '"' || r == '\\' || r == utf8.RuneError || control(r) }

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
