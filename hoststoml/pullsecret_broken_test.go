package hoststoml_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pullroute/pullroute/hoststoml"
)

// A pull secret that cannot be read is refused, whatever is wrong with it; none is taken for an empty one.
func TestAPullSecretThatCannotBeReadIsRefused(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "1", "a: b: c", "\tx", "kind: Secret\n", "kind: Secret\ndata: 1\n", `{"auths": []}`} {
		secret, findings := hoststoml.ParsePullSecret("secret", []byte(text))
		require.Error(t, findings.Err(), "%q", text)
		require.Empty(t, secret.String()[len("PullSecret["):len(secret.String())-1], "%q", text)
	}
}

// panicking is a value that the YAML library comes to grief on.
type panicking struct{}

func (*panicking) UnmarshalYAML(*yaml.Node) error { panic("a secret") }

func TestAPanicOfTheYAMLLibraryIsAnErrorThatRepeatsNothing(t *testing.T) {
	require.EqualError(t, hoststoml.DecodeYAML(yaml.NewDecoder(strings.NewReader("a: b")), &panicking{}), "not YAML")
}
