package mirrorset

import (
	"github.com/pullroute/pullroute/internal/foreign"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// checkForeignLayers reports what no file can keep a client from: both containers-image
// (docker_image_src.go, getExternalBlob) and containerd (core/remotes/docker/fetcher.go) fetch a
// layer whose descriptor has urls from these first. Rules whose source is known for such images are
// reported each, the others once.
func (r *Rules) checkForeignLayers() (findings finding.Findings) {
	var other *Rule
	for i := range r.Rules {
		rule := &r.Rules[i]
		if !rule.Never {
			continue
		}
		if !foreign.Known(rule.Source) {
			if other == nil {
				other = rule
			}
			continue
		}
		findings = append(findings, finding.Finding{
			Code: finding.CodeForeignLayers, Severity: finding.SeverityWarning, Origin: rule.Entries[0].Origin, Value: rule.Source,
			Message: "is known for images with foreign layers, which are fetched from the urls in their " +
				"manifests first, NeverContactSource or not; Windows base images had them until mid-2023, " +
				"and no file can prevent that; look for urls in the manifests of what is mirrored, and " +
				"close the network to their hosts",
		})
	}
	if other != nil {
		findings = append(findings, finding.Finding{
			Code: finding.CodeForeignLayers, Severity: finding.SeverityInfo, Origin: other.Entries[0].Origin, Value: other.Source,
			Message: "is not contacted but for foreign layers, which no file can prevent: a layer whose " +
				"descriptor in the manifest has urls is fetched from there first; so it is with every " +
				"source under NeverContactSource, and this is said once",
		})
	}
	return findings
}
