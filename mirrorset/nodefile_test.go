package mirrorset_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset"
)

func TestTheContentOfANodeFileIsNotShown(t *testing.T) {
	const text = "mirrors: {q.io: {endpoint: ['https://m.io']}}\nconfigs: {m.io: {auth: {username: u, password: hunter2}}}\n"
	set, err := mirrorset.Decode("registries.yaml", strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, set.NodeFiles, 1)
	file := set.NodeFiles[0]
	require.Contains(t, string(file.Data.Bytes()), "hunter2")
	require.Equal(t, fmt.Sprintf("%d bytes", len(file.Data.Bytes())), fmt.Sprint(file.Data))
	require.Equal(t, mirrorset.NewContent(file.Data.Bytes()), file.Data)

	type hidden struct{ in any }
	for _, v := range []any{set, *set, file, &file, file.Data, hidden{*set}, hidden{file}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		require.NoError(t, json.NewEncoder(&out).Encode(v))
		_ = gob.NewEncoder(&out).Encode(v) // it refuses some
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		for _, form := range []string{"hunter2", "68756e74657232", "68756E74657232", "104 117 110 116", "0x68, 0x75"} {
			require.NotContains(t, out.String(), form)
		}
	}
}
