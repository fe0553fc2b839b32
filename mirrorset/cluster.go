package mirrorset

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/pullroute/pullroute/internal/document"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// This file has what a cluster says of itself beside where pulls go: which release it runs, and what
// becomes of nodes whose files change.

// ClusterVersion is the part of config.openshift.io/v1 ClusterVersion that says which release the
// cluster runs. Only the object named "version" counts.
type ClusterVersion struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta           `json:"metadata,omitzero"`
	Status   ClusterVersionStatus `json:"status,omitzero"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ClusterVersionStatus is the part of a ClusterVersion's status that says which release it is.
type ClusterVersionStatus struct {
	Desired Release `json:"desired,omitzero"`
}

// Release is a release of OpenShift.
type Release struct {
	// Image is that of the release payload.
	Image string `json:"image,omitempty"`
}

// MachineConfiguration is the part of operator.openshift.io/v1 MachineConfiguration that says what
// MCO does to a node whose files change. Only the object named "cluster" counts.
type MachineConfiguration struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta               `json:"metadata,omitzero"`
	Spec     MachineConfigurationSpec `json:"spec,omitzero"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// MachineConfigurationSpec is the part of the spec of a MachineConfiguration that is read.
type MachineConfigurationSpec struct {
	NodeDisruptionPolicy NodeDisruptionPolicy `json:"nodeDisruptionPolicy,omitzero"`
}

// NodeDisruptionPolicy says what a change of a file costs.
type NodeDisruptionPolicy struct {
	Files []NodeDisruptionFile `json:"files,omitempty"`
}

// NodeDisruptionFile says it of one file, or of all below one directory.
type NodeDisruptionFile struct {
	// Path is absolute.
	Path    string                 `json:"path"`
	Actions []NodeDisruptionAction `json:"actions"`
}

// NodeDisruptionAction is one thing that MCO does to a node.
type NodeDisruptionAction struct {
	Type NodeDisruptionType `json:"type"`
	// Reload and Restart name the service that an action of that type is about.
	Reload  *NodeDisruptionService `json:"reload,omitempty"`
	Restart *NodeDisruptionService `json:"restart,omitempty"`
}

// NodeDisruptionService names a systemd unit, "crio.service".
type NodeDisruptionService struct {
	ServiceName string `json:"serviceName"`
}

// NodeDisruptionType is the type of an action.
type NodeDisruptionType string

// The types of actions.
const (
	ActionNone         NodeDisruptionType = "None"
	ActionDrain        NodeDisruptionType = "Drain"
	ActionReload       NodeDisruptionType = "Reload"
	ActionRestart      NodeDisruptionType = "Restart"
	ActionDaemonReload NodeDisruptionType = "DaemonReload"
	ActionReboot       NodeDisruptionType = "Reboot"
)

var nodeDisruptionTypes = []NodeDisruptionType{ActionNone, ActionDrain, ActionReload, ActionRestart,
	ActionDaemonReload, ActionReboot}

// Service returns the service that the action is about, and "" where its type has none.
func (a NodeDisruptionAction) Service() string {
	switch {
	case a.Type == ActionReload && a.Reload != nil:
		return a.Reload.ServiceName
	case a.Type == ActionRestart && a.Restart != nil:
		return a.Restart.ServiceName
	}
	return ""
}

// PullSecret is the pull secret of the cluster: the Secret pull-secret of openshift-config, or the file
// that a MachineConfig puts on nodes. Nothing of it is kept but whether two are the same.
type PullSecret struct {
	// Origin is the Secret, or the field of the MachineConfig that holds the file.
	Origin finding.Origin
	// Machine is the MachineConfig, the zero value for a Secret.
	Machine MachineConfig

	sum [sha256.Size]byte
}

// Sum returns what is the same for two pull secrets of the same bytes, their SHA-256.
func (s PullSecret) Sum() [sha256.Size]byte { return s.sum }

// pullSecretPath is where a node has the pull secret.
const pullSecretPath = "/var/lib/kubelet/config.json"

// pullSecret notes the pull secret of a cluster.
func (o *object) pullSecret() {
	if o.Kind != kindSecret || o.metadata.Name != "pull-secret" || o.namespace != "openshift-config" {
		return
	}
	const key = ".dockerconfigjson"
	data, err := fromBase64(text(lookup(lookup(o.node, "data"), key)))
	if plain := lookup(lookup(o.node, "stringData"), key); plain != nil {
		data, err = []byte(text(plain)), nil
	}
	if err != nil || len(data) == 0 {
		return
	}
	o.set.PullSecrets = append(o.set.PullSecrets, PullSecret{
		Origin: o.origin(o.name, "", o.node.Line), sum: sha256.Sum256(data),
	})
}

const (
	kindClusterVersion          = "ClusterVersion"
	kindMachineConfiguration    = "MachineConfiguration"
	versionMachineConfiguration = "operator.openshift.io/v1"
)

// clusterKind reads an object that says something of the cluster, and reports whether the object is
// one. Of its many other fields nothing is said.
func (o *object) clusterKind() bool {
	switch {
	case o.Kind == kindClusterVersion && o.APIVersion == versionConfig:
		image := lookup(lookup(lookup(o.node, "status"), "desired"), "image")
		c := ClusterVersion{TypeMeta: o.TypeMeta, Metadata: o.metadata,
			Status: ClusterVersionStatus{Desired: Release{Image: text(image)}}}
		if image != nil {
			o.lines = []entryLines{{entry: int32(image.Line)}}
		}
		c.ReadFrom = o.readFrom()
		o.set.ClusterVersions = append(o.set.ClusterVersions, c)
	case o.Kind == kindMachineConfiguration && o.APIVersion == versionMachineConfiguration:
		c := MachineConfiguration{TypeMeta: o.TypeMeta, Metadata: o.metadata}
		if policy := lookup(lookup(o.node, "spec"), "nodeDisruptionPolicy"); policy != nil {
			o.disruptionFiles(lookup(policy, "files"), &c.Spec.NodeDisruptionPolicy)
		}
		c.ReadFrom = o.readFrom()
		o.set.MachineConfigurations = append(o.set.MachineConfigurations, c)
	default:
		return false
	}
	return true
}

// disruptionFiles reads the entries for files. The API server takes no other type of action than
// those that are listed (types_machineconfiguration.go of github.com/openshift/api, operator/v1).
func (o *object) disruptionFiles(list *document.Node, to *NodeDisruptionPolicy) {
	if list == nil {
		return
	}
	const at = "spec.nodeDisruptionPolicy.files"
	if list.Kind != document.List {
		o.wrongType(o.name, list, at, "a list")
	}
	for i, n := range list.Items() {
		f := NodeDisruptionFile{Path: text(lookup(n, "path"))}
		actions := lookup(n, "actions")
		if actions == nil {
			o.refuseAPI(finding.CodeMissingField, o.name, n.Line, fmt.Sprintf("%s[%d].actions", at, i), "",
				"is missing; every entry says what is to be done")
			continue
		}
		for j, a := range actions.Items() {
			action := NodeDisruptionAction{Type: NodeDisruptionType(text(lookup(a, "type"))),
				Reload: service(lookup(a, "reload")), Restart: service(lookup(a, "restart"))}
			if !slices.Contains(nodeDisruptionTypes, action.Type) {
				o.refuseAPI(finding.CodeWrongType, o.name, a.Line,
					fmt.Sprintf("%s[%d].actions[%d].type", at, i, j), string(action.Type),
					"is no action; write None, Drain, Reload, Restart, DaemonReload or Reboot")
			}
			f.Actions = append(f.Actions, action)
		}
		to.Files = append(to.Files, f)
		o.lines = append(o.lines, entryLines{entry: int32(n.Line)})
	}
}

func service(n *document.Node) *NodeDisruptionService {
	if n == nil {
		return nil
	}
	return &NodeDisruptionService{ServiceName: text(lookup(n, "serviceName"))}
}

// releaseImage returns status.desired.image of the ClusterVersion, and where it was read; Value is
// empty where the set does not say. Of several the last counts, as with kubectl apply.
func (s *Set) releaseImage() (image Scope) {
	for i := range s.ClusterVersions {
		c := &s.ClusterVersions[i]
		if c.Metadata.Name != "version" || c.Status.Desired.Image == "" {
			continue
		}
		image = Scope{c.Status.Desired.Image, c.ReadFrom.Origin(kindClusterVersion+"/"+c.Metadata.Name,
			"status.desired.image")}
		if r := c.ReadFrom; r != nil && len(r.lines) > 0 {
			image.Origin.Line = int(r.lines[0].entry)
		}
	}
	return image
}

// A DisruptionPolicy is an entry of a node disruption policy, with where it stands.
type DisruptionPolicy struct {
	NodeDisruptionFile
	Origin finding.Origin
}

// DisruptionPolicies returns the entries for files of the MachineConfiguration named cluster. Of several the
// last counts, as with kubectl apply.
func (s *Set) DisruptionPolicies() (policies []DisruptionPolicy) {
	for i := range s.MachineConfigurations {
		c := &s.MachineConfigurations[i]
		if c.Metadata.Name != "cluster" {
			continue
		}
		policies = nil
		for j, f := range c.Spec.NodeDisruptionPolicy.Files {
			origin := c.ReadFrom.Origin(kindMachineConfiguration+"/cluster",
				fmt.Sprintf("spec.nodeDisruptionPolicy.files[%d]", j))
			if r := c.ReadFrom; r != nil && j < len(r.lines) {
				origin.Line = int(r.lines[j].entry)
			}
			policies = append(policies, DisruptionPolicy{f, origin})
		}
	}
	return policies
}
