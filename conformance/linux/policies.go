package linux

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/types"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/registriesconf"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
	"github.com/pullroute/pullroute/resolve"
)

// A PolicyPuller pulls an image as the client does on a node with a policy.json.
type PolicyPuller func(ctx context.Context, sys *types.SystemContext, image types.ImageReference,
	policy []byte) (digest.Digest, error)

// PullsUnderPolicies compares pulls on nodes with registries.conf, policy.json and registries.d of
// random clusters. Each goes where the plan says, and ends where it says that policy.json refuses the
// image. Where the plan says that a signature is asked for, the image arrives exactly if there is a
// good one at the location that serves. The package that judges policies asks for modules that nothing
// else here does, so the caller brings the client.
func PullsUnderPolicies(t *testing.T, by PolicyPuller) {
	const each = 3
	row := newRow(t, containersImage, "requests and outcome of pulls under policy.json and registries.d: "+
		"sets of Image, IDMS, ITMS, ClusterImagePolicy")
	s := random.New(t.Name())
	p, signers := newProxy(t), newSigner(t)
	counts := map[string]int{}
	for row.Configurations < random.Count(5_000) {
		s.Plain = row.Configurations%2 == 0
		n, ok := newPolicedNode(t, s, signers)
		if !ok {
			counts["clusters that MCO refuses"]++
			continue
		}
		row.Configurations++
		client := n.load(t)
		require.NoError(t, client.SetAttachments(n.files[policyjson.AttachmentsName]))
		for range each {
			counts[n.compare(t, s, p, client, by)]++
			row.Pulls++
		}
		require.NoError(t, client.Close())
		if row.Configurations%100 == 0 {
			containersimage.ForgetRegistries()
		}
	}
	t.Log(counts)
	for _, outcome := range []string{pulledBare, rejected, pulledSigned, rejectedUnsigned} {
		require.Greater(t, counts[outcome], row.Pulls/20, "the random clusters are too tame: %s", outcome)
	}
}

// What a pull comes to where its manifest was found.
const (
	pulledBare       = "pulled without a signature"
	rejected         = "refused by policy.json"
	pulledSigned     = "pulled with its signature"
	rejectedUnsigned = "refused without a good signature"
	notFound         = "found nowhere"
)

// A policedNode is a node with policies.
type policedNode struct {
	config
	signer
	files       map[string][]byte // below /etc/containers
	attachments []string          // the scopes of registries.d
	policy      *policyjson.Policy
	text        []byte          // of the policy
	keys        map[string]keys // by scope, of an ImagePolicy only where no ClusterImagePolicy has it
	scopes      []string        // of policies and of allowed registries
}

// keys are what policies ask for on one scope.
type keys struct{ cluster, other bool }

// and adds another policy: one of a namespace is left out where the cluster has one. other is set where
// not all ask for the signer's key.
func (k keys) and(namespaced, good bool) keys {
	switch {
	case k.cluster && namespaced:
		return k
	case !k.cluster && !namespaced:
		return keys{true, !good}
	}
	return keys{k.cluster, k.other || !good}
}

// newPolicedNode returns the node of a random cluster, under its policy.json or that of a namespace. It
// is false where the API server or MCO refuses the cluster.
func newPolicedNode(t *testing.T, s *random.Source, by signer) (n policedNode, ok bool) {
	t.Helper()
	set := s.Set()
	n = policedNode{signer: by, keys: map[string]keys{}}
	registries := set.Images[0].Spec.RegistrySources
	n.scopes = slices.Concat(registries.AllowedRegistries, registries.BlockedRegistries)
	for i := range s.Intn(4) {
		spec, good := n.imagePolicy(s, set)
		name := mirrorset.ObjectMeta{Name: fmt.Sprint("p", i)}
		if s.Intn(4) == 0 {
			name.Namespace = "team"
			set.ImagePolicies = append(set.ImagePolicies, mirrorset.ImagePolicy{Metadata: name, Spec: spec})
		} else {
			set.ClusterImagePolicies = append(set.ClusterImagePolicies,
				mirrorset.ClusterImagePolicy{Metadata: name, Spec: spec})
		}
		for _, scope := range spec.Scopes {
			n.keys[scope] = n.keys[scope].and(name.Namespace != "", good)
		}
		n.scopes = append(n.scopes, spec.Scopes...)
	}
	rules, err := set.Rules()
	if err != nil {
		return n, false
	}
	var o registriesconf.RenderOptions
	if s.Intn(4) == 0 {
		o.ReleaseImage = strings.ToLower(s.Location()) + "/release@" + random.Digest
	}
	files, table, findings := registriesconf.Render(rules, o)
	if findings.Err() != nil {
		return n, false
	}
	rules.Blocked = files.Policies.Blocked
	n.config = config{set: set, rules: rules, table: table, file: string(files.Config.Bytes())}
	if files.Search != nil {
		n.dropIns = []string{string(files.Search.Bytes())}
	}
	n.files, n.attachments = files.Policies.InContainers(), files.Policies.Attachments
	n.policy, n.text = files.Policies.Policy, files.Policies.PolicyJSON
	if own := files.Policies.Namespaces["team"]; own != nil && s.Intn(2) == 0 {
		n.policy, n.text = own, own.Bytes()
	}
	if n.text == nil {
		n.text = policyjson.Template()
	}
	return n, true
}

// imagePolicy returns a policy over some scopes, and whether it is the signer's key that it asks for.
func (n *policedNode) imagePolicy(s *random.Source, set *mirrorset.Set) (spec mirrorset.ImagePolicySpec, good bool) {
	sources := slices.Clone(set.Images[0].Spec.RegistrySources.AllowedRegistries) // MCO wants the scope to be inside
	if len(sources) == 0 {
		sources = []string{s.Scope()}
		for _, o := range set.ImageDigestMirrorSets {
			for _, e := range o.Spec.ImageDigestMirrors {
				sources = append(sources, e.Source)
			}
		}
		for _, o := range set.ImageTagMirrorSets {
			for _, e := range o.Spec.ImageTagMirrors {
				sources = append(sources, e.Source)
			}
		}
	}
	for range 1 + s.Intn(2) {
		scope := s.Pick(sources...)
		if !strings.HasPrefix(scope, "*.") {
			scope += s.Pick("", "", "", "/a", "/b")
			if strings.Contains(scope, "/") && s.Intn(8) == 0 {
				scope += s.Pick(":1", "@"+image.Manifest.Digest.String())
			}
		}
		if !slices.Contains(spec.Scopes, scope) {
			spec.Scopes = append(spec.Scopes, scope)
		}
	}
	root := &spec.Policy.RootOfTrust
	root.PolicyType = "PublicKey"
	switch s.Intn(8) {
	case 0:
		root.PolicyType = "FulcioCAWithRekor"
		root.FulcioCAWithRekor = &mirrorset.FulcioCAWithRekorRootOfTrust{FulcioCAData: []byte("certificate"),
			RekorKeyData: n.public, FulcioSubject: mirrorset.FulcioSubject{OIDCIssuer: "https://i", SignedEmail: "a@b"}}
	case 1:
		root.PolicyType = "PKI"
		root.PKI = &mirrorset.PKIRootOfTrust{CARootsData: []byte("certificate")}
		root.PKI.PKICertificateSubject.Email = "a@b"
	case 2:
		root.PublicKey = &mirrorset.PublicKeyRootOfTrust{KeyData: n.other}
	default:
		root.PublicKey = &mirrorset.PublicKeyRootOfTrust{KeyData: n.public}
		good = true
	}
	if s.Intn(3) == 0 {
		spec.Policy.SignedIdentity = &mirrorset.SignedIdentity{MatchPolicy: "MatchRepository"}
	}
	return spec, good
}

// String describes the node for the message of a failure.
func (n policedNode) String() string {
	return fmt.Sprintf("%s%s\n%s", n.config, n.text, n.files[policyjson.AttachmentsName])
}

// image returns the name of an image: one in two lies inside the scope of a policy.
func (n policedNode) image(s *random.Source) string {
	if len(n.scopes) == 0 || s.Intn(2) == 0 {
		return n.config.image(s, image.Manifest.Digest.String())
	}
	scope := n.scopes[s.Intn(len(n.scopes))]
	name, _, _ := strings.Cut(scope, "@")
	name = strings.TrimSuffix(name, ":1")
	if domain, ok := strings.CutPrefix(name, "*."); ok {
		name = s.Pick("foo.", "x.y.") + domain
	}
	if !strings.Contains(name, "/") {
		name += "/z"
	}
	return name + s.Pick("", "/a") + s.Pick("", ":1", "@"+image.Manifest.Digest.String())
}

// compare pulls an image, holds what the client did against the plan, and says what it came to.
func (n policedNode) compare(t *testing.T, s *random.Source, p *world.Proxy, client *containersimage.Registries,
	by PolicyPuller) string {
	t.Helper()
	var name string
	var bare resolve.Plan
	for range 4 { // most names have no mirrors
		var err error
		name = n.image(s)
		bare, err = n.table.Plan(name)
		require.NoError(t, err, name)
		if len(bare.Pull) > 1 {
			break
		}
	}
	plan := n.policy.Apply(bare)
	st := randomState(s, n.config, bare)
	if s.Intn(2) == 0 { // the first location serves, so that the policy alone decides
		st = newState()
		for _, a := range bare.Pull {
			st.put(a.Location)
		}
	}
	signatures := n.sign(t, s, st, bare)
	p.Use(st.World)

	requests, err := pullBy(name, client, func(ref string) clients.Pull {
		return client.PullBy(context.Background(), p, ref,
			func(ctx context.Context, sys *types.SystemContext, image types.ImageReference) (digest.Digest, error) {
				return by(ctx, sys, image, n.text)
			})
	})
	want := n.expect(t, st, client, plan, signatures)
	about := fmt.Sprintf("%s: %v; %v; signed %v\n%s", name, err, st.fates, signatures, n)
	require.Equal(t, want.trace, trace(requests), "the plan's trace, and the client's; %s", about)
	require.Equal(t, want.outcome == pulledBare || want.outcome == pulledSigned, err == nil, "%s: %s", want.outcome, about)
	var asked, blobs bool
	for _, r := range requests {
		asked = asked || strings.HasSuffix(r.Object(), ".sig")
		blobs = blobs || strings.HasPrefix(r.Object(), "blobs/")
	}
	require.False(t, want.searched && !asked, "no signature is looked for: %s", about)
	if err != nil && !want.searched {
		require.False(t, asked || blobs, "nothing is asked for but the manifest: %s", about)
	}
	if plan.Outcome == resolve.OutcomeRefused {
		require.Error(t, err, about)
		require.Empty(t, plan.Pull, about)
	}
	require.Equal(t, want.hopeless, plan.Outcome == resolve.OutcomeRefused, about)
	if want.outcome == rejected && len(plan.References) == 1 {
		require.ErrorContains(t, err, "rejected by policy", about)
	}
	requireAllowed(t, n.config, client, bare, requests)
	return want.outcome
}

// expected is what a plan says of a pull in a world.
type expected struct {
	trace   []string
	outcome string
	// searched is set where a signature is asked for and registries.d names the location that serves.
	searched bool
	// hopeless is set where policy.json refuses every reference that has locations.
	hopeless bool
}

// expect says what will be seen of a plan, and what the pull comes to. Each reference that the image
// stands for has its own plan, which is a part of the image's.
func (n policedNode) expect(t *testing.T, st state, client *containersimage.Registries, plan resolve.Plan,
	signatures map[string]string) expected {
	t.Helper()
	want := expected{outcome: notFound}
	var all []string
	for i, reference := range plan.References {
		own, err := n.table.Plan(reference)
		require.NoError(t, err)
		own = n.policy.Apply(own)
		if own.Outcome == resolve.OutcomeRefused {
			require.True(t, slices.ContainsFunc(plan.Findings, func(f finding.Finding) bool {
				return f.Code == finding.CodeNoLocation && f.Value == reference
			}), "nothing says that %s is refused: %v", reference, plan.Findings)
		}
		asked := locations(resolve.Plan{Pull: slices.Concat(own.Asked, own.Pull)})
		want.hopeless = want.hopeless && own.Outcome == resolve.OutcomeRefused ||
			len(all) == 0 && own.Outcome == resolve.OutcomeRefused ||
			want.hopeless && len(asked) == 0
		require.Equal(t, asked, locations(resolve.Plan{Pull: plan.For(i)}), reference)
		all = append(all, asked...)
		if want.outcome == pulledBare || want.outcome == pulledSigned {
			continue // an earlier one was pulled
		}
		part, found := st.expect(asked)
		for _, location := range part {
			if len(want.trace) == 0 || want.trace[len(want.trace)-1] != location {
				want.trace = append(want.trace, location)
			}
		}
		if !found {
			continue
		}
		served := part[len(part)-1]
		searched := len(own.Signatures) > 0 && n.attached(t, client, reference, served)
		want.searched = want.searched || searched
		switch {
		case own.Outcome == resolve.OutcomeRefused:
			want.outcome = rejected
		case len(own.Signatures) == 0:
			want.outcome = pulledBare
		case searched && !n.keys[own.Signatures[0].Scope].other && signatures[served] == reference:
			want.outcome = pulledSigned
		default:
			want.outcome = rejectedUnsigned
		}
	}
	require.Equal(t, all, locations(resolve.Plan{Pull: slices.Concat(plan.Asked, plan.Pull)}), plan.Image)
	return want
}

// attached reports whether registries.d has the client look for signatures at the location that serves a
// reference. MCO lists the mirrors of a scope as they are written: a mirror of *.example.org that is asked
// for a host with a port is asked on that port, and not listed.
func (n policedNode) attached(t *testing.T, client *containersimage.Registries, reference, served string) bool {
	t.Helper()
	attempts, err := client.Attempts(reference)
	require.NoError(t, err)
	i := slices.IndexFunc(attempts, func(a containersimage.Attempt) bool { return !a.Blocked && a.Location == served })
	require.GreaterOrEqual(t, i, 0, "%s: %s", reference, served)
	name, tagOrDigest, digested := strings.Cut(reference, "@")
	if tagOrDigest = "@" + tagOrDigest; !digested {
		tagOrDigest = name[strings.LastIndexByte(name, ':'):]
	}
	scopes, err := containersimage.Scopes(attempts[i].Name + tagOrDigest)
	require.NoError(t, err)
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(n.attachments, s) })
}

// sign puts a signature of the signer beside the image, at two of three locations that have it, for one
// of the references that the image stands for. It returns the reference by location, as the network
// sees it.
func (n policedNode) sign(t *testing.T, s *random.Source, st state, plan resolve.Plan) map[string]string {
	t.Helper()
	signed := map[string]string{}
	for _, a := range plan.Pull {
		host, repository, _ := strings.Cut(onTheWire(a.Location), "/")
		seen := world.WireLocation(a.Location)
		if s.Intn(3) == 0 || signed[seen] != "" ||
			st.Registry(host).Repositories[repository]["1"].Manifest.Digest != image.Manifest.Digest {
			continue
		}
		signed[seen] = s.Pick(plan.References...)
		st.Put(onTheWire(a.Location), strings.Replace(image.Manifest.Digest.String(), ":", "-", 1)+".sig",
			n.signature(t, signed[seen]))
	}
	return signed
}

// A signer signs images as cosign does, with a key.
type signer struct {
	key           *ecdsa.PrivateKey
	public, other []byte // its public key, and that of somebody else
}

func newSigner(t *testing.T) (s signer) {
	t.Helper()
	for _, public := range []*[]byte{&s.other, &s.public} {
		var err error
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
		require.NoError(t, err)
		*public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return s
}

// signature returns the image that holds a signature of the image under a reference.
func (s signer) signature(t *testing.T, reference string) world.Image {
	t.Helper()
	if name, _, ok := strings.Cut(reference, "@"); ok {
		reference = name + ":1" // any tag: the repository is compared
	}
	payload, err := json.Marshal(map[string]any{"optional": nil, "critical": map[string]any{
		"type":     "cosign container image signature",
		"image":    map[string]any{"docker-manifest-digest": image.Manifest.Digest},
		"identity": map[string]any{"docker-reference": reference},
	}})
	require.NoError(t, err)
	sum := sha256.Sum256(payload)
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, sum[:])
	require.NoError(t, err)
	content := func(mediaType string, data []byte) world.Content {
		return world.Content{MediaType: mediaType, Digest: digest.FromBytes(data), Bytes: data}
	}
	descriptor := func(c world.Content) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: c.MediaType, Digest: c.Digest, Size: int64(len(c.Bytes))}
	}
	i := world.Image{Config: content(ocispec.MediaTypeImageConfig, []byte("{}")),
		Layer: content("application/vnd.dev.cosign.simplesigning.v1+json", payload)}
	layer := descriptor(i.Layer)
	layer.Annotations = map[string]string{
		"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)}
	manifest, err := json.Marshal(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest, Config: descriptor(i.Config), Layers: []ocispec.Descriptor{layer}})
	require.NoError(t, err)
	i.Manifest = content(ocispec.MediaTypeImageManifest, manifest)
	return i
}
