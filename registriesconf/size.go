package registriesconf

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pullroute/pullroute/mirrorset"
	"github.com/pullroute/pullroute/mirrorset/finding"
	"github.com/pullroute/pullroute/resolve"
)

// maxMachineConfig is how many bytes a rendered MachineConfig may have: that is what etcd takes in one
// request (MCO warns from 80 % on).
const maxMachineConfig = 1572864

// Fills reports files that fill a MachineConfig, in which they stand in base64. rest is the rendered
// MachineConfig of the cluster, [mirrorset.Rules.Rendered], of which what else it holds counts too; the
// zero value stands for one that is not known, and the finding says that it comes on top. t is the table that
// Render returned with the files. (MCO: pkg/controller/common/helpers.go, ValidateMachineConfigSize.)
func (f Files) Fills(t *resolve.LinuxTable, rest mirrorset.RenderedConfig) finding.Findings {
	if f.Config == nil {
		return nil
	}
	size := rest.Rest + encoded(len(f.Config.Bytes()))
	if f.Search != nil {
		size += encoded(len(f.Search.Bytes()))
	}
	for _, file := range f.Policies.List() {
		size += encoded(len(file.Data))
	}
	if size <= maxMachineConfig*4/5 {
		return nil
	}
	said := finding.Finding{Code: finding.CodeTooMany, Severity: finding.SeverityWarning,
		Platform: finding.Linux, Origin: firstObject(t), Value: FileName}
	with, onTop := "", ", and what else it holds comes on top"
	advice := "mirror whole registries or namespaces in place of repositories"
	if rest.Rest > 0 {
		with, onTop = fmt.Sprintf(", with the %d of what else %s holds", rest.Rest, rest.Origin.Object), ""
	}
	if rest.Rest > size/2 {
		advice = "make the other MachineConfigs of the pool smaller"
	}
	said.Message = fmt.Sprintf("takes %d of the %d bytes that a rendered MachineConfig may have, in base64%s%s: %s",
		size, maxMachineConfig, with, onTop, advice)
	if size > maxMachineConfig {
		said.Severity = finding.SeverityError
		said.Message = fmt.Sprintf("takes %d bytes in base64%s, and a rendered MachineConfig may have %d: "+
			"MCO renders none, and no later change reaches any node; %s", size, with, maxMachineConfig, advice)
	}
	return finding.Findings{said}
}

// encoded returns what a file of so many bytes takes in a MachineConfig: a data URL in base64.
func encoded(size int) int {
	return len("data:text/plain;charset=utf-8;base64,") + base64.StdEncoding.EncodedLen(size)
}

// firstObject returns the field of the first object that made an entry.
func firstObject(t *resolve.LinuxTable) finding.Origin {
	for _, e := range t.Entries() {
		if len(e.Origins) > 0 {
			o := e.Origins[0]
			o.Field, _, _ = strings.Cut(o.Field, "[")
			return o
		}
	}
	return finding.Origin{}
}
