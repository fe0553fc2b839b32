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
	// Rank is the entry's place among all entries of the set that it is from, by their origins.
	Rank int

	kind  *listKind
	paths *itemPaths
	lines *entryLines
	index int // its place in the list
}

// MirrorOrigin returns the place of mirror i: spec.imageDigestMirrors[2].mirrors[0]; of an ImageMirror,
// whose fields stand at its top, mirrors[0].
func (e *Entry) MirrorOrigin(i int) Origin {
	o := e.Origin
	if e.paths != nil && i < len(e.paths.mirrors) {
		o.Field = e.paths.mirrors[i]
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
	o.Field = join(o.Field, e.policyField())
	if e.lines != nil && e.lines.policy != 0 {
		o.Line = int(e.lines.policy)
	}
	return o
}

// policyField is what the entry's policy is called where it stands; empty where there is none.
func (e *Entry) policyField() string {
	if e.kind == nil {
		return ""
	}
	return e.kind.policyField
}

// never reports whether the entry forbids contacting its source.
func (e *Entry) never() bool { return e.Policy == NeverContactSource }

// real reports whether the entry makes a rule: it has a mirror that is not its own source.
func (e *Entry) real() bool {
	return slices.ContainsFunc(e.Mirrors, func(m string) bool { return m != e.Source })
}

// sourceList is a list of entries, as one object has it.
type sourceList struct {
	object  string // Kind/name
	kind    *listKind
	from    *ReadFrom
	sources []ImageMirrors
	rank    int // of the first entry
}

// listKind is what lists in objects of one kind have in common.
type listKind struct {
	pull        Pull
	path        string // of the list in its object
	policyField string // what the entries call their policy; empty where they have none
	paths       *listPaths
}

// first returns the place of the first entry.
func (l *sourceList) first() Origin {
	first := listed{object: l.object, kind: l.kind, from: l.from}
	return first.origin()
}

// lists returns every list of entries that the set holds. distinct is set where it is seen that no two stand in
// objects of one name.
func (s *Set) lists() (lists []sourceList, distinct bool) {
	lists = make([]sourceList, 0, len(s.ImageDigestMirrorSets)+len(s.ImageTagMirrorSets)+
		len(s.ImageContentSourcePolicies)+len(s.DigestSources)+len(s.ImageMirrors))
	var paths allPaths
	kind := func(pull Pull, path, policyField string) *listKind {
		return &listKind{pull, path, policyField, paths.of(path)}
	}
	var names texts
	digests := kind(ByDigest, "spec.imageDigestMirrors", "mirrorSourcePolicy")
	for i := range s.ImageDigestMirrorSets {
		o := &s.ImageDigestMirrorSets[i]
		lists = append(lists, sourceList{names.object(kindIDMS, o.Metadata.Name), digests, o.ReadFrom, o.Spec.ImageDigestMirrors, 0})
	}
	tags := kind(ByTag, "spec.imageTagMirrors", "mirrorSourcePolicy")
	for i := range s.ImageTagMirrorSets {
		o := &s.ImageTagMirrorSets[i]
		lists = append(lists, sourceList{names.object(kindITMS, o.Metadata.Name), tags, o.ReadFrom, o.Spec.ImageTagMirrors, 0})
	}
	content := kind(ByDigest, "spec.repositoryDigestMirrors", "")
	for i := range s.ImageContentSourcePolicies {
		o := &s.ImageContentSourcePolicies[i]
		sources := make([]ImageMirrors, len(o.Spec.RepositoryDigestMirrors))
		for j, e := range o.Spec.RepositoryDigestMirrors {
			sources[j] = ImageMirrors{Source: e.Source, Mirrors: e.Mirrors}
		}
		lists = append(lists, sourceList{names.object(kindICSP, o.Metadata.Name), content, o.ReadFrom, sources, 0})
	}
	for i := range s.DigestSources {
		o := &s.DigestSources[i]
		lists = append(lists, sourceList{o.Object, kind(ByDigest, o.Field, "sourcePolicy"), o.ReadFrom, o.Sources, 0})
	}
	whole := &listKind{pull: ByDigest, paths: &listPaths{items: []*itemPaths{{}}}} // the object itself is the entry
	for i := range s.ImageMirrors {
		o := &s.ImageMirrors[i]
		lists = append(lists, sourceList{names.object(kindImageMirror, o.ID), whole, o.ReadFrom, []ImageMirrors{{Source: o.Source, Mirrors: o.Mirrors}}, 0})
	}
	return lists, rank(lists)
}

// rank gives lists their place by the origin of their entries, and those of equal origins by what they say.
func rank(lists []sourceList) (distinct bool) {
	inMemory := !slices.ContainsFunc(lists, func(l sourceList) bool { return l.from != nil })
	compare := func(i, j int) int {
		a, b := &lists[i], &lists[j]
		if !inMemory {
			if c := a.first().Compare(b.first()); c != 0 {
				return c
			}
		}
		if c := strings.Compare(a.object, b.object); c != 0 {
			return c
		}
		return cmp.Or(
			cmp.Compare(a.kind.path, b.kind.path),
			cmp.Compare(a.kind.pull, b.kind.pull),
			slices.CompareFunc(a.sources, b.sources, func(a, b ImageMirrors) int {
				return cmp.Or(cmp.Compare(a.Source, b.Source), slices.Compare(a.Mirrors, b.Mirrors), cmp.Compare(a.MirrorSourcePolicy, b.MirrorSourcePolicy))
			}),
		)
	}
	next, last := 0, ""
	distinct = inMemory // then those of one object are neighbours
	place := func(i int) {
		l := &lists[i]
		distinct = distinct && l.object != last
		last = l.object
		l.rank = next
		next += len(l.sources)
	}
	inOrder := 1
	for inOrder < len(lists) && compare(inOrder-1, inOrder) <= 0 {
		inOrder++
	}
	if inOrder >= len(lists) {
		for i := range lists {
			place(i)
		}
		return distinct
	}
	var texts []func(i int) string
	if inMemory { // then objects are what decides first
		texts = append(texts, func(i int) string { return lists[i].object })
	}
	for _, i := range sorted(len(lists), compare, texts...) {
		place(int(i))
	}
	return distinct
}

// listed is an entry, with all that is said of its list, before the entries are put in order.
type listed struct {
	source      string
	entry       *ImageMirrors
	object      string
	kind        *listKind
	from        *ReadFrom
	index, rank int32
}

// origin returns the place of the entry.
func (l *listed) origin() Origin {
	o := Origin{Object: l.object, Field: l.kind.paths.at(int(l.index)).item}
	if l.from != nil {
		o.File, o.Document, o.Line = l.from.File, l.from.Document, l.from.Line
		if lines := l.lines(); lines != nil {
			o.Line = int(lines.entry)
		}
	}
	return o
}

// lines are those of the entry's fields; nil for one that was not read from a file.
func (l *listed) lines() *entryLines {
	if l.from == nil || int(l.index) >= len(l.from.lines) {
		return nil
	}
	return &l.from.lines[l.index]
}

// compare orders entries of one kind of pull by source, then by object and place, and those of equal names by what
// they say.
func (l *listed) compare(m *listed) int {
	// One after the other, as the first nearly always decide.
	if c := strings.Compare(l.source, m.source); c != 0 {
		return c
	}
	if c := strings.Compare(l.object, m.object); c != 0 {
		return c
	}
	if c := strings.Compare(l.kind.path, m.kind.path); c != 0 {
		return c
	}
	if c := cmp.Compare(l.index, m.index); c != 0 {
		return c
	}
	return cmp.Or(
		slices.Compare(l.entry.Mirrors, m.entry.Mirrors),
		cmp.Compare(l.entry.MirrorSourcePolicy, m.entry.MirrorSourcePolicy),
		l.origin().Compare(m.origin()),
		cmp.Compare(l.rank, m.rank),
	)
}

// same reports whether two entries are one that was read twice.
func (l *listed) same(m *listed) bool {
	return l.source == m.source && l.index == m.index && l.object != "" && l.object == m.object && l.kind.path == m.kind.path &&
		l.entry.MirrorSourcePolicy == m.entry.MirrorSourcePolicy && slices.Equal(l.entry.Mirrors, m.entry.Mirrors)
}

// entries returns every entry of the set, ordered by the rule it becomes part of, by object and by place, and not
// by the order of reading, so that nothing made of them depends on it. Of several equal objects only the first counts.
// distinct is set where it is seen that no two objects have one name.
//
// From now on they are read over and over in this order. So they lie in it, with their texts, in a few pieces of
// memory: to collect many small ones from all over the memory takes longer than what is done with them.
func (s *Set) entries() (all []*Entry, distinct bool) {
	lists, distinct := s.lists()
	total := 0
	for i := range lists {
		total += len(lists[i].sources)
	}
	unordered := make([]listed, 0, total)
	order := make([]int32, 0, total)
	size, mirrors := 0, 0
	for _, pull := range []Pull{ByDigest, ByTag} {
		before := len(unordered)
		for i := range lists {
			l := &lists[i]
			if l.kind.pull != pull {
				continue
			}
			for j := range l.sources {
				e := &l.sources[j]
				unordered = append(unordered, listed{e.Source, e, l.object, l.kind, l.from, int32(j), int32(l.rank + j)})
				size += len(e.Source)
				mirrors += len(e.Mirrors)
				for _, m := range e.Mirrors {
					size += len(m)
				}
			}
		}
		of := unordered[before:]
		for _, at := range sorted(len(of), func(i, j int) int { return of[i].compare(&of[j]) },
			func(i int) string { return of[i].source },
			func(i int) string { return of[i].object }) {
			order = append(order, int32(before)+at)
		}
	}

	entries := make([]Entry, total)
	all = make([]*Entry, 0, total)
	var locations texts
	locations.grow(size)
	named := make([]string, 0, mirrors)
	var last *listed
	for _, at := range order {
		l := &unordered[at]
		if last != nil && l.same(last) {
			continue
		}
		last = l
		from := l.entry
		e := &entries[len(all)]
		all = append(all, e)
		e.Pull, e.Policy, e.Origin = l.kind.pull, from.MirrorSourcePolicy, l.origin()
		e.kind, e.index, e.Rank = l.kind, int(l.index), int(l.rank)
		e.paths, e.lines = e.kind.paths.mirrored(e.index, len(from.Mirrors)), l.lines()
		e.Source = locations.put(from.Source)
		first := len(named)
		for _, m := range from.Mirrors {
			named = append(named, locations.put(m))
		}
		if from.Mirrors != nil {
			e.Mirrors = named[first:len(named):len(named)]
		}
	}
	return all, distinct
}

// texts keeps many texts in few pieces of memory.
type texts struct {
	text strings.Builder
	size int // of the last piece
}

// grow makes room for n bytes.
func (t *texts) grow(n int) {
	if n > t.text.Cap()-t.text.Len() {
		t.size = min(max(2*t.size, 256), 1<<16)
		t.text = strings.Builder{}
		t.text.Grow(max(n, t.size))
	}
}

func (t *texts) put(s string) string {
	t.grow(len(s))
	start := t.text.Len()
	t.text.WriteString(s)
	return t.text.String()[start:]
}

// object returns Kind/name, and the kind alone where there is no name.
func (t *texts) object(kind, name string) string {
	if name == "" {
		return kind
	}
	t.grow(len(kind) + len("/") + len(name))
	start := t.text.Len()
	t.text.WriteString(kind)
	t.text.WriteByte('/')
	t.text.WriteString(name)
	return t.text.String()[start:]
}

// item returns the path of an item of a list.
func (t *texts) item(list string, i int) string {
	const most = 20 // digits of a number
	t.grow(len(list) + len("[]") + most)
	var space [most]byte
	start := t.text.Len()
	t.text.WriteString(list)
	t.text.WriteByte('[')
	t.text.Write(strconv.AppendInt(space[:0], int64(i), 10))
	t.text.WriteByte(']')
	return t.text.String()[start:]
}

// allPaths are the paths of the items of lists, by the path of the list. Most objects have the same few.
type allPaths struct{ known map[string]*listPaths }

// listPaths are the paths of the items of a list.
type listPaths struct {
	list  string
	items []*itemPaths
	texts texts
}

// itemPaths are the paths of an item of a list, and of the mirrors in it.
type itemPaths struct {
	item    string
	mirrors []string
}

// of returns the paths of a list.
func (p *allPaths) of(list string) *listPaths {
	if p.known == nil {
		p.known = map[string]*listPaths{}
	}
	known := p.known[list]
	if known == nil {
		known = &listPaths{list: list}
		p.known[list] = known
	}
	return known
}

// at returns the paths of item i.
func (p *listPaths) at(i int) *itemPaths {
	for len(p.items) <= i {
		p.items = append(p.items, &itemPaths{item: p.texts.item(p.list, len(p.items))})
	}
	return p.items[i]
}

// mirrored returns the paths of item i, and at least those of so many mirrors in it.
func (p *listPaths) mirrored(i, mirrors int) *itemPaths {
	at := p.at(i)
	if len(at.mirrors) < mirrors {
		list := join(at.item, "mirrors")
		at.mirrors = slices.Grow(at.mirrors, mirrors-len(at.mirrors))
		for len(at.mirrors) < mirrors {
			at.mirrors = append(at.mirrors, p.texts.item(list, len(at.mirrors)))
		}
	}
	return at
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

// sameRule reports whether two entries become part of one rule.
func sameRule(a, b *Entry) bool { return a.Source == b.Source && a.Pull == b.Pull }

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
