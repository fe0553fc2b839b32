package registriesconf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/registriesconf"
)

func TestOlderClientsReadAFileOfVersion1(t *testing.T) {
	const file = "[registries.search]\nregistries = [\"quay.io\", \"docker.io\"]\n" +
		"[registries.insecure]\nregistries = [\"a.io/\", \"b.io\"]\n[registries.block]\nregistries = [\"b.io\"]\n"
	config, findings := registriesconf.ParseOlder("registries.conf", []byte(file))
	require.NoError(t, findings.Err())
	require.Len(t, findings, 1)
	require.EqualValues(t, "invalid-file", findings[0].Code)
	require.EqualValues(t, "warning", findings[0].Severity)
	require.Contains(t, findings[0].Message, "podman 6")
	require.Equal(t, []string{"quay.io", "docker.io"}, config.UnqualifiedSearchRegistries)
	require.Equal(t, []registriesconf.Registry{
		{Prefix: "b.io", Location: "b.io", Blocked: true, Insecure: true},
		{Prefix: "a.io", Location: "a.io", Insecure: true},
	}, config.Registries)

	_, findings = registriesconf.Parse("registries.conf", []byte(file))
	require.Error(t, findings.Err(), "newer ones refuse it")
}

func TestNoClientReadsVersions1And2Together(t *testing.T) {
	_, findings := registriesconf.ParseOlder("registries.conf", []byte("short-name-mode = \"disabled\"\n[registries.search]\nregistries = []\n"))
	require.ErrorContains(t, findings.Err(), "beside settings of version 2")
}

func TestAFileOfVersion2IsTheSameToOlderClients(t *testing.T) {
	const file = "unqualified-search-registries = [\"quay.io\"]\n[[registry]]\nlocation = \"a.io\"\n"
	older, findings := registriesconf.ParseOlder("registries.conf", []byte(file))
	require.Empty(t, findings)
	config, findings := registriesconf.Parse("registries.conf", []byte(file))
	require.Empty(t, findings)
	require.Equal(t, config, older)
}
