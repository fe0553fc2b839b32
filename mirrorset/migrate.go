package mirrorset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"go.yaml.in/yaml/v3"
)

// Migration is the ImageDigestMirrorSet that replaces an ImageContentSourcePolicy.
type Migration struct {
	// From is what findings call the policy: "ImageContentSourcePolicy/name".
	From string
	// Object has the policy's name, labels and annotations, and its entries in their order.
	Object ImageDigestMirrorSet
	// Findings say what was not carried over unchanged, and what applying the object does besides
	// replacing the policy.
	Findings finding.Findings
}

func newDigestMirrorSet(metadata ObjectMeta) ImageDigestMirrorSet {
	return ImageDigestMirrorSet{TypeMeta: TypeMeta{Kind: kindIDMS, APIVersion: versionConfig}, Metadata: metadata}
}

// appliedAnnotation is where kubectl notes the object it was last given, to compare the next one with.
const appliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// MigrateContentSourcePolicies returns an ImageDigestMirrorSet for each ImageContentSourcePolicy of the
// set, in order. With them in the place of the policies the set resolves as before:
//
//   - an entry without mirrors is carried over: it makes no rule, but MCO holds its source against the
//     policies of other entries all the same;
//   - a list that names a mirror twice, which the API server refuses of an ImageDigestMirrorSet, is written
//     in the order that MCO makes of it, which is the one of Linux nodes;
//   - sources and mirrors that the grammar refuses are left out. MCO refuses the policy for them, so a
//     caller should only go on where [Set.Rules] returns no error.
//
// Each change is a finding, and each finding a comment in what [Migration.YAML] writes. The
// annotation in which kubectl keeps the policy as it was last applied is left out, because kubectl
// would compare the new object with it.
func (s *Set) MigrateContentSourcePolicies() []Migration {
	migrations := make([]Migration, len(s.ImageContentSourcePolicies))
	for i := range s.ImageContentSourcePolicies {
		migrations[i] = s.migrate(&s.ImageContentSourcePolicies[i])
	}
	s.keepOrder(migrations)
	for i := range migrations {
		migrations[i].Findings = migrations[i].Findings.Sort()
	}
	return migrations
}

// entries returns the policy's entries in their order.
func (p *ImageContentSourcePolicy) entries() []*Entry {
	one := &Set{ImageContentSourcePolicies: []ImageContentSourcePolicy{*p}}
	entries := one.entries()
	slices.SortFunc(entries, func(a, b *Entry) int { return cmp.Compare(a.rank, b.rank) })
	return entries
}

func (s *Set) migrate(p *ImageContentSourcePolicy) Migration {
	m := Migration{
		From:   strings.TrimSuffix(kindICSP+"/"+p.Metadata.Name, "/"),
		Object: newDigestMirrorSet(p.Metadata),
	}
	origin := func(field string) finding.Origin { return p.ReadFrom.Origin(m.From, field) }
	m.Object.Metadata.Labels = maps.Clone(p.Metadata.Labels)
	m.Object.Metadata.Annotations = maps.Clone(p.Metadata.Annotations)
	if _, ok := m.Object.Metadata.Annotations[appliedAnnotation]; ok {
		delete(m.Object.Metadata.Annotations, appliedAnnotation)
		m.tell(finding.SeverityInfo, origin("metadata.annotations."+appliedAnnotation), "", "describes "+
			"the ImageContentSourcePolicy, and is left out")
	}
	sameName := func(o ImageDigestMirrorSet) bool { return o.Metadata.Name == p.Metadata.Name }
	if p.Metadata.Name != "" && slices.ContainsFunc(s.ImageDigestMirrorSets, sameName) {
		m.Findings = append(m.Findings, finding.Finding{
			Code: finding.CodeDuplicate, Severity: finding.SeverityWarning, Origin: origin("metadata.name"),
			Value: p.Metadata.Name,
			Message: "is the name of an ImageDigestMirrorSet too, which applying this one would " +
				"replace; give this one another name, or put the entries of both into one",
		})
	}
	for _, f := range s.Findings {
		if f.Code == finding.CodeUnknownField && f.Origin.Object == m.From && sameDocument(f.Origin, p.ReadFrom) {
			m.Findings = append(m.Findings, f)
		}
	}
	for _, e := range p.entries() {
		entry, ok := m.entry(e)
		if ok {
			m.Object.Spec.ImageDigestMirrors = append(m.Object.Spec.ImageDigestMirrors, entry)
		}
	}
	return m
}

func sameDocument(o finding.Origin, from *ReadFrom) bool {
	return from != nil && o.File == from.File && o.Document == from.Document
}

func (m *Migration) tell(severity finding.Severity, origin finding.Origin, value, message string) {
	m.Findings = append(m.Findings, finding.Finding{Code: finding.CodeNotCarried, Severity: severity,
		Origin: origin, Value: value, Message: message})
}

// entry returns an entry of the policy as one of the new object.
func (m *Migration) entry(e *Entry) (entry ImageMirrors, ok bool) {
	if !ValidSource(e.Source) {
		m.tell(finding.SeverityWarning, e.SourceOrigin(), shown.Location(e.Source), "is no source of an "+
			"ImageDigestMirrorSet: "+whyInvalid(e.Source)+"; the entry is left out")
		return ImageMirrors{}, false
	}
	var mirrors, firsts, repeated []string
	for i, mirror := range e.Mirrors {
		switch {
		case !ValidMirror(mirror):
			m.tell(finding.SeverityWarning, e.MirrorOrigin(i), shown.Location(mirror), "is no mirror of "+
				"an ImageDigestMirrorSet: "+whyInvalid(mirror)+"; it is left out")
			continue
		case !slices.Contains(firsts, mirror):
			firsts = append(firsts, mirror)
		case !slices.Contains(repeated, mirror):
			repeated = append(repeated, mirror)
		}
		mirrors = append(mirrors, mirror)
	}
	if repeated != nil {
		mirrors, _ = PreferenceOrder([][]string{mirrors}, e.Source)
		mirrors = writable(mirrors)
		message := fmt.Sprintf("lists %s more than once, which an ImageDigestMirrorSet may not; each is "+
			"written once, in the order that MCO makes of the list",
			strings.Join(repeated, ", "))
		if !slices.Equal(firsts, mirrors) {
			message += "; on Windows nodes the order was " + strings.Join(firsts, ", ")
		}
		m.tell(finding.SeverityWarning, e.Origin, e.Source, message)
	}
	return ImageMirrors{Source: e.Source, Mirrors: mirrors}, true
}

// writable leaves out a wildcard source that is among the mirrors because a loop was broken at it.
func writable(mirrors []string) []string {
	return slices.DeleteFunc(mirrors, func(m string) bool { return !ValidMirror(m) })
}

// keepOrder gives the entries whose lists had repetitions the merged order of their source where
// its other entries would otherwise make another order of it.
func (s *Set) keepOrder(migrations []Migration) {
	type place struct {
		migration, entry int
		origin           finding.Origin
	}
	repeated := map[string][]place{}
	for i := range s.ImageContentSourcePolicies {
		j := -1 // of the new object
		for _, e := range s.ImageContentSourcePolicies[i].entries() {
			if !ValidSource(e.Source) {
				continue
			}
			j++
			usable := e.usable().Mirrors
			if once := slices.Compact(slices.Sorted(slices.Values(usable))); len(once) < len(usable) {
				repeated[e.Source] = append(repeated[e.Source], place{i, j, e.Origin})
			}
		}
	}
	before, now := s.digestOrders(), s.migrated(migrations).digestOrders()
	for source, places := range repeated {
		if slices.Equal(before[source], now[source]) {
			continue
		}
		for _, p := range places {
			entry := &migrations[p.migration].Object.Spec.ImageDigestMirrors[p.entry]
			entry.Mirrors = writable(slices.Clone(before[source]))
		}
	}
	now = s.migrated(migrations).digestOrders()
	for source, places := range repeated {
		if was := before[source]; !slices.Equal(was, now[source]) {
			migrations[places[0].migration].tell(finding.SeverityWarning, places[0].origin, source, fmt.Sprintf(
				"has lists that contradict each other, and without the repetitions their order is "+
					"another: %s; it was %s", strings.Join(now[source], ", "), strings.Join(was, ", ")))
		}
	}
}

// digestOrders returns the mirrors for pulls by digest, by source.
func (s *Set) digestOrders() map[string][]string {
	rules, _ := s.Rules() // the error does not matter: refused sets have rules too
	orders := map[string][]string{}
	for i := range rules.Rules {
		r := &rules.Rules[i]
		if r.Pull != ByDigest {
			continue
		}
		for _, m := range r.Mirrors() {
			orders[r.Source] = append(orders[r.Source], m.Location)
		}
	}
	return orders
}

// migrated returns the set with the migrations in the place of its policies.
func (s *Set) migrated(migrations []Migration) *Set {
	t := *s
	t.ImageContentSourcePolicies = nil
	var objects []ImageDigestMirrorSet
	for _, m := range migrations {
		objects = append(objects, m.Object)
	}
	t.ImageDigestMirrorSets = slices.Concat(s.ImageDigestMirrorSets, objects)
	return &t
}

// YAML returns the object as a manifest, under comments that name the policy and hold the findings.
func (m Migration) YAML() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# From %s.\n", oneLine(m.From))
	for _, f := range m.Findings {
		f.Origin.Object, f.RefusedBy = "", ""
		f.Origin.File = ""
		fmt.Fprintf(&b, "# %s\n", oneLine(f.String()))
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	e.CompactSeqIndent()
	_ = errors.Join(e.Encode(m.Object), e.Close()) // it holds nothing but texts, which can be written
	return b.Bytes()
}

// oneLine replaces every character that could end a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u007f' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
}
