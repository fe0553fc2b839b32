package mirrorset

import (
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// names refuses names that are none of objects.
func (v *validator) names() {
	s := v.set
	for i := range s.ImageDigestMirrorSets {
		v.name(kindIDMS, &s.ImageDigestMirrorSets[i].Metadata, s.ImageDigestMirrorSets[i].ReadFrom)
	}
	for i := range s.ImageTagMirrorSets {
		v.name(kindITMS, &s.ImageTagMirrorSets[i].Metadata, s.ImageTagMirrorSets[i].ReadFrom)
	}
	for i := range s.ImageContentSourcePolicies {
		v.name(kindICSP, &s.ImageContentSourcePolicies[i].Metadata, s.ImageContentSourcePolicies[i].ReadFrom)
	}
	for i := range s.Images {
		v.name(kindImage, &s.Images[i].Metadata, s.Images[i].ReadFrom)
	}
	for i := range s.ClusterImagePolicies {
		v.name(kindClusterImagePolicy, &s.ClusterImagePolicies[i].Metadata, s.ClusterImagePolicies[i].ReadFrom)
	}
	for i := range s.ImagePolicies {
		v.name(kindImagePolicy, &s.ImagePolicies[i].Metadata, s.ImagePolicies[i].ReadFrom)
	}
}

func (v *validator) name(kind string, m *ObjectMeta, from *ReadFrom) {
	why := ""
	switch {
	case m.Name == "" || validName(m.Name) || isTemplate([]byte(m.Name)) || strings.Contains(m.Name, "${"):
		return
	case len(m.Name) > maxName:
		why = fmt.Sprintf("is %d characters long, and may be %d", len(m.Name), maxName)
	case strings.ToLower(m.Name) != m.Name:
		why = "has capitals; write it in lower case"
	default:
		why = "is no name of an object: write small letters, digits, '-' and '.', with a letter or a " +
			"digit at both ends of each part"
	}
	v.refuse(finding.CodeInvalidName, finding.APIServer, from.Origin(objectName(kind, m.Name), "metadata.name"), m.Name, why)
}

// maxName is how long names of objects may be (k8s.io/apimachinery, util/validation,
// IsDNS1123Subdomain).
const maxName = 253

// validName reports whether s is a subdomain as RFC 1123 has it: parts of small letters, digits and
// inner '-', joined by '.'.
func validName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		for i := range len(part) {
			if c := part[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return len(s) <= maxName
}
