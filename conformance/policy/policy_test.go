// Package policy holds package policyjson against the client that reads policy.json, and against what the Machine
// Config Operator makes of it.
package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	_ "go.podman.io/image/v5/directory" // the transports, for what they say of scopes
	"go.podman.io/image/v5/docker"
	_ "go.podman.io/image/v5/docker/archive"
	_ "go.podman.io/image/v5/docker/daemon"
	_ "go.podman.io/image/v5/oci/archive"
	_ "go.podman.io/image/v5/oci/layout"
	_ "go.podman.io/image/v5/openshift"
	_ "go.podman.io/image/v5/sif"
	"go.podman.io/image/v5/signature"
	_ "go.podman.io/image/v5/tarball"
	"go.podman.io/image/v5/types"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // the client logs every signedBaseLayer
	report.Main(m, "policy", "../../docs", time.Minute)
}

var containersImage = "containers-image " + containersimage.Version

// newRow starts a row of the report. A test that fails at the first mismatch has one.
func newRow(t *testing.T, client, compared string) *report.Row {
	row := report.Add(client, compared)
	t.Cleanup(func() {
		if t.Failed() && row.Mismatches == 0 {
			row.Mismatches = 1
		}
	})
	return row
}

func TestTheClientJudgesEveryReferenceAsWeDo(t *testing.T) {
	row := newRow(t, containersImage, "policy.json: outcome and governing scope of references")
	s := source{random.New(t.Name())}
	outcomes := map[policyjson.Outcome]int{}
	scopes := map[string]int{}
	for range random.Count(20_000) {
		text := s.policy()
		client, ours := parseBoth(t, text)
		require.NotNil(t, client, text)
		verified := withoutSignatures(t, client)
		row.Configurations++
		for range 5 {
			ref := s.reference()
			j, err := ours.Judge(ref)
			require.NoError(t, err)
			row.Pulls++
			outcomes[j.Outcome]++
			scopes[kindOf(j)]++
			want := policyjson.Accepted
			if allowed, why := ask(t, client, ref); !allowed {
				want = policyjson.Refused
				if allowed, _ := ask(t, verified, ref); allowed {
					want = policyjson.SignatureRequired
					require.Contains(t, why, "A signature was required", text)
				}
			}
			require.Equal(t, want, j.Outcome, "%s: %v\n%s", ref, j, text)
			require.Equal(t, j.Scope, governing(t, client, ref), "%s: %v\n%s", ref, j, text)
		}
	}
	t.Logf("outcomes %v, scopes %v", outcomes, scopes)
	for _, o := range []policyjson.Outcome{policyjson.Accepted, policyjson.Refused, policyjson.SignatureRequired} {
		require.Greater(t, outcomes[o], row.Pulls/20, o)
	}
	require.Len(t, scopes, 7)
}

// kindOf says what kind of scope governs.
func kindOf(j policyjson.Judgement) string {
	switch _, path, _ := strings.Cut(j.Scope, "/"); {
	case j.Transport == "":
		return "default"
	case j.Scope == "":
		return "default of docker"
	case j.Scope == j.Reference:
		return "reference"
	case strings.HasPrefix(j.Scope, "*."):
		return "wildcard"
	case path == "":
		return "host"
	case strings.HasPrefix(j.Reference, j.Scope+":"), strings.HasPrefix(j.Reference, j.Scope+"@"):
		return "repository"
	}
	return "namespace"
}

func TestTheClientReadsADamagedPolicyAsWeDo(t *testing.T) {
	each := random.Count(40_000)
	row := newRow(t, containersImage, "damaged policy.json, as many read as refused, and printed byte for byte")
	s := source{random.New(t.Name())}
	counts := map[bool]int{}
	for i := 0; counts[false] < each || counts[true] < each; i++ {
		text := s.policy()
		for range s.Intn(3) {
			text = s.damage(text)
		}
		client, ours := parseBoth(t, text)
		if client != nil {
			printed, err := json.MarshalIndent(client, "", "  ")
			require.NoError(t, err)
			require.Equal(t, string(printed), string(ours.Bytes()), text)
		}
		if refused := client == nil; counts[refused] < each {
			counts[refused]++
			row.Configurations++
		}
	}
}

// parseBoth reads a policy with the client and with the library; both are nil where it is refused.
func parseBoth(t *testing.T, text string) (*signature.Policy, *policyjson.Policy) {
	t.Helper()
	client, err := signature.NewPolicyFromBytes([]byte(text))
	ours, findings := policyjson.Parse("policy.json", []byte(text))
	require.Equal(t, err != nil, findings.Err() != nil, "the client says %v, the library %v of\n%s", err, findings, text)
	if err != nil {
		require.Nil(t, ours)
		return nil, nil
	}
	return client, ours
}

// unsigned is an image of which nothing is known but its name.
type unsigned struct {
	types.ImageReference
	signatures [][]byte
}

func (u unsigned) Reference() types.ImageReference { return u.ImageReference }
func (u unsigned) Manifest(context.Context) ([]byte, string, error) {
	return []byte("{}"), "application/vnd.oci.image.manifest.v1+json", nil
}
func (u unsigned) Signatures(context.Context) ([][]byte, error) { return u.signatures, nil }

// ask asks the client whether an image may run.
func ask(t *testing.T, policy *signature.Policy, ref string, signatures ...[]byte) (allowed bool, why string) {
	t.Helper()
	parsed, err := docker.ParseReference("//" + ref)
	require.NoError(t, err)
	client, err := signature.NewPolicyContext(policy)
	require.NoError(t, err)
	allowed, err = client.IsRunningImageAllowed(context.Background(), unsigned{parsed, signatures})
	if err != nil {
		why = err.Error()
	}
	require.NoError(t, client.Destroy())
	return allowed, why
}

// withoutSignatures returns the policy as it would be if every signature that it asks for were there.
func withoutSignatures(t *testing.T, policy *signature.Policy) *signature.Policy {
	t.Helper()
	accepted := func(list signature.PolicyRequirements) signature.PolicyRequirements {
		list = slices.Clone(list)
		for i, r := range list {
			data, err := json.Marshal(r)
			require.NoError(t, err)
			if s := string(data); strings.HasPrefix(s, `{"type":"signedBy",`) || strings.HasPrefix(s, `{"type":"sigstoreSigned",`) {
				list[i] = signature.NewPRInsecureAcceptAnything()
			}
		}
		return list
	}
	changed := &signature.Policy{Default: accepted(policy.Default), Transports: map[string]signature.PolicyTransportScopes{}}
	for transport, scopes := range policy.Transports {
		changed.Transports[transport] = signature.PolicyTransportScopes{}
		for scope, list := range scopes {
			changed.Transports[transport][scope] = accepted(list)
		}
	}
	return changed
}

// governing returns the scope that the client takes for an image: it is given the same scopes, each with a key of its
// own, and an image with a signature. What it says of the key that is not there names the scope.
func governing(t *testing.T, policy *signature.Policy, ref string) string {
	t.Helper()
	var names []string
	keyed := func(scope string) signature.PolicyRequirements {
		names = append(names, scope)
		r, err := signature.NewPRSignedByKeyPath(signature.SBKeyTypeGPGKeys, fmt.Sprintf("/nowhere/%d.", len(names)-1), signature.NewPRMMatchExact())
		require.NoError(t, err)
		return signature.PolicyRequirements{r}
	}
	marked := &signature.Policy{Default: keyed(""), Transports: map[string]signature.PolicyTransportScopes{}}
	for transport, scopes := range policy.Transports {
		marked.Transports[transport] = signature.PolicyTransportScopes{}
		for _, scope := range slices.Sorted(maps.Keys(scopes)) {
			marked.Transports[transport][scope] = keyed(scope)
		}
	}
	_, why := ask(t, marked, ref, []byte("signature"))
	_, number, found := strings.Cut(why, "/nowhere/")
	require.True(t, found, why)
	var i int
	_, err := fmt.Sscanf(number, "%d.", &i)
	require.NoError(t, err)
	return names[i]
}
