package mirrorset

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"slices"
	"strings"
	"time"
)

// ImageMirror is an image mirror of a managed cluster (ROSA with hosted control planes), as the
// cluster-management API has it: pulls by digest of source are redirected to the mirrors. It becomes one
// entry of an ImageDigestMirrorSet that allows contacting the source; pulls by tag are left alone.
type ImageMirror struct {
	// ID is given by the service: lower-case letters and digits. It never changes.
	ID string `json:"id"`
	// Type is ByDigest; there is no other. Empty means the same.
	Type Pull `json:"type"`
	// Source is host[:port][/component...]; wildcards are not taken. It never changes, and no two image
	// mirrors of a cluster have the same.
	Source string `json:"source"`
	// Mirrors are host[:port][/component...], most preferred first, at least one, none twice.
	Mirrors             []string  `json:"mirrors"`
	CreationTimestamp   time.Time `json:"creation_timestamp,omitzero"`
	LastUpdateTimestamp time.Time `json:"last_update_timestamp,omitzero"`
	// ReadFrom is where the image mirror was read; nil for one built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ClusterImageMirrors are the image mirrors of one managed cluster, in the order of their creation. They
// keep the rules of the service at all times: whatever a method refuses leaves them as they were, and its
// error is a *[RefusedError] that names each field and value and says what to do. Callers branch on a code:
//
//	if errors.Is(err, finding.CodeUnknownID) {
//
// Ids and times are the caller's to give. The zero value is a cluster without image mirrors. A copy is
// independent of its original. Reading from several goroutines is safe, changing is not; see
// [ImageMirrorStore] for that.
type ClusterImageMirrors struct {
	mirrors []ImageMirror // never changed in place
}

// NewClusterImageMirrors returns image mirrors that exist already, and refuses those that break a rule.
func NewClusterImageMirrors(mirrors ...ImageMirror) (ClusterImageMirrors, error) {
	c := ClusterImageMirrors{mirrors: make([]ImageMirror, 0, len(mirrors))}
	for _, m := range mirrors {
		c.mirrors = append(c.mirrors, m.clone())
	}
	// In a set a repetition is the same object read twice; a cluster holds each once.
	findings := append((&Set{ImageMirrors: c.mirrors}).Validate(), repeatedIDs(c.mirrors)...).Sort()
	if err := findings.Err(); err != nil {
		return ClusterImageMirrors{}, err
	}
	return c, nil
}

// Create adds an image mirror and returns it as it is kept: with the type filled in, and the time of its
// last update the time of its creation. It refuses an id or a source that is in use.
func (c *ClusterImageMirrors) Create(m ImageMirror) (ImageMirror, error) {
	m = m.clone()
	m.ReadFrom = nil
	if m.Type == "" {
		m.Type = ByDigest
	}
	if m.LastUpdateTimestamp.IsZero() {
		m.LastUpdateTimestamp = m.CreationTimestamp
	}
	if err := c.replace(append(slices.Clone(c.mirrors), m)); err != nil {
		return ImageMirror{}, err
	}
	return m.clone(), nil
}

// Edit replaces the mirrors of the image mirror that has change.ID, as a whole, and sets the time of its
// last update. Of the other fields of change, an empty one says nothing; a source or type that differs
// from the one it has is refused. Edit returns the image mirror as it is now.
func (c *ClusterImageMirrors) Edit(change ImageMirror) (ImageMirror, error) {
	i, err := c.index(change.ID)
	if err != nil {
		return ImageMirror{}, err
	}
	m := c.mirrors[i].clone()
	if change.Source != "" && change.Source != m.Source {
		return ImageMirror{}, m.refuse(finding.CodeSourceFixed, "source", change.Source, fmt.Sprintf(
			"differs from %s, and the source of an image mirror cannot be changed; delete it and create another", m.Source))
	}
	if change.Type != "" {
		m.Type = change.Type
	}
	m.Mirrors = slices.Clone(change.Mirrors)
	m.LastUpdateTimestamp = change.LastUpdateTimestamp
	mirrors := slices.Clone(c.mirrors)
	mirrors[i] = m
	if err := c.replace(mirrors); err != nil {
		return ImageMirror{}, err
	}
	return m.clone(), nil
}

// Get returns the image mirror that has an id.
func (c *ClusterImageMirrors) Get(id string) (ImageMirror, error) {
	i, err := c.index(id)
	if err != nil {
		return ImageMirror{}, err
	}
	return c.mirrors[i].clone(), nil
}

// List returns all image mirrors, the oldest first. Put into [Set.ImageMirrors] they become rules whose
// mirrors say where they come from: "ImageMirror/abc123def456 mirrors[0]".
func (c *ClusterImageMirrors) List() []ImageMirror {
	list := make([]ImageMirror, len(c.mirrors))
	for i := range c.mirrors {
		list[i] = c.mirrors[i].clone()
	}
	return list
}

// Delete takes away the image mirror that has an id, and returns it.
func (c *ClusterImageMirrors) Delete(id string) (ImageMirror, error) {
	i, err := c.index(id)
	if err != nil {
		return ImageMirror{}, err
	}
	m := c.mirrors[i]
	c.mirrors = slices.Delete(slices.Clone(c.mirrors), i, i+1)
	return m.clone(), nil
}

// ImageDigestMirrorSet returns the image mirrors as the entries of an ImageDigestMirrorSet of that name.
func (c *ClusterImageMirrors) ImageDigestMirrorSet(name string) ImageDigestMirrorSet {
	s := newDigestMirrorSet(ObjectMeta{Name: name})
	for _, m := range c.List() {
		s.Spec.ImageDigestMirrors = append(s.Spec.ImageDigestMirrors, ImageMirrors{Source: m.Source, Mirrors: m.Mirrors})
	}
	return s
}

func newDigestMirrorSet(metadata ObjectMeta) ImageDigestMirrorSet {
	return ImageDigestMirrorSet{TypeMeta: TypeMeta{Kind: kindIDMS, APIVersion: versionConfig}, Metadata: metadata}
}

// MarshalJSON writes the image mirrors as an array, never as null.
func (c ClusterImageMirrors) MarshalJSON() ([]byte, error) { return json.Marshal(c.List()) }

// UnmarshalJSON reads an array of image mirrors and refuses what [NewClusterImageMirrors] does.
func (c *ClusterImageMirrors) UnmarshalJSON(data []byte) error {
	var list []ImageMirror
	err := json.Unmarshal(data, &list)
	if err == nil {
		*c, err = NewClusterImageMirrors(list...)
	}
	return err
}

// replace takes mirrors that differ from the present ones in one place. Findings name that one as
// ImageMirror alone where it does not exist yet.
func (c *ClusterImageMirrors) replace(mirrors []ImageMirror) error {
	next, err := NewClusterImageMirrors(mirrors...)
	if err == nil {
		*c = next
		return nil
	}
	var refused *finding.RefusedError
	if added := mirrors[len(mirrors)-1]; errors.As(err, &refused) && len(mirrors) > len(c.mirrors) {
		for i := range refused.Findings {
			if o := &refused.Findings[i].Origin; o.Object == added.object() {
				o.Object = kindImageMirror
			}
		}
	}
	return err
}

// index returns the place of the image mirror that has an id.
func (c *ClusterImageMirrors) index(id string) (int, error) {
	if id == "" {
		return 0, (&ImageMirror{}).refuse(finding.CodeMissingField, "id", "", "is missing; name the image mirror by its id")
	}
	i := slices.IndexFunc(c.mirrors, func(m ImageMirror) bool { return m.ID == id })
	if i < 0 {
		return 0, (&ImageMirror{}).refuse(finding.CodeUnknownID, "id", id, "is the id of no image mirror of this cluster; list them to see their ids")
	}
	return i, nil
}

func (m *ImageMirror) clone() ImageMirror {
	c := *m
	c.Mirrors = slices.Clone(m.Mirrors)
	return c
}

// equal reports whether two image mirrors of one id ask for the same.
func (m *ImageMirror) equal(n *ImageMirror) bool {
	return m.Type == n.Type && m.Source == n.Source && slices.Equal(m.Mirrors, n.Mirrors)
}

// object is what findings call the image mirror.
func (m *ImageMirror) object() string { return strings.TrimSuffix(kindImageMirror+"/"+m.ID, "/") }

// origin returns the place of a field.
func (m *ImageMirror) origin(field string) finding.Origin {
	o := finding.Origin{Object: m.object(), Field: field}
	if m.ReadFrom != nil {
		o.File, o.Document, o.Line = m.ReadFrom.File, m.ReadFrom.Document, m.ReadFrom.Line
		if len(m.ReadFrom.lines) > 0 && field == "source" {
			o.Line = int(m.ReadFrom.lines[0].source)
		}
	}
	return o
}

// finding returns a refusal by the service.
func (m *ImageMirror) finding(code finding.Code, field, value, message string) finding.Finding {
	return finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.ClusterService, Origin: m.origin(field), Value: value, Message: message,
	}
}

func (m *ImageMirror) refuse(code finding.Code, field, value, message string) error {
	return finding.Findings{m.finding(code, field, value, message)}.Err()
}

// imageMirrors checks what image mirrors are held to beside the grammar, and against each other. The same
// one read twice, as from two copies of a list, is fine.
func (v *validator) imageMirrors() {
	bySource := map[string]*ImageMirror{}
	byID := map[string]*ImageMirror{}
	refuse := func(m *ImageMirror, code finding.Code, field, value, message string) {
		v.findings = append(v.findings, m.finding(code, field, value, message))
	}
	for i := range v.set.ImageMirrors {
		m := &v.set.ImageMirrors[i]
		if before := byID[m.ID]; m.ID != "" && before != nil {
			if !before.equal(m) {
				a, b := inOrder(before, m)
				refuse(b, finding.CodeIDInUse, "id", m.ID, fmt.Sprintf("is the id of another image mirror, of the source %s; each has its own", a.Source))
			}
			continue
		}
		byID[m.ID] = m
		if m.ID == "" {
			refuse(m, finding.CodeMissingField, "id", "", "is missing; every image mirror has an id")
		} else if strings.TrimLeft(m.ID, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			refuse(m, finding.CodeInvalidID, "id", m.ID, "is not an id: it is to be lower-case letters and digits")
		}
		if m.Type != "" && m.Type != ByDigest {
			refuse(m, finding.CodeInvalidType, "type", string(m.Type), "is not a type of image mirrors; write digest, pulls by tag are not redirected")
		}
		if strings.HasPrefix(m.Source, "*.") && ValidSource(m.Source) {
			refuse(m, finding.CodeInvalidSource, "source", m.Source, "is a wildcard, which an image mirror does not take; name one registry, namespace or repository")
		}
		if len(m.Mirrors) == 0 {
			refuse(m, finding.CodeMissingField, "mirrors", "", "is missing; name at least one mirror")
		}
		if before := bySource[m.Source]; m.Source != "" && before != nil {
			a, b := inOrder(before, m)
			refuse(b, finding.CodeSourceInUse, "source", m.Source, fmt.Sprintf("has an image mirror already, %s; edit the mirrors of that one, or delete it first", a.object()))
			continue
		}
		bySource[m.Source] = m
	}
}

// inOrder returns two image mirrors in the order of their places, whatever the order of reading.
func inOrder(a, b *ImageMirror) (first, second *ImageMirror) {
	if a.ReadFrom != nil && b.ReadFrom != nil && a.origin("").Compare(b.origin("")) > 0 {
		return b, a
	}
	return a, b
}

// repeatedIDs refuses equal image mirrors, which imageMirrors lets pass.
func repeatedIDs(mirrors []ImageMirror) finding.Findings {
	var findings finding.Findings
	byID := map[string]*ImageMirror{}
	for i := range mirrors {
		m := &mirrors[i]
		if before := byID[m.ID]; m.ID != "" && before != nil && before.equal(m) {
			findings = append(findings, m.finding(finding.CodeIDInUse, "id", m.ID, "is listed twice; keep one of the two"))
		}
		byID[m.ID] = m
	}
	return findings
}

// ImageMirrors returns the image mirrors that ask for the same digest rules, each to be created with an id
// and a time of its own. The findings say what they cannot carry: rules for pulls by tag, rules under
// NeverContactSource (an image mirror always allows contacting the source, so they are left out rather
// than weakened), wildcards, and the scopes of the Image named cluster. Entries of one source become one
// image mirror, with the mirrors in the order in which nodes try them. What makes no rule, such as an entry
// without mirrors, is among the findings of the rules already.
func (r *Rules) ImageMirrors() ([]ImageMirror, finding.Findings) {
	var mirrors []ImageMirror
	var findings finding.Findings
	tell := func(code finding.Code, severity finding.Severity, origin finding.Origin, value, message string) {
		findings = append(findings, finding.Finding{Code: code, Severity: severity, Origin: origin, Value: value, Message: message})
	}
	for i := range r.Rules {
		rule := &r.Rules[i]
		named, left := rule.locations(), ""
		switch {
		case rule.Pull != ByDigest:
			left = "is a rule for pulls by tag, which image mirrors do not redirect; pull by digest"
		case rule.Never:
			left = "is under NeverContactSource, and an image mirror always allows contacting its source"
		case strings.HasPrefix(rule.Source, "*."):
			left = "is a wildcard, which an image mirror does not take; create one for each registry"
		case len(named) == 0:
			left = "has no mirror that can be written"
		}
		for _, e := range rule.Entries {
			if left != "" {
				tell(finding.CodeNotCarried, finding.SeverityWarning, e.Origin, rule.Source, left)
			} else if len(rule.Entries) > 1 && e != rule.Entries[0] {
				tell(finding.CodeMerged, finding.SeverityInfo, e.Origin, rule.Source, fmt.Sprintf(
					"is the source of %s too; a source has one image mirror, which gets the mirrors of both in the order that nodes try them", rule.Entries[0].Origin))
			}
		}
		if left != "" {
			continue
		}
		mirrors = append(mirrors, ImageMirror{Type: ByDigest, Source: rule.Source, Mirrors: named})
	}
	for what, scopes := range map[string][]Scope{"insecure": r.Insecure, "blocked": r.Blocked} {
		for _, s := range scopes {
			tell(finding.CodeNotCarried, finding.SeverityWarning, s.Origin, s.Value, "is "+what+", which image mirrors do not say; it stays a setting of the cluster's Image")
		}
	}
	return mirrors, findings.Sort()
}
