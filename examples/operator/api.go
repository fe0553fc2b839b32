package main

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles"
)

// The operator's own kinds, as config/crds.yaml defines them. Both are cluster-wide.

// ClusterPulls is what the operator makes of the cluster's mirror objects. Only the object named
// "cluster" counts; while there is none, no node is touched.
type ClusterPulls struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ClusterPullsSpec   `json:"spec,omitempty"`
	Status            ClusterPullsStatus `json:"status,omitempty"`
}

// clusterName is the name of the one ClusterPulls that counts.
const clusterName = "cluster"

// ClusterPullsSpec is what the mirror objects cannot say.
type ClusterPullsSpec struct {
	// WindowsHosts are registry hosts, host[:port], that wildcard rules are written out for on
	// Windows nodes.
	WindowsHosts []string `json:"windowsHosts,omitempty"`
}

// ClusterPullsStatus says what the nodes are to have, and what there is to say of the objects it
// comes from.
type ClusterPullsStatus struct {
	// Linux and Windows are the hashes of the files that the nodes of each platform are to have. A
	// node has them when its status.applied is the same.
	Linux   string `json:"linux,omitempty"`
	Windows string `json:"windows,omitempty"`
	// Conditions holds Rendered, false while the objects are refused or cannot be read: all nodes, new
	// ones too, then have the last good files. And Stored, false while these are not in the Store, where a restart
	// finds them.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Errors, Warnings and Infos count all findings; Findings lists the gravest, at most maxFindings.
	Errors   int               `json:"errors"`
	Warnings int               `json:"warnings"`
	Infos    int               `json:"infos"`
	Findings []finding.Finding `json:"findings,omitempty"`
}

// ClusterPullsList is a list of ClusterPulls.
type ClusterPullsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterPulls `json:"items"`
}

// NodePulls is one node whose files the operator keeps. It has the node's name.
type NodePulls struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              NodePullsSpec   `json:"spec"`
	Status            NodePullsStatus `json:"status,omitempty"`
}

// NodePullsSpec says what kind of files the node reads.
type NodePullsSpec struct {
	Platform finding.Platform `json:"platform"`
}

// NodePullsStatus says what the node has.
type NodePullsStatus struct {
	// Desired is the hash of the files that were last brought to the node, and Applied that of
	// those which it was last known to have, all of them.
	Desired string `json:"desired,omitempty"`
	Applied string `json:"applied,omitempty"`
	// Conditions holds Applied.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Failures are the registries of a Windows node that do not have their file, at most maxFailures.
	Failures []Failure `json:"failures,omitempty"`
	// Kept is what stays on a Windows node though pullroute did not write it, at most maxKept.
	Kept []nodefiles.Kept `json:"kept,omitempty"`
	// Drain is about the last change of a Linux node that needs a drain. It stays: whoever drains nodes
	// compares it with what was drained for.
	Drain *Drain `json:"drain,omitempty"`
}

// Failure says why one registry does not have its file.
type Failure struct {
	Registry string `json:"registry"` // the host
	Reason   Reason `json:"reason"`
	Message  string `json:"message"`
}

// Drain says which change of a Linux node's files needs a drain, and why.
type Drain struct {
	// For is the hash of the new files.
	For     string   `json:"for"`
	Reboot  bool     `json:"reboot"`
	Reasons []string `json:"reasons"`
}

// NodePullsList is a list of NodePulls.
type NodePullsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NodePulls `json:"items"`
}

// The conditions of ClusterPulls, and that of NodePulls.
const (
	conditionRendered = "Rendered"
	conditionStored   = "Stored"
	conditionApplied  = "Applied"
)

var groupVersion = schema.GroupVersion{Group: "pulls.example.com", Version: "v1alpha1"}

func addTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(groupVersion, &ClusterPulls{}, &ClusterPullsList{}, &NodePulls{}, &NodePullsList{})
	metav1.AddToGroupVersion(s, groupVersion)
	return nil
}

// DeepCopyObject is what controller-gen would write for each of these types; findings, failures, kept
// files and conditions hold no pointers, so that a copied slice of them is a deep copy.

func (c *ClusterPulls) DeepCopyObject() runtime.Object { return c.DeepCopy() }

// DeepCopy returns a copy that shares nothing with c.
func (c *ClusterPulls) DeepCopy() *ClusterPulls {
	out := *c
	out.ObjectMeta = *c.ObjectMeta.DeepCopy()
	out.Spec.WindowsHosts = slices.Clone(c.Spec.WindowsHosts)
	out.Status.Conditions = slices.Clone(c.Status.Conditions)
	out.Status.Findings = slices.Clone(c.Status.Findings)
	return &out
}

func (l *ClusterPullsList) DeepCopyObject() runtime.Object {
	return &ClusterPullsList{l.TypeMeta, *l.ListMeta.DeepCopy(), copies(l.Items, (*ClusterPulls).DeepCopy)}
}

func (n *NodePulls) DeepCopyObject() runtime.Object { return n.DeepCopy() }

// DeepCopy returns a copy that shares nothing with n.
func (n *NodePulls) DeepCopy() *NodePulls {
	out := *n
	out.ObjectMeta = *n.ObjectMeta.DeepCopy()
	out.Status.Conditions = slices.Clone(n.Status.Conditions)
	out.Status.Failures = slices.Clone(n.Status.Failures)
	out.Status.Kept = slices.Clone(n.Status.Kept)
	if n.Status.Drain != nil {
		drain := *n.Status.Drain
		drain.Reasons = slices.Clone(drain.Reasons)
		out.Status.Drain = &drain
	}
	return &out
}

func (l *NodePullsList) DeepCopyObject() runtime.Object {
	return &NodePullsList{l.TypeMeta, *l.ListMeta.DeepCopy(), copies(l.Items, (*NodePulls).DeepCopy)}
}

func copies[T any](items []T, deepCopy func(*T) *T) []T {
	out := slices.Clone(items)
	for i := range items {
		out[i] = *deepCopy(&items[i])
	}
	return out
}
