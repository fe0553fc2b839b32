package mirrorset

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file has what a change costs a cluster whose control plane HyperShift hosts, ROSA's among them:
// its nodes are rolled out, and none of the rules of the Machine Config Operator hold.

// NodePool is the part of hypershift.openshift.io NodePool that says how its nodes are configured.
type NodePool struct {
	// Origin is the object.
	Origin finding.Origin
	// UpgradeType is spec.management.upgradeType: "Replace" or "InPlace"; empty where it is not said.
	UpgradeType string
	// Config are the names of the ConfigMaps in spec.config.
	Config []string
}

// nodePool notes a NodePool.
func (d *decoder) nodePool(o *object) {
	spec := lookup(o.node, "spec")
	pool := NodePool{
		Origin:      d.origin(strings.TrimSuffix(kindNodePool+"/"+o.namespace, "/")+"/"+o.metadata.Name, "", o.node.Line),
		UpgradeType: text(lookup(lookup(spec, "management"), "upgradeType")),
	}
	if config := lookup(spec, "config"); config != nil {
		for _, item := range config.Items() {
			if name := text(lookup(item, "name")); name != "" {
				pool.Config = append(pool.Config, name)
			}
		}
	}
	d.set.NodePools = append(d.set.NodePools, pool)
}

// A Rollout is what HyperShift does when the objects of a hosted cluster change: the nodes of NodePools
// are replaced by new ones (the upgradeType "Replace"), or drained and changed one after another
// ("InPlace").
type Rollout struct {
	// Origin is the object that says that the cluster is a hosted one, or what changes in it.
	Origin finding.Origin `json:"origin"`
	// Every is set where every NodePool of the cluster is rolled out.
	Every bool `json:"every"`
	// Pools are the NodePools that are known to be rolled out, "NodePool/clusters/a".
	Pools []string `json:"pools"`
	// ConfigMaps are those that change and that no NodePool of the input names: the NodePools with
	// them in their spec.config are rolled out.
	ConfigMaps []string `json:"configMaps,omitempty"`
	// UpgradeTypes are those of Pools, sorted; where they are not known there are none.
	UpgradeTypes []string `json:"upgradeTypes,omitempty"`
}

// String says what is rolled out, and how. Of nil it is empty.
func (r *Rollout) String() string {
	if r == nil {
		return ""
	}
	what := "every NodePool"
	var how string
	if !r.Every {
		names := slices.Clone(r.Pools)
		for _, c := range r.ConfigMaps {
			names = append(names, "every NodePool with the ConfigMap "+c)
		}
		what = strings.Join(names, ", ")
	}
	switch known := !r.Every && len(r.ConfigMaps) == 0; {
	case known && slices.Equal(r.UpgradeTypes, []string{"Replace"}):
		how = "the nodes are replaced by new ones"
	case known && slices.Equal(r.UpgradeTypes, []string{"InPlace"}):
		how = "the nodes are drained and changed in place, one after another"
	default:
		how = "the nodes are replaced by new ones (upgradeType Replace), or drained and changed in place (InPlace)"
	}
	return fmt.Sprintf("HyperShift rolls out %s: %s", what, how)
}

// Hosted reports whether the objects say that the cluster has a hosted control plane: a HostedCluster,
// image mirrors of a managed cluster or its registry_config, or a NodePool.
func (s *Set) Hosted() bool { return s.hosted() != nil }

func (s *Set) hosted() *finding.Origin {
	switch {
	case len(s.HostedClusters) > 0:
		return &s.HostedClusters[0]
	case len(s.ocm) > 0:
		return &s.ocm[0]
	case len(s.ImageMirrors) > 0:
		o := s.ImageMirrors[0].origin("")
		return &o
	case len(s.NodePools) > 0:
		return &s.NodePools[0].Origin
	}
	return nil
}

// RollsOut returns what HyperShift rolls out where the objects of a hosted cluster change from old to
// new; nil where neither is of a hosted cluster, or nothing in them changes that says where pulls go. The
// spec.imageContentSources and spec.configuration.image of a HostedCluster are part of what the configuration
// of every NodePool is hashed from, and so is what becomes of them on managed clusters; a ConfigMap of
// spec.config is part of that of the NodePools that name it (openshift/hypershift,
// hypershift-operator/controllers/nodepool/config.go, rolloutConfig and globalConfigString). Whatever
// else changes in them is not looked at. A nil Set is one without objects.
func RollsOut(old, new *Set) *Rollout {
	if old == nil {
		old = &Set{}
	}
	if new == nil {
		new = &Set{}
	}
	origin := new.hosted()
	if origin == nil {
		origin = old.hosted()
	}
	if origin == nil {
		return nil
	}
	r := &Rollout{Origin: *origin, Pools: []string{}}
	before, after := old.hostedContent(), new.hostedContent()
	for name, content := range before {
		if slices.Equal(content, after[name]) {
			delete(before, name)
			delete(after, name)
		}
	}
	maps.Copy(before, after)
	changed := slices.Sorted(maps.Keys(before))
	if len(changed) == 0 {
		return nil
	}
	r.Every = changed[0] == "" // the rest are ConfigMaps
	pools := new.NodePools
	if pools == nil {
		pools = old.NodePools
	}
	r.rollOut(pools, changed)
	return r
}

// rollOut notes which of the pools are concerned by ConfigMaps that changed, or by Every.
func (r *Rollout) rollOut(pools []NodePool, changed []string) {
	for _, p := range pools {
		if !r.Every && !slices.ContainsFunc(p.Config, func(c string) bool { return slices.Contains(changed, c) }) {
			continue
		}
		r.Pools = append(r.Pools, p.Origin.Object)
		if p.UpgradeType != "" && !slices.Contains(r.UpgradeTypes, p.UpgradeType) {
			r.UpgradeTypes = append(r.UpgradeTypes, p.UpgradeType)
		}
	}
	slices.Sort(r.UpgradeTypes)
	for _, name := range changed {
		if !r.Every && !slices.ContainsFunc(pools, func(p NodePool) bool { return slices.Contains(p.Config, name) }) {
			r.ConfigMaps = append(r.ConfigMaps, name)
		}
	}
}

// hostedContent returns what the objects of a hosted cluster say, by the ConfigMap that they stand in;
// what stands in none is by "".
func (s *Set) hostedContent() map[string][]string {
	content := map[string][]string{}
	add := func(at finding.Origin, format string, values ...any) {
		object, _, _ := strings.Cut(cmp.Or(at.Wrapper, at.Object), " ")
		name, in := strings.CutPrefix(object, kindConfigMap+"/")
		if !in {
			name = ""
		}
		// An object of its own is one of the cluster that hosts the control plane.
		if !in && len(s.ocm) == 0 && !strings.HasPrefix(object, kindHostedCluster+"/") &&
			!strings.HasPrefix(at.Object, kindImageMirror) {
			return
		}
		content[name] = append(content[name], fmt.Sprintf(format, values...))
	}
	for _, e := range s.entries() {
		object := ""
		if strings.HasPrefix(e.Origin.Wrapper, kindConfigMap+"/") {
			object = e.Origin.Object // its name is part of what is hashed
		}
		add(e.Origin, "%s %d %s %s %q %q", object, e.index, e.Pull, e.Policy, e.Source, e.Mirrors)
	}
	for list := range registrySourceLists {
		for _, scope := range s.scopes(list) {
			add(scope.Origin, "%d %q", list, scope.Value)
		}
	}
	for _, p := range s.ClusterImagePolicies {
		spec, _ := json.Marshal(p.Spec)
		add(p.ReadFrom.Origin("ClusterImagePolicy/"+p.Metadata.Name, ""), "%s %s", p.Metadata.Name, spec)
	}
	for _, f := range s.NodeFiles { // of a MachineConfig
		add(f.Origin, "%s %s %x", f.Origin.Object, f.Path, sha256.Sum256(f.Data.Bytes()))
	}
	return content
}
