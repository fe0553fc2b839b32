package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/signature"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

const mco = "MCO (its steps, runtime-utils 7bdb5b9c177b)"

// TestMCOWritesTheSameFiles holds what is made of random clusters against MCO's steps: the same files byte for byte, the
// same scopes blocked in registries.conf, and a refusal where MCO ends in an error. Clusters of which registries.conf
// itself differs are left out; package linux says why it does.
func TestMCOWritesTheSameFiles(t *testing.T) {
	row := newRow(t, mco, "policy.json, registries.d and namespaced policies, byte for byte")
	refused := newRow(t, mco, "policy.json, registries.d and namespaced policies, an error of both")
	dead := newRow(t, mco, "policy.json, different: an atomic scope that its client refuses the file for is refused")
	s := clusters{source{random.New(t.Name())}}
	each := random.Count(5_000)
	kinds := map[string]int{}
	for i := 0; row.Configurations < each || refused.Configurations < each/4 || dead.Configurations < each/50; i++ {
		if i%500 == 0 {
			sysregistriesv2.InvalidateCache()
		}
		c := s.cluster()
		rules, _ := c.set.Rules()
		if !c.sameRegistriesConf(t, rules) {
			continue
		}
		theirs, err := c.node(t)
		ours, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: c.release})
		if err == nil && refusedByClient(theirs) {
			require.True(t, slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.RefusedBy == finding.Client }), "%v", findings)
			dead.Configurations++
			continue
		}
		require.Equal(t, err != nil, findings.Err() != nil, "MCO says %v, the library %v of\n%+v\n%s", err, findings, *c.set, c.release)
		if err != nil {
			require.Empty(t, ours.List())
			refused.Configurations++
			continue
		}
		row.Configurations++
		files := map[string]string{}
		for _, f := range ours.List() {
			files[f.Path] = string(f.Data)
			kinds[f.Path]++
			if strings.HasSuffix(f.Path, ".json") {
				parseBoth(t, string(f.Data))
			}
		}
		require.Equal(t, theirs.files, files, "%v\n%+v\n%s", findings, *c.set, c.release)
		require.Equal(t, theirs.blocked, values(ours.Blocked))
	}
	t.Log(kinds)
	for _, path := range []string{"/etc/containers/policy.json", "/etc/containers/registries.d/sigstore-registries.yaml", "/etc/crio/policies/a.json"} {
		require.Greater(t, kinds[path], row.Configurations/10, path)
	}
}

// refusedByClient reports whether MCO writes a policy that the client takes for none.
func refusedByClient(n node) bool {
	for path, data := range n.files {
		if _, err := signature.NewPolicyFromBytes([]byte(data)); err != nil && strings.HasSuffix(path, ".json") {
			return true
		}
	}
	return false
}

func values(scopes []mirrorset.Scope) (values []string) {
	for _, s := range scopes {
		values = append(values, s.Value)
	}
	return values
}

// sameRegistriesConf reports whether MCO and the library make the same registries.conf of a cluster, both times that MCO
// makes it: to look for the payload, and for the node.
func (c cluster) sameRegistriesConf(t *testing.T, rules *mirrorset.Rules) bool {
	theirs := openshift.ClusterOf(c.set)
	same := func(theirs openshift.Cluster, rules mirrorset.Rules) bool {
		conf, err := openshift.MCO(openshift.MCOBase, theirs)
		if err != nil {
			return false
		}
		rules.Blocked = nil
		for _, s := range theirs.Blocked {
			rules.Blocked = append(rules.Blocked, mirrorset.Scope{Value: s})
		}
		files, _, _ := registriesconf.Render(&rules, registriesconf.RenderOptions{})
		return string(conf) == string(files.Config.Bytes())
	}
	digests := *rules
	digests.Rules = nil
	for _, r := range rules.Rules {
		if r.Pull == mirrorset.ByDigest {
			digests.Rules = append(digests.Rules, r)
		}
	}
	onlyDigests := theirs
	onlyDigests.ITMS = nil
	if !same(onlyDigests, digests) || !same(theirs, *rules) {
		return false
	}
	n, _ := c.lists(t)
	theirs.Blocked = n.blocked
	return same(theirs, *rules)
}

// clusters makes clusters over few names.
type clusters struct{ source }

func (s clusters) location() string {
	host := s.Pick("quay.io", "m.io", "n.io:5000", "a.example.org", "release.io")
	for range s.Intn(4) {
		host += "/" + s.Pick("a", "b", "release")
	}
	return host
}

func (s clusters) scopeIn() string {
	switch s.Intn(8) {
	case 0:
		return s.Pick("*.example.org", "*.io", "*.org")
	case 1, 2:
		return s.Pick("release.io", "release.io/release", "release.io/a")
	}
	return s.location()
}

func (s clusters) policyScope() string {
	scope := s.scopeIn()
	if s.Intn(8) == 0 && strings.Contains(scope, "/") {
		scope += s.Pick(":1", "@"+random.Digest)
	}
	return scope
}

func (s clusters) list(n int, item func() string) (list []string) {
	seen := map[string]bool{}
	for range s.Intn(n) {
		if v := item(); !seen[v] {
			seen[v], list = true, append(list, v)
		}
	}
	return list
}

func (s clusters) cluster() cluster {
	set := &mirrorset.Set{}
	mirrors := func() (entries []mirrorset.ImageMirrors) {
		for range s.Intn(3) {
			source := s.location()
			if s.Intn(6) == 0 {
				source = "*.example.org"
			}
			entries = append(entries, mirrorset.ImageMirrors{Source: source, Mirrors: s.list(3, s.location)})
		}
		return entries
	}
	if entries := mirrors(); len(entries) > 0 {
		set.ImageDigestMirrorSets = []mirrorset.ImageDigestMirrorSet{{
			Metadata: mirrorset.ObjectMeta{Name: "d"}, Spec: mirrorset.ImageDigestMirrorSetSpec{ImageDigestMirrors: entries}}}
	}
	if entries := mirrors(); len(entries) > 0 && s.Intn(3) == 0 {
		set.ImageTagMirrorSets = []mirrorset.ImageTagMirrorSet{{
			Metadata: mirrorset.ObjectMeta{Name: "t"}, Spec: mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: entries}}}
	}
	image := mirrorset.Image{Metadata: mirrorset.ObjectMeta{Name: "cluster"}}
	switch s.Intn(8) {
	case 0, 1, 2:
		image.Spec.RegistrySources.BlockedRegistries = s.list(4, s.scopeIn)
	case 3, 4:
		image.Spec.RegistrySources.AllowedRegistries = append(s.list(5, s.scopeIn), "quay.io", "*.org")
	case 5:
		image.Spec.RegistrySources.BlockedRegistries = []string{s.Pick("release.io", "release.io/release")}
	}
	set.Images = []mirrorset.Image{image}
	for _, name := range []string{"a", "b"} {
		if s.Intn(3) == 0 {
			set.ClusterImagePolicies = append(set.ClusterImagePolicies, mirrorset.ClusterImagePolicy{
				Metadata: mirrorset.ObjectMeta{Name: name},
				Spec:     mirrorset.ImagePolicySpec{Scopes: s.list(3, s.policyScope), Policy: s.verification()}})
		}
		if s.Intn(3) == 0 {
			set.ImagePolicies = append(set.ImagePolicies, mirrorset.ImagePolicy{
				Metadata: mirrorset.ObjectMeta{Name: name, Namespace: s.Pick("a", "b")},
				Spec:     mirrorset.ImagePolicySpec{Scopes: s.list(3, s.policyScope), Policy: s.verification()}})
		}
	}
	release := s.Pick("release.io/release", "release.io/release/a", "quay.io/a") + s.Pick("@"+random.Digest, "@"+random.Digest, "@"+random.Digest, ":1")
	if s.Intn(40) == 0 {
		release = s.Pick("busybox", "docker.io/busybox:1", "release.io", "release.io/R:1")
	}
	return cluster{set, release}
}

func (s clusters) verification() mirrorset.ImageVerificationPolicy {
	key, cert := []byte("<key&>"), []byte("certificate")
	var p mirrorset.ImageVerificationPolicy
	switch p.RootOfTrust.PolicyType = s.Pick("PublicKey", "FulcioCAWithRekor", "PKI"); p.RootOfTrust.PolicyType {
	case "PublicKey":
		p.RootOfTrust.PublicKey = &mirrorset.PublicKeyRootOfTrust{KeyData: key}
		if s.Intn(2) == 0 {
			p.RootOfTrust.PublicKey.RekorKeyData = key
		}
	case "FulcioCAWithRekor":
		p.RootOfTrust.FulcioCAWithRekor = &mirrorset.FulcioCAWithRekorRootOfTrust{
			FulcioCAData: cert, RekorKeyData: key, FulcioSubject: mirrorset.FulcioSubject{OIDCIssuer: "https://i/?a&b", SignedEmail: "a@b"}}
	case "PKI":
		p.RootOfTrust.PKI = &mirrorset.PKIRootOfTrust{CARootsData: cert}
		subject := &p.RootOfTrust.PKI.PKICertificateSubject
		subject.Email, subject.Hostname = s.Pick("", "a@b"), s.Pick("", "*.h")
		if s.Intn(2) == 0 {
			p.RootOfTrust.PKI.CAIntermediatesData = cert
		}
	}
	switch policy := s.Pick("", "MatchRepoDigestOrExact", "MatchRepository", "ExactRepository", "RemapIdentity"); policy {
	case "":
	case "ExactRepository":
		p.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: policy, ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/a"}}
	case "RemapIdentity":
		p.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: policy, RemapIdentity: &mirrorset.RemapIdentity{Prefix: "m.io", SignedPrefix: "quay.io"}}
	default:
		p.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: policy}
	}
	return p
}
