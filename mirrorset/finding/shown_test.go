package finding_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/mirrorset/finding"
)

func TestAFindingShowsNeitherSecretsNorControlCharactersHoweverItIsPrinted(t *testing.T) {
	dirty := finding.Finding{
		Code: finding.CodeInvalidMirror, Severity: finding.SeverityError, RefusedBy: finding.MCO,
		Origin:  finding.Origin{Object: "ImageDigestMirrorSet/x\x1b[2J", Field: "spec.a:hunter2@b.io\n", File: "m\u202e.yaml\n", Document: 2, Line: 3},
		Value:   "https://puller:hunter2@m.io\n# evil <&>",
		Message: "is no mirror, as https://puller:hunter2@n.io is none\r",
	}
	sorted := finding.Findings{dirty}.Sort()
	require.Equal(t, `error: ImageDigestMirrorSet/x\u001b[2J [redacted]@b.io\n: "https://[redacted]@m.io\n[redacted]": `+
		`is no mirror, as https://[redacted]@n.io is none\r [invalid-mirror, refused by MCO] (m\u202e.yaml\n:3 (document 2))`, dirty.String())
	require.Equal(t, dirty.String(), sorted[0].String())
	for _, value := range []any{dirty, &dirty, dirty.Origin, sorted, sorted.Err(), struct{ hidden finding.Findings }{sorted}} {
		var text bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%#v"} {
			fmt.Fprintf(&text, verb, value)
		}
		data, err := json.Marshal(value)
		require.NoError(t, err)
		text.Write(data)
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", value)
		require.NotContains(t, text.String(), "hunter2")
		require.NotContains(t, text.String(), "\x1b")
		require.NotContains(t, text.String(), "\u202e")
		require.NotContains(t, text.String(), "evil")
	}
	var back finding.Finding
	data, err := json.Marshal(dirty)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, dirty.Shown(), back)
}

func TestAFindingIsEncodedWithTheCharactersThatItHas(t *testing.T) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(finding.Finding{Message: "a <b> & c"}))
	require.Contains(t, text.String(), "a <b> & c")
}
