package policyjson_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf/policyjson"
)

func FuzzParse(f *testing.F) {
	f.Add(`{"default": [{"type": "reject"}], "transports": {"docker": {"quay.io": [{"type": "signedBy", "keyType": "GPGKeys", "keyData": "YQ=="}]}}}`)
	f.Add(`{"default": [{"type": "sigstoreSigned", "fulcio": {"caPath": "/c", "oidcIssuer": "i", "subjectEmail": "e"}, "rekorPublicKeyDatas": ["YQ=="]}]}`)
	f.Add(`{"default": [{"type": "signedBaseLayer", "baseLayerIdentity": {"type": "remapIdentity", "prefix": "a", "signedPrefix": "b"}}]}`)
	f.Add("{\"default\": [1, {\"type\": [2]}], \"transports\": {\"containers-storage\": {\"[\": null}}, \"\xff\": \"\\ud800\"}")
	f.Fuzz(func(t *testing.T, text string) {
		policy, findings := policyjson.Parse("policy.json", []byte(text))
		require.Equal(t, policy == nil, findings.Err() != nil, "%v", findings)
		if policy == nil {
			return
		}
		require.Empty(t, policy.Validate(), "what the client reads is valid")
		_, err := policy.Judge("quay.io/team/app:1")
		require.NoError(t, err)
	})
}
