package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/internal/zero"
	"github.com/pullroute/pullroute/registriesconf"
)

func TestNoMethodPanicsOnAZeroValue(t *testing.T) {
	zero.RequireAnswers(t, nil,
		(*registriesconf.Config)(nil), &registriesconf.Config{}, &registriesconf.Registry{}, &registriesconf.Mirror{}, new(registriesconf.PullFromMirror),
		&registriesconf.Files{}, &registriesconf.RenderOptions{}, &registriesconf.NodeImpact{}, &registriesconf.Change{}, new(registriesconf.ChangeCode))
	require.NotPanics(t, func() { registriesconf.Impact(nil, nil) })
	files, table, findings := registriesconf.Render(nil, registriesconf.RenderOptions{})
	require.Equal(t, string(registriesconf.Default().Bytes()), string(files.Config.Bytes()))
	require.Nil(t, files.Search)
	require.Empty(t, table.Entries())
	require.Empty(t, findings)
}
