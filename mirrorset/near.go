package mirrorset

import (
	"strings"

	"github.com/pullroute/pullroute/internal/near"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// slips are the kinds that an object with rules is likely meant to be of, with their small letters.
var slips = smallLetters(kindIDMS, kindITMS, kindICSP, kindHostedCluster, kindMachineConfig, kindTalosMirror)

func smallLetters(kinds ...string) (pairs [][2]string) {
	for _, kind := range kinds {
		pairs = append(pairs, [2]string{kind, strings.ToLower(kind)})
	}
	return pairs
}

// nearKind returns the kind of this package that another one is nearly: in another letter case, in
// the plural, without its last word, or with a slip of one letter. It returns "" for any other
// kind, and for those of this package.
func nearKind(kind string) string {
	kind = strings.TrimSuffix(kind, "List")
	small := strings.ToLower(kind)
	for _, ours := range slips {
		if kind == ours[0] {
			return ""
		}
		if near.Slip(small, ours[1]) || strings.TrimSuffix(small, "s")+"set" == ours[1] ||
			strings.TrimSuffix(small, "ies")+"y" == ours[1] {
			return ours[0]
		}
	}
	return ""
}

// misspelt refuses an object whose kind is nearly one of this package.
func (d *decoder) misspelt(o *object, near string) {
	d.refused = append(d.refused, finding.Finding{
		Code: finding.CodeMisspeltKind, Severity: finding.SeverityError, RefusedBy: finding.Reader, Value: o.Kind,
		Origin:  d.origin(o.name, "kind", o.node.Line),
		Message: "is no kind that is known here, and was not read; did you mean " + near + "?",
	})
}
