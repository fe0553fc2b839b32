package mirrorset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pull is a kind of pull: by digest or by tag. A reference that has both is pulled by digest.
type Pull string

const (
	// ByDigest rules serve references with a digest; IDMS, ICSP, DigestSources and ImageMirror make them.
	ByDigest Pull = "digest"
	// ByTag rules serve all other references; ITMS makes them.
	ByTag Pull = "tag"
)

// Entry is one source with its mirrors, as one object has it.
type Entry struct {
	Pull    Pull
	Source  string
	Mirrors []string
	// Policy is as written: empty where the object does not say, which means AllowContactingSource.
	Policy MirrorSourcePolicy
	// Origin is the place of the entry: spec.imageDigestMirrors[2]. Its Field is empty where the entry is a
	// whole ImageMirror.
	Origin Origin

	policyField string
	list        string // the path of the list that the entry stands in
	index       int    // its place in there
	mirrorPaths []string
	lines       *entryLines
}

// MirrorOrigin returns the place of mirror i: spec.imageDigestMirrors[2].mirrors[0]; of an ImageMirror,
// whose fields stand at its top, mirrors[0].
func (e *Entry) MirrorOrigin(i int) Origin {
	o := e.Origin
	if i < len(e.mirrorPaths) {
		o.Field = e.mirrorPaths[i]
	} else {
		o.Field = join(o.Field, item("mirrors", i))
	}
	if e.lines != nil && i < len(e.lines.mirrors) {
		o.Line = int(e.lines.mirrors[i])
	}
	return o
}

// SourceOrigin returns the place of the entry's source.
func (e *Entry) SourceOrigin() Origin {
	o := e.Origin
	o.Field = join(o.Field, "source")
	if e.lines != nil && e.lines.source != 0 {
		o.Line = int(e.lines.source)
	}
	return o
}

// PolicyOrigin returns the place of the entry's policy.
func (e *Entry) PolicyOrigin() Origin {
	o := e.Origin
	o.Field = join(o.Field, e.policyField)
	if e.lines != nil && e.lines.policy != 0 {
		o.Line = int(e.lines.policy)
	}
	return o
}

// never reports whether the entry forbids contacting its source.
func (e *Entry) never() bool { return e.Policy == NeverContactSource }

// real reports whether the entry makes a rule: it has a mirror that is not its own source.
func (e *Entry) real() bool {
	return slices.ContainsFunc(e.Mirrors, func(m string) bool { return m != e.Source })
}

// entries returns every entry of the set, ordered by the rule it becomes part of, by object and by place, and not
// by the order of reading, so that nothing made of them depends on it. Of several equal objects only the first counts.
func (s *Set) entries() []*Entry {
	total := len(s.ImageMirrors)
	for i := range s.ImageDigestMirrorSets {
		total += len(s.ImageDigestMirrorSets[i].Spec.ImageDigestMirrors)
	}
	for i := range s.ImageTagMirrorSets {
		total += len(s.ImageTagMirrorSets[i].Spec.ImageTagMirrors)
	}
	for i := range s.ImageContentSourcePolicies {
		total += len(s.ImageContentSourcePolicies[i].Spec.RepositoryDigestMirrors)
	}
	for i := range s.DigestSources {
		total += len(s.DigestSources[i].Sources)
	}
	entries := make([]Entry, 0, total) // one piece of memory, never moved
	var paths listPaths
	add := func(pull Pull, kind, name, list, policyField string, from *ReadFrom, sources []ImageMirrors) {
		object := kind
		if name != "" {
			object += "/" + name
		}
		for i, e := range sources {
			at := paths.at(list, i, len(e.Mirrors))
			entries = append(entries, Entry{
				Pull: pull, Source: e.Source, Mirrors: e.Mirrors, Policy: e.MirrorSourcePolicy, policyField: policyField,
				list: list, index: i, mirrorPaths: at.mirrors, Origin: Origin{Object: object, Field: at.item},
			})
			entry := &entries[len(entries)-1]
			if kind == kindImageMirror {
				entry.Origin.Field, entry.mirrorPaths = "", nil
			}
			if from != nil {
				entry.Origin.File, entry.Origin.Document, entry.Origin.Line = from.File, from.Document, from.Line
				if i < len(from.lines) {
					entry.lines = &from.lines[i]
					entry.Origin.Line = int(entry.lines.entry)
				}
			}
		}
	}
	for i := range s.ImageDigestMirrorSets {
		o := &s.ImageDigestMirrorSets[i]
		add(ByDigest, kindIDMS, o.Metadata.Name, "spec.imageDigestMirrors", "mirrorSourcePolicy", o.ReadFrom, o.Spec.ImageDigestMirrors)
	}
	for i := range s.ImageTagMirrorSets {
		o := &s.ImageTagMirrorSets[i]
		add(ByTag, kindITMS, o.Metadata.Name, "spec.imageTagMirrors", "mirrorSourcePolicy", o.ReadFrom, o.Spec.ImageTagMirrors)
	}
	for i := range s.ImageContentSourcePolicies {
		o := &s.ImageContentSourcePolicies[i]
		sources := make([]ImageMirrors, len(o.Spec.RepositoryDigestMirrors))
		for j, e := range o.Spec.RepositoryDigestMirrors {
			sources[j] = ImageMirrors{Source: e.Source, Mirrors: e.Mirrors}
		}
		add(ByDigest, kindICSP, o.Metadata.Name, "spec.repositoryDigestMirrors", "", o.ReadFrom, sources)
	}
	for i := range s.DigestSources {
		o := &s.DigestSources[i]
		add(ByDigest, o.Object, "", o.Field, "sourcePolicy", o.ReadFrom, o.Sources)
	}
	for i := range s.ImageMirrors {
		o := &s.ImageMirrors[i]
		add(ByDigest, kindImageMirror, o.ID, "", "", o.ReadFrom, []ImageMirrors{{Source: o.Source, Mirrors: o.Mirrors}})
	}
	inOrder, all := make([]Entry, len(entries)), make([]*Entry, len(entries)) // neighbours from now on, in memory too
	order := sorted(len(entries), func(i, j int) int { return compareEntries(&entries[i], &entries[j]) },
		func(i int) string { return string(entries[i].Pull) },
		func(i int) string { return entries[i].Source },
		func(i int) string { return entries[i].Origin.Object })
	for to, from := range order {
		inOrder[to] = entries[from]
		all[to] = &inOrder[to]
	}
	all = slices.CompactFunc(all, func(a, b *Entry) bool {
		return a.Origin.Object != "" && a.Origin.Object == b.Origin.Object && a.Origin.Field == b.Origin.Field &&
			a.Source == b.Source && a.Policy == b.Policy && slices.Equal(a.Mirrors, b.Mirrors)
	})
	sideBySide(all)
	return all
}

// sideBySide puts the texts of entries into one piece of memory, in their order: they are read over and over in this
// order from now on, and reading many texts from all over the memory takes longer than what is done with them.
func sideBySide(entries []*Entry) {
	size, mirrors := 0, 0
	for _, e := range entries {
		size += len(e.Source)
		mirrors += len(e.Mirrors)
		for _, m := range e.Mirrors {
			size += len(m)
		}
	}
	var text strings.Builder
	text.Grow(size)
	put := func(s string) string {
		text.WriteString(s)
		written := text.String()
		return written[len(written)-len(s):]
	}
	lists := make([]string, 0, mirrors)
	for _, e := range entries {
		e.Source = put(e.Source)
		first := len(lists)
		for _, m := range e.Mirrors {
			lists = append(lists, put(m))
		}
		if e.Mirrors != nil {
			e.Mirrors = lists[first:len(lists):len(lists)]
		}
	}
}

// listPaths are the paths of the items of lists, by the path of the list. Most objects have the same few.
type listPaths struct{ known map[string][]itemPaths }

// itemPaths are the paths of an item of a list, and of the mirrors in it.
type itemPaths struct {
	item    string
	mirrors []string
}

// at returns the paths of item i of a list, and of so many mirrors in it.
func (p *listPaths) at(list string, i, mirrors int) itemPaths {
	if p.known == nil {
		p.known = map[string][]itemPaths{}
	}
	known := p.known[list]
	for len(known) <= i {
		known = append(known, itemPaths{item: item(list, len(known))})
		p.known[list] = known
	}
	at := &known[i]
	for len(at.mirrors) < mirrors {
		at.mirrors = append(at.mirrors, join(at.item, item("mirrors", len(at.mirrors))))
	}
	return itemPaths{at.item, at.mirrors[:mirrors:mirrors]}
}

// item returns the path of an item of a list.
func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// compareRules orders entries by the rule they become part of.
func compareRules(a, b *Entry) int {
	if a.Pull != b.Pull {
		return strings.Compare(string(a.Pull), string(b.Pull))
	}
	return strings.Compare(a.Source, b.Source)
}

// compareEntries orders entries by rule, then by object and place, and those of equal names by what they say.
func compareEntries(a, b *Entry) int {
	// One after the other, as the first nearly always decide.
	if c := compareRules(a, b); c != 0 {
		return c
	}
	if c := strings.Compare(a.Origin.Object, b.Origin.Object); c != 0 {
		return c
	}
	if c := strings.Compare(a.list, b.list); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.index, b.index),
		slices.Compare(a.Mirrors, b.Mirrors),
		cmp.Compare(a.Policy, b.Policy),
		a.Origin.Compare(b.Origin),
	)
}

// Scope is one registry scope of an Image: a location or a wildcard, as written.
type Scope struct {
	Value  string
	Origin Origin
}

// scopes returns one of the lists of registrySources of the Image named cluster, in the order listed,
// repetitions left out. list is an index of registrySourceLists.
func (s *Set) scopes(list int) []Scope {
	var scopes []Scope
	seen := map[string]bool{}
	for i := range s.Images {
		o := &s.Images[i]
		if !o.isCluster() {
			continue
		}
		for j, value := range o.lists()[list] {
			if !seen[value] {
				seen[value] = true
				scopes = append(scopes, Scope{value, o.scopeOrigin(list, j)})
			}
		}
	}
	return scopes
}

// isCluster reports whether the object is the one that counts. A value built in memory may leave its
// name out.
func (o *Image) isCluster() bool { return o.Metadata.Name == "cluster" || o.Metadata.Name == "" }

// lists returns the lists of registrySources in the order of registrySourceLists.
func (o *Image) lists() [4][]string {
	r := &o.Spec.RegistrySources
	return [4][]string{r.InsecureRegistries, r.BlockedRegistries, r.AllowedRegistries, r.ContainerRuntimeSearchRegistries}
}

const (
	listInsecure = iota
	listBlocked
	listAllowed
	listSearch
)

func (o *Image) origin(field string) Origin {
	origin := Origin{Object: strings.TrimSuffix(kindImage+"/"+o.Metadata.Name, "/"), Field: field}
	if o.ReadFrom != nil {
		origin.File, origin.Document, origin.Line = o.ReadFrom.File, o.ReadFrom.Document, o.ReadFrom.Line
	}
	return origin
}

// scopeOrigin returns the place of item i of a list; of the list itself where i is negative.
func (o *Image) scopeOrigin(list, i int) Origin {
	field := "spec.registrySources." + registrySourceLists[list]
	if i >= 0 {
		field = fmt.Sprintf("%s[%d]", field, i)
	}
	origin := o.origin(field)
	if o.ReadFrom != nil && list < len(o.ReadFrom.lines) {
		lines := o.ReadFrom.lines[list]
		if i < 0 {
			origin.Line = int(lines.entry)
		} else if i < len(lines.mirrors) {
			origin.Line = int(lines.mirrors[i])
		}
	}
	return origin
}
