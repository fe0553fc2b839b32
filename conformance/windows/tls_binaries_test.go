//go:build binaries

package windows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/world"
	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/mirrorset"
)

func TestTLSWithRealServersIn16(t *testing.T) {
	_, c := startContainerd(t)
	tlsCases(t, func(t *testing.T, dir, image string) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return c.Pull(ctx, dir, image).Err // loopback is asked past the proxy
	}, true)
}

func TestCredentialsIn16(t *testing.T) {
	p, c := startContainerd(t)
	for name, test := range map[string]struct {
		m    world.Registry
		want []string
	}{
		"Basic":  {world.Registry{Auth: world.Basic, Username: "m.io-org", Password: "secret"}, []string{"m.io Basic m.io-org"}},
		"Bearer": {world.Registry{Auth: world.Bearer, Username: "m.io-org", Password: "secret"}, []string{"m.io Basic m.io-org", "m.io/token none", "quay.io none", "fails"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New()
			*w.Registry("m.io") = test.m
			*w.Registry("quay.io") = world.Registry{State: world.Empty}
			put(w, "m.io/org/team/app", images[0])
			p.Use(w)
			dir := credentialTree(t, []mirrorset.ImageMirrors{{Source: "quay.io", Mirrors: []string{"m.io/org"}}}, "m.io/org")
			pull := c.Pull(context.Background(), dir, "quay.io/team/app:1")
			got := sent(pull.Requests)
			if pull.Err != nil {
				got = append(got, "fails")
			}
			require.Equal(t, test.want, got, "%v", pull.Err)
		})
	}
	// A file with root-level settings and no host table at all but an empty one.
	t.Run("a registry without a mirror", func(t *testing.T) {
		w := world.New()
		*w.Registry("p.io:5000") = world.Registry{Auth: world.Basic, Username: "p.io-5000", Password: "secret"}
		put(w, "p.io:5000/team/app", images[0])
		p.Use(w)
		tree, _, _ := hoststoml.Render(rulesOf(t, nil, true), hoststoml.RenderOptions{PullSecret: pullSecretOf(t, "p.io:5000")})
		dir := t.TempDir()
		_, err := tree.Write(dir)
		require.NoError(t, err)
		require.NoError(t, c.Pull(context.Background(), dir, "p.io:5000/team/app:1").Err)
	})
}
