package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/registriesconf"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, []string{"Files.Apply", "Files.ApplyNamespaces", "Change.Apply", "Operation.Do"}, // a transport is to be given
		(*registriesconf.Config)(nil), &registriesconf.Config{}, &registriesconf.Registry{}, &registriesconf.Mirror{}, new(registriesconf.PullFromMirror),
		&registriesconf.Files{}, &registriesconf.RenderOptions{}, &registriesconf.NodeImpact{}, &registriesconf.Difference{}, new(registriesconf.DifferenceCode),
		(*registriesconf.Node)(nil), &registriesconf.Node{}, &registriesconf.Change{}, &registriesconf.Operation{}, &registriesconf.Options{})
	require.NotPanics(t, func() { registriesconf.Impact(nil, nil) })
	require.NotPanics(t, func() { _, _ = registriesconf.Diff(nil, registriesconf.Files{}, registriesconf.Options{}) })
	files, table, findings := registriesconf.Render(nil, registriesconf.RenderOptions{})
	require.Equal(t, string(registriesconf.Default().Bytes()), string(files.Config.Bytes()))
	require.Nil(t, files.Search)
	require.Empty(t, table.Entries())
	require.Empty(t, findings)
}
