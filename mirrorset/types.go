package mirrorset

import "github.com/pullroute/pullroute/mirrorset/finding"

// ImageDigestMirrorSet is config.openshift.io/v1 ImageDigestMirrorSet: mirrors for pulls by digest.
type ImageDigestMirrorSet struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta               `json:"metadata,omitzero"`
	Spec     ImageDigestMirrorSetSpec `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImageDigestMirrorSetSpec is the spec of an ImageDigestMirrorSet.
type ImageDigestMirrorSetSpec struct {
	ImageDigestMirrors []ImageMirrors `json:"imageDigestMirrors,omitempty"`
}

// ImageTagMirrorSet is config.openshift.io/v1 ImageTagMirrorSet: mirrors for pulls by tag.
type ImageTagMirrorSet struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta            `json:"metadata,omitzero"`
	Spec     ImageTagMirrorSetSpec `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImageTagMirrorSetSpec is the spec of an ImageTagMirrorSet.
type ImageTagMirrorSetSpec struct {
	ImageTagMirrors []ImageMirrors `json:"imageTagMirrors,omitempty"`
}

// ImageMirrors is one entry of an ImageDigestMirrorSet or ImageTagMirrorSet.
type ImageMirrors struct {
	// Source is host[:port][/component...] or "*." and a host.
	Source string `json:"source"`
	// Mirrors are host[:port][/component...], most preferred first, none twice.
	Mirrors []string `json:"mirrors,omitempty"`
	// MirrorSourcePolicy is empty where the object does not say; that means AllowContactingSource.
	MirrorSourcePolicy MirrorSourcePolicy `json:"mirrorSourcePolicy,omitempty"`
}

// MirrorSourcePolicy says whether the source may be asked when no mirror serves an image.
type MirrorSourcePolicy string

// The two policies. The empty value means AllowContactingSource.
const (
	NeverContactSource    MirrorSourcePolicy = "NeverContactSource"
	AllowContactingSource MirrorSourcePolicy = "AllowContactingSource"
)

// Forbids reports whether the source may not be contacted. What is neither of the two policies is refused,
// and forbids for whoever goes on all the same.
func (p MirrorSourcePolicy) Forbids() bool { return p != "" && p != AllowContactingSource }

// ImageContentSourcePolicy is operator.openshift.io/v1alpha1 ImageContentSourcePolicy, the deprecated
// predecessor of ImageDigestMirrorSet.
type ImageContentSourcePolicy struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta                   `json:"metadata,omitzero"`
	Spec     ImageContentSourcePolicySpec `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImageContentSourcePolicySpec is the spec of an ImageContentSourcePolicy.
type ImageContentSourcePolicySpec struct {
	RepositoryDigestMirrors []RepositoryDigestMirrors `json:"repositoryDigestMirrors"`
}

// RepositoryDigestMirrors is one entry of an ImageContentSourcePolicy.
type RepositoryDigestMirrors struct {
	Source  string   `json:"source"`
	Mirrors []string `json:"mirrors"`
}

// Image is the part of config.openshift.io/v1 Image that says where pulls may go. Only the object named
// "cluster" counts.
type Image struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta `json:"metadata,omitzero"`
	Spec     ImageSpec  `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImageSpec is the part of an Image's spec that says where pulls may go.
type ImageSpec struct {
	RegistrySources RegistrySources `json:"registrySources,omitzero"`
	// AdditionalTrustedCA names a ConfigMap whose keys are registry hosts; see ConfigMap. Set.ConfigMaps
	// has to hold it.
	AdditionalTrustedCA ConfigMapReference `json:"additionalTrustedCA,omitzero"`
}

// RegistrySources says how single registries are treated. Scopes are written like sources: a host,
// namespace or repository, or "*." and a host.
type RegistrySources struct {
	// InsecureRegistries may be asked over plain HTTP and without checking certificates.
	InsecureRegistries []string `json:"insecureRegistries,omitempty"`
	// BlockedRegistries may not be asked at all.
	BlockedRegistries []string `json:"blockedRegistries,omitempty"`
	// AllowedRegistries becomes part of policy.json: the names that pods use have to be inside one
	// of them.
	AllowedRegistries []string `json:"allowedRegistries,omitempty"`
	// ContainerRuntimeSearchRegistries replaces the registries that Linux nodes try for names
	// without one.
	ContainerRuntimeSearchRegistries []string `json:"containerRuntimeSearchRegistries,omitempty"`
}

// DigestSources are digest rules that stand outside the mirror objects: imageDigestSources and
// imageContentSources of an install-config, spec.imageContentSources of a HyperShift HostedCluster, or
// the bare lists that mirroring tools print.
type DigestSources struct {
	// Object names where the list stands, "InstallConfig/name" or "HostedCluster/namespace/name"; empty
	// for a bare list.
	Object string
	// Field is the path of the list: "imageDigestSources", "spec.imageContentSources"; for a bare list
	// without a name, empty.
	Field string
	// Sources are the entries; the install-config writes their policy as sourcePolicy.
	Sources []ImageMirrors
	// ReadFrom is where the list was read; nil for one built in memory.
	ReadFrom *ReadFrom
}

// TypeMeta names the API of an object. Decoding fills it; it may stay empty on values built in memory.
type TypeMeta struct {
	Kind       string `json:"kind,omitempty"`
	APIVersion string `json:"apiVersion,omitempty"`
}

// ObjectMeta is the part of an object's metadata that says who it is and what its owner noted on it.
type ObjectMeta struct {
	Name string `json:"name,omitempty"`
	// Namespace is that of an ImagePolicy, the only kind here that lies in one.
	Namespace string `json:"namespace,omitempty"`
	// GenerateName is what the API server makes a name of where an object has none.
	GenerateName string            `json:"generateName,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// ReadFrom is the place in a file that an object was read from.
type ReadFrom struct {
	// File is the name given to Decode, or the path given to ReadFiles.
	File string
	// Document is the 1-based position of the YAML or JSON document in the file.
	Document int
	// Line is the 1-based line the object starts at.
	Line int
	// Wrapper is the object that the object stands in, with the path in it; see finding.Origin.
	Wrapper string
	// lines holds, per list of entries, the lines of the fields that findings point at.
	lines []entryLines
}

// Origin returns the place of a field of an object that was read there. A nil place is that of an
// object built in memory.
func (r *ReadFrom) Origin(object, field string) finding.Origin {
	o := finding.Origin{Object: object, Field: field}
	if r != nil {
		o.File, o.Document, o.Line, o.Wrapper = r.File, r.Document, r.Line, r.Wrapper
	}
	return o
}

// entryLines are the lines of one entry: of itself, and of its fields.
type entryLines struct {
	entry, source, policy int32
	mirrors               []int32
}

// Set is everything that was read, in the order of reading, or put together by the caller.
type Set struct {
	ImageDigestMirrorSets      []ImageDigestMirrorSet
	ImageTagMirrorSets         []ImageTagMirrorSet
	ImageContentSourcePolicies []ImageContentSourcePolicy
	DigestSources              []DigestSources
	// ImageMirrors are those of one managed cluster.
	ImageMirrors []ImageMirror
	Images       []Image
	// ClusterImagePolicies and ImagePolicies ask for signatures.
	ClusterImagePolicies []ClusterImagePolicy
	ImagePolicies        []ImagePolicy
	// ConfigMaps are those that Images may name: of the namespace openshift-config, or, where a manifest
	// does not say its namespace, with certificates in them.
	ConfigMaps []ConfigMap
	// ClusterVersions say which release the cluster runs, MachineConfigurations what becomes of nodes
	// whose files change.
	ClusterVersions       []ClusterVersion
	MachineConfigurations []MachineConfiguration
	// PullSecrets are the pull secrets of the cluster and of its nodes.
	PullSecrets []PullSecret
	// HostedClusters are the places of the HyperShift HostedCluster objects that were read.
	HostedClusters []finding.Origin
	// NodePools are the NodePools of HyperShift.
	NodePools []NodePool
	// NodeFiles are the files of nodes that stand inside manifests, as they are. Rules and Validate
	// pass over them: packages registriesconf and hoststoml read them.
	NodeFiles []NodeFile
	// CRIOFiles are crio.conf and the files of crio.conf.d that stand in MachineConfigs.
	CRIOFiles []NodeFile
	// Rendered are the rendered MachineConfigs, by their size.
	Rendered []RenderedConfig
	// Findings holds what reading noticed and did not refuse: unknown fields, skipped kinds.
	Findings finding.Findings

	// none is set where something says that there are no rules: an empty List, an object that is
	// not to exist.
	none bool
	// ocm are the places of what OCM says of a managed cluster: its registry_config, its image mirrors.
	ocm []finding.Origin
}

// Add appends everything of t to s; nil adds nothing.
func (s *Set) Add(t *Set) {
	if t == nil {
		return
	}
	s.ImageDigestMirrorSets = append(s.ImageDigestMirrorSets, t.ImageDigestMirrorSets...)
	s.ImageTagMirrorSets = append(s.ImageTagMirrorSets, t.ImageTagMirrorSets...)
	s.ImageContentSourcePolicies = append(s.ImageContentSourcePolicies, t.ImageContentSourcePolicies...)
	s.DigestSources = append(s.DigestSources, t.DigestSources...)
	s.ImageMirrors = append(s.ImageMirrors, t.ImageMirrors...)
	s.Images = append(s.Images, t.Images...)
	s.ClusterImagePolicies = append(s.ClusterImagePolicies, t.ClusterImagePolicies...)
	s.ImagePolicies = append(s.ImagePolicies, t.ImagePolicies...)
	s.ConfigMaps = append(s.ConfigMaps, t.ConfigMaps...)
	s.ClusterVersions = append(s.ClusterVersions, t.ClusterVersions...)
	s.MachineConfigurations = append(s.MachineConfigurations, t.MachineConfigurations...)
	s.PullSecrets = append(s.PullSecrets, t.PullSecrets...)
	s.CRIOFiles = append(s.CRIOFiles, t.CRIOFiles...)
	s.Rendered = append(s.Rendered, t.Rendered...)
	s.NodePools = append(s.NodePools, t.NodePools...)
	s.HostedClusters = append(s.HostedClusters, t.HostedClusters...)
	s.NodeFiles = append(s.NodeFiles, t.NodeFiles...)
	s.none = s.none || t.none
	s.ocm = append(s.ocm, t.ocm...)
	s.Findings = append(s.Findings, t.Findings...)
}

// Speaks reports whether something in the input says where pulls go, be it only that there are no
// mirrors: a mirror object or an Image without entries, a policy for signatures, a HostedCluster, an empty List. Where
// nothing does, a plan from the set would be an answer from nothing.
func (s *Set) Speaks() bool {
	return s.none ||
		len(s.ImageDigestMirrorSets)+len(s.ImageTagMirrorSets)+len(s.ImageContentSourcePolicies)+len(s.DigestSources)+
			len(s.ImageMirrors)+len(s.Images)+len(s.HostedClusters)+len(s.NodeFiles)+
			len(s.ClusterImagePolicies)+len(s.ImagePolicies) > 0
}

// Empty reports whether the set holds no object and no file at all.
func (s *Set) Empty() bool {
	return len(s.ImageDigestMirrorSets)+len(s.ImageTagMirrorSets)+len(s.ImageContentSourcePolicies)+
		len(s.DigestSources)+len(s.ImageMirrors)+len(s.Images)+len(s.ConfigMaps)+len(s.NodeFiles)+
		len(s.ClusterImagePolicies)+len(s.ImagePolicies)+len(s.ClusterVersions)+len(s.MachineConfigurations)+
		len(s.PullSecrets)+len(s.NodePools) == 0
}

// The kinds this package reads, as objects name them.
const (
	kindIDMS          = "ImageDigestMirrorSet"
	kindITMS          = "ImageTagMirrorSet"
	kindICSP          = "ImageContentSourcePolicy"
	kindImage         = "Image"
	kindHostedCluster = "HostedCluster"
	kindInstallConfig = "InstallConfig"
	kindImageMirror   = "ImageMirror"
)

// The API versions of those kinds.
const (
	versionConfig   = "config.openshift.io/v1"
	versionOperator = "operator.openshift.io/v1alpha1"
)
