package policyjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

const digest = "@sha256:4207ba569ff014931f1b5d125fe3751936a768e119546683c899eb09f3cdceb0"

func scopesOf(list string, values ...string) (scopes []mirrorset.Scope) {
	for i, v := range values {
		scopes = append(scopes, mirrorset.Scope{Value: v, Origin: finding.Origin{
			Object: "Image/cluster", Field: "spec.registrySources." + list + "[" + string(rune('0'+i)) + "]"}})
	}
	return scopes
}

func rulesOf(t *testing.T, pairs ...string) *mirrorset.Rules {
	t.Helper()
	set := &mirrorset.Set{ImageDigestMirrorSets: []mirrorset.ImageDigestMirrorSet{{Metadata: mirrorset.ObjectMeta{Name: "d"}}}}
	for _, pair := range pairs {
		names := strings.Fields(pair)
		set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors = append(set.ImageDigestMirrorSets[0].Spec.ImageDigestMirrors,
			mirrorset.ImageMirrors{Source: names[0], Mirrors: names[1:]})
	}
	rules, err := set.Rules()
	require.NoError(t, err)
	return rules
}

func key(scopes ...string) mirrorset.ImagePolicySpec {
	return mirrorset.ImagePolicySpec{Scopes: scopes, Policy: mirrorset.ImageVerificationPolicy{RootOfTrust: mirrorset.RootOfTrust{
		PolicyType: "PublicKey", PublicKey: &mirrorset.PublicKeyRootOfTrust{KeyData: []byte("key")}}}}
}

// TestThePayloadStaysUsable takes the cases of MCO's TestGetValidBlockAndAllowedRegistries, and three that it does not
// have. blocked is what registries.conf blocks, rejected and accepted what policy.json does.
func TestRulesByHandMayHoldNil(t *testing.T) {
	rules := &mirrorset.Rules{
		Rules:   []mirrorset.Rule{{Pull: mirrorset.ByDigest, Source: "quay.io/a", Entries: []*mirrorset.Entry{nil, {Source: "quay.io/a", Mirrors: []string{"m.io"}}}}},
		Blocked: []mirrorset.Scope{{Value: "quay.io"}},
	}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.NoError(t, findings.Err())
	require.NotNil(t, files.Policy)
	require.Empty(t, (*policyjson.Files)(nil).ForNamespaces(resolve.Plan{Platform: finding.Linux, References: []string{"quay.io/a:1"}}))
}

func TestAReleaseImageWithoutADigestHasNoMirrorForMCO(t *testing.T) {
	rules := rulesOf(t, "r.io/p m.io/p")
	rules.Blocked = scopesOf("blockedRegistries", "r.io")
	for _, release := range []string{"r.io/p:4.18", "r.io/p"} {
		files, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: release})
		require.Empty(t, files.Blocked, release)
		require.Len(t, findings, 1)
		require.Contains(t, findings[0].Message, "without a digest, so that MCO finds no mirror of it: MCO does not block")
		require.Contains(t, findings[0].Message, "give the release image with its digest")
	}
	_, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: "r.io/other:1"})
	require.Contains(t, findings[0].Message, "mirror the payload", "a digest would not help")
}

func TestThePayloadStaysUsable(t *testing.T) {
	for _, test := range []struct {
		name, release, mirrors      string
		list                        []string
		blocked, rejected, accepted []string
		code                        finding.Severity
		says                        string
	}{
		{"no mirrors", "payload-reg.io/release-image", "", []string{"block.io", "block-2.io"}, []string{"block.io", "block-2.io"}, []string{"block.io", "block-2.io"}, nil, "", ""},
		{"unrelated mirrors", "payload-reg.io/release-image", "src.io/payload mirror-1.io/payload mirror-2.io/payload", []string{"block.io", "block-2.io"},
			[]string{"block.io", "block-2.io"}, []string{"block.io", "block-2.io"}, nil, "", ""},
		{"blocked without a mirror", "payload-reg.io/release-image", "src.io/payload mirror-1.io/payload", []string{"block.io", "payload-reg.io", "block-2.io"},
			[]string{"block.io", "block-2.io"}, []string{"block.io", "block-2.io"}, nil, finding.SeverityWarning, "does not block the scope at all"},
		{"blocked with a mirror", "payload-reg.io/release-image", "payload-reg.io/release-image mirror-1.io/payload", []string{"block.io", "payload-reg.io", "block-2.io"},
			[]string{"block.io", "payload-reg.io", "block-2.io"}, []string{"block.io", "payload-reg.io", "block-2.io"}, []string{"payload-reg.io/release-image"}, finding.SeverityInfo, "goes on to accept"},
		{"the mirror of the payload is blocked", "quay.io/openshift-release-dev", "quay.io block.io", []string{"quay.io", "block.io/openshift-release-dev"},
			[]string{"block.io/openshift-release-dev"}, []string{"block.io/openshift-release-dev"}, nil, finding.SeverityWarning, "does not block the scope at all"},
		{"the registry of the mirror is blocked", "quay.io/openshift-release-dev", "quay.io/openshift-release-dev block.io/openshift-release-dev", []string{"quay.io", "block.io"},
			[]string{"block.io"}, []string{"block.io"}, nil, finding.SeverityWarning, "does not block the scope at all"},
		{"the payload alone is blocked", "r.io/p", "r.io/p m.io/p", []string{"r.io/p"}, []string{"r.io/p"}, nil, []string{"r.io/p"}, finding.SeverityError, "rejects every other image"},
		{"a mirror that cannot be written", "r.io/p", "r.io/p m.io", []string{"r.io", "b.io"}, nil, nil, nil, finding.SeverityError, "blocks and allows nothing at all"},
		{"two scopes around the payload", "r.io/p/q", "r.io/p/q m.io/q", []string{"r.io", "r.io/p"}, nil, nil, nil, finding.SeverityError, "keep the widest of them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var pairs []string
			if test.mirrors != "" {
				pairs = []string{test.mirrors}
			}
			rules := rulesOf(t, pairs...)
			rules.Blocked = scopesOf("blockedRegistries", test.list...)
			files, findings := policyjson.Render(rules, policyjson.RenderOptions{ReleaseImage: test.release + digest})
			var blocked, rejected, accepted []string
			for _, s := range files.Blocked {
				blocked = append(blocked, s.Value)
			}
			if files.Policy != nil {
				for scope, list := range files.Policy.Transports["docker"] {
					if list.String() == "reject" {
						rejected = append(rejected, scope)
					} else {
						accepted = append(accepted, scope)
					}
				}
			}
			require.Equal(t, test.blocked, blocked)
			require.ElementsMatch(t, test.rejected, rejected)
			require.ElementsMatch(t, test.accepted, accepted)
			if test.says == "" {
				require.Empty(t, findings)
				return
			}
			require.True(t, slices.ContainsFunc(findings, func(f finding.Finding) bool {
				return f.Code == finding.CodePayloadBlocked && f.Severity == test.code && strings.Contains(f.Message, test.says)
			}), "%v", findings)
		})
	}
}

// TestScopesOfSignaturesAndTheirMirrorsAreLookedUp takes the cases of MCO's TestGenerateSigstoreRegistriesConfig.
func TestScopesOfSignaturesAndTheirMirrorsAreLookedUp(t *testing.T) {
	const one = "a.com/a1/a2@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	scopes := []string{"a.com/a1/a2", one, "*.example.com", "policy.scope", "foo.example.com/ns/repo"}
	for _, test := range []struct {
		name    string
		mirrors []string
		more    []string // beside the scopes themselves
	}{
		{"no mirrors", nil, nil},
		{"mirrors of other sources", []string{"x.com/x1/x2 x-x1-x2.mirror/x1/x2", "y.com/y1/y2 y.mirror/y1"}, nil},
		{"sources inside a scope", []string{"a.com/a1/a2 a-a1-a2.mirror/a1/a2", "a.com/a1/a2/a3 a-a1-a2-a3.mirror/m1/m2/m3", "a.com/a1/a2/a3-1 a-a1-a2-a3-1.mirror/m1/m2/m3", "x.com/x1 x.mirror/m1"},
			[]string{"a-a1-a2-a3-1.mirror/m1/m2/m3", "a-a1-a2-a3.mirror/m1/m2/m3", "a-a1-a2.mirror/a1/a2", "a.com/a1/a2/a3", "a.com/a1/a2/a3-1"}},
		{"sources around a scope", []string{"a.com a.mirror", "a.com/a1 a-a1.mirror/a1", "x.com/x1/x2 x-x1-x2.mirror/x1/x2"}, []string{"a-a1.mirror/a1/a2"}},
		{"a wildcard source", []string{"*.example.com our.mirror/example"}, []string{"our.mirror/example/ns/repo", "our.mirror/example"}},
		{"sources inside a wildcard", []string{"a.example.com a-example.mirror", "*.x.example.com matched.example.mirror star-x.example.mirror", "*.scope start-scope.mirror"},
			[]string{"a-example.mirror", "a.example.com", "star-x.example.mirror", "matched.example.mirror", "start-scope.mirror"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := rulesOf(t, test.mirrors...)
			rules.ClusterImagePolicies = []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key(scopes...)}}
			files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
			require.NoError(t, findings.Err())
			require.ElementsMatch(t, append(slices.Clone(scopes), test.more...), files.Attachments)
			rules.ClusterImagePolicies = nil
			rules.ImagePolicies = []mirrorset.ImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "i", Namespace: "ns"}, Spec: key(scopes...)}}
			namespaced, findings := policyjson.Render(rules, policyjson.RenderOptions{})
			require.NoError(t, findings.Err())
			require.Equal(t, files.Attachments, namespaced.Attachments)
			require.Equal(t, policyjson.Template(), namespaced.PolicyJSON, "policy.json itself stays")
		})
	}
}

func TestAScopeInsideAClusterImagePolicyIsLeftOut(t *testing.T) {
	rules := &mirrorset.Rules{
		ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key("test0.com")}},
		ImagePolicies:        []mirrorset.ImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "i", Namespace: "ns"}, Spec: key("test0.com/a", "test2.com")}},
	}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.Len(t, findings, 1)
	require.Equal(t, finding.CodeOverriddenScope, findings[0].Code)
	require.Equal(t, "ImagePolicy/ns/i spec.scopes[0]", findings[0].Origin.String())
	require.Len(t, files.Namespaces["ns"].Transports["docker"], 2)
	require.Equal(t, []string{"test0.com", "test2.com"}, files.Attachments)
	require.Len(t, files.List(), 3)
	require.Equal(t, "/etc/crio/policies/ns.json", files.List()[2].Path)
	j, err := files.Namespaces["ns"].Judge("test2.com/a:1")
	require.NoError(t, err)
	require.Equal(t, policyjson.SignatureRequired, j.Outcome)
	require.Equal(t, "ImagePolicy/ns/i spec.scopes[1]", j.Origin.String())
}

func TestAPolicyThatMakesNoRequirementIsRefused(t *testing.T) {
	bad := key("quay.io/a")
	bad.Policy.RootOfTrust.PublicKey = nil
	rules := &mirrorset.Rules{ImagePolicies: []mirrorset.ImagePolicy{
		{Metadata: mirrorset.ObjectMeta{Name: "bad", Namespace: "ns"}, Spec: bad},
		{Metadata: mirrorset.ObjectMeta{Name: "good", Namespace: "ns"}, Spec: key("quay.io/b")},
	}}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.Len(t, findings, 1)
	require.Equal(t, finding.CodeInvalidImagePolicy, findings[0].Code)
	require.Equal(t, "ImagePolicy/ns/bad spec.policy", findings[0].Origin.String())
	require.True(t, findings[0].Refused())
	require.Empty(t, files.List(), "MCO writes no configuration at all")
}

// TestSignaturesOnAScopeWhereNothingIsUsableAreRefused takes the cases of MCO's
// TestValidateClusterImagePolicyWithAllowedBlockedRegistries.
func TestSignaturesOnAScopeWhereNothingIsUsableAreRefused(t *testing.T) {
	for _, test := range []struct {
		name             string
		allowed, blocked []string
		cluster, spaced  []string
		refused          bool
	}{
		{"neither list", nil, nil, []string{"example.com"}, []string{"app.com"}, false},
		{"all inside allowed", []string{"example.com", "allowed.io/namespace1"}, nil, []string{"allowed.io/namespace1/policysigned", "example.com"}, []string{"allowed.io/namespace1/app"}, false},
		{"around allowed", []string{"allowed.io/namespace1/namespace2"}, nil, []string{"allowed.io/policysigned"}, nil, true},
		{"around blocked", nil, []string{"blocked.io/namespace1/namespace2", "blocked.example.com/n"}, []string{"allowed.io/policysigned", "blocked.io"}, []string{"blocked.example.com/app"}, false},
		{"inside blocked", nil, []string{"blocked.io", "blocker-reg.com/namespace1"}, []string{"blocker-reg.com/namespace1/policysigned", "blocked.io"}, nil, true},
		{"namespaced, not allowed", []string{"allowed.io/namespace1/namespace2"}, nil, nil, []string{"allowed.io/app"}, true},
		{"namespaced, blocked", nil, []string{"blocked.io"}, nil, []string{"blocked.io"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := &mirrorset.Rules{Allowed: scopesOf("allowedRegistries", test.allowed...), Blocked: scopesOf("blockedRegistries", test.blocked...)}
			if test.cluster != nil {
				rules.ClusterImagePolicies = []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key(test.cluster...)}}
			}
			if test.spaced != nil {
				rules.ImagePolicies = []mirrorset.ImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "i", Namespace: "ns"}, Spec: key(test.spaced...)}}
			}
			files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
			if !test.refused {
				require.NoError(t, findings.Err())
				require.NotEmpty(t, files.List())
				return
			}
			require.ErrorIs(t, findings.Err(), finding.CodePolicyScope)
			require.Empty(t, files.List())
		})
	}
}

// TestAllowedAndBlockedScopesBecomePolicies takes the cases of MCO's TestUpdatePolicyJSON that have no error.
func TestAllowedAndBlockedScopesBecomePolicies(t *testing.T) {
	const deep = "example.com/namespace1/namespace2/namespace3"
	none, findings := policyjson.Render(&mirrorset.Rules{}, policyjson.RenderOptions{})
	require.Empty(t, findings)
	require.Empty(t, none.List())

	rules := &mirrorset.Rules{Allowed: scopesOf("allowedRegistries", "allow.io", "*.allowed-example.com", deep, "test0.com")}
	rules.ClusterImagePolicies = []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key("test0.com")}}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.NoError(t, findings.Err())
	require.Equal(t, "reject", files.Policy.Default.String())
	require.Equal(t, "sigstoreSigned", files.Policy.Transports["docker"]["test0.com"].String(), "not accepted beside it")
	require.Contains(t, files.Policy.Transports["docker"], deep)
	require.NotContains(t, files.Policy.Transports["atomic"], deep)
	require.Len(t, files.Policy.Transports["atomic"], 3)
	j, err := files.Policy.Judge("mirror.corp/allow:1")
	require.NoError(t, err)
	require.Equal(t, policyjson.Refused, j.Outcome)
	require.Equal(t, "Image/cluster spec.registrySources.allowedRegistries", j.Origin.String())

	files, findings = policyjson.Render(&mirrorset.Rules{Blocked: scopesOf("blockedRegistries", "block.com", deep)}, policyjson.RenderOptions{})
	require.Empty(t, findings)
	require.Equal(t, "insecureAcceptAnything", files.Policy.Default.String())
	require.Len(t, files.Policy.Transports["atomic"], 1)

	both := &mirrorset.Rules{Allowed: scopesOf("allowedRegistries", "allow.io"), Blocked: scopesOf("blockedRegistries", "block.com", "another-block.io")}
	_, findings = policyjson.Render(both, policyjson.RenderOptions{})
	require.ErrorIs(t, findings.Err(), finding.CodeBothLists)
}

func TestRenderOfNothingAsksForNothing(t *testing.T) {
	files, findings := policyjson.Render(nil, policyjson.RenderOptions{})
	require.Empty(t, files.List())
	require.Empty(t, findings)
	_, findings = policyjson.Render(nil, policyjson.RenderOptions{ReleaseImage: "busybox"})
	require.ErrorIs(t, findings.Err(), finding.CodePayloadBlocked)
	require.Empty(t, policyjson.Files{}.List())
	policy, findings := policyjson.Parse("policy.json", policyjson.Template())
	require.NoError(t, findings.Err())
	require.Equal(t, "insecureAcceptAnything", policy.Default.String())
}

func TestScopesThatItsClientRefusesTheFileForAreRefused(t *testing.T) {
	rules := &mirrorset.Rules{ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key("quay.io/app:1")}}}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.Empty(t, files.List())
	require.Len(t, findings, 1)
	require.Equal(t, finding.Client, findings[0].RefusedBy)
	require.Equal(t, finding.CodePolicyScope, findings[0].Code)
}

// A file that pullroute or MCO wrote is told by its form, byte for byte: another may hold what somebody added by hand.
func TestAFileIsOnesOwnByItsForm(t *testing.T) {
	rules := &mirrorset.Rules{ClusterImagePolicies: []mirrorset.ClusterImagePolicy{{Metadata: mirrorset.ObjectMeta{Name: "c"}, Spec: key("a.io", "b.io/c")}}}
	files, findings := policyjson.Render(rules, policyjson.RenderOptions{})
	require.Empty(t, findings)
	own := files.InContainers()
	policy, attachments := own["policy.json"], own["registries.d/sigstore-registries.yaml"]
	without := func(transport string) []byte {
		p, findings := policyjson.Parse("policy.json", policy)
		require.Empty(t, findings)
		delete(p.Transports, transport)
		return p.Bytes()
	}
	for _, test := range []struct {
		name, file string
		data       []byte
		own        bool
	}{
		{"policy", "policy.json", policy, true},
		{"policy of a namespace", "ns.json", policy, true},
		{"template", "policy.json", policyjson.Template(), true},
		{"policy with a line end", "policy.json", append(slices.Clone(policy), '\n'), false},
		{"policy that does not ask for docker", "policy.json", without("docker"), false},
		{"policy that does not ask for atomic", "policy.json", without("atomic"), false},
		{"policy without docker-daemon", "policy.json", without("docker-daemon"), true},
		{"policy that its client refuses", "policy.json", []byte("{}"), false},
		{"attachments", "registries.d/sigstore-registries.yaml", attachments, true},
		{"attachments as a policy", "policy.json", attachments, false},
		{"policy as attachments", "registries.d/sigstore-registries.yaml", policy, false},
		{"attachments with a comment", "registries.d/sigstore-registries.yaml", append([]byte("# by hand\n"), attachments...), false},
		{"attachments of another kind", "registries.d/sigstore-registries.yaml", []byte("docker:\n  a.io:\n    lookaside: https://l.io\n"), false},
		{"no YAML", "registries.d/sigstore-registries.yaml", []byte("docker: ["), false},
	} {
		require.Equal(t, test.own, policyjson.Rendered(test.file, test.data), test.name)
	}
}
