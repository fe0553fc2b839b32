package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(everySetting))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, findings := registriesconf.Parse("registries.conf", file)
		if c == nil {
			require.Error(t, findings.Err(), "a file without a Config needs a reason")
		}
		c.Validate()
		c.Overlay(c)
		printed := c.Bytes()
		if findings.Err() != nil {
			return
		}
		require.NoError(t, c.Validate().Err())
		again, findings := registriesconf.Parse("registries.conf", printed)
		require.NoError(t, findings.Err())
		require.Equal(t, c, again)
		require.Equal(t, string(printed), string(again.Bytes()))
	})
}
