package routes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/resolve"
	"github.com/pullroute/pullroute/resolve/routes"
)

// Routes that nobody made are those of an empty file: they hide no change, and let no statement hold.
func TestRoutesOfNothingAskTheSource(t *testing.T) {
	rules := &mirrorset.Rules{Rules: []mirrorset.Rule{{Pull: mirrorset.ByDigest, Source: "quay.io", Never: true}}}
	never := routes.Linux(resolve.NewLinuxTable(rules))
	for _, none := range []*routes.Routes{nil, {}, routes.Linux(nil)} {
		for class := range none.Classes() {
			require.Equal(t, class.Pattern.Short(), len(class.Pull) == 0, "without search registries there is nowhere to look for short names")
		}
		require.NotEmpty(t, routes.Diff(none, never))
		require.NotEmpty(t, routes.Diff(never, none))
		require.Empty(t, routes.Diff(none, routes.Linux(nil)))
	}
	require.Empty(t, routes.Check([]routes.Statement{{Never: "quay.io"}}, nil, nil))
	for _, v := range routes.Check([]routes.Statement{{Never: "quay.io"}, {Same: "quay.io"}}, &routes.Routes{}, &routes.Routes{}) {
		require.False(t, v.Holds, v.Statement)
	}
}

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil, (*routes.Routes)(nil), &routes.Routes{}, &routes.Class{}, &routes.Pattern{}, &routes.Step{}, &routes.Change{},
		&routes.Statement{}, &routes.Verdict{}, &routes.Counterexample{})
	for _, s := range []routes.Statement{{}, {Never: "/x"}, {Never: "*"}, {Images: "/x"}, {Mirrored: "/"}, {Same: "/x"}, {Image: "/x", Linux: []string{""}}} {
		require.NotPanics(t, func() { routes.Check([]routes.Statement{s}, routes.Linux(nil), routes.Containerd(nil)) }, s)
	}
}
