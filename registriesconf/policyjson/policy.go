package policyjson

import (
	"encoding/json"
	"strings"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A Policy is one policy.json. Its zero value has no requirements at all: the client accepts no
// image under it, and refuses it as a file.
//
// Reading it from any number of goroutines is safe, and no method changes it.
type Policy struct {
	// Default governs every image that no scope of its transport does.
	Default Requirements `json:"default"`
	// Transports holds the scopes of each transport, by its name: "docker" for what is pulled from
	// registries.
	Transports map[string]Scopes `json:"transports"`

	origins map[place]finding.Origin
}

// place names a list of requirements: a scope of a transport, or, where both are empty and it is
// not of a transport, the default.
type place struct {
	transport, scope string
	global           bool
}

// Scopes holds the requirements of each scope of one transport. The scope "" governs every image of
// the transport that no other scope does.
type Scopes map[string]Requirements

// Requirements have to be met all together. An empty list is met by no image, and refused in a file.
type Requirements []Requirement

// RequirementType is the type of a requirement.
type RequirementType string

// The types of requirements.
const (
	// Accept takes every image, and verifies nothing.
	Accept RequirementType = "insecureAcceptAnything"
	// Reject takes no image.
	Reject RequirementType = "reject"
	// SignedBy asks for a simple signature.
	SignedBy RequirementType = "signedBy"
	// SignedBaseLayer is read by the client and was never implemented: it takes no image.
	SignedBaseLayer RequirementType = "signedBaseLayer"
	// SigstoreSigned asks for a sigstore signature.
	SigstoreSigned RequirementType = "sigstoreSigned"
)

// A Requirement is one item of a list. Which fields it may have depends on its type;
// [Policy.Validate] tells. Nil and empty differ for key data: an empty key is a key to the client,
// if one that verifies nothing.
type Requirement struct {
	Type RequirementType `json:"type"`
	// KeyType is, for SignedBy, what the keys are: "GPGKeys" and three that the client reads and
	// does not implement.
	KeyType string `json:"keyType,omitempty"`
	// KeyPath and KeyPaths are files with keys, KeyData and KeyDatas keys themselves. Exactly one
	// of these, Fulcio and PKI is set; KeyDatas, Fulcio and PKI are for SigstoreSigned only.
	KeyPath  string   `json:"keyPath,omitempty"`
	KeyPaths []string `json:"keyPaths,omitempty"`
	KeyData  []byte   `json:"keyData,omitempty"`
	KeyDatas [][]byte `json:"keyDatas,omitempty"`
	// Fulcio accepts certificates that a Fulcio server made.
	Fulcio *Fulcio `json:"fulcio,omitempty"`
	// RekorPublicKeyPath, and at most one of its three siblings, names the keys of the Rekor server
	// that has to have recorded the signature. One is needed beside Fulcio, none may stand beside
	// PKI.
	RekorPublicKeyPath  string   `json:"rekorPublicKeyPath,omitempty"`
	RekorPublicKeyPaths []string `json:"rekorPublicKeyPaths,omitempty"`
	RekorPublicKeyData  []byte   `json:"rekorPublicKeyData,omitempty"`
	RekorPublicKeyDatas [][]byte `json:"rekorPublicKeyDatas,omitempty"`
	// PKI accepts certificates of an own certificate authority.
	PKI *PKI `json:"pki,omitempty"`
	// SignedIdentity says which name the signature has to claim. A file may leave it out, which means
	// MatchRepoDigestOrExact; Parse fills it in, as the client does.
	SignedIdentity *Identity `json:"signedIdentity,omitempty"`
	// BaseLayerIdentity is for SignedBaseLayer.
	BaseLayerIdentity *Identity `json:"baseLayerIdentity,omitempty"`
}

// Fulcio says which certificates of a Fulcio server are accepted.
type Fulcio struct {
	// CAPath is a file of root certificates, CAData the certificates themselves, in PEM. Exactly
	// one is set.
	CAPath string `json:"caPath,omitempty"`
	CAData []byte `json:"caData,omitempty"`
	// OIDCIssuer and SubjectEmail are what the certificate has to say of its owner. Both are needed.
	OIDCIssuer   string `json:"oidcIssuer,omitempty"`
	SubjectEmail string `json:"subjectEmail,omitempty"`
}

// PKI says which certificates of an own certificate authority are accepted.
type PKI struct {
	// CARootsPath is a file of root certificates, CARootsData the certificates themselves, in PEM.
	// Exactly one is set.
	CARootsPath string `json:"caRootsPath,omitempty"`
	CARootsData []byte `json:"caRootsData,omitempty"`
	// CAIntermediatesPath and CAIntermediatesData are intermediate certificates. At most one is set.
	CAIntermediatesPath string `json:"caIntermediatesPath,omitempty"`
	CAIntermediatesData []byte `json:"caIntermediatesData,omitempty"`
	// SubjectEmail and SubjectHostname are what the certificate has to say of its owner. At least
	// one is set.
	SubjectEmail    string `json:"subjectEmail,omitempty"`
	SubjectHostname string `json:"subjectHostname,omitempty"`
}

// IdentityType is the type of an identity.
type IdentityType string

// The types of identities.
const (
	// MatchExact: the signature claims the very reference.
	MatchExact IdentityType = "matchExact"
	// MatchRepoDigestOrExact: as MatchExact, and for a reference with a digest any tag of the
	// repository.
	MatchRepoDigestOrExact IdentityType = "matchRepoDigestOrExact"
	// MatchRepository: the signature claims any reference of the repository.
	MatchRepository IdentityType = "matchRepository"
	// ExactReference: the signature claims the reference that the identity names.
	ExactReference IdentityType = "exactReference"
	// ExactRepository: the signature claims any reference of the repository that the identity names.
	ExactRepository IdentityType = "exactRepository"
	// RemapIdentity: as MatchRepoDigestOrExact, with a part of the name replaced first.
	RemapIdentity IdentityType = "remapIdentity"
)

// An Identity says which name a signature has to claim.
type Identity struct {
	Type IdentityType `json:"type"`
	// DockerReference, with a tag or a digest, is for ExactReference.
	DockerReference string `json:"dockerReference,omitempty"`
	// DockerRepository is for ExactRepository.
	DockerRepository string `json:"dockerRepository,omitempty"`
	// Prefix is replaced by SignedPrefix, for RemapIdentity: host[:port], a namespace or a repository.
	Prefix       string `json:"prefix,omitempty"`
	SignedPrefix string `json:"signedPrefix,omitempty"`
}

// Bytes returns the file as the Machine Config Operator writes it: what json.MarshalIndent makes of
// the client's own type, two spaces deep, scopes in string order, and no line end at the end. Nil
// is written as the zero Policy.
func (p *Policy) Bytes() []byte {
	if p == nil {
		p = &Policy{}
	}
	data, _ := json.MarshalIndent(p, "", "  ") // no value of these types fails
	return data
}

// String returns the types of the requirements: "reject", or "signedBy and sigstoreSigned".
func (r Requirements) String() string {
	types := make([]string, len(r))
	for i := range r {
		types[i] = string(r[i].Type)
	}
	return strings.Join(types, " and ")
}
