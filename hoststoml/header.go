package hoststoml

import (
	"maps"
	"slices"
)

// Header are HTTP header fields by name. Their values are often credentials: printing or encoding a
// Header shows the names only. [File.Bytes] writes the values.
type Header map[string][]Secret

func (h Header) names() []string { return slices.Sorted(maps.Keys(h)) }
