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
	for want, change := range map[string]func(*mirrorset.ImageVerificationPolicy){
		"(policy needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki)": func(p *mirrorset.ImageVerificationPolicy) { p.RootOfTrust = mirrorset.RootOfTrust{PolicyType: "PKI"} },
		"(policy.signedIdentity.type is not a type of identity)": func(p *mirrorset.ImageVerificationPolicy) {
			p.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: "RemapIdentity"}
		},
		"(policy.signedIdentity.dockerRepository is not a repository)": func(p *mirrorset.ImageVerificationPolicy) {
			p.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: "ExactRepository", ExactRepository: &mirrorset.ExactRepository{Repository: "quay.io/A"}}
		},
	} {
		c, i := key("quay.io/a"), key("quay.io/b")
		change(&c.Policy)
		change(&i.Policy)
		files, findings := policyjson.Render(&mirrorset.Rules{
			ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: c}},
			ImagePolicies:        []mirrorset.ImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "i", Namespace: "ns"}, Spec: i}},
		}, policyjson.RenderOptions{})
		require.Equal(t, policyjson.Files{}, files)
		text := scenario.Text(findings)
		require.Contains(t, text, "error: ClusterImagePolicy/c spec.policy: ")
		require.Contains(t, text, "error: ImagePolicy/ns/i spec.policy: ")
		require.Contains(t, text, "makes no requirement of policy.json "+want+end)
	}
}
