package registriesconf

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// AppliedPolicy is an entry of a node disruption policy that says what the change of a file costs.
type AppliedPolicy struct {
	// File is the file that it is about, as in [Difference]: empty for registries.conf itself.
	File string `json:"file,omitempty"`
	// Actions are what MCO does, in the order of the entry: "Drain", "Reload crio.service".
	Actions []string `json:"actions"`
	// Origin is the entry.
	Origin finding.Origin `json:"origin"`
}

// String says what MCO does for the file, and what says so.
func (p AppliedPolicy) String() string {
	return fmt.Sprintf("%s: %s, as %s says", cmp.Or(p.File, FileName), list(p.Actions), p.Origin)
}

// Under returns the impact on a node whose cluster has these entries in the node disruption policy of
// its MachineConfiguration. Of the entries that are for a file or for a directory around it the one with
// the longest path counts, MCO's own among them: an entry takes the place of a default only where it
// has the very path of that, or a longer one. So one for /etc/containers governs the drop-ins, and not
// registries.conf, policy.json or registries.d
// (pkg/apihelpers/apihelpers.go of openshift/machine-config-operator, MergeClusterPolicies;
// pkg/controller/common/helpers.go, FindClosestFilePolicyPathMatch; pkg/daemon/update.go,
// calculatePostConfigChangeNodeDisruptionActionFromMCDiffs).
//
// What is done for all files is joined: a node is drained or rebooted where any of them asks for it,
// and a reboot drains. The Reasons of a file with an entry go; Policies holds the entry. What
// [NodeImpact.WithDropIn] and [NodeImpact.WithFile] add has to be there before; they judge by the
// defaults again.
func (n NodeImpact) Under(policies []mirrorset.DisruptionPolicy) NodeImpact {
	var files []string
	for _, d := range n.Differences {
		if !slices.Contains(files, d.File) {
			files = append(files, d.File)
		}
	}
	all := merged(policies)
	n.Reasons, n.Policies, n.Actions = slices.Clone(n.Reasons), nil, []string{}
	n.Reboot = false
	drain := false
	for _, file := range files {
		policy := entryFor(file, all)
		if policy.ofCluster {
			n.Reasons = slices.DeleteFunc(n.Reasons, func(d Difference) bool { return d.File == file })
			n.Policies = append(n.Policies, AppliedPolicy{file, names(policy.Actions), policy.Origin})
		}
		for i, name := range names(policy.Actions) {
			switch policy.Actions[i].Type {
			case mirrorset.ActionReboot:
				n.Reboot = true
			case mirrorset.ActionDrain:
				drain = true
			case mirrorset.ActionNone:
			default:
				if !slices.Contains(n.Actions, name) {
					n.Actions = append(n.Actions, name)
				}
			}
		}
	}
	if n.Reboot {
		n.Actions = []string{string(mirrorset.ActionReboot)}
	}
	n.Drain = n.Reboot || drain || len(n.Reasons) > 0
	return n
}

// Hosted returns the impact on the nodes of a cluster whose control plane HyperShift hosts, of which
// [mirrorset.RollsOut] says what is rolled out; nil leaves it as it is. MCO's rules do not hold there: each
// node is drained, and replaced or changed in place, whatever it is that changes.
func (n NodeImpact) Hosted(r *mirrorset.Rollout) NodeImpact {
	if r == nil {
		return n
	}
	n.Rollout, n.Policies = r, nil
	n.Drain, n.Reboot = true, false
	n.Actions, n.Reasons = []string{}, []Difference{}
	return n
}

// names returns actions as they are shown.
func names(actions []mirrorset.NodeDisruptionAction) []string {
	all := make([]string, len(actions))
	for i, a := range actions {
		all[i] = strings.TrimSpace(string(a.Type) + " " + a.Service())
	}
	return all
}

const (
	crio       = "crio.service"
	reloadCRIO = string(mirrorset.ActionReload) + " " + crio
)

// An entry is one of a node disruption policy.
type entry struct {
	mirrorset.DisruptionPolicy
	ofCluster bool // and none of MCO's own
}

func byDefault(path string, action mirrorset.NodeDisruptionAction) entry {
	return entry{DisruptionPolicy: mirrorset.DisruptionPolicy{NodeDisruptionFile: mirrorset.NodeDisruptionFile{
		Path: path, Actions: []mirrorset.NodeDisruptionAction{action}}}}
}

// defaults are MCO's own entries, as far as they concern pulls (pkg/apihelpers/apihelpers.go,
// defaultClusterPolicies). That of registries.conf is an action of its own, "Special": CRI-O reloads, and
// Impact says whether the node is drained before.
var defaults = []entry{
	byDefault(PullSecretPath, mirrorset.NodeDisruptionAction{Type: mirrorset.ActionNone}),
	byDefault(nodePath(policyjson.FileName), reload),
	byDefault(nodePath(FileName), reload),
	byDefault(nodePath(path.Dir(policyjson.AttachmentsName)), reload),
	byDefault(policyjson.NamespacesDir, reload),
}

var reload = mirrorset.NodeDisruptionAction{Type: mirrorset.ActionReload,
	Reload: &mirrorset.NodeDisruptionService{ServiceName: crio}}

// merged returns the defaults and the entries of the cluster, which take the place of the default with
// the same path (MergeClusterPolicies).
func merged(policies []mirrorset.DisruptionPolicy) []entry {
	all := slices.Clone(defaults)
	for _, p := range policies {
		i := slices.IndexFunc(defaults, func(d entry) bool { return d.Path == p.Path })
		if i < 0 {
			all = append(all, entry{p, true})
		} else {
			all[i] = entry{p, true}
		}
	}
	return all
}

// entryFor returns the entry that counts for a file, the first of those with the longest path
// (FindClosestFilePolicyPathMatch). A file that none is for reboots the node.
func entryFor(file string, entries []entry) entry {
	best, name := byDefault("", mirrorset.NodeDisruptionAction{Type: mirrorset.ActionReboot}), nodePath(file)
	for _, p := range entries {
		if (p.Path == name || strings.HasPrefix(name, path.Clean(p.Path)+"/")) && len(p.Path) > len(best.Path) {
			best = p
		}
	}
	return best
}

// nodePath returns where the file of a [Difference] lies on the node.
func nodePath(file string) string {
	switch {
	case file == "":
		file = FileName
	case path.IsAbs(file):
		return file
	}
	return path.Join(policyjson.Containers, file)
}
