// Package containerd20 makes the comparisons of package windows with containerd 2.0, which cannot be linked beside a newer one.
package containerd20

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/windows"
)

func TestMain(m *testing.M) { report.Main(m, "containerd20", "../../docs", 5*time.Minute) }

func TestContainerd(t *testing.T) {
	require.Equal(t, "2.0.14", containerd2.Client.Version)
	windows.Compare(t, containerd2.Client)
}
