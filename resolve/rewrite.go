package resolve

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/internal/network"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Rewrite is a regular expression on a repository, as package regexp reads it, and what each match is
// replaced by. Only the containerd of k3s and RKE2 has rewrites.
type Rewrite struct {
	Pattern, Replacement string
}

// repositories returns what an endpoint is asked for in the place of a repository, in string order. A
// rewrite that changes it counts alone, and one that is no regular expression is passed over. Where
// several change it, the client takes any, another one for each request: it goes through a map
// (k3s-io/containerd 2.1.5-k3s1, core/remotes/docker/resolver.go, withRewritesFromHost).
func (e *Endpoint) repositories(repository string) []string {
	var changed []string
	for _, r := range e.Rewrites {
		pattern, err := regexp.Compile(r.Pattern)
		if err != nil {
			continue
		}
		if to := pattern.ReplaceAllString(repository, r.Replacement); to != repository {
			changed = append(changed, to)
		}
	}
	if changed == nil {
		return []string{repository}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// askRewritten adds the attempts at an endpoint that has rewrites.
func (a *asked) askRewritten(p *Plan, e *Endpoint, attempt Attempt) {
	own := a.path[1:]
	repositories := e.repositories(own)
	if len(repositories) > 1 {
		p.finding(finding.CodeRewriteOrder, finding.SeverityWarning, e.Origins, own, fmt.Sprintf(
			"is what %d rewrites of %s change: k3s and RKE2 take any of them, anew for each request, and the "+
				"plan lists what each leads to; write expressions of which one matches", len(repositories), e.Host))
	}
	for _, repository := range repositories {
		attempt.Location, attempt.Role = e.rewrittenLocation(repository), RoleMirror
		if repository == own && e.Root == "/v2" && network.Host(e.Host) == a.canonical {
			attempt.Role = RoleSource
		}
		if !plainRepository.MatchString(repository) {
			p.finding(finding.CodeOtherPath, finding.SeverityWarning, e.Origins, attempt.Location, fmt.Sprintf(
				"is asked for %q, which a rewrite makes of %s and which is no repository: no registry has it; "+
					"mend the rewrite", shown.Value(repository), own))
		}
		a.add(p, e, attempt, repository)
	}
}

// plainRepository is the grammar of repositories (distribution/reference, remote-name).
var plainRepository = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*` +
	`(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)

// rewrittenLocation is Location for what a rewrite made. The client joins it to the root, so that it
// may lead out of that (resolver.go, dockerBase.request).
func (e *Endpoint) rewrittenLocation(repository string) string {
	joined := path.Join("/", e.Root, repository)
	if rest, ok := strings.CutPrefix(joined, "/v2/"); ok {
		return e.Host + "/" + rest
	}
	return e.Host + strings.TrimSuffix(joined, "/")
}
