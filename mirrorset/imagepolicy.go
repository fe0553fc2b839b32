package mirrorset

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pullroute/pullroute/internal/pattern"
	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// ClusterImagePolicy is config.openshift.io/v1 ClusterImagePolicy: the signatures that images of
// some scopes need anywhere in the cluster. It becomes part of policy.json on Linux nodes; Windows
// nodes do not read it.
type ClusterImagePolicy struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta      `json:"metadata,omitzero"`
	Spec     ImagePolicySpec `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImagePolicy is config.openshift.io/v1 ImagePolicy: the signatures that images of some scopes need
// in one namespace.
type ImagePolicy struct {
	TypeMeta `json:",inline"`
	Metadata ObjectMeta      `json:"metadata,omitzero"`
	Spec     ImagePolicySpec `json:"spec"`
	// ReadFrom is where the object was read; nil for an object built in memory.
	ReadFrom *ReadFrom `json:"-"`
}

// ImagePolicySpec is the spec of a ClusterImagePolicy and of an ImagePolicy.
type ImagePolicySpec struct {
	// Scopes are hosts, namespaces, repositories, references, or "*." and a host; at most 256, none
	// twice.
	Scopes []string `json:"scopes"`
	// Policy is what every scope asks for.
	Policy ImageVerificationPolicy `json:"policy"`
}

// ImageVerificationPolicy says what a signature has to prove.
type ImageVerificationPolicy struct {
	RootOfTrust RootOfTrust `json:"rootOfTrust"`
	// SignedIdentity is nil where the object does not say; that means MatchRepoDigestOrExact.
	SignedIdentity *SignedIdentity `json:"signedIdentity,omitempty"`
}

// RootOfTrust says whose signatures count. Exactly the field that PolicyType names is set. Key and
// certificate data is PEM, which stands in base64 in a manifest.
type RootOfTrust struct {
	// PolicyType is "PublicKey", "FulcioCAWithRekor" or "PKI".
	PolicyType        string                        `json:"policyType"`
	PublicKey         *PublicKeyRootOfTrust         `json:"publicKey,omitempty"`
	FulcioCAWithRekor *FulcioCAWithRekorRootOfTrust `json:"fulcioCAWithRekor,omitempty"`
	PKI               *PKIRootOfTrust               `json:"pki,omitempty"`
}

// PublicKeyRootOfTrust trusts one key.
type PublicKeyRootOfTrust struct {
	KeyData []byte `json:"keyData"`
	// RekorKeyData is the key of the Rekor server that has to have recorded the signature; nil
	// where none has.
	RekorKeyData []byte `json:"rekorKeyData,omitempty"`
}

// FulcioCAWithRekorRootOfTrust trusts the certificates that a Fulcio server made for one subject.
type FulcioCAWithRekorRootOfTrust struct {
	FulcioCAData  []byte        `json:"fulcioCAData"`
	RekorKeyData  []byte        `json:"rekorKeyData"`
	FulcioSubject FulcioSubject `json:"fulcioSubject"`
}

// FulcioSubject is whom a Fulcio certificate was made for.
type FulcioSubject struct {
	// OIDCIssuer is a URL.
	OIDCIssuer string `json:"oidcIssuer"`
	// SignedEmail is an e-mail address.
	SignedEmail string `json:"signedEmail"`
}

// PKIRootOfTrust trusts the certificates of an own certificate authority.
type PKIRootOfTrust struct {
	CARootsData []byte `json:"caRootsData"`
	// CAIntermediatesData is nil where there are none.
	CAIntermediatesData   []byte                `json:"caIntermediatesData,omitempty"`
	PKICertificateSubject PKICertificateSubject `json:"pkiCertificateSubject"`
}

// PKICertificateSubject is whom a certificate was made for. At least one of the two is set.
type PKICertificateSubject struct {
	Email    string `json:"email,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

// SignedIdentity says which name a signature has to claim.
type SignedIdentity struct {
	// MatchPolicy is "MatchRepoDigestOrExact", "MatchRepository", "ExactRepository" or
	// "RemapIdentity"; the last two have the field of their name.
	MatchPolicy     string           `json:"matchPolicy"`
	ExactRepository *ExactRepository `json:"exactRepository,omitempty"`
	RemapIdentity   *RemapIdentity   `json:"remapIdentity,omitempty"`
}

// ExactRepository names the repository that a signature has to claim.
type ExactRepository struct {
	Repository string `json:"repository"`
}

// RemapIdentity replaces a part of the name that a signature has to claim.
type RemapIdentity struct {
	Prefix       string `json:"prefix"`
	SignedPrefix string `json:"signedPrefix"`
}

const (
	kindClusterImagePolicy = "ClusterImagePolicy"
	kindImagePolicy        = "ImagePolicy"
)

// Origin returns the place of a field.
func (o *ClusterImagePolicy) Origin(field string) finding.Origin {
	return policyOrigin(o.ReadFrom, kindClusterImagePolicy+"/"+o.Metadata.Name, field)
}

// Origin returns the place of a field.
func (o *ImagePolicy) Origin(field string) finding.Origin {
	name := strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/")
	return policyOrigin(o.ReadFrom, kindImagePolicy+"/"+name, field)
}

// policyOrigin returns the place of a field of either kind, with its own line where it is a scope.
func policyOrigin(from *ReadFrom, object, field string) finding.Origin {
	o := from.Origin(object, field)
	index, ok := strings.CutPrefix(field, "spec.scopes[")
	if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); ok && err == nil && from != nil && len(from.lines) == 1 {
		if lines := from.lines[0].mirrors; 0 <= i && i < len(lines) {
			o.Line = int(lines[i])
		}
	}
	return o
}

// imagePolicies refuses what the API server refuses of ClusterImagePolicy and ImagePolicy: the
// rules are those of the definitions in github.com/openshift/api, config/v1
// (zz_generated.crd-manifests, clusterimagepolicies, imagepolicies).
func (v *validator) imagePolicies() {
	const unchecked = "is not applied by containerd: it checks no signatures"
	for i := range v.set.ClusterImagePolicies {
		o := &v.set.ClusterImagePolicies[i]
		v.imagePolicy(&o.Spec, o.Origin)
		v.notByContainerd(o.Origin("spec.policy"), unchecked)
	}
	for i := range v.set.ImagePolicies {
		o := &v.set.ImagePolicies[i]
		v.imagePolicy(&o.Spec, o.Origin)
		v.notByContainerd(o.Origin("spec.policy"), unchecked)
	}
}

func (v *validator) imagePolicy(spec *ImagePolicySpec, origin func(field string) finding.Origin) {
	p := policyValidator{v, origin}
	if len(spec.Scopes) > 256 {
		v.refuse(finding.CodeInvalidScope, finding.APIServer, origin("spec.scopes"), "",
			fmt.Sprintf("has %d scopes, and may have 256; spread them over several objects", len(spec.Scopes)))
	}
	listed := map[string]bool{}
	for i, scope := range spec.Scopes {
		at := origin(item("spec.scopes", i))
		switch why := whyNoPolicyScope(scope); {
		case why != "":
			v.refuse(finding.CodeInvalidScope, finding.APIServer, at, scope, "is not a scope of images: "+why)
		case listed[scope]:
			v.refuse(finding.CodeInvalidScope, finding.APIServer, at, scope, "is listed already; remove "+
				"one of the two")
		}
		listed[scope] = true
	}
	p.root(&spec.Policy.RootOfTrust)
	p.signedIdentity(spec.Policy.SignedIdentity)
}

// The grammar of scopes and of identities (types_image_policy.go).
const (
	policyLabel  = `(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])`
	policyDomain = `((` + policyLabel + `(?:\.` + policyLabel + `)+(?::[0-9]+)?)|(localhost(?::[0-9]+)?))`
	policyPath   = `(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?`
)

var (
	policyWildcard = pattern.New(`^\*(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+$`)
	policyScope    = pattern.New(`^(` + policyDomain + policyPath +
		`)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][[:xdigit:]]{32,}))?$`)
	policyIdentity = pattern.New(`^` + policyDomain + policyPath + `$`)
	policyTag      = pattern.New(`.*:([\w][\w.-]{0,127})$`)
	policyLocal    = pattern.New(`^(localhost:[0-9]+)$`)
	policyEmail    = pattern.New(`^\S+@\S+$`)
	policyHostname = pattern.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

func whyNoPolicyScope(scope string) string {
	host, _, _ := strings.Cut(scope, "/")
	name, _, _ := strings.Cut(host, ":")
	switch {
	case utf8.RuneCountInString(scope) > 512:
		return "it is longer than 512 characters"
	case !strings.Contains(host, ".") && name != "localhost":
		return "its host has to have a dot, or to be localhost; write docker.io/library/busybox for busybox"
	case strings.Contains(scope, "*"):
		if !policyWildcard.MatchString(scope) {
			return `a wildcard is "*." and a host, without port and path`
		}
	case !policyScope.MatchString(scope):
		return "write host[:port][/component…], with a tag or a digest where one image is meant"
	}
	return ""
}

// policyValidator refuses fields of one object.
type policyValidator struct {
	*validator
	origin func(field string) finding.Origin
}

func (p policyValidator) invalid(field, value, message string) {
	p.refuse(finding.CodeInvalidImagePolicy, finding.APIServer, p.origin("spec.policy."+field), value, message)
}

func (p policyValidator) root(r *RootOfTrust) {
	fields := []struct {
		policyType, field string
		set               bool
	}{
		{"PublicKey", "publicKey", r.PublicKey != nil}, {"FulcioCAWithRekor", "fulcioCAWithRekor",
			r.FulcioCAWithRekor != nil}, {"PKI", "pki", r.PKI != nil},
	}
	known := false
	for _, f := range fields {
		named := r.PolicyType == f.policyType
		known = known || named
		if named && !f.set {
			p.invalid("rootOfTrust."+f.field, "", "is missing; policyType "+f.policyType+" needs it")
		}
		if f.set && !named {
			p.invalid("rootOfTrust."+f.field, "", "is set, and policyType is not "+f.policyType+"; remove "+
				"one of the two")
		}
	}
	if !known {
		p.invalid("rootOfTrust.policyType", r.PolicyType, "is not a type of trust; write PublicKey, "+
			"FulcioCAWithRekor or PKI")
	}
	if r.PublicKey != nil {
		p.publicKey(r.PublicKey)
	}
	if r.FulcioCAWithRekor != nil {
		p.fulcio(r.FulcioCAWithRekor)
	}
	if r.PKI != nil {
		p.pki(r.PKI)
	}
}

func (p policyValidator) publicKey(k *PublicKeyRootOfTrust) {
	p.wholePEM("rootOfTrust.publicKey.keyData", k.KeyData, "PUBLIC KEY", 68)
	if k.RekorKeyData != nil {
		p.pem("rootOfTrust.publicKey.rekorKeyData", k.RekorKeyData, "PUBLIC KEY")
	}
}

func (p policyValidator) fulcio(f *FulcioCAWithRekorRootOfTrust) {
	const at = "rootOfTrust.fulcioCAWithRekor."
	p.pem(at+"fulcioCAData", f.FulcioCAData, "CERTIFICATE")
	p.pem(at+"rekorKeyData", f.RekorKeyData, "PUBLIC KEY")
	if _, err := url.ParseRequestURI(f.FulcioSubject.OIDCIssuer); err != nil ||
		utf8.RuneCountInString(f.FulcioSubject.OIDCIssuer) > 2048 {
		p.invalid(at+"fulcioSubject.oidcIssuer", f.FulcioSubject.OIDCIssuer, "is not a URL of at most "+
			"2048 characters; name the issuer of the identity, https://…")
	}
	p.email(at+"fulcioSubject.signedEmail", f.FulcioSubject.SignedEmail)
}

func (p policyValidator) pki(k *PKIRootOfTrust) {
	const at = "rootOfTrust.pki."
	p.certificates(at+"caRootsData", k.CARootsData)
	if k.CAIntermediatesData != nil {
		p.certificates(at+"caIntermediatesData", k.CAIntermediatesData)
	}
	subject := k.PKICertificateSubject
	if subject.Email == "" && subject.Hostname == "" {
		p.invalid(at+"pkiCertificateSubject", "", "has neither email nor hostname; name whom the "+
			"certificate was made for")
	}
	if subject.Email != "" {
		p.email(at+"pkiCertificateSubject.email", subject.Email)
	}
	if host := strings.TrimPrefix(subject.Hostname, "*."); subject.Hostname != "" &&
		(len(subject.Hostname) > 253 || !policyHostname.MatchString(host)) {
		p.invalid(at+"pkiCertificateSubject.hostname", subject.Hostname,
			`is not a DNS name in small letters, with or without "*." before it`)
	}
}

func (p policyValidator) email(field, value string) {
	if !policyEmail.MatchString(value) || utf8.RuneCountInString(value) > 320 {
		p.invalid(field, "", "is not an e-mail address of at most 320 characters; write NAME@HOST")
	}
}

// pem checks the text around what is to be PEM; the API server looks at no more.
func (p policyValidator) pem(field string, data []byte, kind string) bool {
	begin, end := "-----BEGIN "+kind+"-----", "-----END "+kind+"-----"
	text := string(data)
	switch length := base64.StdEncoding.EncodedLen(len(data)); {
	case length > 8192:
		p.invalid(field, "", fmt.Sprintf("has %d characters in base64, and may have 8192", length))
	case !utf8.Valid(data), !strings.HasPrefix(text, begin), !strings.HasSuffix(strings.TrimSuffix(text, "\n"), end):
		p.invalid(field, "", "is not PEM in base64: encode the whole text from "+begin+" to "+end)
	default:
		return true
	}
	return false
}

// wholePEM is pem for a value that the API also wants to have a number of characters.
func (p policyValidator) wholePEM(field string, data []byte, kind string, atLeast int) bool {
	if !p.pem(field, data, kind) {
		return false
	}
	length := base64.StdEncoding.EncodedLen(len(data))
	if length < atLeast {
		p.invalid(field, "", fmt.Sprintf("has %d characters in base64, and needs %d; encode the whole key",
			length, atLeast))
	}
	return length >= atLeast
}

func (p policyValidator) certificates(field string, data []byte) {
	if p.wholePEM(field, data, "CERTIFICATE", 72) && strings.Count(string(data),
		"-----BEGIN CERTIFICATE-----") != strings.Count(string(data), "-----END CERTIFICATE-----") {
		p.invalid(field, "", "begins more certificates than it ends, or the other way round; encode whole "+
			"certificates")
	}
}

func (p policyValidator) signedIdentity(id *SignedIdentity) {
	if id == nil {
		return
	}
	switch id.MatchPolicy {
	case "MatchRepoDigestOrExact", "MatchRepository", "ExactRepository", "RemapIdentity":
	default:
		p.invalid("signedIdentity.matchPolicy", id.MatchPolicy, "is not a policy; write "+
			"MatchRepoDigestOrExact, MatchRepository, ExactRepository or RemapIdentity")
	}
	for _, f := range []struct {
		policy, field string
		set           bool
	}{{"ExactRepository", "exactRepository", id.ExactRepository != nil},
		{"RemapIdentity", "remapIdentity", id.RemapIdentity != nil}} {
		if named := id.MatchPolicy == f.policy; named && !f.set {
			p.invalid("signedIdentity."+f.field, "", "is missing; matchPolicy "+f.policy+" needs it")
		} else if f.set && !named {
			p.invalid("signedIdentity."+f.field, "", "is set, and matchPolicy is not "+f.policy+"; remove "+
				"one of the two")
		}
	}
	if e := id.ExactRepository; e != nil {
		p.identity("signedIdentity.exactRepository.repository", e.Repository)
	}
	if r := id.RemapIdentity; r != nil {
		p.identity("signedIdentity.remapIdentity.prefix", r.Prefix)
		p.identity("signedIdentity.remapIdentity.signedPrefix", r.SignedPrefix)
	}
}

func (p policyValidator) identity(field, value string) {
	tagged := policyTag.MatchString(value) && !policyLocal.MatchString(value)
	if utf8.RuneCountInString(value) > 512 || tagged || !policyIdentity.MatchString(value) {
		p.invalid(field, shown.Location(value), "is not a repository or a part of one without tag, digest "+
			"and (but for localhost) a port at its end: write host[:port][/component…]")
	}
}
