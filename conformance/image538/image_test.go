// Package image538 makes the comparisons of package linux with the containers-image that CRI-O pins. It is older than the
// one that podman and skopeo have, and cannot be linked beside it.
package image538

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containersimage"
	"github.com/pullroute/pullroute/conformance/linux"
	"github.com/pullroute/pullroute/conformance/report"
)

func TestMain(m *testing.M) { report.Main(m, "image538", "../../docs", 5*time.Minute) }

// CRI-O has this version, and podman 5. A user whose own configuration is all there is has it read alike. It comes first,
// because the client looks up its home once for a process.
func TestTheFilesAreFoundThatTheClientFinds(t *testing.T) {
	linux.FindsTheFiles(t, "crio", "home/someone", "var/home/someone")
}

func TestContainersImage(t *testing.T) {
	require.Equal(t, "5.38.0", containersimage.Version)
	linux.Compare(t)
}
