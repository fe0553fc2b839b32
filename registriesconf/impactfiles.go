package registriesconf

import (
	"bytes"
	"slices"

	"github.com/pullroute/pullroute/mirrorset"
)

// PullSecretPath is where a node has the pull secret of the cluster.
const PullSecretPath = "/var/lib/kubelet/config.json"

// WithDropIn returns the impact with that of a drop-in added, a file of registries.conf.d that MCO
// writes beside registries.conf; nil stands for an absent one. Name is its path from the directory
// that holds registries.conf, as [SearchDropIn] is.
//
// MCO has no rule for these files, and reboots a node for every change of a file that it has no rule for
// (pkg/daemon/update.go, calculatePostConfigChangeNodeDisruptionActionFromMCDiffs; its own test of
// containerRuntimeSearchRegistries demands the reboot). A nodeDisruptionPolicy for the file is the way
// around.
func (n NodeImpact) WithDropIn(name string, old, new *Config) NodeImpact {
	if (old == nil) == (new == nil) && bytes.Equal(old.Bytes(), new.Bytes()) {
		return n
	}
	c := comparison{n}
	change := Difference{Code: DropInChanged, File: name, Drains: true, Message: happens(old == nil, new == nil)}
	// MCO's own drop-in holds nothing else.
	for _, side := range []struct {
		config *Config
		value  *string
	}{{old, &change.Old}, {new, &change.New}} {
		if side.config != nil && side.config.UnqualifiedSearchRegistries != nil {
			*side.value = list(side.config.UnqualifiedSearchRegistries)
			change.Field = "unqualified-search-registries"
		}
	}
	change.Message += "; MCO drains and reboots for every file of registries.conf.d: " +
		"leave it as it is, give it a nodeDisruptionPolicy, or plan the reboots"
	c.Differences, c.Reasons = slices.Clip(c.Differences), slices.Clip(c.Reasons)
	c.add(change)
	return c.Under(nil)
}

// WithFile returns the impact with that of another file of the node added: policy.json, a file of
// registries.d, a policy of CRI-O for one namespace, or the pull secret ([PullSecretPath]). Name is
// its path from /etc/containers, or an absolute one; nil stands for an absent file. MCO compares the
// bytes. By default it has CRI-O reload its configuration for the policies and registries.d, does
// nothing for the pull secret, and reboots for a file that it has no rule for (pkg/apihelpers/apihelpers.go,
// defaultClusterPolicies). What the file says is in no Difference.
func (n NodeImpact) WithFile(name string, old, new []byte) NodeImpact {
	if (old == nil) == (new == nil) && bytes.Equal(old, new) {
		return n
	}
	change := Difference{Code: FileChanged, File: name, Message: happens(old == nil, new == nil)}
	switch byDefault := entryFor(name, defaults).Actions[0]; byDefault.Type {
	case mirrorset.ActionReboot:
		change.Drains = true
		change.Message += "; MCO has no rule for the file, and drains and reboots: give it a nodeDisruptionPolicy, " +
			"or plan the reboots"
	case mirrorset.ActionNone:
		change.Message += "; by default MCO writes it, and nothing is drained, reloaded or restarted"
	default:
		change.Message += "; by default CRI-O reloads its configuration, and nothing is drained"
	}
	c := comparison{n}
	c.Differences, c.Reasons = slices.Clip(c.Differences), slices.Clip(c.Reasons)
	c.add(change)
	return c.Under(nil)
}

// happens says what becomes of a file.
func happens(isNew, isGone bool) string {
	switch {
	case isNew:
		return "is new"
	case isGone:
		return "is gone"
	}
	return "changes"
}
