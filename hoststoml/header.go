package hoststoml

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Header are HTTP header fields by name. Their values are often credentials: printing a Header with
// any verb, encoding it as JSON or logging it shows the names only. [File.Bytes] writes the values.
//
// Package fmt calls no methods on unexported fields: keep a Header, or a File, in an exported field or
// print it on its own.
type Header map[string][]string

const redacted = "[redacted]"

// Format writes the fields as %+v does, whatever the verb: for one that does not fit a field, package fmt would
// print the values of Header past its methods.
func (f File) Format(s fmt.State, _ rune) {
	type plain File
	fmt.Fprintf(s, "%+v", plain(f))
}

// String returns the names, in order, as map[Authorization:[redacted]].
func (h Header) String() string { return namesOnly(h.names()) }

// namesOnly returns what a map of these names looks like without its values.
func namesOnly(names []string) string {
	var b strings.Builder
	b.WriteString("map[")
	for i, name := range names {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name + ":" + redacted)
	}
	b.WriteByte(']')
	return b.String()
}

// GoString returns what String does.
func (h Header) GoString() string { return h.String() }

// Format writes what String returns, whatever the verb: %x of a map would print its values.
func (h Header) Format(s fmt.State, _ rune) { io.WriteString(s, h.String()) }

// MarshalJSON returns an object of the names, each with ["[redacted]"].
func (h Header) MarshalJSON() ([]byte, error) {
	shown := make(map[string][]string, len(h))
	for name := range h {
		shown[name] = []string{redacted}
	}
	return json.Marshal(shown)
}

// LogValue returns what String does.
func (h Header) LogValue() slog.Value { return slog.StringValue(h.String()) }

func (h Header) names() []string { return slices.Sorted(maps.Keys(h)) }
