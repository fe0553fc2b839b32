package linux

import (
	"testing"
	"time"

	"github.com/pullroute/pullroute/conformance/report"
)

func TestMain(m *testing.M) { report.Main(m, "linux", "../../docs", 5*time.Minute) }

func TestContainersImage(t *testing.T) { Compare(t) }

// Podman 6 and skopeo have this version. As a user other than root it would look into other directories too.
func TestTheFilesAreFoundThatTheClientFinds(t *testing.T) { FindsTheFiles(t, "podman") }
