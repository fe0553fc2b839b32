package policyjson_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func TestAJudgementIsToldInOneLine(t *testing.T) {
	reject := policyjson.Requirements{{Type: policyjson.Reject}}
	for want, j := range map[string]policyjson.Judgement{
		"quay.io/a:1: refused by the scope quay.io (reject)":                  {Reference: "quay.io/a:1", Transport: "docker", Scope: "quay.io", Outcome: policyjson.Refused, Requirements: reject},
		`quay.io/a:1: refused by the scope "" of docker (reject)`:             {Reference: "quay.io/a:1", Transport: "docker", Outcome: policyjson.Refused, Requirements: reject},
		"quay.io/a:1: refused by the default of the policy (reject)":          {Reference: "quay.io/a:1", Outcome: policyjson.Refused, Requirements: reject},
		"quay.io/a:1: refused by the default of the policy (no requirements)": {Reference: "quay.io/a:1", Outcome: policyjson.Refused},
		": not judged by the default of the policy (no requirements)":         {},
		"a: signature required by the scope a (signedBy and sigstoreSigned)":  {Reference: "a", Scope: "a", Outcome: policyjson.SignatureRequired, Requirements: policyjson.Requirements{{Type: policyjson.SignedBy}, {Type: policyjson.SigstoreSigned}}},
	} {
		require.Equal(t, want, j.String())
	}
}

// What the API server refuses and a program that builds its own objects may hand over.
func TestAnObjectThatMakesNoRequirementIsRefusedInTheseWords(t *testing.T) {
	const end = ", and MCO writes no configuration at all; correct the object [invalid-image-policy, linux, refused by MCO]\n"
	const noRoot = "(policy needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki)"
	// MCO looks at the member that the type names, and at no other.
	all := everyRoot()
	without := func(remove func(*mirrorset.RootOfTrust)) mirrorset.RootOfTrust {
		root := all
		root.PolicyType = ""
		remove(&root)
		return root
	}
	identity := func(id mirrorset.SignedIdentity) mirrorset.ImageVerificationPolicy {
		return mirrorset.ImageVerificationPolicy{RootOfTrust: key().Policy.RootOfTrust, SignedIdentity: &id}
	}
	const noIdentity = "(policy.signedIdentity.type is not a type of identity)"
	for _, test := range []struct {
		want   string
		policy mirrorset.ImageVerificationPolicy
	}{
		{noRoot, mirrorset.ImageVerificationPolicy{RootOfTrust: mirrorset.RootOfTrust{PolicyType: "PKI"}}},
		{noRoot, mirrorset.ImageVerificationPolicy{RootOfTrust: without(func(*mirrorset.RootOfTrust) {})}},
		{noRoot, mirrorset.ImageVerificationPolicy{RootOfTrust: without(func(r *mirrorset.RootOfTrust) { r.PolicyType, r.PublicKey = "PublicKey", nil })}},
		{noRoot, mirrorset.ImageVerificationPolicy{RootOfTrust: without(func(r *mirrorset.RootOfTrust) { r.PolicyType, r.FulcioCAWithRekor = "FulcioCAWithRekor", nil })}},
		{noRoot, mirrorset.ImageVerificationPolicy{RootOfTrust: without(func(r *mirrorset.RootOfTrust) { r.PolicyType, r.PKI = "PKI", nil })}},
		{noIdentity, identity(mirrorset.SignedIdentity{MatchPolicy: "RemapIdentity", ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/a"}})},
		{noIdentity, identity(mirrorset.SignedIdentity{MatchPolicy: "ExactRepository", RemapIdentity: &mirrorset.RemapIdentity{Prefix: "quay.io", SignedPrefix: "m.io"}})},
		{noIdentity, identity(mirrorset.SignedIdentity{MatchPolicy: "MatchExact", ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/a"},
			RemapIdentity: &mirrorset.RemapIdentity{Prefix: "quay.io", SignedPrefix: "m.io"}})},
		{"(policy.signedIdentity.dockerRepository is not a repository)",
			identity(mirrorset.SignedIdentity{MatchPolicy: "ExactRepository", ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/A"}})},
	} {
		c, i := key("quay.io/a"), key("quay.io/b")
		c.Policy, i.Policy = test.policy, test.policy
		files, findings := policyjson.Render(&mirrorset.Rules{
			ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: c}},
			ImagePolicies:        []mirrorset.ImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "i", Namespace: "ns"}, Spec: i}},
		}, policyjson.RenderOptions{})
		require.Equal(t, policyjson.Files{}, files)
		text := scenario.Text(findings)
		require.Contains(t, text, "error: ClusterImagePolicy/c spec.policy: ")
		require.Contains(t, text, "error: ImagePolicy/ns/i spec.policy: ")
		require.Contains(t, text, "makes no requirement of policy.json "+test.want+end)
	}
}

// everyRoot returns a root of trust with every member.
func everyRoot() mirrorset.RootOfTrust {
	return mirrorset.RootOfTrust{
		PublicKey: &mirrorset.PublicKeyRootOfTrust{KeyData: []byte("k"), RekorKeyData: []byte("r")},
		FulcioCAWithRekor: &mirrorset.FulcioCAWithRekorRootOfTrust{FulcioCAData: []byte("f"), RekorKeyData: []byte("r"),
			FulcioSubject: mirrorset.FulcioSubject{OIDCIssuer: "https://i.io", SignedEmail: "a@b.io"}},
		PKI: &mirrorset.PKIRootOfTrust{CARootsData: []byte("c"), CAIntermediatesData: []byte("i"),
			PKICertificateSubject: mirrorset.PKICertificateSubject{Email: "a@b.io"}},
	}
}

// What an object says beside the member that its type names is in no requirement, and neither is data that is empty.
func TestARequirementHoldsWhatItsTypeNames(t *testing.T) {
	for policyType, want := range map[string]policyjson.Requirement{
		"PublicKey": {KeyData: []byte("k"), RekorPublicKeyData: []byte("r")},
		"FulcioCAWithRekor": {RekorPublicKeyData: []byte("r"),
			Fulcio: &policyjson.Fulcio{CAData: []byte("f"), OIDCIssuer: "https://i.io", SubjectEmail: "a@b.io"}},
		"PKI": {PKI: &policyjson.PKI{CARootsData: []byte("c"), CAIntermediatesData: []byte("i"), SubjectEmail: "a@b.io"}},
	} {
		for matchPolicy, identity := range map[string]policyjson.Identity{
			"MatchRepository":        {Type: policyjson.MatchRepository},
			"MatchRepoDigestOrExact": {Type: policyjson.MatchRepoDigestOrExact},
			"ExactRepository":        {Type: policyjson.ExactRepository, DockerRepository: "quay.io/a"},
			"RemapIdentity":          {Type: policyjson.RemapIdentity, Prefix: "quay.io", SignedPrefix: "m.io"},
		} {
			for _, empty := range []bool{false, true} {
				root := everyRoot()
				if root.PolicyType = policyType; empty {
					root.PublicKey.RekorKeyData, root.PKI.CAIntermediatesData = []byte{}, []byte{}
				}
				policy := key("quay.io/a")
				policy.Policy = mirrorset.ImageVerificationPolicy{RootOfTrust: root, SignedIdentity: &mirrorset.SignedIdentity{MatchPolicy: matchPolicy,
					ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/a"}, RemapIdentity: &mirrorset.RemapIdentity{Prefix: "quay.io", SignedPrefix: "m.io"}}}
				files, findings := policyjson.Render(&mirrorset.Rules{
					ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Spec: policy}}}, policyjson.RenderOptions{})
				require.Empty(t, findings)
				requirePoliciesAsParsed(t, files)
				want := want
				want.Type, want.SignedIdentity = policyjson.SigstoreSigned, &identity
				switch {
				case empty && policyType == "PublicKey":
					want.RekorPublicKeyData = nil
				case empty && policyType == "PKI":
					want.PKI = &policyjson.PKI{CARootsData: []byte("c"), SubjectEmail: "a@b.io"}
				}
				require.Equal(t, policyjson.Requirements{want}, files.Policy.Transports["docker"]["quay.io/a"])
			}
		}
	}
}
