package hoststoml_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(mirror))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, findings := hoststoml.Parse("hosts.toml", data)
		if file == nil {
			require.Error(t, findings.Err())
			return
		}
		text := file.Bytes()
		again, findings := hoststoml.Parse("hosts.toml", text)
		if file.Validate().Err() != nil {
			return
		}
		require.NoError(t, findings.Err(), "%s", text)
		require.Equal(t, normalize(file), normalize(again))
		require.Equal(t, string(text), string(again.Bytes()))
	})
}
