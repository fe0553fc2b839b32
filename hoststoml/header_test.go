package hoststoml_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/hoststoml"
)

func TestHeaderValuesAreNeverShown(t *testing.T) {
	header := hoststoml.Header{"Authorization": {"secret"}, "X-A": {"secret", "secret"}}
	settings := hoststoml.Settings{Header: header}
	file := hoststoml.File{Settings: settings, Hosts: []hoststoml.Host{{URL: "z", Settings: settings}}}
	for _, value := range []any{header, &header, settings, file, &file, file.Hosts, []any{header}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, value)
			require.NotContains(t, text, "secret", verb)
			require.NotContains(t, text, fmt.Sprintf("%x", "secret"), verb)
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		require.NotContains(t, string(text), "secret")
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", value)
		require.NotContains(t, log.String(), "secret")
	}
	require.Equal(t, "map[Authorization:[redacted] X-A:[redacted]]", header.String())
	require.Equal(t, header.String(), fmt.Sprint(header))
	require.Equal(t, header.String(), header.GoString())
	text, _ := json.Marshal(header)
	require.JSONEq(t, `{"Authorization": ["[redacted]"], "X-A": ["[redacted]"]}`, string(text))
	require.Equal(t, "map[]", hoststoml.Header(nil).String())
}
