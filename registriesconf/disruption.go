package registriesconf

import (
	"path"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// AppliedPolicy is an entry of a node disruption policy that says what the change of a file costs.
type AppliedPolicy struct {
	// File is the drop-in that it is about, and empty for registries.conf itself, as in [Difference].
	File string `json:"file,omitempty"`
	// Actions are what MCO does, in the order of the entry: "Drain", "Reload crio.service".
	Actions []string `json:"actions"`
	// Origin is the entry.
	Origin finding.Origin `json:"origin"`
}

// Under returns the impact on a node whose cluster has these entries in the node disruption policy of
// its MachineConfiguration. An entry replaces what MCO does by default for a file: for registries.conf,
// of which the defaults have an entry, only one with its very path; for a drop-in, of which they have
// none, one with its path or the longest directory around it
// (pkg/apihelpers/apihelpers.go of openshift/machine-config-operator, MergeClusterPolicies, and
// pkg/daemon/update.go, calculatePostConfigChangeNodeDisruptionActionFromMCDiffs).
//
// What is done for all files is joined: a node is drained or rebooted where any of them asks for it,
// and a reboot drains. The Reasons of a file with an entry go; Policies holds the entry.
func (n NodeImpact) Under(policies []mirrorset.DisruptionPolicy) NodeImpact {
	var files []string
	for _, d := range n.Differences {
		if !slices.Contains(files, d.File) {
			files = append(files, d.File)
		}
	}
	n.Reasons, n.Policies = slices.Clone(n.Reasons), nil
	replaced := false
	drain, reboot := false, false
	for _, file := range files {
		policy := policyFor(file, policies)
		if policy == nil {
			continue
		}
		replaced = true
		n.Reasons = slices.DeleteFunc(n.Reasons, func(d Difference) bool { return d.File == file })
		applied := AppliedPolicy{File: file, Actions: []string{}, Origin: policy.Origin}
		for _, a := range policy.Actions {
			drain = drain || a.Type == mirrorset.ActionDrain || a.Type == mirrorset.ActionReboot
			reboot = reboot || a.Type == mirrorset.ActionReboot
			applied.Actions = append(applied.Actions, strings.TrimSpace(string(a.Type)+" "+a.Service()))
		}
		n.Policies = append(n.Policies, applied)
	}
	if !replaced {
		return n
	}
	n.Drain = drain || len(n.Reasons) > 0
	// By default only a drop-in reboots.
	n.Reboot = reboot || slices.ContainsFunc(n.Reasons, func(d Difference) bool { return d.File != "" })
	return n
}

// policyFor returns the entry for a changed file, nil where MCO's default holds.
func policyFor(file string, policies []mirrorset.DisruptionPolicy) (best *mirrorset.DisruptionPolicy) {
	const containers = "/etc/containers"
	if file == "" {
		i := slices.IndexFunc(policies, func(p mirrorset.DisruptionPolicy) bool { return p.Path == containers+"/"+FileName })
		if i < 0 {
			return nil
		}
		return &policies[i]
	}
	name := path.Join(containers, file)
	for i := range policies {
		p := &policies[i]
		if (p.Path == name || strings.HasPrefix(name, strings.TrimSuffix(p.Path, "/")+"/")) &&
			(best == nil || len(p.Path) > len(best.Path)) {
			best = p
		}
	}
	return best
}
