// Package wmco renders the hosts.toml files of Windows nodes, and brings them there, in place of the Windows Machine
// Config Operator's own package registries and of its ReplaceDir.
package wmco

import (
	"context"
	"fmt"

	"github.com/pkg/sftp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/nodefiles/sftpnode"
	"github.com/pullroute/pullroute/openshiftapi"
)

// ConfigDir is containerd's config_path on the Windows nodes of OpenShift, as their SFTP server names it.
const ConfigDir = "/C:/k/containerd/registries"

// Render is called in place of GenerateConfigFiles. It reads what that reads, and also the cluster's Image and the
// certificates that it names. The error is about objects that the Machine Config Operator refuses; the findings
// are worth an event each.
func Render(ctx context.Context, c client.Reader) (hoststoml.Tree, finding.Findings, error) {
	var o openshiftapi.Objects
	for _, list := range []client.ObjectList{&o.ImageDigestMirrorSets, &o.ImageTagMirrorSets, &o.Images} {
		if err := c.List(ctx, list); err != nil {
			return nil, nil, fmt.Errorf("reading the mirror objects: %w", err)
		}
	}
	if err := c.List(ctx, &o.ConfigMaps, client.InNamespace("openshift-config")); err != nil {
		return nil, nil, fmt.Errorf("reading the certificates of registries: %w", err)
	}
	set, err := o.Set()
	if err != nil {
		return nil, nil, err
	}
	rules, err := set.Rules()
	if err != nil {
		return nil, nil, err
	}
	var secret corev1.Secret
	if err := c.Get(ctx, types.NamespacedName{Namespace: "openshift-config", Name: "pull-secret"}, &secret); err != nil {
		return nil, nil, fmt.Errorf("reading the pull secret: %w", err)
	}
	keys, findings := hoststoml.ParsePullSecret("Secret/pull-secret", secret.Data[corev1.DockerConfigJsonKey])
	if err := findings.Err(); err != nil {
		return nil, nil, err
	}
	tree, _, more := hoststoml.Render(rules, hoststoml.RenderOptions{PullSecret: keys, NoSourceCredentials: true})
	return tree, append(append(rules.Findings, findings...), more...), nil
}

// Apply is called in place of ReplaceDir, with the SFTP client that WMCO has for a node and ConfigDir. Every registry
// is governed by its old file or its new one at every moment. Files of WMCO are taken over.
func Apply(ctx context.Context, sftp *sftp.Client, dir string, tree hoststoml.Tree) (hoststoml.Change, error) {
	node, err := sftpnode.Open(sftp, dir)
	if err != nil {
		return hoststoml.Change{}, err
	}
	return tree.Apply(ctx, node, hoststoml.Options{Platform: finding.Windows, TakeOverWMCO: true})
}
