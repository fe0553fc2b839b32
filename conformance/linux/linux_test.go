package linux

import (
	"testing"
	"time"

	"github.com/pullroute/pullroute/conformance/report"
)

func TestMain(m *testing.M) { report.Main(m, "linux", "../../docs", 5*time.Minute) }

func TestContainersImage(t *testing.T) { Compare(t) }
