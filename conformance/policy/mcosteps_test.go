package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/openshift/runtime-utils/pkg/registries"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

// The steps here are those of the Machine Config Operator (pkg/controller/container-runtime-config, August 2026), which
// cannot be linked: its lists, its constructors of requirements, its look-ups in registries.conf and its encoders, all
// from the packages that it calls itself (signature, sysregistriesv2, runtime-utils, the YAML of Kubernetes).

// cluster is what MCO is given.
type cluster struct {
	set     *mirrorset.Set
	release string
}

// node is what MCO writes beside registries.conf.
type node struct {
	blocked, policyBlocked, allowed []string // registries.conf, policy.json
	files                           map[string]string
	conf                            string // registries.conf
}

var errScopes = errors.New("a scope is not allowed, or blocked")

func (c cluster) image() (blocked, allowed []string) {
	for _, o := range c.set.Images {
		blocked = append(blocked, o.Spec.RegistrySources.BlockedRegistries...)
		allowed = append(allowed, o.Spec.RegistrySources.AllowedRegistries...)
	}
	return blocked, allowed
}

// lists are MCO's blocked and allowed scopes once the payload is excepted. Where its temporary registries.conf fails it
// goes on with none.
func (c cluster) lists(t *testing.T) (n node, err error) {
	blocked, allowed := c.image()
	payload, err := reference.ParseNamed(c.release)
	if err != nil {
		return n, err
	}
	for _, scope := range blocked {
		if !registries.ScopeIsNestedInsideScope(payload.Name(), scope) {
			n.blocked, n.policyBlocked = append(n.blocked, scope), append(n.policyBlocked, scope)
			continue
		}
		theirs := openshift.ClusterOf(c.set)
		theirs.ITMS = nil
		conf, err := openshift.MCO("", theirs)
		if err != nil {
			return node{}, nil
		}
		entry := find(t, string(conf), payload.Name())
		sources, err := entry.PullSourcesFromReference(payload)
		if err != nil {
			return node{}, nil
		}
		usable := slices.ContainsFunc(sources, func(s sysregistriesv2.PullSource) bool {
			return !slices.ContainsFunc(blocked, func(b string) bool { return registries.ScopeIsNestedInsideScope(s.Reference.Name(), b) })
		})
		if !usable {
			continue
		}
		n.blocked = append(n.blocked, scope)
		if payload.Name() != scope {
			n.policyBlocked = append(n.policyBlocked, scope)
		}
		n.allowed = append(n.allowed, payload.Name())
	}
	n.allowed = append(n.allowed, allowed...)
	if len(n.allowed) > 0 && len(n.policyBlocked) > 0 && (len(n.allowed) != 1 || n.allowed[0] != payload.Name()) {
		return n, errors.New("blocked and allowed")
	}
	return n, nil
}

// find returns the entry of a registries.conf that governs a name, nil where none does.
func find(t *testing.T, conf, name string) *sysregistriesv2.Registry {
	t.Helper()
	file := filepath.Join(t.TempDir(), "registries.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf), 0o600))
	entry, err := sysregistriesv2.FindRegistry(&types.SystemContext{SystemRegistriesConfPath: file, SystemRegistriesConfDirPath: filepath.Join(filepath.Dir(file), "none")}, name)
	require.NoError(t, err)
	return entry
}

// requirement makes a requirement of an object with the client's constructors.
func requirement(p mirrorset.ImageVerificationPolicy) (signature.PolicyRequirement, error) {
	var options []signature.PRSigstoreSignedOption
	switch root := p.RootOfTrust; root.PolicyType {
	case "PublicKey":
		options = append(options, signature.PRSigstoreSignedWithKeyData(root.PublicKey.KeyData))
		if len(root.PublicKey.RekorKeyData) > 0 {
			options = append(options, signature.PRSigstoreSignedWithRekorPublicKeyData(root.PublicKey.RekorKeyData))
		}
	case "FulcioCAWithRekor":
		f := root.FulcioCAWithRekor
		fulcio, err := signature.NewPRSigstoreSignedFulcio(signature.PRSigstoreSignedFulcioWithCAData(f.FulcioCAData),
			signature.PRSigstoreSignedFulcioWithOIDCIssuer(f.FulcioSubject.OIDCIssuer), signature.PRSigstoreSignedFulcioWithSubjectEmail(f.FulcioSubject.SignedEmail))
		if err != nil {
			return nil, err
		}
		options = append(options, signature.PRSigstoreSignedWithFulcio(fulcio), signature.PRSigstoreSignedWithRekorPublicKeyData(f.RekorKeyData))
	case "PKI":
		with := []signature.PRSigstoreSignedPKIOption{signature.PRSigstoreSignedPKIWithCARootsData(root.PKI.CARootsData)}
		if len(root.PKI.CAIntermediatesData) > 0 {
			with = append(with, signature.PRSigstoreSignedPKIWithCAIntermediatesData(root.PKI.CAIntermediatesData))
		}
		if email := root.PKI.PKICertificateSubject.Email; email != "" {
			with = append(with, signature.PRSigstoreSignedPKIWithSubjectEmail(email))
		}
		if host := root.PKI.PKICertificateSubject.Hostname; host != "" {
			with = append(with, signature.PRSigstoreSignedPKIWithSubjectHostname(host))
		}
		pki, err := signature.NewPRSigstoreSignedPKI(with...)
		if err != nil {
			return nil, err
		}
		options = append(options, signature.PRSigstoreSignedWithPKI(pki))
	}
	identity, err := signature.NewPRMMatchRepoDigestOrExact(), error(nil)
	if id := p.SignedIdentity; id != nil {
		switch id.MatchPolicy {
		case "MatchRepository":
			identity = signature.NewPRMMatchRepository()
		case "ExactRepository":
			identity, err = signature.NewPRMExactRepository(id.ExactRepository.Repository)
		case "RemapIdentity":
			identity, err = signature.NewPRMRemapIdentity(id.RemapIdentity.Prefix, id.RemapIdentity.SignedPrefix)
		}
	}
	if err != nil {
		return nil, err
	}
	return signature.NewPRSigstoreSigned(append(options, signature.PRSigstoreSignedWithSignedIdentity(identity))...)
}

// node returns what MCO writes. base is the registries.conf that it edits.
func (c cluster) node(t *testing.T) (node, error) {
	n, err := c.lists(t)
	if err != nil {
		return n, err
	}
	n.files = map[string]string{}
	theirs := openshift.ClusterOf(c.set)
	theirs.Blocked = n.blocked
	conf, err := openshift.MCO(openshift.MCOBase, theirs)
	if err != nil {
		return n, err
	}
	n.conf = string(conf)

	whole := map[string]signature.PolicyRequirements{}
	byNamespace := map[string]map[string]signature.PolicyRequirements{}
	var scopes []string // of all
	for _, o := range c.set.ClusterImagePolicies {
		r, err := requirement(o.Spec.Policy)
		if err != nil {
			return n, err
		}
		for _, s := range o.Spec.Scopes {
			whole[s], scopes = append(whole[s], r), append(scopes, s)
		}
	}
	for _, o := range c.set.ImagePolicies {
		r, err := requirement(o.Spec.Policy)
		if err != nil {
			return n, err
		}
		for _, s := range o.Spec.Scopes {
			covered := false
			for around := range whole {
				covered = covered || registries.ScopeIsNestedInsideScope(s, around)
			}
			if covered {
				continue
			}
			if byNamespace[o.Metadata.Namespace] == nil {
				byNamespace[o.Metadata.Namespace] = map[string]signature.PolicyRequirements{}
			}
			byNamespace[o.Metadata.Namespace][s] = append(byNamespace[o.Metadata.Namespace][s], r)
			scopes = append(scopes, s)
		}
	}
	if len(n.policyBlocked)+len(n.allowed)+len(whole)+len(byNamespace) == 0 {
		return n, nil
	}
	for _, s := range scopes {
		in := func(list []string) bool {
			return slices.ContainsFunc(list, func(around string) bool { return registries.ScopeIsNestedInsideScope(s, around) })
		}
		if len(n.allowed) > 0 && !in(n.allowed) || in(n.policyBlocked) {
			return n, errScopes
		}
	}

	text := policyjson.Template()
	docker := signature.PolicyTransportScopes{}
	policy, err := signature.NewPolicyFromBytes(text)
	require.NoError(t, err)
	for _, s := range n.allowed {
		policy.Default = signature.PolicyRequirements{signature.NewPRReject()}
		if whole[s] == nil {
			docker[s] = signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}
		}
	}
	for _, s := range n.policyBlocked {
		policy.Default = signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}
		docker[s] = signature.PolicyRequirements{signature.NewPRReject()}
	}
	for s, list := range whole {
		docker[s] = append(docker[s], list...)
	}
	if len(docker) > 0 {
		policy.Transports["docker"], policy.Transports["atomic"] = docker, signature.PolicyTransportScopes{}
		for s, list := range docker {
			if strings.Count(s, "/") < 3 {
				policy.Transports["atomic"][s] = list
			}
		}
		text, err = json.MarshalIndent(policy, "", "  ")
		require.NoError(t, err)
	}
	n.files["/etc/containers/policy.json"] = string(text)
	for namespace, more := range byNamespace {
		// MCO reads its own file here, without the transports that judge scopes.
		inherited := &signature.Policy{Default: policy.Default, Transports: maps.Clone(policy.Transports)}
		for _, transport := range []string{"docker", "atomic"} {
			inherited.Transports[transport] = maps.Clone(policy.Transports[transport])
			if inherited.Transports[transport] == nil {
				inherited.Transports[transport] = signature.PolicyTransportScopes{}
			}
			for s, list := range more {
				if transport == "docker" || strings.Count(s, "/") < 3 {
					inherited.Transports[transport][s] = append(slices.Clone(inherited.Transports[transport][s]), list...)
				}
			}
		}
		data, err := json.MarshalIndent(inherited, "", "  ")
		require.NoError(t, err)
		n.files["/etc/crio/policies/"+namespace+".json"] = string(data)
	}
	if len(scopes) > 0 {
		attached, err := attachments(t, scopes, n.conf)
		if err != nil {
			return n, err
		}
		n.files["/etc/containers/registries.d/sigstore-registries.yaml"] = attached
	}
	return n, nil
}

// attachments is the file of registries.d.
func attachments(t *testing.T, scopes []string, conf string) (string, error) {
	type entry struct {
		Use bool `json:"use-sigstore-attachments,omitempty"`
	}
	list := map[string]entry{}
	var decoded sysregistriesv2.V2RegistriesConf
	_, err := toml.Decode(conf, &decoded)
	require.NoError(t, err)
	add := func(scope string) error {
		registry := find(t, conf, scope)
		if registry == nil {
			return nil
		}
		name := strings.Replace(scope, "*.", "matched.", 1)
		dummy := ""
		if !strings.Contains(name, "/") {
			dummy = "/a"
		}
		parsed, err := reference.Parse(name + dummy)
		if err != nil {
			return err
		}
		repository := reference.TrimNamed(parsed.(reference.Named))
		tagged, err := reference.WithTag(repository, "aaa")
		require.NoError(t, err)
		digested, err := reference.WithDigest(repository, "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
		require.NoError(t, err)
		for _, ref := range []reference.Named{digested, tagged} {
			sources, err := registry.PullSourcesFromReference(ref)
			if err != nil {
				return err
			}
			for _, s := range sources {
				if s.Endpoint.Location != "" {
					name := s.Reference.Name()
					if dummy != "" {
						name = strings.TrimSuffix(name, dummy)
					}
					list[name] = entry{true}
				}
			}
		}
		return nil
	}
	for _, scope := range scopes {
		list[scope] = entry{true}
		if err := add(scope); err != nil {
			return "", fmt.Errorf("%s: %w", scope, err)
		}
		for _, r := range decoded.Registries {
			inner := r.Prefix
			if inner == "" {
				inner = r.Location
			}
			if inner != scope && registries.ScopeIsNestedInsideScope(inner, scope) {
				if err := add(inner); err != nil {
					return "", fmt.Errorf("%s: %w", inner, err)
				}
			}
		}
	}
	data, err := yaml.Marshal(map[string]any{"docker": list})
	require.NoError(t, err)
	return string(data), nil
}
