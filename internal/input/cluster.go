package input

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"bytes"
	"errors"
	"io/fs"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Cluster are the objects that are judged together.
type Cluster struct {
	Name string // the directory or kustomization; empty where all of the input is one
	Set  *mirrorset.Set
	// Findings are what refused parts of it, and what is known of its kustomization.
	Findings finding.Findings
}

// Clusters returns the clusters of the input, as lint judges them: the objects of each directory,
// or of each kustomization. What was given as several files, a must-gather, and everything where
// together is set, is one.
func (in *Input) Clusters(together bool) []Cluster {
	var clusters []Cluster
	for _, g := range in.groups(together) {
		c := Cluster{Name: g.name, Set: &mirrorset.Set{}, Findings: slices.Clone(g.findings)}
		for _, m := range g.members {
			c.Set.Add(m.set)
			c.Findings = append(c.Findings, m.refused...)
		}
		clusters = append(clusters, c)
	}
	return clusters
}

// group is a cluster before its objects are put together.
type group struct {
	name     string
	members  []*manifest
	findings finding.Findings
}

// groups returns the clusters that the manifests make: one of all, or one for each kustomization,
// and one for each directory with what no kustomization takes.
func (in *Input) groups(together bool) []group {
	if together || len(in.given) > 1 || in.mustGather || len(in.manifests) > 0 && in.manifests[0].dir == "" {
		return []group{{members: in.inside(nil)}}
	}
	groups, taken := in.kustomized()
	byDir := map[string][]*manifest{}
	for _, m := range in.inside(taken) {
		byDir[m.dir] = append(byDir[m.dir], m)
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		groups = append(groups, group{name: dir, members: byDir[dir]})
	}
	return groups
}

// inside returns the manifests that are not outside of what was given, and not taken already.
func (in *Input) inside(taken map[*manifest]bool) (members []*manifest) {
	for _, m := range in.manifests {
		if !m.outside && !taken[m] {
			members = append(members, m)
		}
	}
	return members
}

// kustomized returns a group for each kustomization, and the manifests that kustomizations take or
// patch.
func (in *Input) kustomized() (groups []group, taken map[*manifest]bool) {
	taken = map[*manifest]bool{}
	for _, k := range in.kustomize {
		for _, m := range k.patched {
			taken[m] = true
		}
		if k.outside {
			continue
		}
		g := group{name: k.dir, findings: k.findings}
		in.members(k, &g, map[*kustomization]bool{})
		for _, m := range g.members {
			taken[m] = true
		}
		groups = append(groups, g)
	}
	return groups, taken
}

// one returns the manifests of the one cluster that a question is asked of. Two directories that
// hold one object with different content are two clusters.
func (in *Input) one() ([]*manifest, finding.Findings) {
	groups := in.groups(false)
	var members []*manifest
	var findings finding.Findings
	if len(in.given) == 1 && len(in.kustomize) > 0 {
		for _, g := range groups {
			if g.name == path.Clean(in.given[0]) && slices.ContainsFunc(in.kustomize,
				func(k *kustomization) bool { return k.dir == g.name }) {
				return g.members, append(g.findings, in.leftOut(g)...)
			}
		}
	}
	sets := make([]*mirrorset.Set, len(groups))
	seen := map[*manifest]bool{}
	for i, g := range groups {
		sets[i] = &mirrorset.Set{}
		findings = append(findings, g.findings...)
		for _, m := range g.members {
			sets[i].Add(m.set)
			if !seen[m] {
				seen[m] = true
				members = append(members, m)
			}
		}
	}
	for i := range sets {
		for j := range i {
			object, found := differing(sets[j], sets[i])
			if !found {
				continue
			}
			var dirs []string
			for k, set := range sets {
				if _, has := objects(set)[object]; has {
					dirs = append(dirs, shown.Location(groups[k].name))
				}
			}
			return members, append(findings, finding.Finding{
				Code: finding.CodeAmbiguousInput, Severity: finding.SeverityError, RefusedBy: finding.Reader,
				Origin: finding.Origin{Object: object, File: groups[i].name},
				Message: fmt.Sprintf("stands in several directories with different content, so they are "+
					"those of several clusters; choose one with -f: %s",
					strings.Join(dirs, ", ")),
			})
		}
	}
	return members, findings
}

// leftOut warns of mirror objects beside a kustomization that are none of its resources.
func (in *Input) leftOut(g group) finding.Findings {
	var left finding.Findings
	for _, m := range in.manifests {
		if m.outside || !m.set.Speaks() || slices.Contains(g.members, m) ||
			slices.ContainsFunc(in.kustomize, func(k *kustomization) bool { return slices.Contains(k.patched, m) }) {
			continue
		}
		left = append(left, finding.Finding{
			Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning, Origin: finding.Origin{File: m.name},
			Message: "says where pulls go, but is no resource of the kustomization in " + g.name + ", and " +
				"does not count in this answer",
		})
	}
	return left
}

// kustomization is a kustomization.yaml.
type kustomization struct {
	name, dir string
	outside   bool
	resources []string // local ones, as paths
	patched   []*manifest
	patches   []patch
	findings  finding.Findings
}

type patch struct {
	file string // that holds it
	text string // of one that stands in the kustomization itself
	kind string // of its target
	line int
}

func parseKustomization(fsys fs.FS, name string, data []byte) *kustomization {
	k := &kustomization{name: name, dir: path.Dir(name)}
	for doc := range document.Read(bytes.NewReader(data), document.Options{}) {
		if doc.Root == nil {
			continue
		}
		for _, f := range doc.Root.Fields() {
			switch f.Key.Text {
			case "resources", "bases", "components":
				for _, item := range f.Value.Items() {
					k.resource(fsys, item)
				}
			case "patches", "patchesStrategicMerge", "patchesJson6902":
				for _, item := range f.Value.Items() {
					k.patches = append(k.patches, k.patch(item))
				}
			}
		}
	}
	return k
}

func (k *kustomization) resource(fsys fs.FS, item *document.Node) {
	if item.Kind != document.Text {
		return
	}
	local := path.Join(k.dir, item.Text)
	if _, err := fs.Stat(fsys, local); err != nil || strings.Contains(item.Text, "://") {
		k.findings = append(k.findings, finding.Finding{
			Code: finding.CodeFileNotRead, Severity: finding.SeverityWarning,
			Origin: finding.Origin{File: k.name, Line: item.Line}, Value: shown.Path(item.Text),
			Message: "is a resource of the kustomization that is not here, and was not read; if it holds " +
				"mirror objects, give what kustomize build prints",
		})
		return
	}
	k.resources = append(k.resources, local)
}

func (k *kustomization) patch(item *document.Node) patch {
	p := patch{line: item.Line}
	if item.Kind == document.Text { // patchesStrategicMerge: a file, or the patch itself
		if strings.Contains(item.Text, "\n") {
			p.text = item.Text
		} else {
			p.file = path.Join(k.dir, item.Text)
		}
	}
	for _, f := range item.Fields() {
		switch f.Key.Text {
		case "path":
			p.file = path.Join(k.dir, f.Value.Text)
		case "patch":
			p.text = f.Value.Text
		case "target":
			for _, g := range f.Value.Fields() {
				if g.Key.Text == "kind" {
					p.kind = g.Value.Text
				}
			}
		}
	}
	return p
}

// mirrorKinds are the kinds whose entries a patch may change.
var mirrorKinds = []string{"ImageDigestMirrorSet", "ImageTagMirrorSet", "ImageContentSourcePolicy"}

var mirrorFields = append([]string{"imageDigestMirrors", "imageTagMirrors", "repositoryDigestMirrors",
	"registrySources"}, mirrorKinds...)

// changesRules reports whether a patch is one of a mirror object.
func (p patch) changesRules(fsys fs.FS) bool {
	text := p.text
	if p.file != "" {
		data, err := fs.ReadFile(fsys, p.file)
		if err != nil {
			return false
		}
		text = string(data)
	}
	return slices.Contains(mirrorKinds, p.kind) ||
		slices.ContainsFunc(mirrorFields, func(field string) bool { return strings.Contains(text, field) })
}

// followKustomizations reads the resources of kustomizations that lie elsewhere, and says which
// patch mirror objects.
func (in *Input) followKustomizations(fsys fs.FS) {
	for i := 0; i < len(in.kustomize); i++ { // it grows
		k := in.kustomize[i]
		for _, resource := range k.resources {
			in.reach(fsys, resource)
		}
		for _, p := range k.patches {
			if !p.changesRules(fsys) {
				continue
			}
			for _, name := range []string{p.file, k.name} { // what stands there is no object of its own
				if m := in.manifest(name); m != nil && !slices.Contains(k.patched, m) {
					k.patched = append(k.patched, m)
				}
			}
			k.findings = append(k.findings, finding.Finding{
				Code: finding.CodeUnreadRules, Severity: finding.SeverityError, RefusedBy: finding.Reader,
				Origin: finding.Origin{File: k.name, Line: p.line},
				Message: "patches a mirror object, which is not done here: render it first, and give what " +
					"kustomize build prints",
			})
		}
	}
}

// reach reads a resource that is not among the files yet.
func (in *Input) reach(fsys fs.FS, resource string) {
	info, err := fs.Stat(fsys, resource)
	if err != nil {
		return
	}
	if !info.IsDir() {
		if in.manifest(resource) != nil {
			return
		}
		f := &found{name: resource}
		f.read(fsys, new(bytes.Buffer))
		if f.set != nil && !f.nothing {
			in.manifests = append(in.manifests, &manifest{name: resource, dir: path.Dir(resource),
				outside: true, set: f.set, refused: f.refused})
		}
		return
	}
	for _, base := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		name := path.Join(resource, base)
		if slices.ContainsFunc(in.kustomize, func(k *kustomization) bool { return k.name == name }) {
			return
		}
		data, err := fs.ReadFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		k := parseKustomization(fsys, name, data)
		k.outside = true
		in.kustomize = append(in.kustomize, k)
		return
	}
}

func (in *Input) manifest(name string) *manifest {
	for _, m := range in.manifests {
		if m.name == name {
			return m
		}
	}
	return nil
}

// members collects the manifests of a kustomization.
func (in *Input) members(k *kustomization, g *group, seen map[*kustomization]bool) {
	if seen[k] {
		return
	}
	seen[k] = true
	for _, resource := range k.resources {
		if m := in.manifest(resource); m != nil && !slices.Contains(g.members, m) {
			g.members = append(g.members, m)
		}
		for _, other := range in.kustomize {
			if other.dir != resource || other == k {
				continue
			}
			for _, f := range other.findings {
				if !slices.Contains(g.findings, f) {
					g.findings = append(g.findings, f)
				}
			}
			in.members(other, g, seen)
		}
	}
}
