package registriesconf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf"
)

// The client's limit of 255 characters counts the registry.
func TestAnAliasMayBeAsLongAsANameAndNoLonger(t *testing.T) {
	for length, taken := range map[int]bool{254: true, 255: true, 256: false} {
		target := "quay.io/" + strings.Repeat("a", length-len("quay.io/"))
		_, findings := registriesconf.Parse("f", []byte(fmt.Sprintf("[aliases]\nx = %q\n", target)))
		require.Equal(t, taken, findings.Err() == nil, length)
	}
	// Docker Hub's names are held to it in full.
	for _, host := range []string{"docker.io/", "index.docker.io/"} {
		for length, taken := range map[int]bool{255 - len("docker.io/library/"): true, 256 - len("docker.io/library/"): false} {
			_, findings := registriesconf.Parse("f", []byte(fmt.Sprintf("[aliases]\nx = %q\n", host+strings.Repeat("a", length))))
			require.Equal(t, taken, findings.Err() == nil, "%s %d", host, length)
		}
	}
	for length, taken := range map[int]bool{255 - len("docker.io/a/"): true, 256 - len("docker.io/a/"): false} {
		_, findings := registriesconf.Parse("f", []byte(fmt.Sprintf("[aliases]\nx = %q\n", "docker.io/a/"+strings.Repeat("a", length))))
		require.Equal(t, taken, findings.Err() == nil, length)
	}
}

// What is no table keeps its place, so that findings about those that follow name theirs.
func TestEntriesBehindOneThatIsNoTableKeepTheirNumbers(t *testing.T) {
	_, findings := registriesconf.Parse("f", []byte("registry = [1, {location = \"https://quay.io\"}]\n"))
	require.Error(t, findings.Err())
	var fields []string
	for _, f := range findings {
		fields = append(fields, f.Origin.Field)
	}
	require.Contains(t, fields, "registry[0]")
	require.Contains(t, fields, "registry[1].location")
}
