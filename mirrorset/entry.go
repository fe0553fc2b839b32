package mirrorset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pullroute/pullroute/internal/radix"
	"github.com/pullroute/pullroute/mirrorset/finding"
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
	Origin finding.Origin
	// Rank is the entry's place among all entries of the set that it is from, by their origins.
	Rank int

	kind  *listKind
	paths *itemPaths
	lines *entryLines
}

// MirrorOrigin returns the place of mirror i: spec.imageDigestMirrors[2].mirrors[0]; of an ImageMirror,
// whose fields stand at its top, mirrors[0].
func (e *Entry) MirrorOrigin(i int) finding.Origin {
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
func (e *Entry) SourceOrigin() finding.Origin {
	o := e.Origin
	o.Field = join(o.Field, "source")
	if e.lines != nil && e.lines.source != 0 {
		o.Line = int(e.lines.source)
	}
	return o
}

// PolicyOrigin returns the place of the entry's policy.
func (e *Entry) PolicyOrigin() finding.Origin {
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
	for _, m := range e.Mirrors {
		if m != e.Source {
			return true
		}
	}
	return false
}

// listed is an entry with all that is said of its list, as it stands in an object, before entries are put in order.
type listed struct {
	source      string
	entry       *ImageMirrors
	object      string // Kind/name
	kind        *listKind
	from        *ReadFrom
	index, rank int32
}

// listKind is what lists in objects of one kind have in common.
type listKind struct {
	pull        Pull
	path        string // of the list in its object
	policyField string // what the entries call their policy; empty where they have none
	paths       *listPaths
}

// listing is all that is listed in a set.
type listing struct {
	entries  []listed
	heads    []int32 // the first entry of each list
	size     int     // of all sources and mirrors together
	mirrors  int     // how many they are
	tags     int     // from here on entries are for pulls by tag, before for pulls by digest
	rules    int     // how many they make at most
	never    bool    // one says NeverContactSource
	distinct bool    // no two lists stand in objects of one name, as far as that was seen
}

// listed returns what the set lists, in the order of reading.
func (s *Set) listed() *listing {
	lists := len(s.ImageDigestMirrorSets) + len(s.ImageTagMirrorSets) + len(s.ImageContentSourcePolicies) + len(s.DigestSources) + len(s.ImageMirrors)
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
	all := &listing{entries: make([]listed, 0, total), heads: make([]int32, 0, lists)}
	var paths allPaths
	kind := func(pull Pull, path, policyField string) *listKind {
		return &listKind{pull, path, policyField, paths.of(path)}
	}
	var names texts
	digests := kind(ByDigest, "spec.imageDigestMirrors", "mirrorSourcePolicy")
	for i := range s.ImageDigestMirrorSets {
		o := &s.ImageDigestMirrorSets[i]
		all.add(names.object(kindIDMS, o.Metadata.Name), digests, o.ReadFrom, o.Spec.ImageDigestMirrors)
	}
	content := kind(ByDigest, "spec.repositoryDigestMirrors", "")
	for i := range s.ImageContentSourcePolicies {
		o := &s.ImageContentSourcePolicies[i]
		sources := make([]ImageMirrors, len(o.Spec.RepositoryDigestMirrors))
		for j, e := range o.Spec.RepositoryDigestMirrors {
			sources[j] = ImageMirrors{Source: e.Source, Mirrors: e.Mirrors}
		}
		all.add(names.object(kindICSP, o.Metadata.Name), content, o.ReadFrom, sources)
	}
	for i := range s.DigestSources {
		o := &s.DigestSources[i]
		all.add(o.Object, kind(ByDigest, o.Field, "sourcePolicy"), o.ReadFrom, o.Sources)
	}
	whole := &listKind{pull: ByDigest, paths: &listPaths{items: []*itemPaths{{}}}} // the object itself is the entry
	for i := range s.ImageMirrors {
		o := &s.ImageMirrors[i]
		all.add(names.object(kindImageMirror, o.ID), whole, o.ReadFrom, []ImageMirrors{{Source: o.Source, Mirrors: o.Mirrors}})
	}
	all.tags = len(all.entries)
	tags := kind(ByTag, "spec.imageTagMirrors", "mirrorSourcePolicy")
	for i := range s.ImageTagMirrorSets {
		o := &s.ImageTagMirrorSets[i]
		all.add(names.object(kindITMS, o.Metadata.Name), tags, o.ReadFrom, o.Spec.ImageTagMirrors)
	}
	all.rank()
	all.distinct = all.distinct && len(all.heads) == lists // of an empty list nothing is known
	return all
}

func (all *listing) add(object string, kind *listKind, from *ReadFrom, sources []ImageMirrors) {
	if len(sources) > 0 {
		all.heads = append(all.heads, int32(len(all.entries)))
	}
	for i := range sources {
		e := &sources[i]
		all.entries = append(all.entries, listed{e.Source, e, object, kind, from, int32(i), 0})
		all.size += len(e.Source)
		all.mirrors += len(e.Mirrors)
		all.never = all.never || e.MirrorSourcePolicy == NeverContactSource
		for _, m := range e.Mirrors {
			all.size += len(m)
		}
	}
}

// list returns the entries of list i.
func (all *listing) list(i int) []listed {
	end := len(all.entries)
	if i+1 < len(all.heads) {
		end = int(all.heads[i+1])
	}
	return all.entries[all.heads[i]:end]
}

// rank gives entries their place by their origins, those of one list in its order, and those of equal origins by
// what their lists say.
func (all *listing) rank() {
	inMemory := true
	for i := range all.heads {
		inMemory = inMemory && all.list(i)[0].from == nil
	}
	compare := func(i, j int) int {
		a, b := &all.list(i)[0], &all.list(j)[0]
		if !inMemory {
			if c := a.origin().Compare(b.origin()); c != 0 {
				return c
			}
		}
		if c := strings.Compare(a.object, b.object); c != 0 {
			return c
		}
		return cmp.Or(
			cmp.Compare(a.kind.path, b.kind.path),
			cmp.Compare(a.kind.pull, b.kind.pull),
			slices.CompareFunc(all.list(i), all.list(j), func(a, b listed) int {
				return cmp.Or(cmp.Compare(a.source, b.source), slices.Compare(a.entry.Mirrors, b.entry.Mirrors),
					cmp.Compare(a.entry.MirrorSourcePolicy, b.entry.MirrorSourcePolicy))
			}),
		)
	}
	next, last := int32(0), ""
	all.distinct = inMemory // then those of one object are neighbours
	place := func(i int) {
		list := all.list(i)
		all.distinct = all.distinct && list[0].object != last
		last = list[0].object
		for j := range list {
			list[j].rank = next
			next++
		}
	}
	inOrder := 1
	for inOrder < len(all.heads) && compare(inOrder-1, inOrder) <= 0 {
		inOrder++
	}
	if inOrder >= len(all.heads) {
		for i := range all.heads {
			place(i)
		}
		return
	}
	var texts []func(i int) string
	if inMemory { // then objects are what decides first
		texts = append(texts, func(i int) string { return all.entries[all.heads[i]].object })
	}
	for _, i := range radix.Order(len(all.heads), compare, texts...) {
		place(int(i))
	}
}

// origin returns the place of the entry.
func (l *listed) origin() finding.Origin {
	o := l.from.Origin(l.object, l.kind.paths.at(int(l.index)).item)
	if lines := l.lines(); lines != nil {
		o.Line = int(lines.entry)
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

// entries returns every entry of the set, as inOrder has them.
func (s *Set) entries() []*Entry { return s.listed().inOrder() }

// inOrder returns the entries ordered by the rule they become part of, by object and by place, and not by the order of
// reading, so that nothing made of them depends on it. Of several equal objects only the first counts.
//
// From now on they are read over and over in this order. So they lie in it, with their texts, in a few pieces of
// memory: to collect many small ones from all over the memory takes longer than what is done with them.
func (all *listing) inOrder() []*Entry {
	total := len(all.entries)
	order := make([]int32, 0, total)
	for _, of := range [][]listed{all.entries[:all.tags], all.entries[all.tags:]} {
		before := int32(len(order))
		for _, at := range radix.Order(len(of), func(i, j int) int { return of[i].compare(&of[j]) },
			func(i int) string { return of[i].source },
			func(i int) string { return of[i].object }) {
			order = append(order, before+at)
		}
	}
	entries := make([]Entry, total)
	ordered := make([]*Entry, 0, total)
	var text strings.Builder
	text.Grow(all.size)
	named := make([]string, 0, all.mirrors)
	var last *listed
	for _, at := range order {
		l := &all.entries[at]
		if last != nil && l.same(last) {
			continue
		}
		if last == nil || l.source != last.source || l.kind.pull != last.kind.pull {
			all.rules++
		}
		last = l
		from := l.entry
		e := &entries[len(ordered)]
		ordered = append(ordered, e)
		e.Pull, e.Policy, e.Origin = l.kind.pull, from.MirrorSourcePolicy, l.origin()
		e.kind, e.Rank, e.lines = l.kind, int(l.rank), l.lines()
		e.paths = e.kind.paths.mirrored(int(l.index), len(from.Mirrors))
		start := text.Len()
		text.WriteString(from.Source)
		for _, m := range from.Mirrors {
			text.WriteString(m)
		}
		written := text.String()[start:]
		e.Source, written = written[:len(from.Source)], written[len(from.Source):]
		first := len(named)
		for _, m := range from.Mirrors {
			named = append(named, written[:len(m)])
			written = written[len(m):]
		}
		if from.Mirrors != nil {
			e.Mirrors = named[first:len(named):len(named)]
		}
	}
	return ordered
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
	return [4][]string{r.InsecureRegistries, r.BlockedRegistries, r.AllowedRegistries, r.ContainerRuntimeSearchRegistries}
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

// scopeOrigin returns the place of item i of a list; of the list itself where i is negative.
func (o *Image) scopeOrigin(list, i int) finding.Origin {
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
