package mirrorset

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Pull is a kind of pull: by digest or by tag. A reference that has both is pulled by digest.
type Pull string

const (
	// ByDigest rules serve references with a digest; IDMS, ICSP, DigestSources and ImageMirror make
	// them.
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
	// Origin is the place of the entry: spec.imageDigestMirrors[2]. Its Field is empty where the
	// entry is a whole ImageMirror.
	Origin finding.Origin

	rank  int // the entry's place among all entries of its set, by their origins
	list  *list
	index int         // of the entry in its list
	named []int       // of a copy without the mirrors that were refused: the places of the others in the list
	lines *entryLines // nil for one that was not read from a file
}

// MirrorOrigin returns the place of mirror i: spec.imageDigestMirrors[2].mirrors[0]; of an ImageMirror,
// whose fields stand at its top, mirrors[0].
func (e *Entry) MirrorOrigin(i int) finding.Origin {
	if e.named != nil {
		i = e.named[i]
	}
	o := e.Origin
	o.Field = strings.TrimPrefix(o.Field+".mirrors["+strconv.Itoa(i)+"]", ".") // made in one piece
	if e.lines != nil && i < len(e.lines.mirrors) {
		o.Line = int(e.lines.mirrors[i])
	}
	return o
}

// SourceOrigin returns the place of the entry's source.
func (e *Entry) SourceOrigin() finding.Origin {
	o := e.Origin
	o.Field = under(o.Field, "source")
	if e.lines != nil && e.lines.source != 0 {
		o.Line = int(e.lines.source)
	}
	return o
}

// PolicyOrigin returns the place of the entry's policy.
func (e *Entry) PolicyOrigin() finding.Origin {
	o := e.Origin
	o.Field = under(o.Field, e.policyField())
	if e.lines != nil && e.lines.policy != 0 {
		o.Line = int(e.lines.policy)
	}
	return o
}

// policyField is what the entry's policy is called where it stands; empty where there is none.
func (e *Entry) policyField() string {
	if e.list == nil {
		return ""
	}
	return e.list.policyField
}

// never reports whether the entry forbids contacting its source.
func (e *Entry) never() bool { return e.Policy == NeverContactSource }

// real reports whether the entry makes a rule: whether it has a mirror other than its source.
func (e *Entry) real() bool {
	for _, m := range e.Mirrors {
		if m != e.Source {
			return true
		}
	}
	return false
}

// list is a list of entries in an object.
type list struct {
	pull        Pull
	object      string // Kind/name
	path        string // of the list in its object
	policyField string // what the entries call their policy; empty where they have none
	whole       bool   // the object itself is the only entry
	from        *ReadFrom
	entries     []ImageMirrors
}

// lists returns the lists of the set that have entries, in the order of reading.
func (s *Set) lists() []*list {
	var lists []*list
	add := func(l list) {
		if len(l.entries) > 0 {
			lists = append(lists, &l)
		}
	}
	for i := range s.ImageDigestMirrorSets {
		o := &s.ImageDigestMirrorSets[i]
		add(list{pull: ByDigest, object: objectName(kindIDMS, o.Metadata.Name), path: "spec.imageDigestMirrors",
			policyField: "mirrorSourcePolicy", from: o.ReadFrom, entries: o.Spec.ImageDigestMirrors})
	}
	for i := range s.ImageContentSourcePolicies {
		o := &s.ImageContentSourcePolicies[i]
		entries := make([]ImageMirrors, len(o.Spec.RepositoryDigestMirrors))
		for j, e := range o.Spec.RepositoryDigestMirrors {
			entries[j] = ImageMirrors{Source: e.Source, Mirrors: e.Mirrors}
		}
		add(list{pull: ByDigest, object: objectName(kindICSP, o.Metadata.Name),
			path: "spec.repositoryDigestMirrors", from: o.ReadFrom, entries: entries})
	}
	for i := range s.DigestSources {
		o := &s.DigestSources[i]
		add(list{pull: ByDigest, object: o.Object, path: o.Field, policyField: "sourcePolicy", from: o.ReadFrom,
			entries: o.Sources})
	}
	for i := range s.ImageMirrors {
		o := &s.ImageMirrors[i]
		add(list{pull: ByDigest, object: o.object(), whole: true, from: o.ReadFrom,
			entries: []ImageMirrors{{Source: o.Source, Mirrors: o.Mirrors}}})
	}
	for i := range s.ImageTagMirrorSets {
		o := &s.ImageTagMirrorSets[i]
		add(list{pull: ByTag, object: objectName(kindITMS, o.Metadata.Name), path: "spec.imageTagMirrors",
			policyField: "mirrorSourcePolicy", from: o.ReadFrom, entries: o.Spec.ImageTagMirrors})
	}
	return lists
}

// objectName is what findings call an object: Kind/name, and the kind alone where there is no name.
func objectName(kind, name string) string {
	if name == "" {
		return kind
	}
	return kind + "/" + name
}

// compare orders lists by the place of their first entries, and those of one place by what they say.
func (l *list) compare(m *list) int {
	if c := l.at(0, l.path).Compare(m.at(0, m.path)); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(l.path, m.path),
		cmp.Compare(l.pull, m.pull),
		slices.CompareFunc(l.entries, m.entries, func(a, b ImageMirrors) int {
			return cmp.Or(cmp.Compare(a.Source, b.Source), slices.Compare(a.Mirrors, b.Mirrors),
				cmp.Compare(a.MirrorSourcePolicy, b.MirrorSourcePolicy))
		}),
	)
}

// origin returns the place of entry i.
func (l *list) origin(i int) finding.Origin {
	field := ""
	if !l.whole {
		field = item(l.path, i)
	}
	return l.at(i, field)
}

// at returns the place of entry i, whose field is given.
func (l *list) at(i int, field string) finding.Origin {
	o := l.from.Origin(l.object, field)
	if lines := l.lines(i); lines != nil {
		o.Line = int(lines.entry)
	}
	return o
}

// lines are those of the fields of entry i; nil for one that was not read from a file.
func (l *list) lines(i int) *entryLines {
	if l.from == nil || i >= len(l.from.lines) {
		return nil
	}
	return &l.from.lines[i]
}

// entries returns every entry of the set, ordered by the rule it becomes part of, by object and by
// place, and not by the order of reading, so that nothing made of them depends on it. Of several
// equal objects only the first counts.
func (s *Set) entries() []*Entry {
	lists := s.lists()
	slices.SortStableFunc(lists, (*list).compare)
	var entries []*Entry
	for _, l := range lists {
		for i, e := range l.entries {
			entries = append(entries, &Entry{
				Pull: l.pull, Source: e.Source, Mirrors: e.Mirrors, Policy: e.MirrorSourcePolicy,
				Origin: l.origin(i), rank: len(entries), list: l, index: i, lines: l.lines(i),
			})
		}
	}
	slices.SortFunc(entries, (*Entry).compare)
	return slices.CompactFunc(entries, (*Entry).same)
}

// compare orders entries by rule, then by object and place, and those of equal names by what they say.
func (e *Entry) compare(f *Entry) int {
	if c := e.compareContent(f); c != 0 {
		return c
	}
	return cmp.Or(e.Origin.Compare(f.Origin), cmp.Compare(e.rank, f.rank))
}

// compareContent is compare without where the entries were read.
func (e *Entry) compareContent(f *Entry) int {
	// The first comparisons nearly always decide, so the others are made only if they do not.
	if c := cmp.Compare(e.Pull, f.Pull); c != 0 {
		return c
	}
	if c := strings.Compare(e.Source, f.Source); c != 0 {
		return c
	}
	if c := strings.Compare(e.Origin.Object, f.Origin.Object); c != 0 {
		return c
	}
	if c := strings.Compare(e.list.path, f.list.path); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(e.index, f.index),
		slices.Compare(e.Mirrors, f.Mirrors),
		cmp.Compare(e.Policy, f.Policy),
	)
}

// same reports whether two entries are one entry that was read twice.
func (e *Entry) same(f *Entry) bool { return e.Origin.Object != "" && e.compareContent(f) == 0 }

// item returns the path of an item of a list.
func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// Scope is one registry scope of an Image: a location or a wildcard, as written.
type Scope struct {
	Value  string
	Origin finding.Origin
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
	return [4][]string{r.InsecureRegistries, r.BlockedRegistries, r.AllowedRegistries,
		r.ContainerRuntimeSearchRegistries}
}

const (
	listInsecure = iota
	listBlocked
	listAllowed
	listSearch
)

func (o *Image) origin(field string) finding.Origin {
	return o.ReadFrom.Origin(strings.TrimSuffix(kindImage+"/"+o.Metadata.Name, "/"), field)
}

// listOrigin returns the place of a list.
func (o *Image) listOrigin(list int) finding.Origin {
	origin := o.origin("spec.registrySources." + registrySourceLists[list])
	if o.ReadFrom != nil && list < len(o.ReadFrom.lines) {
		origin.Line = int(o.ReadFrom.lines[list].entry)
	}
	return origin
}

// scopeOrigin returns the place of item i of a list.
func (o *Image) scopeOrigin(list, i int) finding.Origin {
	origin := o.origin(item("spec.registrySources."+registrySourceLists[list], i))
	if o.ReadFrom != nil && list < len(o.ReadFrom.lines) {
		if lines := o.ReadFrom.lines[list].mirrors; i < len(lines) {
			origin.Line = int(lines[i])
		}
	}
	return origin
}
