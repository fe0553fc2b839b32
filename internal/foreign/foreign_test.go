package foreign

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKnownPlacesAndWhatHoldsThem(t *testing.T) {
	for _, scope := range []string{
		"mcr.microsoft.com", "MCR.microsoft.com:0443/windows", "mcr.microsoft.com/oss/kubernetes/pause", "*.microsoft.com", "*.com",
		"docker.io", "docker.io/microsoft", "index.docker.io/microsoft/nanoserver", "registry-1.docker.io:443/microsoft", "*.docker.io",
	} {
		require.True(t, Known(scope), scope)
	}
	for _, scope := range []string{
		"quay.io", "mcr.microsoft.com:5000", "xmcr.microsoft.com", "microsoft.com", "*.mcr.microsoft.com", "docker.io/library", "docker.io/microsofts",
		"docker.io/library/microsoft", "*.example.org", "quay.io/microsoft", "",
	} {
		require.False(t, Known(scope), scope)
	}
}
