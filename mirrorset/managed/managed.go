// Package managed keeps the image mirrors of managed clusters (ROSA with hosted control planes) as the
// cluster-management service does: a [Cluster] holds those of one cluster to the service's rules, and a
// [Store] keeps those of many.
//
//	store := managed.File{Path: "mirrors.json"}
//	err := store.Update("mycluster", func(c *managed.Cluster) error {
//		_, err := c.Create(mirrorset.ImageMirror{ID: id, Source: source, Mirrors: mirrors, CreationTimestamp: now})
//		return err
//	})
//
// An image mirror redirects pulls by digest and always allows contacting its source. [Cluster.List]
// gives what a [mirrorset.Set] takes to make rules, [Cluster.ImageDigestMirrorSet] an object with
// the same rules, and [FromRules] goes the other way.
package managed

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Cluster is the image mirrors of one managed cluster, in the order of their creation. It keeps the
// rules of the service at all times: whatever a method refuses leaves it unchanged. The error is
// then a
// *[finding.RefusedError] that names each field and value and says what to do. Callers branch on a code:
//
//	if errors.Is(err, finding.CodeUnknownID) {
//
// Ids and times are the caller's to give. The zero value is a cluster without image mirrors. A copy is
// independent of its original. Reading from several goroutines is safe, changing is not; see [Store] for
// that.
type Cluster struct {
	mirrors []mirrorset.ImageMirror // never changed in place
}

// NewCluster returns a cluster whose image mirrors exist already. It refuses those that break a rule.
func NewCluster(mirrors ...mirrorset.ImageMirror) (Cluster, error) {
	c := Cluster{mirrors: clones(mirrors)}
	// To a Set two equal image mirrors are one that was read twice. A cluster holds each once.
	findings := (&mirrorset.Set{ImageMirrors: c.mirrors}).Validate()
	findings = append(findings, repeatedIDs(c.mirrors)...).Sort()
	if err := findings.Err(); err != nil {
		return Cluster{}, err
	}
	return c, nil
}

// Create adds an image mirror and returns it as it is kept: with the type filled in, and the time of its
// last update the time of its creation. It refuses an id or a source that is in use.
func (c *Cluster) Create(m mirrorset.ImageMirror) (mirrorset.ImageMirror, error) {
	m = clone(m)
	m.ReadFrom = nil
	if m.Type == "" {
		m.Type = mirrorset.ByDigest
	}
	if m.LastUpdateTimestamp.IsZero() {
		m.LastUpdateTimestamp = m.CreationTimestamp
	}
	next, err := NewCluster(append(slices.Clone(c.mirrors), m)...)
	if err != nil {
		return mirrorset.ImageMirror{}, unnamed(err, object(m))
	}
	*c = next
	return clone(m), nil
}

// unnamed removes the id of an image mirror from the findings of a refusal: there is none of that
// id yet.
func unnamed(err error, object string) error {
	var refused *finding.RefusedError
	if errors.As(err, &refused) {
		for i := range refused.Findings {
			if o := &refused.Findings[i].Origin; o.Object == object {
				o.Object = kindImageMirror
			}
		}
	}
	return err
}

// Edit replaces the mirrors of the image mirror that has change.ID, as a whole, and sets the time
// of its last update. An empty source or type of change stays as it is; one that differs is
// refused. Edit returns the image mirror as it is now.
func (c *Cluster) Edit(change mirrorset.ImageMirror) (mirrorset.ImageMirror, error) {
	i, err := c.index(change.ID)
	if err != nil {
		return mirrorset.ImageMirror{}, err
	}
	m := clone(c.mirrors[i])
	if change.Source != "" && change.Source != m.Source {
		return mirrorset.ImageMirror{}, refuse(m, finding.CodeSourceFixed, "source", change.Source, fmt.Sprintf(
			"differs from %s, and the source of an image mirror cannot be changed; delete it and create another", m.Source))
	}
	if change.Type != "" {
		m.Type = change.Type
	}
	m.Mirrors = slices.Clone(change.Mirrors)
	m.LastUpdateTimestamp = change.LastUpdateTimestamp
	mirrors := slices.Clone(c.mirrors)
	mirrors[i] = m
	next, err := NewCluster(mirrors...)
	if err != nil {
		return mirrorset.ImageMirror{}, err
	}
	*c = next
	return clone(m), nil
}

// Get returns the image mirror that has an id.
func (c *Cluster) Get(id string) (mirrorset.ImageMirror, error) {
	i, err := c.index(id)
	if err != nil {
		return mirrorset.ImageMirror{}, err
	}
	return clone(c.mirrors[i]), nil
}

// List returns all image mirrors, the oldest first. Put into [mirrorset.Set.ImageMirrors] they
// become rules whose mirrors say where they come from: "ImageMirror/abc123def456 mirrors[0]".
func (c *Cluster) List() []mirrorset.ImageMirror { return clones(c.mirrors) }

// Delete removes the image mirror that has an id, and returns it.
func (c *Cluster) Delete(id string) (mirrorset.ImageMirror, error) {
	i, err := c.index(id)
	if err != nil {
		return mirrorset.ImageMirror{}, err
	}
	m := c.mirrors[i]
	c.mirrors = slices.Delete(slices.Clone(c.mirrors), i, i+1)
	return clone(m), nil
}

// ImageDigestMirrorSet returns the image mirrors as the entries of an ImageDigestMirrorSet of that name.
func (c *Cluster) ImageDigestMirrorSet(name string) mirrorset.ImageDigestMirrorSet {
	s := mirrorset.ImageDigestMirrorSet{
		TypeMeta: mirrorset.TypeMeta{Kind: "ImageDigestMirrorSet", APIVersion: "config.openshift.io/v1"},
		Metadata: mirrorset.ObjectMeta{Name: name},
	}
	for _, m := range c.List() {
		s.Spec.ImageDigestMirrors = append(
			s.Spec.ImageDigestMirrors,
			mirrorset.ImageMirrors{Source: m.Source, Mirrors: m.Mirrors},
		)
	}
	return s
}

// MarshalJSON writes the image mirrors as an array, never as null.
func (c Cluster) MarshalJSON() ([]byte, error) { return json.Marshal(c.List()) }

// UnmarshalJSON reads an array of image mirrors and refuses what [NewCluster] does.
func (c *Cluster) UnmarshalJSON(data []byte) error {
	var list []mirrorset.ImageMirror
	err := json.Unmarshal(data, &list)
	if err == nil {
		*c, err = NewCluster(list...)
	}
	return err
}

// index returns the place of the image mirror that has an id.
func (c *Cluster) index(id string) (i int, err error) {
	i = slices.IndexFunc(c.mirrors, func(m mirrorset.ImageMirror) bool { return m.ID == id })
	switch none := (mirrorset.ImageMirror{}); {
	case id == "":
		err = refuse(none, finding.CodeMissingField, "id", "", "is missing; name the image mirror by its id")
	case i < 0:
		err = refuse(none, finding.CodeUnknownID, "id", id, "is the id of no image mirror of this "+
			"cluster; list them to see their ids")
	}
	return i, err
}

// repeatedIDs refuses image mirrors that stand in a list twice. Different ones of one id are refused by
// [mirrorset.Set.Validate] already.
func repeatedIDs(mirrors []mirrorset.ImageMirror) finding.Findings {
	var findings finding.Findings
	seen := map[string]bool{}
	for _, m := range mirrors {
		if m.ID == "" {
			continue
		}
		same := fmt.Sprintf("%q %q %q %q", m.ID, cmp.Or(m.Type, mirrorset.ByDigest), m.Source, m.Mirrors)
		if seen[same] {
			findings = append(findings, refusal(m, finding.CodeIDInUse, "id", m.ID, "is listed twice; "+
				"keep one of the two"))
		}
		seen[same] = true
	}
	return findings
}

const kindImageMirror = "ImageMirror"

// object is what findings call an image mirror.
func object(m mirrorset.ImageMirror) string {
	return strings.TrimSuffix(kindImageMirror+"/"+m.ID, "/")
}

// refusal returns a finding of the service.
func refusal(m mirrorset.ImageMirror, code finding.Code, field, value, message string) finding.Finding {
	return finding.Finding{
		Code: code, Severity: finding.SeverityError, RefusedBy: finding.ClusterService,
		Origin: m.ReadFrom.Origin(object(m), field), Value: shown.Location(value), Message: message,
	}
}

func refuse(m mirrorset.ImageMirror, code finding.Code, field, value, message string) error {
	return finding.Findings{refusal(m, code, field, value, message)}.Err()
}

func clone(m mirrorset.ImageMirror) mirrorset.ImageMirror {
	m.Mirrors = slices.Clone(m.Mirrors)
	return m
}

func clones(mirrors []mirrorset.ImageMirror) []mirrorset.ImageMirror {
	list := make([]mirrorset.ImageMirror, len(mirrors))
	for i, m := range mirrors {
		list[i] = clone(m)
	}
	return list
}
