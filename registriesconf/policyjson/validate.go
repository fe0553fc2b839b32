package policyjson

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullroute/pullroute/internal/shown"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// Validate reports everything that the client would refuse the policy for, with the code
// invalid-file and without file and lines. Nil is judged as the zero Policy, which is refused.
func (p *Policy) Validate() finding.Findings {
	if p == nil {
		p = &Policy{}
	}
	c := checker{}
	c.requirements("default", p.Default)
	for transport, scopes := range p.Transports {
		for scope, requirements := range scopes {
			field := scopeField(transport, scope)
			c.scope(field, transport, scope)
			c.requirements(field, requirements)
		}
	}
	return c.findings.Sort()
}

// A checker collects what the client refuses a file for. Unlike the client it goes on after the
// first mistake.
type checker struct {
	file     string
	lines    map[string]int // by field
	findings finding.Findings
}

// refuse reports a field. Where it is absent the line is that of the value around it.
func (c *checker) refuse(around, field, value, message, advice string) {
	origin := finding.Origin{File: c.file, Field: field}
	if line, ok := c.lines[field]; ok {
		origin.Line = line
	} else {
		origin.Line = c.lines[around]
	}
	c.findings = append(c.findings, finding.Finding{
		Code: finding.CodeInvalidFile, Severity: finding.SeverityError, Platform: finding.Linux,
		RefusedBy: finding.Client,
		Origin:    origin, Value: shown.Location(value),
		Message: message + "; the client refuses the file and takes no image until it is mended: " + advice,
	})
}

// scopeField returns the path of a scope's list.
func scopeField(transport, scope string) string {
	return child(child("transports", transport), scope)
}

// child returns the path of a key of an object.
func child(field, key string) string {
	switch {
	case key == "" || strings.ContainsAny(key, `."[] `):
		return field + `["` + shown.Value(key) + `"]`
	case field == "":
		return shown.Value(key)
	}
	return field + "." + shown.Value(key)
}

func (c *checker) scope(field, transport, scope string) {
	if why := whyNoScope(transport, scope); why != "" {
		message, advice, _ := strings.Cut(why, ": ")
		c.refuse(field, field, scope, message, advice)
	}
}

func (c *checker) requirements(field string, list Requirements) {
	if len(list) == 0 {
		c.refuse(field, field, "", "has no requirements",
			`write [{"type": "insecureAcceptAnything"}] to take every image, [{"type": "reject"}] to take none`)
	}
	for i := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if c.requirementType(at, string(list[i].Type)) {
			c.foreignFields(at, &list[i])
			c.requirement(at, &list[i])
		}
	}
}

// requirementKeys are the keys of each type beside "type".
var requirementKeys = map[RequirementType][]string{
	Accept:          {},
	Reject:          {},
	SignedBy:        {"keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"},
	SignedBaseLayer: {"baseLayerIdentity"},
	SigstoreSigned: {
		"keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths",
		"rekorPublicKeyData", "rekorPublicKeyDatas", "signedIdentity",
	},
}

// identityKeys are the keys of each type of identity beside "type". None may be absent.
var identityKeys = map[IdentityType][]string{
	MatchExact: {}, MatchRepoDigestOrExact: {}, MatchRepository: {},
	ExactReference: {"dockerReference"}, ExactRepository: {"dockerRepository"},
	RemapIdentity: {"prefix", "signedPrefix"},
}

func (c *checker) requirementType(at, t string) bool {
	if _, ok := requirementKeys[RequirementType(t)]; ok {
		return true
	}
	c.refuse(at, at+".type", t, "is not a type of requirement", "write insecureAcceptAnything, reject, "+
		"signedBy or sigstoreSigned")
	return false
}

// foreignFields refuses what a requirement of its type does not have. In a file it is an unknown key.
func (c *checker) foreignFields(at string, r *Requirement) {
	for _, f := range []struct {
		key string
		set bool
	}{
		{"keyType", r.KeyType != ""}, {"keyPath", r.KeyPath != ""}, {"keyPaths", len(r.KeyPaths) > 0},
		{"keyData", len(r.KeyData) > 0}, {"keyDatas", len(r.KeyDatas) > 0}, {"fulcio", r.Fulcio != nil},
		{"pki", r.PKI != nil},
		{"rekorPublicKeyPath", r.RekorPublicKeyPath != ""}, {"rekorPublicKeyPaths", len(r.RekorPublicKeyPaths) > 0},
		{"rekorPublicKeyData", len(r.RekorPublicKeyData) > 0}, {"rekorPublicKeyDatas", len(r.RekorPublicKeyDatas) > 0},
		{"signedIdentity", r.SignedIdentity != nil}, {"baseLayerIdentity", r.BaseLayerIdentity != nil},
	} {
		if keys := requirementKeys[r.Type]; f.set && !slices.Contains(keys, f.key) {
			c.refuse(at, at+"."+f.key, "", "is not a key of type "+string(r.Type), "remove it"+known(keys))
		}
	}
}

func known(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return ", or correct its name: " + strings.Join(keys, ", ") + " are known"
}

// requirement checks what the constructors of the client do (policy_config.go,
// policy_config_sigstore.go).
func (c *checker) requirement(at string, r *Requirement) {
	switch r.Type {
	case SignedBy:
		switch r.KeyType {
		case "GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs":
		default:
			c.refuse(at, at+".keyType", r.KeyType, "is not a type of keys", "write GPGKeys")
		}
		if count(r.KeyPath != "", r.KeyPaths != nil, r.KeyData != nil) != 1 {
			c.refuse(at, at, "", "needs exactly one of keyPath, keyPaths and keyData", "keep one that is not empty")
		}
		c.identity(at+".signedIdentity", r.SignedIdentity)
	case SignedBaseLayer:
		if r.BaseLayerIdentity == nil {
			c.refuse(at, at+".baseLayerIdentity", "", "is missing", "replace the requirement, which no "+
				"image can meet: the client does not implement it")
		}
		c.identity(at+".baseLayerIdentity", r.BaseLayerIdentity)
	case SigstoreSigned:
		c.sigstore(at, r)
	}
}

func (c *checker) sigstore(at string, r *Requirement) {
	for _, list := range []struct {
		key   string
		empty bool
	}{
		{"keyPaths", r.KeyPaths != nil && len(r.KeyPaths) == 0},
		{"keyDatas", r.KeyDatas != nil && len(r.KeyDatas) == 0},
		{"rekorPublicKeyPaths", r.RekorPublicKeyPaths != nil && len(r.RekorPublicKeyPaths) == 0},
		{"rekorPublicKeyDatas", r.RekorPublicKeyDatas != nil && len(r.RekorPublicKeyDatas) == 0},
	} {
		if list.empty {
			c.refuse(at, at+"."+list.key, "", "holds no key", "name a key, or remove it")
		}
	}
	if count(r.KeyPath != "", r.KeyPaths != nil, r.KeyData != nil, r.KeyDatas != nil, r.Fulcio != nil,
		r.PKI != nil) != 1 {
		c.refuse(at, at, "", "needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki",
			"keep one that is not empty")
	}
	c.rekor(at, r)
	if r.Fulcio != nil {
		c.fulcio(at+".fulcio", r.Fulcio)
	}
	if r.PKI != nil {
		c.pki(at+".pki", r.PKI)
	}
	c.identity(at+".signedIdentity", r.SignedIdentity)
}

func (c *checker) rekor(at string, r *Requirement) {
	const rekorKeys = "rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas"
	rekor := count(r.RekorPublicKeyPath != "", r.RekorPublicKeyPaths != nil, r.RekorPublicKeyData != nil,
		r.RekorPublicKeyDatas != nil)
	switch {
	case rekor > 1:
		c.refuse(at, at, "", "has more than one of "+rekorKeys, "keep one")
	case rekor == 0 && r.Fulcio != nil:
		c.refuse(at, at, "", "has fulcio and none of "+rekorKeys, "add the key of the Rekor server")
	case rekor > 0 && r.PKI != nil:
		c.refuse(at, at, "", "has pki, which goes with none of "+rekorKeys, "remove it")
	}
}

func (c *checker) fulcio(at string, f *Fulcio) {
	if count(f.CAPath != "", f.CAData != nil) != 1 {
		c.refuse(at, at, "", "needs exactly one of caPath and caData", "keep one that is not empty")
	}
	if f.OIDCIssuer == "" {
		c.refuse(at, at+".oidcIssuer", "", "is missing or empty", "name the issuer that the certificate was made for")
	}
	if f.SubjectEmail == "" {
		c.refuse(at, at+".subjectEmail", "", "is missing or empty", "name the e-mail address that the "+
			"certificate was made for")
	}
}

func (c *checker) pki(at string, p *PKI) {
	if count(p.CARootsPath != "", p.CARootsData != nil) != 1 {
		c.refuse(at, at, "", "needs exactly one of caRootsPath and caRootsData", "keep one that is not empty")
	}
	if p.CAIntermediatesPath != "" && p.CAIntermediatesData != nil {
		c.refuse(at, at, "", "has both caIntermediatesPath and caIntermediatesData", "keep one")
	}
	if p.SubjectEmail == "" && p.SubjectHostname == "" {
		c.refuse(at, at, "", "has neither subjectEmail nor subjectHostname", "name whom the certificate was made for")
	}
}

func count(set ...bool) int {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}

func (c *checker) identity(at string, id *Identity) {
	if id == nil { // the client fills the default in
		return
	}
	switch id.Type {
	case MatchExact, MatchRepoDigestOrExact, MatchRepository:
	case ExactReference:
		switch named, ok := parseNamed(id.DockerReference); {
		case !ok:
			c.refuse(at, at+".dockerReference", id.DockerReference, "is not a reference", "write it as "+
				"host[:port]/repository:tag or with a digest")
		case reference.IsNameOnly(named):
			c.refuse(at, at+".dockerReference", id.DockerReference, "has neither a tag nor a digest",
				"add one, or use exactRepository")
		}
	case ExactRepository:
		if _, ok := parseNamed(id.DockerRepository); !ok {
			c.refuse(at, at+".dockerRepository", id.DockerRepository, "is not a repository", "write it as "+
				"host[:port]/repository")
		}
	case RemapIdentity:
		for key, prefix := range map[string]string{"prefix": id.Prefix, "signedPrefix": id.SignedPrefix} {
			if !mirrorset.ValidMirror(prefix) {
				c.refuse(at, at+"."+key, prefix, "is not a registry, namespace or repository", "write it "+
					"as host[:port][/component…]")
			}
		}
	default:
		c.refuse(at, at+".type", string(id.Type), "is not a type of identity",
			"write matchRepoDigestOrExact, matchRepository, matchExact, exactRepository, exactReference "+
				"or remapIdentity")
	}
}

// parseNamed reads a reference as the client does, whose own copy of the grammar (docker/reference
// of go.podman.io/image) is older than that of github.com/distribution/reference: it takes at most
// 255 characters for the whole name, no IPv6 address, and a first part with capitals and without
// dot and port is no host.
func parseNamed(s string) (reference.Named, bool) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil || len(named.Name()) > 255 || strings.HasPrefix(named.Name(), "[") {
		return nil, false
	}
	if host, _, _ := strings.Cut(named.Name(), "/"); !strings.ContainsAny(host, ".:") && host != "localhost" {
		return nil, false
	}
	return named, true
}
