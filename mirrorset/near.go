package mirrorset

import (
	"strings"

	"github.com/pullroute/pullroute/internal/near"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// nearKind returns the kind of this package that another one is nearly: in another letter case, in
// the plural, without its last word, or with a slip of one letter. It returns "" for any other
// kind, and for those of this package.
func nearKind(kind string) string {
	for _, ours := range []string{kindIDMS, kindITMS, kindICSP, kindHostedCluster, kindMachineConfig, kindTalosMirror} {
		if kind == ours || kind == ours+"List" {
			return ""
		}
		item := kind
		if len(kind) > len(ours)+2 {
			item = strings.TrimSuffix(kind, "List")
		}
		// A slip makes a difference of one letter at most, "ies" one of two, and "Set" is three.
		if d := len(item) - len(ours); d < -3 || d > 2 || d < -1 && !strings.HasSuffix(ours, "Set") {
			continue // nearly all kinds there are
		}
		item, wanted := strings.ToLower(item), strings.ToLower(ours)
		if near.Slip(item, wanted) || strings.TrimSuffix(item, "s")+"set" == wanted ||
			strings.TrimSuffix(item, "ies")+"y" == wanted {
			return ours
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
