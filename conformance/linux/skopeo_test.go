//go:build binaries

package linux

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/binaries"
	"github.com/pullroute/pullroute/conformance/random"
	"github.com/pullroute/pullroute/conformance/world"
)

const skopeo = "skopeo 1.9.3 (Debian)"

// What is different from containers-image 5.42, as far as these pulls see it:
//
//   - skopeo takes docker://REFERENCE, which is a reference in full: names without a registry are Docker
//     Hub's, and a tag beside a digest is refused. It has no drop-in directory but the system's.
//   - A registry that cannot be pinged over HTTPS is asked once more at /v1/_ping.
func TestSkopeoPullsWhereThePlanSays(t *testing.T) {
	pulls := random.Count(400)
	row := newRow(t, skopeo, "requests of pulls, up to the location that serves")
	s := random.New(t.Name())
	p := newProxy(t)
	sandbox, err := binaries.NewSandbox(t.TempDir(), p)
	require.NoError(t, err)
	mirrored := 0
	for row.Pulls < pulls || mirrored <= pulls/2 { // most are to have mirrors
		c := newConfig(t, s.Set())
		name := c.image(s, image.Manifest.Digest.String())
		plan, err := c.table.Plan(name)
		require.NoError(t, err)
		if len(plan.References) != 1 || len(plan.Pull) < 2 && s.Intn(8) > 0 {
			continue
		}
		row.Configurations++
		row.Pulls++
		if len(plan.Pull) > 1 {
			mirrored++
		}
		st := randomState(s, c, plan)
		p.Use(st.World)
		got := sandbox.SkopeoPull(context.Background(), c.file, plan.References[0])
		requests := version2(got.Requests)
		want, served := st.expect(locations(plan))
		require.Equal(t, want, trace(requests), "%s: the plan's trace, and skopeo's; %v\n%s", name, st.fates, c)
		require.Equal(t, served, got.Err == nil, "%s: %v\n%s", name, got.Err, c)
		requireNever(t, c, nil, plan)
		requireAllowed(t, c, nil, plan, requests)
	}
}

func TestNeverMeansNeverForSkopeo(t *testing.T) {
	pulls := random.Count(40)
	s := random.New(t.Name())
	p := newProxy(t)
	sandbox, err := binaries.NewSandbox(t.TempDir(), p)
	require.NoError(t, err)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			row := newRow(t, skopeo, "NeverContactSource, every mirror: "+f.name)
			for row.Pulls < pulls {
				c := newConfig(t, s.Set())
				name, source := forbiddenImage(s, c)
				if name == "" {
					continue
				}
				plan, st, ok := failing(t, c, name, source, f)
				if !ok {
					continue
				}
				row.Configurations++
				row.Pulls++
				p.Use(st.World)
				got := sandbox.SkopeoPull(context.Background(), c.file, name)
				require.Error(t, got.Err, "%s is served\n%s", name, c)
				requests := version2(got.Requests)
				want, _ := st.expect(locations(plan))
				require.Equal(t, want, trace(requests), "%s\n%s", name, c)
				requireAllowed(t, c, nil, plan, requests)
			}
		})
	}
}

// version2 leaves the question for version 1 of the API out: it names no repository, and follows one to the
// same host.
func version2(requests []world.Request) []world.Request {
	return slices.DeleteFunc(requests, func(r world.Request) bool { return strings.HasPrefix(r.Path, "/v1/") })
}
