package resolve_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
)

// What the clients do after each fault, written down apart from the code: conformance/failover holds
// it against the clients themselves.
func TestAClientGoesOnAfterAFault(t *testing.T) {
	anyManifest := func(f resolve.Fault) bool { return f[:len("manifest")] == "manifest" }
	for _, f := range resolve.Faults() {
		old, current := resolve.StepFail, resolve.StepFail
		switch {
		case anyManifest(f):
			old, current = resolve.StepNext, resolve.StepNext
		case f == resolve.BlobUnknown, f == resolve.BlobTooMany:
			current = resolve.StepNext
		case f == resolve.BlobBroken, f == resolve.BlobTimeout:
			current = resolve.StepRetry
		}
		require.Equal(t, old, resolve.ContainersImage538.After(f), f)
		require.Equal(t, current, resolve.ContainersImage542.After(f), f)
		require.Equal(t, resolve.StepNext, resolve.Containerd1.After(f), f)
		require.Equal(t, resolve.StepNext, resolve.Containerd2.After(f), f)
	}
	require.Len(t, resolve.Faults(), 15)
}

func TestAPlanSaysWhenTheNextLocationIsAsked(t *testing.T) {
	linux := resolve.LinuxTableOf(resolve.LinuxConfig{
		SearchRegistries: []string{"blocked.io", "a.io", "b.io"},
		ShortNameMode:    "disabled",
		Entries: []resolve.LinuxEntry{
			{Prefix: "blocked.io", Location: "blocked.io", Blocked: true},
			{Prefix: "a.io", Location: "a.io", Mirrors: []resolve.LinuxMirror{{Location: "m.io"}}},
		},
	})
	windows := resolve.ContainerdTableOf([]resolve.Registry{{Host: "a.io", Endpoints: []resolve.Endpoint{
		{Scheme: "https", Host: "m.io", Root: "/v2", Capabilities: resolve.CanAll}}}})
	three := resolve.LinuxTableOf(resolve.LinuxConfig{SearchRegistries: []string{"a.io", "b.io", "c.io"}})
	type steps []resolve.Step
	for name, test := range map[string]struct {
		on interface {
			Plan(string) (resolve.Plan, error)
		}
		client   resolve.Client
		image    string
		manifest steps // after a manifest 404, of each location
		blob     steps // after a blob 5xx
	}{
		"CRI-O on Linux where no client is named": {linux, "", "a.io/a:1",
			steps{resolve.StepNext, resolve.StepFail}, steps{resolve.StepFail, resolve.StepFail}},
		"podman 6": {linux, resolve.ContainersImage542, "a.io/a:1",
			steps{resolve.StepNext, resolve.StepFail}, steps{resolve.StepRetry, resolve.StepFail}},
		"containerd for a hosts.toml": {windows, "", "a.io/a:1",
			steps{resolve.StepNext, resolve.StepFail}, steps{resolve.StepNext, resolve.StepFail}},
		"one location": {linux, resolve.ContainersImage542, "c.io/a:1",
			steps{resolve.StepFail}, steps{resolve.StepFail}},
		// m.io/a and a.io/a for a.io, b.io/a for b.io, and nothing for the registry that is blocked.
		"a name without a registry goes on with the next registry": {linux, "", "a:1",
			steps{resolve.StepNext, resolve.StepReference, resolve.StepFail}, steps{resolve.StepReference, resolve.StepReference, resolve.StepFail}},
		"and with the next one again": {three, "", "a:1",
			steps{resolve.StepReference, resolve.StepReference, resolve.StepFail}, steps{resolve.StepReference, resolve.StepReference, resolve.StepFail}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := test.on.Plan(test.image)
			require.NoError(t, err)
			plan.Client = test.client
			require.Len(t, plan.Pull, len(test.manifest), "%+v", plan.Pull)
			for i := range plan.Pull {
				require.Equal(t, test.manifest[i], plan.After(i, resolve.ManifestNotFound), i)
				require.Equal(t, test.blob[i], plan.After(i, resolve.BlobBroken), i)
			}
			require.Equal(t, resolve.StepFail, plan.After(len(plan.Pull), resolve.BlobBroken))
		})
	}
}

func TestAPlanForProgramsSaysAfterWhichFaultsItsClientMovesOn(t *testing.T) {
	set := &mirrorset.Set{ImageTagMirrorSets: []mirrorset.ImageTagMirrorSet{{
		Metadata: mirrorset.ObjectMeta{Name: "a"},
		Spec:     mirrorset.ImageTagMirrorSetSpec{ImageTagMirrors: []mirrorset.ImageMirrors{{Source: "a.io", Mirrors: []string{"m.io"}}}},
	}}}
	rules, err := set.Rules()
	require.NoError(t, err)
	table := resolve.NewLinuxTable(rules)
	plan, err := table.Plan("a.io/a:1")
	require.NoError(t, err)
	movesOn := func(plan resolve.Plan) string {
		text, err := json.Marshal(plan)
		require.NoError(t, err)
		var out struct{ MovesOn json.RawMessage }
		require.NoError(t, json.Unmarshal(text, &out))
		return string(out.MovesOn)
	}
	manifest := `"manifest 404","manifest 401","manifest 403","manifest 429","manifest 5xx","manifest time-out","manifest connection refused"`
	require.Equal(t, `{"client":"containers-image up to 5.38","after":[`+manifest+`]}`, movesOn(plan))
	plan.Client = resolve.ContainersImage542
	require.Equal(t, `{"client":"containers-image from 5.39 on","after":[`+manifest+`,"blob 404 BLOB_UNKNOWN","blob 429","blob 5xx","blob time-out"]}`, movesOn(plan))
	alone, err := table.Plan("b.io/a:1")
	require.NoError(t, err)
	require.Empty(t, movesOn(alone), "there is nowhere to move on to")
}

// A namespace-proxy stands in a plan of the client that sends it.
func TestTheNamespaceOfAnAttempt(t *testing.T) {
	table := resolve.LinuxTableOf(resolve.LinuxConfig{Entries: []resolve.LinuxEntry{{Prefix: "quay.io", Location: "quay.io", NamespaceProxy: "own",
		Mirrors: []resolve.LinuxMirror{{Location: "m.io", NamespaceProxy: "quay.io"}, {Location: "n.io"}, {Location: "n.io", NamespaceProxy: "again"}}}}})
	plan, err := table.Plan("quay.io/a:1")
	require.NoError(t, err)
	require.Len(t, plan.Pull, 4, "one location with two namespaces is asked twice")
	for client, want := range map[resolve.Client][]string{
		resolve.ContainersImage542: {"quay.io", "", "again", "own"}, resolve.ContainersImage538: {"", "", "", ""}, "": {"", "", "", ""},
	} {
		plan.Client = client
		var got []string
		for _, a := range plan.Pull {
			got = append(got, plan.Namespace(a))
		}
		require.Equal(t, want, got)
		data, err := json.Marshal(plan)
		require.NoError(t, err)
		require.Equal(t, client == resolve.ContainersImage542, strings.Contains(string(data), `"namespace":"own"`), string(data))
	}
	require.Equal(t, "own", plan.Pull[3].Namespace, "marshalling changed the plan")
}
