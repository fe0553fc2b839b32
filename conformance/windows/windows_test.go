package windows

import (
	"testing"
	"time"

	"github.com/pullroute/pullroute/conformance/clients"
	"github.com/pullroute/pullroute/conformance/clients/containerd1"
	"github.com/pullroute/pullroute/conformance/clients/containerd2"
	"github.com/pullroute/pullroute/conformance/report"
)

func TestMain(m *testing.M) { report.Main(m, "windows", "../../docs", 5*time.Minute) }

var versions = []clients.Containerd{containerd1.Client, containerd2.Client}

func TestContainerd(t *testing.T) { Compare(t, versions...) }
