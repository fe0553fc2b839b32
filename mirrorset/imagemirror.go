package mirrorset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pullroute/pullroute/mirrorset/finding"
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

// equal reports whether two image mirrors of one id ask for the same.
func (m *ImageMirror) equal(n *ImageMirror) bool {
	return cmp.Or(m.Type, ByDigest) == cmp.Or(n.Type, ByDigest) && m.Source == n.Source &&
		slices.Equal(m.Mirrors, n.Mirrors)
}

// object is what findings call the image mirror.
func (m *ImageMirror) object() string { return strings.TrimSuffix(kindImageMirror+"/"+m.ID, "/") }

// origin returns the place of a field.
func (m *ImageMirror) origin(field string) finding.Origin {
	o := m.ReadFrom.Origin(m.object(), field)
	if m.ReadFrom != nil && len(m.ReadFrom.lines) > 0 && field == "source" {
		o.Line = int(m.ReadFrom.lines[0].source)
	}
	return o
}

// imageMirrors checks what image mirrors are held to beside the grammar, and against each other.
// The same one read twice, as from two copies of a list, is fine.
func (v *validator) imageMirrors() {
	bySource := map[string]*ImageMirror{}
	byID := map[string]*ImageMirror{}
	refuse := func(m *ImageMirror, code finding.Code, field, value, message string) {
		v.findings = append(v.findings, finding.Finding{
			Code: code, Severity: finding.SeverityError, RefusedBy: finding.ClusterService,
			Origin: m.origin(field), Value: value, Message: message,
		})
	}
	for i := range v.set.ImageMirrors {
		m := &v.set.ImageMirrors[i]
		if before := byID[m.ID]; m.ID != "" && before != nil {
			if !before.equal(m) {
				a, b := inOrder(before, m)
				refuse(b, finding.CodeIDInUse, "id", m.ID, fmt.Sprintf("is the id of another image "+
					"mirror, of the source %s; each has its own", a.Source))
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
			refuse(m, finding.CodeInvalidType, "type", string(m.Type), "is not a type of image mirrors; "+
				"write digest, pulls by tag are not redirected")
		}
		if strings.HasPrefix(m.Source, "*.") && ValidSource(m.Source) {
			refuse(m, finding.CodeInvalidSource, "source", m.Source, "is a wildcard, which an image "+
				"mirror does not take; name one registry, namespace or repository")
		}
		if len(m.Mirrors) == 0 {
			refuse(m, finding.CodeMissingField, "mirrors", "", "is missing; name at least one mirror")
		}
		if before := bySource[m.Source]; m.Source != "" && before != nil {
			a, b := inOrder(before, m)
			refuse(b, finding.CodeSourceInUse, "source", m.Source, fmt.Sprintf("has an image mirror "+
				"already, %s; edit the mirrors of that one, or delete it first", a.object()))
			continue
		}
		bySource[m.Source] = m
	}
}

// inOrder returns two image mirrors in the order of their places, whatever the order of reading.
func inOrder(a, b *ImageMirror) (first, second *ImageMirror) {
	if a.ReadFrom.Origin("", "").Compare(b.ReadFrom.Origin("", "")) > 0 {
		return b, a
	}
	return a, b
}
