// Package containerd16 makes the comparisons of package windows with containerd 1.6, which cannot be linked beside a newer one.
package containerd16

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/windows"
)

func TestMain(m *testing.M) { report.Main(m, "containerd16", "../../docs", 5*time.Minute) }

func TestContainerd(t *testing.T) {
	require.Equal(t, "1.6.36", containerd1.Client.Version)
	windows.Compare(t, containerd1.Client)
}
