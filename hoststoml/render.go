package hoststoml

import (
	"maps"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// RenderOptions are what [Render] puts into the files beside the rules, and for which nodes. The zero value adds
// nothing, for nodes with Windows.
type RenderOptions struct {
	// Platform is that of the nodes, [finding.Windows] where it is empty; see [resolve.ContainerdOptions].
	Platform finding.Platform
	// Hosts are registry hosts, host[:port], that wildcard rules and scopes are expanded for:
	// containerd knows no wildcards.
	Hosts []string
	// PullSecret holds credentials, which become headers; see [ParsePullSecret].
	PullSecret PullSecret
	// NoSourceCredentials leaves a registry's own endpoint in its file without a credential, also where
	// that is the server: mirrors alone get one, as from the Windows Machine Config Operator. The
	// kubelet still sends the source what pods and the node have for it.
	NoSourceCredentials bool
	// TLS are settings by registry host, host[:port], which replace those that additionalTrustedCA
	// of the cluster's Image leads to.
	TLS map[string]TLS
}

// Render returns every file that rules ask for on a node with containerd, the table that says what
// the node does with them, and what is worth knowing of them; the findings of the rules themselves
// are not repeated. Nil rules ask for nothing.
//
// A host with a credential for all of it, or with TLS settings, gets a file even where no rule
// speaks of it: one that asks the registry itself. Wildcards around such a host are judged first:
// under NeverContactSource, and inside a blocked scope, it gets the file that forbids it, and no
// credential goes to it.
func Render(rules *mirrorset.Rules, o RenderOptions) (Tree, *resolve.ContainerdTable, finding.Findings) {
	tls := map[string]TLS{}
	maps.Copy(tls, tlsOf(rules))
	maps.Copy(tls, o.TLS)
	tls, findings := usableTLS(tls)

	configured := append(o.PullSecret.hosts(), slices.Sorted(maps.Keys(tls))...)
	table := resolve.NewContainerdTableFor(rules, resolve.ContainerdOptions{
		Platform: o.Platform, Named: o.Hosts, Configured: configured})
	tree := fromTable(table)
	tree.addTLS(tls)
	findings = append(findings, tree.addCredentials(o.PullSecret, o.NoSourceCredentials)...)
	if findings = findings.For(table.Platform()); len(findings) == 0 {
		return tree, table, slices.Clip(table.Findings) // thousands may not be copied for nothing
	}
	return tree, table, append(findings, table.Findings...).Sort()
}
