package mirrorset_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

const imagePolicies = `apiVersion: config.openshift.io/v1
kind: ClusterImagePolicy
metadata: {name: c}
spec:
  scopes: [quay.io/team]
  policy:
    rootOfTrust:
      policyType: FulcioCAWithRekor
      fulcioCAWithRekor:
        fulcioCAData: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQ==
        rekorKeyData: LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUZrdwotLS0tLUVORCBQVUJMSUMgS0VZLS0tLS0K
        fulcioSubject: {oidcIssuer: "https://issuer.example.com", signedEmail: a@b}
    signedIdentity: {matchPolicy: RemapIdentity, remapIdentity: {prefix: quay.io, signedPrefix: m.io}}
---
apiVersion: config.openshift.io/v1
kind: ImagePolicyList
items:
- metadata: {name: i, namespace: team}
  spec:
    scopes: ["quay.io/app:1"]
    policy:
      rootOfTrust:
        policyType: PublicKey
        publicKey: {keyData: LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUZrdwotLS0tLUVORCBQVUJMSUMgS0VZLS0tLS0K}
---
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: another-group}
spec: {images: []}
`

func TestImagePoliciesAreRead(t *testing.T) {
	set, err := mirrorset.Decode("p.yaml", strings.NewReader(imagePolicies))
	require.NoError(t, err)
	require.Len(t, set.ClusterImagePolicies, 1, "one of another API group is none")
	require.Len(t, set.ImagePolicies, 1)
	c, i := set.ClusterImagePolicies[0], set.ImagePolicies[0]
	require.Equal(t, "https://issuer.example.com", c.Spec.Policy.RootOfTrust.FulcioCAWithRekor.FulcioSubject.OIDCIssuer)
	require.Equal(t, "m.io", c.Spec.Policy.SignedIdentity.RemapIdentity.SignedPrefix)
	require.Equal(t, "team", i.Metadata.Namespace)
	require.True(t, strings.HasPrefix(string(i.Spec.Policy.RootOfTrust.PublicKey.KeyData), "-----BEGIN PUBLIC KEY-----"))
	require.Equal(t, "ImagePolicy/team/i spec.scopes[0]", i.Origin("spec.scopes[0]").String())
	require.False(t, set.Empty())
	rules, err := set.Rules()
	require.NoError(t, err)
	require.Len(t, rules.ClusterImagePolicies, 1)
	require.Len(t, rules.ImagePolicies, 1)
}

func TestWhatIsWrongInAnImagePolicyIsRefusedByField(t *testing.T) {
	for name, test := range map[string]struct{ old, new, field string }{
		"a short name":         {"quay.io/team", "team", "spec.scopes[0]"},
		"a key that is none":   {"rekorKeyData: LS0t", "rekorKeyData: AAAA", "spec.policy.rootOfTrust.fulcioCAWithRekor.rekorKeyData"},
		"no base64":            {"rekorKeyData: LS0t", "rekorKeyData: '%' # ", "spec.policy.rootOfTrust.fulcioCAWithRekor.rekorKeyData"},
		"another type":         {"policyType: FulcioCAWithRekor", "policyType: PKI", "spec.policy.rootOfTrust.pki"},
		"an unknown type":      {"policyType: FulcioCAWithRekor", "policyType: Fulcio", "spec.policy.rootOfTrust.policyType"},
		"no issuer":            {`oidcIssuer: "https://issuer.example.com", `, "", "spec.policy.rootOfTrust.fulcioCAWithRekor.fulcioSubject.oidcIssuer"},
		"no e-mail address":    {"signedEmail: a@b", "signedEmail: a", "spec.policy.rootOfTrust.fulcioCAWithRekor.fulcioSubject.signedEmail"},
		"a tag in a prefix":    {"prefix: quay.io,", "prefix: 'quay.io/a:1',", "spec.policy.signedIdentity.remapIdentity.prefix"},
		"no identity":          {"matchPolicy: RemapIdentity", "matchPolicy: ExactRepository", "spec.policy.signedIdentity.exactRepository"},
		"a repeated scope":     {"[quay.io/team]", "[quay.io/team, quay.io/team]", "spec.scopes[1]"},
		"an empty identity":    {"signedPrefix: m.io", "signedPrefix: ''", "spec.policy.signedIdentity.remapIdentity.signedPrefix"},
		"a wildcard in a path": {"[quay.io/team]", "['quay.io/*']", "spec.scopes[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(imagePolicies, test.old, test.new, 1)
			require.NotEqual(t, imagePolicies, text)
			set, err := mirrorset.Decode("p.yaml", strings.NewReader(text))
			if err == nil {
				_, err = set.Rules()
			}
			var refused *finding.RefusedError
			require.ErrorAs(t, err, &refused)
			fields := make([]string, len(refused.Findings))
			for i, f := range refused.Findings {
				fields[i] = f.Origin.Field
				require.Equal(t, finding.APIServer, f.RefusedBy)
				require.Equal(t, "ClusterImagePolicy/c", f.Origin.Object)
			}
			require.Contains(t, fields, test.field)
		})
	}
}
