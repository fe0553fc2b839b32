package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/internal/zero"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, []string{"Tree.Apply", "Change.Apply", "Operation.Do"}, // a transport is to be given
		(*hoststoml.File)(nil), &hoststoml.File{}, &hoststoml.Host{}, &hoststoml.Settings{}, &hoststoml.KeyPair{}, new(hoststoml.Header), new(hoststoml.Extra),
		&hoststoml.RegistryFile{}, &hoststoml.Tree{}, &hoststoml.Tree{{}}, (*hoststoml.Node)(nil), &hoststoml.Node{}, &hoststoml.Change{}, &hoststoml.Operation{},
		&hoststoml.Options{}, &hoststoml.PullSecret{}, &hoststoml.TLS{}, new(hoststoml.Secret), &hoststoml.Target{},
		&hoststoml.RenderOptions{})
	for _, tree := range []hoststoml.Tree{nil, {}, {{}}, {{Host: "quay.io"}}} {
		require.NotPanics(t, func() { _, _ = hoststoml.Diff(nil, tree, hoststoml.Options{}) })
		require.NotPanics(t, func() { _, _ = hoststoml.Diff(&hoststoml.Node{}, tree, hoststoml.Options{}) })
	}
	tree, table, findings := hoststoml.Render(nil, hoststoml.RenderOptions{})
	require.Empty(t, tree)
	require.Empty(t, table.Registries())
	require.Empty(t, findings)
}
