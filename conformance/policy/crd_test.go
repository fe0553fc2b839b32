package policy

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/pullroute/pullroute/conformance/clients/openshift"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// TestTheAPIServerRefusesThePoliciesThatWeDo holds validation against the custom resource definitions.
func TestTheAPIServerRefusesThePoliciesThatWeDo(t *testing.T) {
	crds, err := openshift.LoadCRDs()
	require.NoError(t, err)
	each := random.Count(4_000)
	row := newRow(t, "API server (openshift/api, config/v1)", "ClusterImagePolicy and ImagePolicy, as many taken as refused")
	s := objects{clusters{source{random.New(t.Name())}}}
	counts := map[bool]int{}
	for counts[false] < each || counts[true] < each {
		manifest, err := yaml.Marshal(s.object())
		require.NoError(t, err)
		errs, err := crds.Validate(manifest)
		require.NoError(t, err, "%s", manifest)
		set, err := mirrorset.Decode("policy.yaml", bytes.NewReader(manifest))
		ours := refusedByTheAPIServer(t, err)
		if set != nil {
			_, err := set.Rules()
			ours = append(ours, refusedByTheAPIServer(t, err)...)
		}
		require.Equal(t, len(errs) > 0, len(ours) > 0, "the API server says %v, the library %v of\n%s", errs, ours, manifest)
		if counts[len(errs) > 0] < each {
			counts[len(errs) > 0]++
			row.Configurations++
		}
	}
}

func refusedByTheAPIServer(t *testing.T, err error) (refusals finding.Findings) {
	t.Helper()
	var refused *finding.RefusedError
	if err == nil {
		return nil
	}
	require.True(t, errors.As(err, &refused), "%v", err)
	for _, f := range refused.Findings {
		if f.RefusedBy == finding.APIServer {
			refusals = append(refusals, f)
		}
	}
	return refusals
}

// objects makes manifests, some of them wrong at one place.
type objects struct{ clusters }

type object = map[string]any

const (
	publicKey   = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
	certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
)

func (s objects) pem(right string) []byte {
	if s.Intn(12) > 0 {
		return []byte(right)
	}
	return []byte(s.Pick(publicKey, certificate, "", "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
		"-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", right+"\n", " "+right, right+right, right[:30]+"\xff"+right[30:],
		right[:30]+strings.Repeat("a", 6100)+right[30:], "-----BEGIN CERTIFICATE-----"+certificate, certificate+"\n"+certificate))
}

func (s objects) word(right string, wrong ...string) string {
	if s.Intn(12) > 0 {
		return right
	}
	return s.Pick(wrong...)
}

func (s objects) scope() string {
	return s.word(s.policyScope(), "busybox", "busybox:1", "quay", "localhost", "localhost:5000/a", "*", "*.", "*.*.io", "a.*.io", "*.io/a", "*.io:5000", "quay.io/A", "quay.io/a:",
		"quay.io/a:1@"+random.Digest, "quay.io@"+random.Digest, "quay.io:tag", "quay.io/", "Quay.io/a", "", "quay.io/a@sha256:a", "quay.io/"+strings.Repeat("a", 510), "local.host", "localhost.")
}

func (s objects) identity() string {
	return s.word(s.Pick("quay.io", "quay.io/a", "localhost", "localhost:5000", "localhost:5000/a", "n.io:5000/a"),
		"quay.io:5000", "quay.io/a:1", "a", "a/b", "", "*.io", "quay.io/a@"+random.Digest, "quay.io/A", "localhost:5000/a:1", "quay.io/"+strings.Repeat("a", 510))
}

func (s objects) object() object {
	root := object{"policyType": s.word("", "Key", "PKI", "PublicKey", "")}
	types := map[string]string{"publicKey": "PublicKey", "fulcioCAWithRekor": "FulcioCAWithRekor", "pki": "PKI"}
	fields := map[string]object{
		"publicKey": {"keyData": s.pem(publicKey)},
		"fulcioCAWithRekor": {"fulcioCAData": s.pem(certificate), "rekorKeyData": s.pem(publicKey), "fulcioSubject": object{
			"oidcIssuer":  s.word("https://issuer.example.com/a?b", "", "issuer", "/path", "https://a b", "http://[::1", "mailto:a", strings.Repeat("https://a/", 300)),
			"signedEmail": s.word("a@b", "a", "@", "a @b", "", "a@b@c", strings.Repeat("a@", 200))}},
		"pki": {"caRootsData": s.pem(certificate), "pkiCertificateSubject": object{"email": s.word("a@b", "", "a b@c", "a"),
			"hostname": s.word(s.Pick("h.example.com", "*.example.com"), "", "*", "*.", "*.*.a", "A.b", "a_b", "-a", strings.Repeat("a", 254), strings.Repeat("a.", 100)+"a")}},
	}
	if s.Intn(2) == 0 {
		fields["publicKey"]["rekorKeyData"] = s.pem(publicKey)
		fields["pki"]["caIntermediatesData"] = s.pem(certificate)
	}
	chosen := s.Pick("publicKey", "fulcioCAWithRekor", "pki")
	root[chosen] = fields[chosen]
	if root["policyType"] == "" && s.Intn(12) > 0 {
		root["policyType"] = types[chosen]
	}
	if s.Intn(20) == 0 {
		other := s.Pick("publicKey", "fulcioCAWithRekor", "pki")
		root[other] = fields[other]
	}
	policy := object{"rootOfTrust": root}
	if s.Intn(2) == 0 {
		id := object{"matchPolicy": s.word(s.Pick("MatchRepoDigestOrExact", "MatchRepository"), "", "MatchExact", "ExactRepository")}
		switch s.Intn(3) {
		case 0:
			id = object{"matchPolicy": s.word("ExactRepository", "RemapIdentity", "x"), "exactRepository": object{"repository": s.identity()}}
		case 1:
			id = object{"matchPolicy": s.word("RemapIdentity", "MatchRepository"), "remapIdentity": object{"prefix": s.identity(), "signedPrefix": s.identity()}}
		}
		policy["signedIdentity"] = id
	}
	scopes := make([]any, s.Intn(4))
	for i := range scopes {
		scopes[i] = s.scope()
	}
	if s.Intn(60) == 0 {
		scopes = nil
		for i := range 255 + s.Intn(4) {
			scopes = append(scopes, "quay.io/"+strings.Repeat("a", i+1))
		}
	}
	spec := object{"scopes": scopes, "policy": policy}
	o := object{"apiVersion": "config.openshift.io/v1", "kind": s.Pick("ClusterImagePolicy", "ImagePolicy"), "metadata": object{"name": "a"}, "spec": spec}
	if s.Intn(6) == 0 {
		s.damage([]object{o, spec, policy, root, fields[chosen]}[1+s.Intn(4)])
	}
	return o
}

// damage takes a key away, or gives it a value of another type.
func (s objects) damage(o object) {
	for key := range o {
		switch s.Intn(4) {
		case 0:
			delete(o, key)
		case 1:
			o[key] = nil
		case 2:
			o[key] = 1
		default:
			o[s.Pick("unknown", key)] = object{}
		}
		return
	}
}
