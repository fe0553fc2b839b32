// Package k3s holds plans against the containerd of k3s and RKE2, a fork that cannot be linked beside the original.
package k3s

import (
	"io"
	"testing"
	"time"

	"github.com/containerd/log"
	"github.com/stretchr/testify/require"

	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/report"
	"github.com/pullroute/pullroute/conformance/windows"
)

func TestMain(m *testing.M) { report.Main(m, "k3s", "../../docs", 3*time.Minute) }

func TestContainerd(t *testing.T) {
	log.L.Logger.SetOutput(io.Discard) // it names each expression that does not compile
	c := containerd2.Client
	require.Equal(t, "2.1.5", c.Version)
	c.Version += "-k3s1"
	windows.CompareK3s(t, c)
}
