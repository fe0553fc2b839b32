// Package mirrorset reads the cluster objects that configure image mirroring, checks them as the API
// server and the Machine Config Operator (MCO) do, and merges them into rules.
//
//	set, err := mirrorset.ReadFiles("mirrors.yaml")   // or Decode, or a Set literal with typed values
//	if err != nil {
//		return err // *RefusedError: every document, field and value that cannot be read
//	}
//	rules, err := set.Rules()
//	if err != nil {
//		return err // *RefusedError: what the API server or MCO refuses
//	}
//	linux := resolve.NewLinuxTable(rules)
//
// The objects are [ImageDigestMirrorSet] and [ImageTagMirrorSet] (config.openshift.io/v1), the older
// [ImageContentSourcePolicy] (operator.openshift.io/v1alpha1), the registrySources of [Image]
// (config.openshift.io/v1, named "cluster"), and [DigestSources]: the same digest rules as an
// install-config, a HyperShift HostedCluster or the output of a mirroring tool holds them. Field names
// in JSON and YAML are those of the real APIs.
//
// Such objects are also read where they stand inside others, at any depth and in texts: a policy, a
// template, a ConfigMap with manifests. Their origins name the object around them. What stands
// there and is not read is refused, and what a policy only checks for makes no rule. The files of
// nodes that stand in MachineConfigs and the like are in [Set].NodeFiles as they are: rules do not
// hold what they say.
//
// [ImageMirror] is the same for managed clusters, where a service keeps it; package
// mirrorset/managed keeps them as that service does. [Set.MigrateContentSourcePolicies] makes
// ImageDigestMirrorSets of the older policies.
//
// # The words
//
//	host    labels of [a-zA-Z0-9] and inner '-', joined by '.', with an optional ":port"
//	mirror  host, then zero or more "/component"
//	source  the same, or "*." and a host without port or path
//
// A path component is runs of [a-z0-9] joined by '.', '_', '__' or any run of '-'. These are the
// patterns of the custom resource definitions in github.com/openshift/api, config/v1; MCO holds
// ImageContentSourcePolicy to them too, whose own definition has none.
//
// # The rules of merging
//
// Entries of one source and kind of pull become one [Rule]. Its mirrors keep the relative order of
// every entry's list: an edge from each mirror to the next of its list, and from the last to the
// source where the source is not listed; sorted topologically with a FIFO queue, the first nodes and
// every freed batch in string order; a loop broken at the smallest unused node; the source dropped
// where it ends up last. This is the order of github.com/openshift/runtime-utils, pkg/registries
// (topo.go), which MCO uses. It does not depend on the order of objects.
//
// An entry whose mirrors are empty, or only the source itself, makes no rule. A source is under
// NeverContactSource where one of its entries that make a rule says so; one source with both policies
// is refused, judged over all entries of all kinds, an absent policy counting as
// AllowContactingSource. Package resolve says what a node does with the rules.
package mirrorset
