package distros_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullroute/pullroute/hoststoml"
	"github.com/pullroute/pullroute/hoststoml/distros"
	"github.com/pullroute/pullroute/internal/scenario"
	"github.com/pullroute/pullroute/mirrorset/finding"
)

// A part is a registries.yaml of k3s, or where its name begins with talos a configuration of Talos. It is answered with
// what is found in it and the files that the distribution writes.
func TestDistributionsWriteTheseFiles(t *testing.T) {
	scenario.Answers(t, "testdata/distros.txtar", func(t *testing.T, name, text string) string {
		var tree hoststoml.Tree
		var findings finding.Findings
		if strings.HasPrefix(name, "talos") {
			tree, findings = distros.Talos("talos.yaml", []byte(text))
		} else {
			tree, findings = distros.K3s("registries.yaml", distros.K3sDir, []byte(text))
		}
		return fmt.Sprint(scenario.Text(findings), files(tree))
	})
}
