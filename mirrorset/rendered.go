package mirrorset

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// RenderedConfig is a rendered MachineConfig, all that a pool of nodes has, by its size.
type RenderedConfig struct {
	MachineConfig
	// Rest are the bytes of its JSON but for what the files take that say where pulls go: MCO writes these
	// anew when mirror objects change.
	Rest int
	// Origin is the object.
	Origin finding.Origin
}

// rendered notes a rendered MachineConfig.
func (w *walker) rendered(n *document.Node, at *step, m MachineConfig) {
	if !m.Rendered {
		return
	}
	rest := jsonSize(n)
	files := lookup(lookup(lookup(lookup(n, "spec"), "config"), "storage"), "files")
	if files != nil {
		for _, f := range files.Items() {
			name := path.Clean(text(lookup(f, "path")))
			if isNodeFile(name) || strings.HasPrefix(name, "/etc/containers/registries.conf.d/") {
				rest -= len(text(lookup(lookup(f, "contents"), "source")))
			}
		}
	}
	w.set.Rendered = append(
		w.set.Rendered,
		RenderedConfig{m, rest, w.origin(kindMachineConfig+"/"+m.Name, at.String(), n.Line)},
	)
}

// jsonSize returns about how many bytes a value takes as JSON. Fields that the API server keeps for
// itself are left out.
func jsonSize(n *document.Node) int {
	const quotes, comma = 2, 1
	switch n.Kind {
	case document.Mapping:
		size := quotes
		for _, f := range n.Fields() {
			if f.Key.Text != "managedFields" {
				size += len(f.Key.Text) + quotes + comma + jsonSize(&f.Value) + comma
			}
		}
		return size
	case document.List:
		size := quotes
		for _, item := range n.Items() {
			size += jsonSize(item) + comma
		}
		return size
	case document.Text:
		return len(n.Text) + quotes + strings.Count(n.Text, `"`) + strings.Count(n.Text, "\n") + strings.Count(n.Text, `\`)
	}
	return len(n.Text)
}

// largestRest returns the rendered MachineConfig with the largest Rest: of each pool the newest counts.
// Rest is 0 where there is none.
func (s *Set) largestRest() (largest RenderedConfig) {
	newest := map[string]RenderedConfig{}
	byTime := func(a, b RenderedConfig) int { return cmp.Or(cmp.Compare(a.Created, b.Created), a.compare(b)) }
	for _, r := range slices.SortedFunc(slices.Values(s.Rendered), byTime) {
		newest[r.Pool] = r
	}
	for _, r := range slices.SortedFunc(maps.Values(newest), RenderedConfig.compare) {
		largest = r // so is the last one
	}
	return largest
}

// compare orders by size, then by name.
func (r RenderedConfig) compare(t RenderedConfig) int {
	return cmp.Or(cmp.Compare(r.Rest, t.Rest), strings.Compare(r.Name, t.Name), r.Origin.Compare(t.Origin))
}
